"""Edges: their identity, their ends, and the ports they join (R3, R7, R8, R12, R13, EDGE-5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..exposure import is_exposed
from ..handles import EDGE_TYPES, Direction, declared_type, text
from .findings import Finding, shown
from .graph import Graph, ReadEdge, ReadNode


def edge_errors(graph: Graph) -> Iterator[Finding]:
    """Yield the errors of every edge, in the order of the edges."""
    ids: set[str] = set()
    joined: dict[tuple[str, str, str, str], int] = {}
    for read in graph.edges:
        yield from _identity(read, ids)
        yield from _ends(read, graph)
        yield from _repetition(read, joined)
        yield from _declared_type(read)
        yield from _ports(read, graph)


def _identity(read: ReadEdge, ids: set[str]) -> Iterator[Finding]:
    edge_id = read.edge.id
    if not edge_id:
        yield Finding("R3_EDGE_MISSING_ID", "Each edge needs an id.", read.locator)
    elif edge_id in ids:
        message = f"The edge id {shown(edge_id)} is used twice."
        yield Finding("R3_EDGE_DUPLICATE_ID", message, read.locator)
    ids.add(edge_id)


def _ends(read: ReadEdge, graph: Graph) -> Iterator[Finding]:
    source, target = read.edge.source, read.edge.target
    if source not in graph.by_id:
        message = f"There is no source node {shown(source)}." if source else "The edge has no source node."
        yield Finding("R8_EDGE_SOURCE_MISSING", message, read.locator)
    if target not in graph.by_id:
        message = f"There is no target node {shown(target)}." if target else "The edge has no target node."
        yield Finding("R8_EDGE_TARGET_MISSING", message, read.locator)
    if source and source == target:
        yield Finding("R12_EDGE_SELF", f"The node {shown(source)} is joined to itself.", read.locator)


def _repetition(read: ReadEdge, joined: dict[tuple[str, str, str, str], int]) -> Iterator[Finding]:
    source, target = read.edge.source, read.edge.target
    if not source or not target:
        return
    # The raw strings count: two spellings of one port are two connections (R13).
    key = (source, target, text(read.raw.get("sourceHandle")), text(read.raw.get("targetHandle")))
    first = joined.setdefault(key, read.index)
    if first != read.index:
        message = f"It joins the same ports as edge.{first}."
        yield Finding("R13_EDGE_PARALLEL_DUPLICATE", message, read.locator)


def _declared_type(read: ReadEdge) -> Iterator[Finding]:
    data = read.raw.get("data")
    declared = declared_type(data) if isinstance(data, Mapping) else ""
    if declared and declared not in EDGE_TYPES:
        yield Finding("EDGE_TYPE_UNKNOWN", f"The edge type {shown(declared)} is not known.", read.locator)


def _ports(read: ReadEdge, graph: Graph) -> Iterator[Finding]:
    edge = read.edge
    source, target = graph.by_id.get(edge.source), graph.by_id.get(edge.target)
    if source is not None and is_hidden(source, "output", edge.source_port):
        message = f"The output {shown(edge.source_port)} of {shown(edge.source)} is hidden on that node."
        yield Finding("R7_EDGE_SOURCE_NOT_EXPOSED", message, read.locator)
    if target is not None and is_hidden(target, "input", edge.target_port):
        message = f"The input {shown(edge.target_port)} of {shown(edge.target)} is hidden on that node."
        yield Finding("R7_EDGE_TARGET_NOT_EXPOSED", message, read.locator)


def is_hidden(node: ReadNode, direction: Direction, port: str) -> bool:
    """Tell whether the node's type declares *port* and the node does not expose it (R7.c).

    Ports that its metadata does not show are nobody's to hide (R7.d).
    """
    kind = node.kind
    if kind is None or port not in kind.ports[direction]:
        return False
    return not is_exposed(kind.type, node.config, direction, port)
