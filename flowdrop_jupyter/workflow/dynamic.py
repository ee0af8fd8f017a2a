"""Dynamic ports: the inputs and outputs that an author adds to one node (DYN)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .handles import Direction
from .lanes import DEFAULT_LANE
from .node_types import NodeType

DEFINITIONS: Final[Mapping[Direction, str]] = {"input": "dynamicInputs", "output": "dynamicOutputs"}
"""The reserved parameter that holds the definitions of each direction (DYN-1)."""

RESERVED_NAMES: Final = frozenset(
    {
        "input",
        "output",
        "trigger",
        "loop_back",
        "tool",
        "tool_availability",
        "error",
        "active_branches",
        "state_update",
        "artifacts",
        "branches",
        "dynamicInputs",
        "dynamicOutputs",
        "engine",
    }
)
"""Names with a meaning of their own on every node; no dynamic port may bear one (DYN-3)."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class DynamicPort:
    """One port that an author added (DYN-2).

    :param data_type: its lane, for the editor only; no value is checked against it (CFG-15).
    """

    name: str
    label: str
    data_type: str


@dataclass(frozen=True, slots=True)
class DynamicPortProblem:
    """Why one definition is refused (DYN-3).

    :param locator: the definition's place in the node's configuration, such as ``dynamicInputs.0``.
    """

    message: str
    locator: str


def dynamic_ports(node_type: NodeType, config: Mapping[str, Any], direction: Direction) -> list[DynamicPort]:
    """Return the dynamic ports of one side of a node, in the author's order.

    Only a node type that declares the reserved parameter and lets authors configure it has any
    (DYN-1, DYN-7); a stored value that is no list reads as an empty one. Definitions that DYN-3
    refuses are left out, and so are those that clash with a port the type declares (DYN-5).
    """
    declared = node_type.parameters if direction == "input" else node_type.outputs
    ports: list[DynamicPort] = []
    for side, _, entry, problem in _judged(node_type, config):
        if side != direction or problem or entry["name"] in declared:
            continue
        label, data_type = entry.get("label"), entry.get("dataType")
        ports.append(
            DynamicPort(
                name=entry["name"],
                label=label if isinstance(label, str) and label else entry["name"],
                data_type=data_type if isinstance(data_type, str) and data_type else DEFAULT_LANE,
            )
        )
    return ports


def dynamic_port_problems(node_type: NodeType, config: Mapping[str, Any]) -> list[DynamicPortProblem]:
    """Return what is wrong with a node's definitions: one problem per refused definition (DYN-3, SCH-41).

    A name has to match the pattern, not be reserved, and be unique over both sides together; a clash
    with a declared parameter is no problem (DYN-5). A type that did not opt in has no definitions.
    """
    problems = []
    for side, index, entry, problem in _judged(node_type, config):
        # A lane that is no longer served must not take the port away from a run, so only this asks.
        found = problem or _lane_problem(node_type, entry)
        if found:
            problems.append(DynamicPortProblem(found, f"{DEFINITIONS[side]}.{index}"))
    return problems


def definitions(node_type: NodeType, config: Mapping[str, Any], direction: Direction) -> list[Any]:
    """Return the stored definitions of one side: the author's, else the type's default, else none.

    They count only while the node type makes the reserved parameter configurable (DYN-7).
    """
    key = DEFINITIONS[direction]
    parameter = node_type.parameters.get(key)
    if parameter is None or not parameter.configurable:
        return []
    stored = config.get(key, parameter.default)
    return stored if isinstance(stored, list) else []


def _lane_problem(node_type: NodeType, entry: Mapping[str, Any]) -> str:
    lane = entry.get("dataType")
    if not isinstance(lane, str) or not lane or node_type.lanes.declarable(lane):
        return ""
    return f"There is no data type {lane!r} that a port could declare."


def _judged(node_type: NodeType, config: Mapping[str, Any]) -> Iterator[tuple[Direction, int, Any, str]]:
    """Yield each definition with its side, its index and why it is refused, empty when it is not."""
    taken: dict[str, str] = {}
    for side in DEFINITIONS:
        for index, entry in enumerate(definitions(node_type, config, side)):
            name = entry.get("name") if isinstance(entry, Mapping) else None
            problem = ""
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                problem = (
                    "A dynamic port needs a name of letters, digits and underscores, beginning with a letter."
                )
            elif name in RESERVED_NAMES:
                problem = f"The name {name!r} is reserved; no dynamic port can have it."
            elif name in taken:
                problem = f"The name {name[:80]!r} is taken by {taken[name]} of the same node."
            else:
                taken[name] = f"{DEFINITIONS[side]}.{index}"
            yield side, index, entry, problem
