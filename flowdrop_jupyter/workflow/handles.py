"""Handles and edge kinds: what an edge says by the names of its two ends.

A served handle is always composite, ``{nodeId}-output-{port}`` or ``{nodeId}-input-{port}``
(decision 5); bare port names are understood on the way in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

EdgeKind: TypeAlias = Literal["data", "trigger", "tool", "loopback"]
Direction: TypeAlias = Literal["input", "output"]

_MARKER: Final = re.compile(r"-(?:input|output)-")

EDGE_TYPES: Final = frozenset({"data", "trigger", "tool", "loopback", "tool_availability", "agent_result"})
"""The values of ``data.edgeType`` that a save accepts (EDGE-5)."""

TRIGGER: Final = "trigger"
LOOP_BACK: Final = "loop_back"
TOOL: Final = "tool"
ERROR: Final = "error"


def text(value: Any) -> str:
    """Return *value* when it is a string, otherwise the empty string (EDGE-2)."""
    return value if isinstance(value, str) else ""


def port_name(handle: str, node_id: str, direction: Direction) -> str:
    """Return the port that *handle* names on *node_id* (EDGE-1).

    The exact prefix of the edge's own node is tried first, so that a node id holding a direction
    marker parses right; then everything after the first marker, whichever it is; then the whole text.
    """
    prefix = f"{node_id}-{direction}-"
    if node_id and handle.startswith(prefix):
        return handle[len(prefix) :]
    marker = _MARKER.search(handle)
    return handle[marker.end() :] if marker else handle


def composite(handle: str, node_id: str, direction: Direction) -> str:
    """Return *handle* in the composite spelling; an empty one stays empty.

    One that the new spelling would make another kind of edge stays as it is (EDGE-3 … EDGE-6).
    """
    port = port_name(handle, node_id, direction)
    spelled = f"{node_id}-{direction}-{port}" if port else ""
    turned = any(
        _ends_on(spelled, direction, reserved) and not _ends_on(handle, direction, reserved)
        for reserved in (TRIGGER, LOOP_BACK, TOOL, ERROR)
    )
    return handle if turned else spelled


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge, read: node ids, port names and what follows from them.

    ``source_port`` and ``target_port`` are empty when the edge names none (DATA-1).
    """

    id: str
    source: str
    target: str
    source_port: str
    target_port: str
    kind: EdgeKind
    is_error: bool
    condition: str

    @property
    def is_trigger(self) -> bool:
        """Whether it ends on the reserved trigger input (EDGE-3)."""
        return self.kind == "trigger"

    @property
    def carries_data(self) -> bool:
        """Whether a value can travel over it (DATA-1, DATA-3)."""
        return self.kind == "data" and bool(self.source_port) and bool(self.target_port)


def read_edge(raw: Mapping[str, Any]) -> Edge:
    """Return the edge that the stored object *raw* describes; never fails (EDGE-2)."""
    source, target = text(raw.get("source")), text(raw.get("target"))
    data = raw.get("data")
    data = data if isinstance(data, Mapping) else {}
    source_port = port_name(text(raw.get("sourceHandle")), source, "output")
    target_port = port_name(text(raw.get("targetHandle")), target, "input")
    return Edge(
        id=text(raw.get("id")),
        source=source,
        target=target,
        source_port=source_port,
        target_port=target_port,
        kind=_kind(text(raw.get("targetHandle")), data),
        is_error=_ends_on(text(raw.get("sourceHandle")), "output", ERROR),
        condition=text(data.get("condition")),
    )


def _kind(handle: str, data: Mapping[str, Any]) -> EdgeKind:
    declared = declared_type(data)
    # The editor writes `tool` where the original's storage writes `tool_availability`.
    if declared in ("tool_availability", "tool"):
        return "tool"
    if _ends_on(handle, "input", LOOP_BACK):
        return "loopback"
    if _ends_on(handle, "input", TRIGGER):
        return "trigger"
    if _ends_on(handle, "input", TOOL) and declared not in EDGE_TYPES:
        return "tool"
    return "data"


def _ends_on(handle: str, direction: Direction, reserved: str) -> bool:
    """Tell whether a handle ends with the suffix of a reserved port, or is its bare name (EDGE-1)."""
    return handle == reserved or handle.endswith(f"-{direction}-{reserved}")


def declared_type(data: Mapping[str, Any]) -> str:
    """Return the edge type that the author or editor wrote, or the empty string.

    The editor keeps it under ``data.metadata.edgeType``, the original under ``data.edgeType``.
    """
    metadata = data.get("metadata")
    nested = metadata.get("edgeType") if isinstance(metadata, Mapping) else None
    return text(data.get("edgeType")) or text(nested)
