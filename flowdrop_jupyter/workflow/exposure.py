"""Whether a port of one node instance is exposed: the only place that decides it (EXPO-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .handles import Direction
from .node_types import NodeType


def is_exposed(node_type: NodeType, config: Mapping[str, Any], direction: Direction, port: str) -> bool:
    """Tell whether *port* is exposed: the instance's override, else the type's default (EXPO-2).

    A port that the type does not declare is dynamic and always exposed (DYN-6, R7.d).
    """
    override = _override(config.get("ports"), direction, port)
    if override is not None:
        return override
    declared = node_type.ports(direction).get(port)
    return declared is None or declared.get("exposedByDefault", True) is not False


def _override(ports: Any, direction: Direction, port: str) -> bool | None:
    """Return what the instance says of a port; None when it says nothing.

    The map by direction and port is EXPO-3's form. Lists are read too: one for each direction, as
    newer editors write them, and R7.c's older one for both (decision 15).
    """
    side = ports.get(f"{direction}s") if isinstance(ports, Mapping) else ports
    entry: Any = None
    if isinstance(side, Mapping):
        entry = side.get(port)
    elif isinstance(side, list):
        entry = next((item for item in side if _names(item, direction, port)), None)
    if isinstance(entry, Mapping) and "exposed" in entry:
        return entry["exposed"] is True
    return None


def _names(item: Any, direction: Direction, port: str) -> bool:
    if not isinstance(item, Mapping) or port not in (item.get("id"), item.get("name")):
        return False
    return bool(item.get("type", direction) == direction)
