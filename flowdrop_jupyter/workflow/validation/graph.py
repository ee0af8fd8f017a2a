"""The document as the validator reads it: every node and edge once, every node type once.

Nothing here refuses anything: what is no object reads as an empty one, and what is no text as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..document import node_data, node_type_id
from ..handles import Direction, Edge, read_edge, text
from ..node_types import NodeCatalog, NodeType
from .findings import place


@dataclass(frozen=True, slots=True)
class Kind:
    """What the checks need of one node type, derived once per document."""

    type: NodeType
    available: bool
    properties: Mapping[str, Any]
    required: tuple[str, ...]
    ports: Mapping[Direction, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class ReadNode:
    """One node.

    :param anchor: the id of its type, empty for decoration.
    :param kind: its type; None when there is no anchor or it names none.
    :param config: its configuration, empty when it has none or one that is no object.
    :param raw_config: the same as it was sent.
    """

    index: int
    id: str
    anchor: str
    kind: Kind | None
    config: Mapping[str, Any]
    raw_config: Any

    def locator(self, *parts: str) -> str:
        """Return the place of the node, or of a part of it."""
        return place("node", self.id, *parts) if self.id else place("nodes", str(self.index), *parts)


@dataclass(frozen=True, slots=True)
class ReadEdge:
    """One edge, with the object it was read from."""

    index: int
    raw: Mapping[str, Any]
    edge: Edge

    @property
    def locator(self) -> str:
        """The place of the edge."""
        return f"edge.{self.index}"


@dataclass(frozen=True, slots=True)
class Graph:
    """A document, read.

    :param by_id: of several nodes with one id, the first.
    """

    nodes: list[ReadNode]
    edges: list[ReadEdge]
    catalog: NodeCatalog
    by_id: dict[str, ReadNode] = field(default_factory=dict)


def read_graph(nodes: Any, edges: Any, catalog: NodeCatalog) -> Graph:
    """Return the graph that the two lists of a document describe; never fails (EDGE-2)."""
    kinds: dict[str, Kind | None] = {}
    graph = Graph([], [], catalog)
    for index, raw in enumerate(nodes if isinstance(nodes, list | tuple) else ()):
        node = _read_node(index, raw if isinstance(raw, Mapping) else {}, catalog, kinds)
        graph.nodes.append(node)
        if node.id:
            graph.by_id.setdefault(node.id, node)
    for index, raw in enumerate(edges if isinstance(edges, list | tuple) else ()):
        described = raw if isinstance(raw, Mapping) else {}
        graph.edges.append(ReadEdge(index, described, read_edge(described)))
    return graph


def _read_node(
    index: int, raw: Mapping[str, Any], catalog: NodeCatalog, kinds: dict[str, Kind | None]
) -> ReadNode:
    anchor = node_type_id(raw, catalog)
    if anchor and anchor not in kinds:
        kinds[anchor] = _kind(anchor, catalog)
    sent = node_data(raw).get("config")
    return ReadNode(
        index=index,
        id=text(raw.get("id")),
        anchor=anchor,
        kind=kinds.get(anchor),
        config=sent if isinstance(sent, Mapping) else {},
        raw_config=sent,
    )


def _kind(anchor: str, catalog: NodeCatalog) -> Kind | None:
    found = catalog.node_type(anchor)
    if found is None:
        return None
    schema = found.config_schema()
    return Kind(
        type=found,
        available=catalog.available(anchor),
        properties=schema["properties"],
        required=tuple(schema["required"]),
        ports={"input": found.ports("input"), "output": found.ports("output")},
    )
