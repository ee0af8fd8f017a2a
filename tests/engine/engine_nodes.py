"""Node types that do one small thing each, for tests of the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import anyio
from gates import DEADLINE, Gate, ask

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import (
    Branched,
    Config,
    Lane,
    NodeContext,
    NodeRegistry,
    Wire,
    matching_branch,
    node,
)
from flowdrop_jupyter.workflow import Parameter

TRUE_FALSE: list[dict[str, Any]] = [{"name": "yes", "value": True}, {"name": "no", "value": False}]


DYNAMIC_INPUTS = {"dynamicInputs": Parameter(schema={"type": "array", "default": []}, configurable=True)}
"""What a node type declares whose authors may add inputs."""

Tools = Annotated[Any, Wire(lane="tool", exposed=False)]
"""The input of a node that takes tools."""

EXTRA: list[dict[str, Any]] = [{"name": "extra"}]
"""The definition of the one dynamic input ``extra``."""


class Shown(TypedDict, total=False):
    """Two outputs, either of which may be missing, and a hidden one."""

    left: Any
    right: Any
    hidden: Annotated[Any, Lane("json", exposed=False)]


class Value(TypedDict):
    """The value port of a gateway."""

    value: Any


@node(id="emit")
async def emit(value: Any = None, tools: Tools = None) -> Any:
    """Gives its value."""
    return value


@node(id="emit_sync")
def emit_sync(value: Any = None) -> Any:
    """Gives its value, from a thread."""
    return value


@node(id="give")
async def give(values: Annotated[dict[str, Any] | None, Config()] = None) -> Shown:
    """Gives exactly the outputs that its configuration holds."""
    return values or {}  # type: ignore[return-value]


@node(id="see")
async def see(a: Any = "default a", b: Any = "default b", tools: Tools = None) -> dict[str, Any]:
    """Gives its arguments as one object."""
    return {"a": a, "b": b}


@node(id="hidden_input")
async def hidden_input(value: Annotated[Any, Wire(exposed=False)] = "kept out") -> Any:
    """Gives the value of a port that is hidden."""
    return value


@node(id="dynamic", parameters=DYNAMIC_INPUTS)
async def dynamic(context: NodeContext, declared: Any = None) -> dict[str, Any]:
    """Gives what arrived at ports that it does not declare."""
    return context.dynamic_inputs


@node(id="gateway", shape="gateway", branches=TRUE_FALSE)
async def gateway(take: Any = None, value: Any = None) -> Branched[Value]:
    """Takes the branches it is told to take."""
    return Branched(take, {"value": value})


@node(
    id="match",
    shape="gateway",
    branches=TRUE_FALSE,
    parameters={key: Parameter(schema={}, configurable=True) for key in ("default_branch", "defaultBranch")},
)
async def match(context: NodeContext, value: Any = None) -> Branched[Value]:
    """Takes the branch that its value matches."""
    return Branched((matching_branch(context.config, value, case_sensitive=False),), {"value": value})


@node(id="fail")
async def fail(
    code: str = "BROKEN", retryable: Any = False, details: list[dict[str, Any]] | None = None
) -> Any:
    """Fails on purpose."""
    raise NodeError("It broke.", code=code, retryable=retryable, details=details or ())


@node(id="crash")
async def crash(secret: str = "") -> Any:
    """Fails unexpectedly."""
    raise RuntimeError(secret)


@node(id="note", executable=False)
async def note() -> None:
    """Decorates."""


NODES = (ask, crash, dynamic, emit, emit_sync, fail, gateway, give, hidden_input, match, note, see)


def registry(*more: Callable[..., Any]) -> NodeRegistry:
    """Return a registry of the node types above and *more*."""
    return NodeRegistry([*NODES, *more])


class Flaky:
    """A node type that fails so many times before it gives the number of its attempt."""

    def __init__(self, failures: int, *, retryable: Any = True) -> None:
        self.executions = 0
        self._failures = failures
        self._retryable = retryable

    @property
    def function(self) -> Callable[..., Any]:
        """The node type ``flaky``, for a registry."""

        @node(id="flaky")
        async def flaky() -> int:
            """Fails for a while."""
            self.executions += 1
            if self.executions <= self._failures:
                raise NodeError("Not yet.", code="NOT_YET", retryable=self._retryable)
            return self.executions

        return flaky


class Meeting:
    """Node types that return only once *count* of them are at work together."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._inside = 0
        self._together = anyio.Event()
        self._barrier = threading.Barrier(count)

    @property
    def async_function(self) -> Callable[..., Any]:
        """The node type ``meet``, for a registry."""

        @node(id="meet")
        async def meet(data: Any = None) -> str:
            """Waits for the others on the loop."""
            self._inside += 1
            if self._inside == self._count:
                self._together.set()
            with anyio.fail_after(DEADLINE):
                await self._together.wait()
            return "met"

        return meet

    @property
    def sync_function(self) -> Callable[..., Any]:
        """The node type ``meet_sync``, for a registry."""

        @node(id="meet_sync")
        def meet_sync(data: Any = None) -> str:
            """Waits for the others in a thread."""
            self._barrier.wait(timeout=DEADLINE)
            return "met"

        return meet_sync


def opener(gate: Gate) -> Callable[..., Any]:
    """Return the node type ``open``, which lets the node of *gate* go on once it is at work."""

    @node(id="open")
    async def open_gate() -> str:
        """Opens."""
        await gate.entered()
        gate.opened.set()
        return "opened"

    return open_gate
