"""Routes of workflow definitions: list, create, read, update, delete, validate (client contract §2.4)."""

from __future__ import annotations

from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..workflow import validate
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import page, scalar, window

_SORT_KEYS: Final = {"created_at": "created", "updated_at": "changed", "name": "name"}


class WorkflowsHandler(FlowDropHandler):
    """``/workflows``: all definitions, or a new one."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        found = await self.host.workflows.find(scalar(self.request, "search"))
        tags = {tag for tag in (scalar(self.request, "tags") or "").split(",") if tag}
        if tags:
            found = [workflow for workflow in found if tags & set(_tags(workflow))]
        key = _SORT_KEYS.get(scalar(self.request, "sort") or "", "changed")
        descending = scalar(self.request, "order") != "asc"
        found.sort(key=lambda workflow: workflow[key], reverse=descending)
        rows, block = page(found, window(self.request))
        self.set_header("X-Total-Count", str(block["total"]))
        self.set_header("X-Page-Size", str(block["limit"]))
        self.set_header("X-Page-Offset", str(block["offset"]))
        self.answer(rows, pagination=block)

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        created = await self.host.workflows.create(await self.body(), self.principal)
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
        updated = await self.host.workflows.update(workflow_id, await self.body())
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
        document = await self.body()
        nodes, edges = _objects(document.get("nodes")), _objects(document.get("edges"))
        findings = validate(nodes, edges, self.host.registry)
        self.answer(
            {
                "valid": not findings,
                "errors": [found.message for found in findings],
                "warnings": [],
                "suggestions": [],
                "details": [
                    {"code": found.code, "message": found.message, "locator": found.locator}
                    for found in findings
                ],
            }
        )


def _objects(items: Any) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _tags(workflow: dict[str, Any]) -> list[str]:
    tags = workflow["metadata"].get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


ROUTES: Final = [
    (r"workflows", WorkflowsHandler),
    (r"workflows/validate", ValidateHandler),
    (r"workflows/([^/]+)", WorkflowHandler),
]
