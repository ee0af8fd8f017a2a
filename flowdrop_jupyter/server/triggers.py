"""Routes of triggers: what starts a workflow with nobody asking."""

from __future__ import annotations

from typing import Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import page, window


class WorkflowTriggersHandler(FlowDropHandler):
    """``/workflows/{id}/triggers``: the triggers of one workflow."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        rows, block = page(await self.host.triggers.find(workflow_id, self.principal), window(self.request))
        self.answer(rows, pagination=block)

    @web.authenticated
    @authorized
    @answers
    async def post(self, workflow_id: str) -> None:
        row = await self.host.triggers.create(workflow_id, await self.body(), self.principal)
        self.answer(row, 201)


class TriggerHandler(FlowDropHandler):
    """``/triggers/{id}``: one trigger."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, trigger_id: str) -> None:
        self.answer(await self.host.triggers.read(trigger_id, self.principal))

    @web.authenticated
    @authorized
    @answers
    async def patch(self, trigger_id: str) -> None:
        self.answer(await self.host.triggers.change(trigger_id, await self.body(), self.principal))

    @web.authenticated
    @authorized
    @answers
    async def delete(self, trigger_id: str) -> None:
        await self.host.triggers.remove(trigger_id, self.principal)
        self.acknowledge("The trigger was removed.")


class TriggerReportHandler(FlowDropHandler):
    """``/triggers/{id}/report``: when it is due next and what became of it; 200 however broken (CRON-2)."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, trigger_id: str) -> None:
        self.answer(await self.host.triggers.report(trigger_id, self.principal))


class FireHandler(FlowDropHandler):
    """``/triggers/{id}/fire``: fire it by hand; 202 when a run began, 200 when its policy kept it."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self, trigger_id: str) -> None:
        entry = await self.host.triggers.fire(trigger_id, self.principal)
        self.answer(entry, 202 if entry["outcome"] == "executed" else 200)


ROUTES: Final = [
    (r"workflows/([^/]+)/triggers", WorkflowTriggersHandler),
    (r"triggers/([^/]+)", TriggerHandler),
    (r"triggers/([^/]+)/report", TriggerReportHandler),
    (r"triggers/([^/]+)/fire", FireHandler),
]
