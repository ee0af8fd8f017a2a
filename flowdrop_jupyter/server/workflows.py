"""Routes of workflow definitions: list, create, read, update, delete, validate (client contract §2.4)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from anyio import to_thread
from jupyter_server.auth.decorator import authorized
from tornado import web

from .contract import bump_of
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import page, scalar, window

_SORT_KEYS: Final = {"created_at": "created", "updated_at": "changed", "name": "name"}


class WorkflowsHandler(FlowDropHandler):
    """``/workflows``: all definitions, with ``?folder=`` the files in one folder, or a new one."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        folder = scalar(self.request, "folder")
        found = await self.host.workflows.find(
            scalar(self.request, "search"),
            among=None if folder is None else await self.host.definitions.folder(folder),
            tags=[tag for tag in (scalar(self.request, "tags") or "").split(",") if tag],
            sort=_SORT_KEYS.get(scalar(self.request, "sort") or "", "changed"),
            down=scalar(self.request, "order") != "asc",
        )
        rows, block = page(found, window(self.request))
        self.set_header("X-Total-Count", str(block["total"]))
        self.set_header("X-Page-Size", str(block["limit"]))
        self.set_header("X-Page-Offset", str(block["offset"]))
        served = await self.host.workflows.served(rows)
        self.answer(await to_thread.run_sync(_written, served), pagination=block)

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        bump = bump_of(scalar(self.request, "bump"))
        created = await self.host.workflows.create(await self.body(), self.principal, bump=bump)
        self.answer(created, 201, message="The workflow was created.")


class WorkflowHandler(FlowDropHandler):
    """``/workflows/{id}``: one definition."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        self.answer(await self.host.workflows.read(workflow_id))

    @web.authenticated
    @authorized
    @answers
    async def put(self, workflow_id: str) -> None:
        bump = bump_of(scalar(self.request, "bump"))
        updated = await self.host.workflows.update(workflow_id, await self.body(), bump=bump)
        self.answer(updated, message="The workflow was saved.")

    @web.authenticated
    @authorized
    @answers
    async def delete(self, workflow_id: str) -> None:
        await self.host.workflows.delete(workflow_id)
        self.acknowledge("The workflow was deleted.")


class ValidateHandler(FlowDropHandler):
    """``/workflows/validate``: what a save would say, without saving."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        verdict = await self.host.workflows.check(await self.body())
        self.answer(
            {
                "valid": verdict.valid,
                "errors": [found.message for found in verdict.errors],
                "warnings": [found.message for found in verdict.warnings],
                "suggestions": [],
                "details": [found.detail() for found in verdict.errors],
                "warning_details": [found.detail() for found in verdict.warnings],
            }
        )


def _written(rows: list[dict[str, Any]]) -> list[msgspec.Raw]:
    """Return rows as their JSON, one by one, so that others get a turn after each large one."""
    return [msgspec.Raw(msgspec.json.encode(row)) for row in rows]


ROUTES: Final = [
    (r"workflows", WorkflowsHandler),
    (r"workflows/validate", ValidateHandler),
    (r"workflows/([^/]+)", WorkflowHandler),
]
