"""Whether a port of one node instance is exposed: the only place that decides it (EXPO-1).

Validation, parameter resolution, delivery of outputs and tools all ask here. The processor's own
suggestion, ``x-exposed-by-default``, is never read: it counts while a node type is made (EXPO-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .handles import TRIGGER, Direction
from .node_types import NodeType
from .ports import UNIFIED

CONTROL_OUTPUTS: Final = frozenset({"active_branches", "state_update"})
"""Outputs that steer the engine; they are never stripped (EXPO-12)."""


def is_exposed(node_type: NodeType, config: Mapping[str, Any], direction: Direction, port: str) -> bool:
    """Tell whether *port* is exposed on a node with the configuration *config*.

    An output that the node type withholds is hidden on every instance (EXPO-13); then the instance's
    override decides, then the type's default (EXPO-2, EXPO-3). A port that the type does not declare
    is dynamic and always exposed (DYN-6, R7.d), but for the unified ones, hidden as shipped (SCH-16).
    """
    if direction == "output" and port in node_type.outputs and node_type.outputs[port].exposed is False:
        return False
    by_default = _by_default(node_type, direction, port)
    if by_default is None:
        return True
    override = _override(config.get("ports"), direction, port)
    return by_default if override is None else override


def without_hidden(
    node_type: NodeType, config: Mapping[str, Any], returned: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a node gave back, without the declared outputs that are hidden on it (EXPO-11).

    Keys that name no declared output stay, and so do those that steer the engine (EXPO-12). With the
    unified output exposed, it is composed of what is left (EXPO-14, DATA-9).
    """
    shown = {
        name: value
        for name, value in returned.items()
        if name in CONTROL_OUTPUTS
        or name not in node_type.outputs
        or is_exposed(node_type, config, "output", name)
    }
    unified = UNIFIED["output"]
    if unified not in node_type.outputs and is_exposed(node_type, config, "output", unified):
        shown[unified] = {
            name: value
            for name, value in shown.items()
            if not _is_internal(name) and name not in (unified, TRIGGER)
        }
    return shown


def _by_default(node_type: NodeType, direction: Direction, port: str) -> bool | None:
    """Return the node type's default for a port; None for one that it does not declare.

    The declaration is asked and not the served port, because one that is hidden from people is not
    served at all (SCH-4).
    """
    declared = (node_type.parameters if direction == "input" else node_type.outputs).get(port)
    if declared is not None:
        return declared.exposed_by_default is not False
    served = node_type.ports(direction).get(port)
    if served is not None:
        return served.get("exposedByDefault", True) is not False
    return False if port == UNIFIED[direction] else None


def _is_internal(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("_")


def _override(ports: Any, direction: Direction, port: str) -> bool | None:
    """Return what the instance says of a port; None when it says nothing.

    The map by direction and port is EXPO-3's form. Lists are read too: one for each direction, as
    newer editors write them, and R7.c's older one for both (decision 15). A value of ``exposed``
    that is no boolean says nothing: a mistake neither shows what a type hides nor hides what it
    shows.
    """
    side = ports.get(f"{direction}s") if isinstance(ports, Mapping) else ports
    entry: Any = None
    if isinstance(side, Mapping):
        entry = side.get(port)
    elif isinstance(side, list):
        entry = next((item for item in side if _names(item, direction, port)), None)
    exposed = entry.get("exposed") if isinstance(entry, Mapping) else None
    return exposed if isinstance(exposed, bool) else None


def _names(item: Any, direction: Direction, port: str) -> bool:
    if not isinstance(item, Mapping) or port not in (item.get("id"), item.get("name")):
        return False
    return bool(item.get("type", direction) == direction)
