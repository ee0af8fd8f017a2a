"""Routes of exchange: workflows as JSON or YAML text, and bundles, out and in (client contract §2.4)."""

from __future__ import annotations

from typing import Final

from anyio import to_thread
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..sessions.exchange import file_name, read_enclosed
from ..workflow.formats import Format, write_document
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import scalar

_FORMATS: Final[dict[str, Format]] = {"": "json", "json": "json", "yaml": "yaml", "yml": "yaml"}
_TYPES: Final[dict[Format, str]] = {"json": "application/json", "yaml": "application/x-yaml; charset=UTF-8"}


class ExportHandler(FlowDropHandler):
    """``/workflows/{id}/export``: the raw document as a file, ``?format=json|yaml`` (decision 5)."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        form = _format(scalar(self.request, "format"))
        name, content = await self.host.exchange.export(workflow_id, form)
        self._offer(name)
        self.finish(content, set_content_type=_TYPES[form])

    def _offer(self, name: str) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Access-Control-Expose-Headers", "Content-Disposition")


class ImportHandler(FlowDropHandler):
    """``/workflows/import``: a workflow, or ``{workflow}`` with its text, under a new id."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        created = await self.host.exchange.take_in(await self.body(), self.principal)
        self.answer(created, 201, message="The workflow was imported.")


class BundleHandler(ExportHandler):
    """``/workflows/{id}/bundle``: the workflow with what it brings and needs, as a file."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        bundle = await self.host.bundles.export(workflow_id)
        self._offer(file_name(bundle["flow"]["name"], ".flowdrop-bundle.json"))
        content = await to_thread.run_sync(write_document, bundle, "json")
        self.finish(content, set_content_type="application/json")


class ImportBundleHandler(FlowDropHandler):
    """``/workflows/import-bundle``: a bundle, or ``{bundle}`` with its text, through its gates (STORE-9).

    ``?confirm_publisher=`` names the publisher that an administrator vouches for. It is no part of the
    body, where whoever made the bundle could have put it.
    """

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        confirmed = scalar(self.request, "confirm_publisher")
        document = await read_enclosed(await self.body(), "bundle")
        created = await self.host.bundles.take_in(document, self.principal, confirmed=confirmed)
        self.answer(created, 201, message="The bundle was imported.")


def _format(value: str | None) -> Format:
    form = _FORMATS.get((value or "").lower())
    if form is None:
        message = "A workflow is exported as json or yaml."
        detail = {"code": "FORMAT_UNKNOWN", "message": message, "locator": "format"}
        raise InvalidInput(message, code="FORMAT_UNKNOWN", details=[detail])
    return form


ROUTES: Final = [
    (r"workflows/import", ImportHandler),
    (r"workflows/import-bundle", ImportBundleHandler),
    (r"workflows/([^/]+)/export", ExportHandler),
    (r"workflows/([^/]+)/bundle", BundleHandler),
]
