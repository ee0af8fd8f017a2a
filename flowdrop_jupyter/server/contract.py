"""Routes of a workflow's published contract: reading it, and building it again (META-4 … META-9, MAN-18)."""

from __future__ import annotations

import hashlib
from http.cookies import SimpleCookie
from typing import Any, ClassVar, Final

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput, NotFound
from ..sessions.workflow_files import PREFIX as FILE_PREFIX
from ..store.records import WorkflowRecord
from ..workflow.contract import Bump
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import scalar

_BUMPS: Final[dict[str, Bump]] = {"major": "major", "minor": "minor", "patch": "patch", "none": "none"}
_TRUE: Final = frozenset({"1", "true"})
_FALSE: Final = frozenset({"", "0", "false"})


class SchemaHandler(FlowDropHandler):
    """``/workflows/{id}/schema``: the contract as a bare document, ``?annotated=1`` with the ports' words.

    It is a conditional read: the entity tag is the contract version and the variant (META-6). The query
    argument is part of the address, so that each variant is cached for itself.
    """

    auth_resource = WORKFLOW
    failure: ClassVar[str] = "The workflow schema could not be read."

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        described = _flag(scalar(self.request, "annotated"))
        try:
            workflow = await self.host.workflows.record(workflow_id)
        except NotFound:
            # One key and this very text are the contract of this door (META-5 against API-8).
            self._finish_json({"error": "Workflow not found."}, 404)
            return
        tag = _tag(workflow, described)
        if self.request.headers.get_list("If-None-Match") == [tag]:
            self._name_variant(tag, described)
            self.set_status(304)
            self.finish()
            return
        document = await self.host.workflows.contract(workflow, with_annotations=described)
        self._name_variant(tag, described)
        self.finish(msgspec.json.encode(document), set_content_type="application/json")

    def compute_etag(self) -> str | None:
        """Leave the tag to :meth:`get`."""
        return None

    def check_etag_header(self) -> bool:
        """Take over tornado's comparison, which knows lists, ``*`` and weak tags; META-7 has none of them."""
        return False

    def _name_variant(self, tag: str, described: bool) -> None:
        self.set_header("Etag", tag)
        self.set_header("Access-Control-Expose-Headers", "ETag")
        if described:
            self.set_header("Cache-Control", "no-cache")
            self.set_header("Vary", "Accept-Language")
        else:
            self.set_header("Cache-Control", "public, max-age=60")
            # Any cache may keep this reply, so it must not carry the login that Jupyter renews.
            self._new_cookie = SimpleCookie()


class ContractHandler(FlowDropHandler):
    """``/workflows/{id}/contract``: build the contract again from the node types as they are now."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self, workflow_id: str) -> None:
        body = await self.body(optional=True)
        workflow = await self.host.workflows.rebuild(workflow_id, bump_of(body.get("bump")))
        contract = await self.host.workflows.contract(workflow, with_annotations=False)
        self.answer(contract, message="The contract was built.")


def bump_of(value: Any) -> Bump:
    """Return which digit of the contract version goes up; the second one when nothing is said.

    :raises InvalidInput: ``BUMP_UNKNOWN`` for anything else than ``major``, ``minor``, ``patch``, ``none``.
    """
    if value is None:
        return "minor"
    found = _BUMPS.get(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(f"The bump has to be one of {', '.join(_BUMPS)}.", code="BUMP_UNKNOWN")
    return found


def _tag(workflow: WorkflowRecord, described: bool) -> str:
    """Return the entity tag of a variant: the version, with what tells it apart from others (META-6).

    Whoever edits a file by hand changes its contract without a new version, so there its content counts.
    """
    version = workflow.contract_version
    if workflow.id.startswith(FILE_PREFIX):
        content = msgspec.json.encode([workflow.parameter_schema, workflow.output_schema])
        version += "-" + hashlib.sha256(content).hexdigest()[:16]
    return f'"{version}+annotated"' if described else f'"{version}"'


def _flag(value: str | None) -> bool:
    if value is None or value in _FALSE:
        return False
    if value in _TRUE:
        return True
    raise InvalidInput("The parameter 'annotated' is 1 or 0.", code="PARAMETER_INVALID")


ROUTES: Final = [
    (r"workflows/([^/]+)/schema", SchemaHandler),
    (r"workflows/([^/]+)/contract", ContractHandler),
]
