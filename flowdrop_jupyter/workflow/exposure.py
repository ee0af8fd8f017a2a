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
    entry: Any = None
    if isinstance(ports, Mapping):
        side = ports.get(f"{direction}s")
        entry = side.get(port) if isinstance(side, Mapping) else None
    elif isinstance(ports, list):
        # R7.c's older spelling: one list for both directions (decision 15).
        entry = next(
            (
                item
                for item in ports
                if isinstance(item, Mapping)
                and port in (item.get("id"), item.get("name"))
                and item.get("type", direction) == direction
            ),
            None,
        )
    if isinstance(entry, Mapping) and "exposed" in entry:
        return entry["exposed"] is True
    return None
