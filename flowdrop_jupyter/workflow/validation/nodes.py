"""The size of a workflow, the identity of its nodes, and their types (R1, R2, R5, R9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .findings import Finding, Limits, shown
from .graph import Graph


def form_errors(nodes: Any, edges: Any, limits: Limits) -> Iterator[Finding]:
    """Yield what keeps a document from being looked into at all: no lists, or too long ones."""
    for name, items in (("nodes", nodes), ("edges", edges)):
        if items is not None and not isinstance(items, list | tuple):
            yield Finding("WORKFLOW_MALFORMED", f"The {name} of a workflow have to be a list.", name)
    if isinstance(nodes, list | tuple) and len(nodes) > limits.nodes:
        yield Finding("R5_TOO_MANY_NODES", f"A workflow holds at most {limits.nodes} nodes.", "nodes")
    if isinstance(edges, list | tuple) and len(edges) > limits.edges:
        yield Finding("R5_TOO_MANY_EDGES", f"A workflow holds at most {limits.edges} edges.", "edges")


def node_errors(graph: Graph) -> Iterator[Finding]:
    """Yield the errors of identity and type, node by node."""
    for node in graph.nodes:
        if not node.id:
            yield Finding("R5_NODE_MISSING_ID", "Each node needs an id.", node.locator())
        elif graph.by_id[node.id] is not node:
            message = f"The node id {shown(node.id)} is used twice."
            yield Finding("R2_NODE_DUPLICATE_ID", message, node.locator())
        if not node.anchor:
            continue
        if node.kind is None:
            message = f"The node {shown(node.id)} has the unknown type {shown(node.anchor)}."
            yield Finding("R9_NODE_TYPE_UNKNOWN", message, node.locator())
        elif not node.kind.available:
            message = f"The node {shown(node.id)} needs {shown(node.anchor)}, which is not installed here."
            yield Finding("R1_PLUGIN_MISSING", message, node.locator())
