"""A node type as a tool: what a model is told of it, and a call of it inside the run of another node.

Only types that are offered to models and change nothing outside of the run can be called: there is nobody
yet who could be asked for consent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import anyio

from ..errors import InterruptRequired, NodeError
from ..expressions import quoted
from ..nodes import NodeContext, NodeRegistry, branch_names
from ..nodes.model_types import OfferedTool, Tool
from ..nodes.tool_schema import tool_schema
from .execution import execute_node
from .plan import PlannedNode

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def node_tool(
    described: Any, *, registry: NodeRegistry, parent: NodeContext, limiter: anyio.CapacityLimiter
) -> OfferedTool:
    """Return the tool that *described* names.

    :param described: a node type id, or ``{"node_type", "name"?, "description"?, "config"?}``.
    :param parent: the context of the node that offers the tool; the call sees the same run.
    :raises NodeError: ``TOOL_INVALID`` when it describes none, ``TOOL_UNAVAILABLE`` when there is no such
        node type, it is not offered to models, or it changes things outside of the run.
    """
    given = {"node_type": described} if isinstance(described, str) else described
    if not isinstance(given, Mapping) or not isinstance(given.get("node_type"), str):
        raise NodeError("A tool has to name its node type.", code="TOOL_INVALID")
    type_id = given["node_type"]
    name, config = given.get("name", type_id), given.get("config", {})
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(config, Mapping):
        message = (
            f"The tool {quoted(type_id)} needs a name of letters, digits, - and _, and an object of config."
        )
        raise NodeError(message, code="TOOL_INVALID")
    made = registry.executor(type_id)
    if made is None or not made.node_type.exposed_as_tool or not registry.enabled(type_id):
        raise NodeError(f"There is no tool {quoted(type_id)}.", code="TOOL_UNAVAILABLE")
    if made.node_type.side_effects:
        raise NodeError(
            f"{made.node_type.name} changes things outside of the run; a model may not call it unasked.",
            code="TOOL_UNAVAILABLE",
        )
    effective = {**made.node_type.config_defaults(), **config}
    node = PlannedNode(
        id=f"{parent.node_id}/{name}",
        label=made.node_type.name,
        config=effective,
        executor=made,
        incoming=(),
        outgoing=(),
        branches=branch_names(effective),
    )

    async def call(arguments: Mapping[str, Any]) -> dict[str, Any]:
        context = NodeContext(
            node_id=node.id,
            run_id=parent.run_id,
            config=effective,
            files=parent.files,
            turn=parent.turn,
            world=parent.world,
            identity=parent.identity,
            clock=parent.clock,
        )
        try:
            produced = await execute_node(node, arguments, context, limiter)
        except NodeError as error:
            told = {"code": error.code, "message": error.message}
            return {"success": False, "data": None, "error": told}
        except InterruptRequired as error:
            message = f"{made.node_type.name} asks a person, which a tool of this agent cannot do."
            raise NodeError(message, code="TOOL_UNAVAILABLE") from error
        return {"success": True, "data": produced.output, "error": None}

    description = given.get("description")
    told = description if isinstance(description, str) and description else made.node_type.description
    schema = tool_schema(made.node_type, config)
    return OfferedTool(tool=Tool(name=name, description=told, parameters=schema), call=call)
