"""The node that gives what started a run with nobody asking."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from ..api import node
from ..context import NodeContext
from ..signature import Config, Lane

Orchestrator: TypeAlias = Literal[
    "default",
    "flowdrop_runtime:synchronous",
    "flowdrop_runtime:synchronous_pipeline",
    "flowdrop_runtime:asynchronous",
    "flowdrop_stategraph:stategraph",
]
"""A strategy by its id (ORC-1), or whichever the workflow or the server names."""


class Fired(msgspec.Struct):
    """What fired; null when nothing did, or something that the node does not wait for."""

    output: Annotated[Mapping[str, Any] | None, Lane("json")]


@node(
    category="processing",
    icon="mdi:lightning-bolt-outline",
    color="#b45309",
    shape="terminal",
    start=True,
    tags=("trigger", "schedule", "file", "kernel"),
)
async def trigger(
    context: NodeContext,
    eventType: Annotated[Literal["any", "schedule", "file", "kernel", "manual"], Config()] = "any",
    path: Annotated[str, Config()] = "",
    kernel: Annotated[str, Config()] = "",
    orchestrator: Annotated[Orchestrator, Config()] = "default",
) -> Fired:
    """Gives what started the run: a schedule, a changed file, a kernel, or somebody by hand.

    :param eventType: what the node waits for; of anything else it gives null.
    :param path: only files whose path fits this pattern; empty for all.
    :param kernel: only kernels of the kernelspec of this name; empty for all.
    :param orchestrator: the execution strategy of the runs that a trigger begins.
    """
    event = context.turn.event
    if event is None or eventType not in ("any", event.get("event")):
        return Fired(output=None)
    if path and not any(fnmatch.fnmatchcase(name, path) for name in _paths(event)):
        return Fired(output=None)
    if kernel and event.get("kernel") != kernel:
        return Fired(output=None)
    return Fired(output=event)


def _paths(event: Mapping[str, Any]) -> list[str]:
    if event.get("event") != "file":
        return []
    return [str(change.get("path")) for change in event.get("changes") or []]


NODES = (trigger,)
