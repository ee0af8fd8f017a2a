"""Routes that help to fill in a form: schemas, variables of templates, file names (contract §2.6, §2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput, NotFound
from ..sessions import Host
from ..sessions.suggestions import suggest_files
from ..workflow.node_types import NodeType
from ..workflow.variables import template_variables
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import scalar


class ConfigSchemaHandler(FlowDropHandler):
    """``/nodes/{type}/schema``: the JSON Schema of a node type's configuration."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, type_id: str) -> None:
        kind = self.host.registry.node_type(type_id)
        if kind is None:
            raise NotFound(f"There is no node type {type_id!r}.", code="SCHEMA_NOT_FOUND")
        self.answer(kind.config_schema())


class NodeConfigHandler(FlowDropHandler):
    """``/nodes/{type}/config``: the defaults, and a configuration completed with them.

    Nothing is judged here; only saving a workflow does that (API-4).
    """

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, type_id: str) -> None:
        self.answer(self._kind(type_id).config_defaults())

    @web.authenticated
    @authorized
    @answers
    async def post(self, type_id: str) -> None:
        defaults = self._kind(type_id).config_defaults()
        body = await self.body(optional=True)
        config = body.get("config", {})
        if not isinstance(config, Mapping):
            message = "The config has to be an object."
            detail = {"code": "INVALID_CONFIG", "message": message, "locator": "config"}
            raise InvalidInput(message, code="INVALID_CONFIG", details=[detail])
        self.answer(defaults | dict(config))

    def _kind(self, type_id: str) -> NodeType:
        kind = self.host.registry.node_type(type_id)
        if kind is None:
            raise NotFound(f"There is no node type {type_id!r}.", code="CONFIG_NOT_FOUND")
        return kind


class VariablesHandler(FlowDropHandler):
    """``/variables/{workflow}/{node}``: what a template of the node may use."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str, node_id: str) -> None:
        self.answer(await _variables(self.host, workflow_id, node_id))


class AskVariablesHandler(FlowDropHandler):
    """``/variables``: the same with ``{workflowId, nodeId}`` in the body."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        body = await self.body()
        given = [body.get("workflowId"), body.get("nodeId")]
        if not all(isinstance(each, str) for each in given):
            message = "A workflowId and a nodeId are needed, both as text."
            detail = {"code": "VALIDATION_ERROR", "message": message, "locator": "workflowId"}
            raise InvalidInput(message, code="VALIDATION_ERROR", details=[detail])
        self.answer(await _variables(self.host, str(given[0]), str(given[1])))


class SuggestFilesHandler(FlowDropHandler):
    """``/files/suggest?q=``: files below the root whose path begins so, as a bare list (§2.7)."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        found = await suggest_files(self.host.files, scalar(self.request, "q") or "")
        self.set_header("Cache-Control", "no-store")
        self.finish(msgspec.json.encode(found), set_content_type="application/json")


async def _variables(host: Host, workflow_id: str, node_id: str) -> dict[str, Any]:
    workflow = await host.workflows.record(workflow_id)
    if all(node.get("id") != node_id for node in workflow.nodes):
        raise NotFound(f"The workflow has no node {node_id!r}.", code="NODE_NOT_FOUND")
    return {"variables": template_variables(workflow.nodes, workflow.edges, node_id, host.registry)}


ROUTES: Final[list[Any]] = [
    (r"nodes/([^/]+)/schema", ConfigSchemaHandler),
    (r"nodes/([^/]+)/config", NodeConfigHandler),
    (r"variables", AskVariablesHandler),
    (r"variables/([^/]+)/([^/]+)", VariablesHandler),
    (r"files/suggest", SuggestFilesHandler),
]
