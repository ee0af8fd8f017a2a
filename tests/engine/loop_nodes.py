"""Node types and workflows of loops, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine_runs import Documents
from graphs import edge, node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Branched
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.nodes.builtin.loops import foreach

AGAIN_DONE = [{"name": "again", "value": True}, {"name": "done", "value": False}]


class Rounds:
    """A gateway ``turn`` that takes the branches it is told to, one entry per execution.

    After the last entry it goes on with that one. ``seen`` lists what arrived at any ``watch`` node.
    """

    def __init__(self, *taken: Any) -> None:
        self.taken = list(taken)
        self.executions = 0
        self.seen: list[tuple[str, Any]] = []

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The node types, for a registry."""

        @node_type(id="turn", shape="gateway", branches=AGAIN_DONE)
        async def turn(value: Any = None) -> Branched[Any]:
            """Decides whether there is another round."""
            taken = self.taken[min(self.executions, len(self.taken) - 1)]
            self.executions += 1
            return Branched((taken,) if isinstance(taken, str) else taken, value)

        @node_type(id="watch")
        async def watch(name: str = "", a: Any = None, b: Any = None) -> Any:
            """Remembers what arrives."""
            self.seen.append((name, a if b is None else [a, b]))
            return a

        @node_type(id="count")
        async def count(name: str = "", value: Any = None) -> int:
            """Gives the number of its execution, from 0."""
            number = sum(found == name for found, _ in self.seen)
            self.seen.append((name, number))
            return number

        @node_type(id="breaks")
        async def breaks(value: Any = None, on: Any = None) -> Any:
            """Fails on one value."""
            if value == on:
                raise NodeError("It broke.", code="BROKEN")
            return value

        return turn, watch, count, breaks, foreach


def again(source: str, target: str, port: str = "again") -> dict[str, Any]:
    """Return a loopback edge."""
    return edge(source, port, target, "loop_back")


def simple_loop(**head: Any) -> tuple[Documents, Documents]:
    """Return start → head → work → turn, with ``turn`` leading back to the head and on to ``after``."""
    return (
        [
            node("start", "emit", value=0),
            node("head", "count", name="head", **head),
            node("work", "watch", name="work"),
            node("turn", "turn"),
            node("after", "watch", name="after"),
        ],
        [
            edge("start", "result", "head", "value"),
            edge("head", "result", "work", "a"),
            edge("work", "result", "turn", "value"),
            again("turn", "head"),
            edge("turn", "done", "after", "trigger"),
            edge("work", "result", "after", "a"),
        ],
    )
