"""Ports: the two derived schemas of a node type and the one mapping from schema to served port.

Reserved ports are injected into the schemas first, so that declared and injected ports go the same
way (SCH-8, SCH-11 to SCH-19, SCH-32).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .handles import ERROR, LOOP_BACK, TOOL, TRIGGER, Direction

if TYPE_CHECKING:
    from .lanes import PortConfiguration
    from .node_types import NodeType

CONFIG_ONLY: Final = frozenset({"dynamicInputs", "dynamicOutputs", "branches"})
"""Reserved parameters that are configuration and never ports (SCH-5)."""

UNIFIED: Final[Mapping[Direction, str]] = {"input": "input", "output": "output"}
"""The port of each side that carries all the others as one object (SCH-17, SCH-18)."""

_EXPOSED: Final = frozenset({("input", TRIGGER), ("output", TRIGGER)})
"""The reserved ports that are exposed unless a node type says otherwise (SCH-16)."""

_RESERVED: Final[Mapping[Direction, tuple[str, ...]]] = {
    "input": ("input", TRIGGER, LOOP_BACK),
    "output": ("output", TRIGGER, TOOL, ERROR),
}


def reserved_ports(direction: Direction) -> tuple[str, ...]:
    """Return the names of the ports that may be injected on one side."""
    return _RESERVED[direction]


def exposed_as_shipped(direction: Direction, port: str) -> bool:
    """Tell whether a reserved port is exposed when its node type says nothing (SCH-16)."""
    return (direction, port) in _EXPOSED


def input_schema(kind: NodeType) -> dict[str, Any]:
    """Return the derived input schema: what may be wired, and the injected inputs (SCH-3, SCH-6)."""
    declared = {
        name: published(parameter.schema, parameter.exposed_by_default, parameter.default)
        for name, parameter in kind.parameters.items()
        if parameter.connectable and not parameter.hidden and name not in CONFIG_ONLY
    }
    bundled = [name for name in declared if name != TRIGGER]
    properties = _with_unified(kind, "input", bundled, declared, kind.parameters)
    if not kind.start and TRIGGER not in kind.parameters:
        properties[TRIGGER] = _control(kind, "input", TRIGGER, "Trigger", "trigger", 100)
    if kind.executable and not kind.start and not kind.terminal and LOOP_BACK not in kind.parameters:
        properties[LOOP_BACK] = _control(kind, "input", LOOP_BACK, "Loop back", "trigger", 95)
    required = [
        name for name in declared if kind.parameters[name].required and not kind.parameters[name].configurable
    ]
    return {"type": "object", "properties": properties, "required": required}


def output_schema(kind: NodeType) -> dict[str, Any]:
    """Return the derived output schema: outputs that are not vetoed, and the injected ones (SCH-7)."""
    declared = {
        name: published(output.schema, output.exposed_by_default, output.schema.get("default"))
        for name, output in kind.outputs.items()
        if output.exposed
    }
    bundled = [
        name
        for name in declared
        if name != TRIGGER and kind.outputs[name].exposed_by_default and not kind.outputs[name].hidden
    ]
    properties = _with_unified(kind, "output", bundled, declared, kind.outputs)
    if not kind.terminal and TRIGGER not in kind.outputs:
        properties[TRIGGER] = _control(kind, "output", TRIGGER, "Trigger", "trigger", 100)
    if kind.exposed_as_tool and TOOL not in kind.outputs:
        properties[TOOL] = _control(kind, "output", TOOL, "Tool", "tool", 110)
    if kind.executable and ERROR not in kind.outputs:
        error = {"type": "object", "title": "Error", "x-port-order": 120}
        properties[ERROR] = published(error, kind.exposes("output", ERROR), None)
    return {"type": "object", "properties": properties, "required": []}


def ports_of(
    schema: Mapping[str, Any], direction: Direction, lanes: PortConfiguration
) -> list[dict[str, Any]]:
    """Return the served ports of a derived schema; the only mapping there is (SCH-8, SCH-27)."""
    ports = []
    for name, fragment in schema["properties"].items():
        port: dict[str, Any] = {
            "id": name,
            "name": fragment.get("title") or name,
            "type": direction,
            "dataType": lanes.lane_of(fragment),
            "required": name in schema["required"],
            "description": fragment.get("description") or "",
        }
        if fragment.get("default") is not None:
            port["defaultValue"] = fragment["default"]
        if fragment.get("x-exposed-by-default") is False:
            port["exposedByDefault"] = False
        if order := order_of(fragment, "x-port-order"):
            port["displayOrder"] = order
        ports.append(port)
    return ports


def published(schema: Mapping[str, Any], exposed: bool, default: Any) -> dict[str, Any]:
    """Return a declared fragment as the node type publishes it.

    The stored exposure takes the place of whatever the declaration wrote (EXPO-6, EXPO-7), the
    effective default that of the declared one (CFG-3).
    """
    fragment = {key: value for key, value in schema.items() if key != "x-exposed-by-default"}
    if default is not None:
        fragment["default"] = default
    if not exposed:
        fragment["x-exposed-by-default"] = False
    return fragment


def order_of(fragment: Mapping[str, Any], key: str) -> int | float:
    """Return an ordering number of a fragment; what is absent or no number counts as 0 (SCH-31)."""
    value = fragment.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0
    return value


def _with_unified(
    kind: NodeType,
    direction: Direction,
    bundled: list[str],
    declared: Mapping[str, Any],
    taken: Mapping[str, Any],
) -> dict[str, Any]:
    name = UNIFIED[direction]
    if not kind.exposes(direction, name) or name in taken:
        return dict(declared)
    what = "Values for" if direction == "input" else "The values of"
    text = f"{what}: {', '.join(bundled)}." if bundled else "An object without keys."
    return {name: {"type": "object", "title": name.capitalize(), "description": text}, **declared}


def _control(
    kind: NodeType, direction: Direction, name: str, title: str, lane: str, order: int
) -> dict[str, Any]:
    """Return the fragment of a port without a value: a lane and no ``type`` (SCH-37, SCH-15)."""
    fragment = {"title": title, "x-data-type": lane, "x-port-order": order}
    return published(fragment, kind.exposes(direction, name), None)
