"""Runs of one node that tells what it was given, for the tests of parameters and ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypedDict

from engine_runs import Ended, run_flow
from graphs import edge, node

from flowdrop_jupyter.nodes import Config, NodeContext
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.workflow import Parameter

DYNAMIC: dict[str, Parameter] = {
    name: Parameter(schema={"type": "array", "default": []}, configurable=True)
    for name in ("dynamicInputs", "dynamicOutputs")
}
"""What a node type declares that opts into dynamic ports."""

WAYS = ("coroutine", "thread")
"""How a node's function may be executed."""


def open_parameter(schema: Mapping[str, Any] | None = None, **flags: Any) -> Parameter:
    """Return a parameter that takes wires and configuration."""
    return Parameter(schema=schema or {}, **{"connectable": True, "configurable": True, **flags})


def probe(parameters: Mapping[str, Parameter] | None = None, way: str = "coroutine", **declared: Any) -> Any:
    """Return the node type ``probe``, which gives all that reaches its function.

    Its parameters are ``value``, ``other``, ``input`` and the internal ``__internal__``; those in
    *parameters* take their place or are added without reaching the function.
    """
    given = {
        "input": Parameter(schema={}),
        "__internal__": Parameter(schema={}),
        "value": open_parameter(),
        "other": open_parameter(),
        **(parameters or {}),
    }

    def told(context: NodeContext, **values: Any) -> dict[str, Any]:
        return {**values, "dynamic": context.dynamic_inputs, "config": context.config}

    if way == "thread":

        @node_type(id="probe", parameters=given, **declared)
        def threaded(
            context: NodeContext,
            value: Any,
            other: Any,
            input: Any,  # noqa: A002 - the reserved port's name
            __internal__: Any,
        ) -> dict[str, Any]:
            """Tells, from a thread."""
            return told(context, value=value, other=other, input=input, __internal__=__internal__)

        return threaded

    @node_type(id="probe", parameters=given, **declared)
    async def awaited(
        context: NodeContext,
        value: Any,
        other: Any,
        input: Any,  # noqa: A002 - the reserved port's name
        __internal__: Any,
    ) -> dict[str, Any]:
        """Tells."""
        return told(context, value=value, other=other, input=input, __internal__=__internal__)

    return awaited


async def run_probe(
    parameters: Mapping[str, Parameter] | None = None,
    *,
    wired: Mapping[str, Any] | None = None,
    launched: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    way: str = "coroutine",
) -> Ended:
    """Run a graph in which the probe gets *wired* over one edge per port and *launched* at its start."""
    nodes = [node("probe", "probe", **(config or {}))]
    edges = []
    for index, (port, value) in enumerate((wired or {}).items()):
        nodes.append(node(f"source{index}", "emit", value=value))
        edges.append(edge(f"source{index}", "result", "probe", port))
    return await run_flow(nodes, edges, probe(parameters, way), initial={"probe": dict(launched or {})})


async def told(parameters: Mapping[str, Parameter] | None = None, **ways: Any) -> dict[str, Any]:
    """Return what the probe was given; keywords as for :func:`run_probe`."""
    result: dict[str, Any] = (await run_probe(parameters, **ways)).result("probe")
    return result


async def refusal(parameters: Mapping[str, Parameter] | None = None, **ways: Any) -> dict[str, Any]:
    """Return the error that the probe failed with; keywords as for :func:`run_probe`."""
    ended = await run_probe(parameters, **ways)
    assert ended.outcome.status == "failed"
    error = ended["probe"].error
    assert error is not None
    return error


class Keys(TypedDict):
    """Outputs by name; which there are is declared beside the function."""


def giving(values: Mapping[str, Any], outputs: Mapping[str, Any], **declared: Any) -> Callable[..., Any]:
    """Return the node type ``giving``: it declares *outputs* and gives *values*, whatever they are."""

    @node_type(id="giving", outputs=outputs, **declared)
    async def gives(wanted: Annotated[Any, Config()] = None) -> Keys:
        """Gives."""
        return dict(values)  # type: ignore[return-value]

    return gives
