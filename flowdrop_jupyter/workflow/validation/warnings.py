"""What does not refuse a workflow but deserves a look (R6.c, R6.l, W-T, SCH-38)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..dynamic import dynamic_ports
from ..handles import Direction
from .findings import Finding, shown
from .graph import Graph, ReadNode

_SECRET: Final = re.compile(r"(?<!\$)\{\{\s*secrets\.")


def document_warnings(graph: Graph) -> Iterator[Finding]:
    """Yield the warnings of the nodes, then those of the edges."""
    for node in graph.nodes:
        yield from _unknown_keys(node)
        yield from _secrets(node)
    yield from _terminal_sources(graph)
    yield from _lanes(graph)


def _unknown_keys(node: ReadNode) -> Iterator[Finding]:
    if node.kind is None:
        return
    for key in node.config:
        if key not in node.kind.properties:
            message = f"The type of {shown(node.id)} has no setting {shown(key)}; its value is ignored."
            yield Finding("W_CONFIG_UNKNOWN", message, node.locator("config", str(key)))


def _secrets(node: ReadNode) -> Iterator[Finding]:
    for key, value in node.config.items():
        if any(_SECRET.search(text) for text in _texts(value)):
            message = (
                f"{shown(key)} of {shown(node.id)} names a secret as a template variable; "
                "write ${{ secrets.NAME }}."
            )
            yield Finding("W_SECRET_SYNTAX", message, node.locator("config", str(key)))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, however deep it is nested."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)


def _terminal_sources(graph: Graph) -> Iterator[Finding]:
    for read in graph.edges:
        source = graph.by_id.get(read.edge.source)
        if source is not None and source.kind is not None and source.kind.type.terminal:
            source_id, target_id = shown(read.edge.source), shown(read.edge.target)
            message = f"{source_id} ends the workflow, so nothing goes on to {target_id}."
            yield Finding("W_TERMINAL_SOURCE", message, read.locator)


def _lanes(graph: Graph) -> Iterator[Finding]:
    """Yield a warning for each edge that the editor would not have drawn; no save refuses one (SCH-38)."""
    dynamic: dict[tuple[str, Direction], Mapping[str, str]] = {}
    for read in graph.edges:
        edge = read.edge
        source = _lane(graph.by_id.get(edge.source), "output", edge.source_port, dynamic)
        target = _lane(graph.by_id.get(edge.target), "input", edge.target_port, dynamic)
        if source and target and not graph.catalog.lanes.fits(source, target):
            message = (
                f"{shown(edge.source_port)} of {shown(edge.source)} carries {shown(source)}, which does not "
                f"fit {shown(target)} of {shown(edge.target_port)} of {shown(edge.target)}."
            )
            yield Finding("W_LANE_MISMATCH", message, read.locator)


def _lane(
    node: ReadNode | None,
    direction: Direction,
    port: str,
    dynamic: dict[tuple[str, Direction], Mapping[str, str]],
) -> str:
    """Return the lane of a port, empty when it is not known."""
    if node is None or node.kind is None:
        return ""
    declared = node.kind.ports[direction].get(port)
    if declared is not None:
        lane = declared.get("dataType")
        return lane if isinstance(lane, str) else ""
    if (node.id, direction) not in dynamic:
        added = dynamic_ports(node.kind.type, node.config, direction)
        dynamic[node.id, direction] = {entry.name: entry.data_type for entry in added}
    return dynamic[node.id, direction].get(port, "")
