"""A node type with one port of every kind that a contract can hold, and workflows that declare them."""

from __future__ import annotations

from typing import Any

from graphs import document, node
from server_desk import Api, Reply

from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.workflow import Output, Parameter

INPUTS: dict[str, dict[str, Any]] = {
    "values": {
        "type": "array",
        "title": "Values",
        "description": "Numbers to add.",
        "examples": [[1, 2]],
        "x-note": "kept here only",
        "default": [1, None],
        "items": {
            "type": "object",
            "title": "Item",
            "properties": {"a": {"type": "integer", "title": "A", "minimum": 0, "x-deep": 1}},
        },
    },
    "mode": {"type": "string", "enum": ["asc", "desc"], "default": None, "title": "Direction"},
    "count": {"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 2, "required": True},
    "ratio": {"type": "number"},
    "flag": {"type": "boolean"},
    "deep": {"type": "object", "default": {"a": {"b": 1}}, "format": "json"},
    "anything": {"title": "Anything", "enum": [1, None, "x"]},
    "free": {"title": "Free"},
    "digits": {"type": "string", "minLength": 8, "maxLength": 3, "pattern": "^[0-9]+$", "minimum": 5},
    "either": {"type": ["integer", "null"]},
    "picture": {"type": "string", "x-data-type": "image"},
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "total": {"type": "object", "title": "Total", "properties": {"sum": {"type": "number", "title": "Sum"}}},
    "drawn": {"type": "string", "x-data-type": "image"},
}


@node_type(
    id="calc",
    parameters={
        **{name: Parameter(schema=schema, connectable=True) for name, schema in INPUTS.items()},
        "secret": Parameter(schema={"type": "string"}, connectable=True, exposed_by_default=False),
        "plain": Parameter(schema={"type": "string"}, configurable=True),
    },
    outputs={name: Output(schema=schema) for name, schema in OUTPUTS.items()},
)
async def calc() -> None:
    """Has ports of every kind."""


def bound(entry: str, port: str | None = None, /, *, to: str = "calc.1", **words: Any) -> dict[str, Any]:
    """Return an interface entry that stands for one port."""
    return {"id": entry, **words, "bindings": [{"nodeId": to, "portId": port or entry}]}


def declaring(
    *inputs: dict[str, Any], outputs: list[dict[str, Any]] | None = None, **keys: Any
) -> dict[str, Any]:
    """Return a workflow of one ``calc`` node that declares these entries."""
    interface = {"inputs": list(inputs), "outputs": outputs or []}
    return {**document([node("calc.1", "calc")], [], id="sums", interface=interface), **keys}


async def schema(api: Api, workflow_id: str = "sums", **options: Any) -> dict[str, Any]:
    """Return the contract as it is published."""
    reply = await api.get(f"workflows/{workflow_id}/schema", **options)
    assert reply.status == 200, reply.text
    return reply.body


async def saved(api: Api, workflow: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Create a workflow and return its published contract."""
    reply = await api.post("workflows", workflow, **options)
    assert reply.status == 201, reply.text
    return await schema(api, reply.data["id"])


async def launches(api: Api, workflow_id: str, inputs: Any) -> list[Reply]:
    """Offer the same inputs to a turn and to a run that is started by itself."""
    opened = await api.post(f"workflows/{workflow_id}/playground/sessions", {})
    path = f"playground/sessions/{opened.data['id']}/messages"
    return [
        await api.post(path, {"content": "hi", "inputs": inputs}),
        await api.post(f"workflows/{workflow_id}/execute", {"inputs": inputs}),
    ]
