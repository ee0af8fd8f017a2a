"""One node, run by the engine itself: how the examples of the documentation and the nodes' tests run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from flowdrop_jupyter.engine.execution import Produced, execute_node
from flowdrop_jupyter.engine.plan import PlannedNode
from flowdrop_jupyter.engine.tool_calls import node_tool
from flowdrop_jupyter.nodes import (
    DEFAULT_WORLD,
    Answer,
    Files,
    Identity,
    NodeContext,
    NodeRegistry,
    Turn,
    World,
    branch_names,
)
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.nodes.model_types import TextListener

REGISTRY = NodeRegistry(NODE_TYPES)
SOMEBODY = Identity(user_id="ada", session_id="session", workflow_id="workflow")


def run_node(
    type_id: str,
    delivered: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    *,
    root: Path | None = None,
    turn: Turn | None = None,
    answers: tuple[Answer, ...] = (),
    world: World = DEFAULT_WORLD,
    identity: Identity | None = SOMEBODY,
    told: TextListener | None = None,
) -> Produced:
    """Execute one node of a built-in type and return what it produced.

    :param root: the folder of its files; one that does not exist by default.
    :param world: what it may reach beside its files.
    :param identity: on whose behalf it remembers.
    :param told: told the texts that it writes, piece by piece.
    :raises NodeError: when the node failed.
    """
    made = REGISTRY.executor(type_id)
    assert made is not None, f"there is no node type {type_id}"
    given = dict(config or {})
    if "branches" in made.node_type.parameters:
        given.setdefault("branches", made.node_type.config_defaults().get("branches"))
    values = dict(delivered or {})
    declared = made.node_type.parameters
    node = PlannedNode(
        id=f"{type_id}.1",
        label=made.node_type.name,
        config=given,
        executor=made,
        incoming=(),
        outgoing=(),
        branches=branch_names(given),
    )
    context = NodeContext(
        node_id=node.id,
        run_id="run",
        config=given,
        files=Files(root or Path("no-such-folder")),
        turn=turn or Turn(),
        dynamic_inputs={name: value for name, value in values.items() if name not in declared},
        answers=answers,
        world=world,
        identity=identity,
        on_text=told,
    )

    async def execute() -> Produced:
        limiter = anyio.CapacityLimiter(1)
        context.tools = partial(node_tool, registry=REGISTRY, parent=context, limiter=limiter)
        return await execute_node(node, values, context, limiter)

    return anyio.run(execute)


def outputs_of(
    type_id: str, delivered: Mapping[str, Any] | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the exposed outputs of one node, in their JSON form."""
    return run_node(type_id, delivered, config).output
