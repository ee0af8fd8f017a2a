"""Routes about the system and its user: configuration, version, preferences and counts (contract §1.6)."""

from __future__ import annotations

from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..version import __version__
from ..workflow.validation import Limits
from .handlers import SESSION, WORKFLOW, FlowDropHandler, answers
from .paging import scalar

API_VERSION: Final = "v1"


class ConfigHandler(FlowDropHandler):
    """``/system/config``: what this server can do, and within which limits."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        self.answer(
            {
                "version": __version__,
                "features": {
                    "playground": True,
                    "interrupts": True,
                    "bundles": True,
                    "workflowFiles": True,
                    "changes": not self.host.reading,
                },
                "limits": {
                    "maxWorkflowNodes": Limits().nodes,
                    "maxConcurrentExecutions": self.host.concurrency,
                },
            }
        )


class VersionHandler(FlowDropHandler):
    """``/system/version``: bare and in the envelope, because clients differ (contract §6, row 14)."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        described: dict[str, Any] = {"version": __version__, "build": __version__, "api_version": API_VERSION}
        self.answer(described, **described)


class PreferencesHandler(FlowDropHandler):
    """``/users/preferences``: the settings that the editor keeps for the caller."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        self.answer(await self.host.preferences.read(self.principal))

    @web.authenticated
    @authorized
    @answers
    async def put(self) -> None:
        self.answer(await self.host.preferences.replace(self.principal, await self.body()))

    @web.authenticated
    @authorized
    @answers
    async def patch(self) -> None:
        self.answer(await self.host.preferences.change(self.principal, await self.body()))


class ExecutionCountsHandler(FlowDropHandler):
    """``/node-execution-counts``: executions by node id, ``?workflow_id=`` those of one workflow."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        workflow_id = scalar(self.request, "workflow_id")
        self.answer(await self.host.counts.by_node(self.principal, workflow_id))


ROUTES: Final[list[Any]] = [
    (r"system/config", ConfigHandler),
    (r"system/version", VersionHandler),
    (r"users/preferences", PreferencesHandler),
    (r"node-execution-counts", ExecutionCountsHandler),
]
