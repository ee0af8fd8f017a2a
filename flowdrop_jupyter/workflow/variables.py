"""Which variables a template of a node may use: the values that reach its inputs, with their types (§2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .document import node_config, node_type_id
from .dynamic import dynamic_ports
from .handles import read_edge, text
from .lanes import DEFAULT_LANE
from .node_types import NodeCatalog

SPREAD: Final = "data"
"""The input whose keys are variables themselves (decision 13)."""

_BY_LANE: Final = {"string": "string", "number": "number", "boolean": "boolean", "array": "array"} | {
    "json": "object"
}
_DEPTH: Final = 8


def template_variables(
    nodes: Iterable[Mapping[str, Any]],
    edges: Iterable[Mapping[str, Any]],
    node_id: str,
    catalog: NodeCatalog,
) -> dict[str, dict[str, Any]]:
    """Return the variables of a node by name, in the order of the edges that bring them.

    A variable is named like the input that the edge ends on and has the type of the output that it
    starts from; an object that is wired to ``data`` brings its properties.

    :return: ``{name: {name, label?, type, description?, properties?, items?}}``.
    """
    by_id = {text(node.get("id")): node for node in nodes}
    found: dict[str, dict[str, Any]] = {}
    for raw in edges:
        edge = read_edge(raw)
        source = by_id.get(edge.source)
        if edge.target != node_id or edge.kind != "data" or source is None or not edge.target_port:
            continue
        variable = _variable(edge.target_port, _schema(source, edge.source_port, catalog), _DEPTH)
        if edge.target_port == SPREAD and variable.get("properties"):
            found |= variable["properties"]
        else:
            found[edge.target_port] = variable
    return found


def _schema(node: Mapping[str, Any], port: str, catalog: NodeCatalog) -> Mapping[str, Any]:
    kind = catalog.node_type(node_type_id(node))
    if kind is None:
        return {}
    declared = kind.port_schema("output", port)
    if declared is not None:
        return declared
    lanes = {each.name: each.data_type for each in dynamic_ports(kind, node_config(node), "output")}
    return {"type": _BY_LANE.get(lanes.get(port, DEFAULT_LANE), DEFAULT_LANE)}


def _variable(name: str, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    variable: dict[str, Any] = {"name": name}
    if text(schema.get("title")):
        variable["label"] = schema["title"]
    variable["type"] = _type(schema)
    if text(schema.get("description")):
        variable["description"] = schema["description"]
    properties, items = schema.get("properties"), schema.get("items")
    if depth and isinstance(properties, Mapping) and properties:
        variable["properties"] = {
            key: _variable(key, value if isinstance(value, Mapping) else {}, depth - 1)
            for key, value in properties.items()
        }
    if depth and isinstance(items, Mapping) and items:
        variable["items"] = _variable("item", items, depth - 1)
    return variable


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list | tuple):
        kind = next((word for word in kind if word != "null"), None)
    if kind == "integer":
        return "number"
    return kind if isinstance(kind, str) else DEFAULT_LANE
