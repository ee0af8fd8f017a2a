"""Workflows around one node that reads an expression: run by the engine, or saved over HTTP."""

from __future__ import annotations

from typing import Any

from engine_runs import Ended, run_flow
from graphs import document, edge, node
from server_desk import Api, Reply

from flowdrop_jupyter.nodes.builtin import logic, mapping, processing

SHOWN: dict[str, Any] = {"outputs": {"error": {"exposed": True}}}


async def run_one(
    kind: str, arriving: Any = None, *, port: str = "data", handled: bool = True, **config: Any
) -> Ended:
    """Run one node of the type *kind*; another waits at its error edge, unless nothing is *handled*."""
    errors = [edge("it", "error", "handler", "value")] if handled else []
    return await run_flow(
        [
            node("source", "emit", value=arriving),
            node("it", kind, ports=SHOWN, **config),
            node("handler", "emit"),
        ],
        [edge("source", "result", "it", port), *errors],
        *processing.NODES,
        *logic.NODES,
        *mapping.NODES,
    )


async def outputs(kind: str, arriving: Any = None, *, port: str = "data", **config: Any) -> dict[str, Any]:
    """Return the outputs of a node that succeeds."""
    ended = await run_one(kind, arriving, port=port, **config)
    assert ended["it"].status == "completed", ended["it"].error
    assert ended["handler"].status == "skipped"
    found = ended["it"].output
    assert found is not None
    return found


async def failure(kind: str, arriving: Any = None, *, port: str = "data", **config: Any) -> dict[str, Any]:
    """Return the error of a node that fails, as its error edge delivered it; it gave nothing else."""
    ended = await run_one(kind, arriving, port=port, **config)
    assert ended["it"].status == "failed"
    assert ended.outcome.status == "completed"
    error: dict[str, Any] = ended.result("handler")
    assert ended["it"].output == {"error": error}
    return error


def mapper(engine: str, **expressions: Any) -> dict[str, Any]:
    """Return the configuration of a mapper with one input ``data``, and an output per expression."""
    return {
        "engine": engine,
        "dynamicInputs": [{"name": "data", "label": "Data", "dataType": "mixed"}],
        "dynamicOutputs": [
            {"name": name, "label": name, "value": text} for name, text in expressions.items()
        ],
    }


async def save(api: Api, kind: str, **config: Any) -> Reply:
    """Save a workflow of one node."""
    return await api.post("workflows", document([node(f"{kind}.1", kind, **config)], []))


async def refused_codes(api: Api, kind: str, **config: Any) -> list[tuple[str, str]]:
    """Return the codes and locators with which a workflow of one node is refused; none when it is saved."""
    reply = await save(api, kind, **config)
    if reply.status == 201:
        return []
    assert reply.status == 422, reply.text
    return [(detail["code"], detail["locator"]) for detail in reply.body["details"]]
