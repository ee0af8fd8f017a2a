"""The workflow validator: every error with its code, message and locator (VAL).

The same check runs at save and again at launch (VAL-LAUNCH). It judges the document as sent and
repairs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..errors import WorkflowInvalid
from .document import node_config, node_data, node_type_id
from .exposure import is_exposed
from .handles import EDGE_TYPES, Direction, declared_type, read_edge, text
from .node_types import NodeCatalog

MAX_NODES: Final = 500
MAX_EDGES: Final = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One error in a workflow document; ``locator`` points into the submitted document."""

    code: str
    message: str
    locator: str


def validate(nodes: list[Any], edges: list[Any], catalog: NodeCatalog) -> list[Finding]:
    """Return every error of a workflow's graph; an empty list means that it is valid.

    A document over the size limits is not looked into any further.
    """
    by_id: dict[str, Mapping[str, Any]] = {}
    findings = list(_sizes(nodes, edges))
    if findings:
        return findings
    findings += _nodes(nodes, catalog, by_id)
    findings += _edges(edges, by_id, catalog)
    return findings


def require_valid(nodes: list[Any], edges: list[Any], catalog: NodeCatalog) -> None:
    """Check a workflow's graph.

    :raises WorkflowInvalid: with one detail per error (STORE-5).
    """
    findings = validate(nodes, edges, catalog)
    if findings:
        more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
        # Screens show this text and not the details.
        message = f"Workflow validation failed: {findings[0].message}{more}"
        raise WorkflowInvalid(message, details=[asdict(found) for found in findings])


def _sizes(nodes: list[Any], edges: list[Any]) -> Iterator[Finding]:
    if len(nodes) > MAX_NODES:
        yield Finding("R5_TOO_MANY_NODES", f"A workflow holds at most {MAX_NODES} nodes.", "nodes")
    if len(edges) > MAX_EDGES:
        yield Finding("R5_TOO_MANY_EDGES", f"A workflow holds at most {MAX_EDGES} edges.", "edges")


def _nodes(nodes: list[Any], catalog: NodeCatalog, by_id: dict[str, Mapping[str, Any]]) -> Iterator[Finding]:
    for index, node in enumerate(nodes):
        node_id = text(node.get("id"))
        if not node_id:
            yield Finding("R5_NODE_MISSING_ID", "Each node needs an id.", f"nodes.{index}")
        elif node_id in by_id:
            message = f"The node id {node_id!r} is used twice."
            yield Finding("R2_NODE_DUPLICATE_ID", message, f"node.{node_id}")
        by_id.setdefault(node_id, node)
        config = node_data(node).get("config")
        if config is not None and not isinstance(config, Mapping):
            message = f"The configuration of {node_id!r} has to be an object."
            yield Finding("R6_CONFIG_INVALID", message, f"node.{node_id}.config")
        anchor = node_type_id(node)
        if not anchor:
            continue
        kind = catalog.node_type(anchor)
        if kind is None:
            message = f"The node {node_id!r} has the unknown type {anchor!r}."
            yield Finding("R9_NODE_TYPE_UNKNOWN", message, f"node.{node_id}")
            continue
        if not catalog.available(anchor):
            message = f"The node {node_id!r} needs {anchor!r}, which is not installed here."
            yield Finding("R1_PLUGIN_MISSING", message, f"node.{node_id}")
        for key in kind.config_schema()["required"]:
            if key not in node_config(node):
                message = f"The node {node_id!r} needs a value for {key!r}."
                yield Finding("R6_CONFIG_REQUIRED", message, f"node.{node_id}.config.{key}")


def _edges(
    edges: list[Any], by_id: Mapping[str, Mapping[str, Any]], catalog: NodeCatalog
) -> Iterator[Finding]:
    ids: set[str] = set()
    seen: dict[tuple[str, str, str, str], int] = {}
    for index, raw in enumerate(edges):
        locator = f"edge.{index}"
        edge = read_edge(raw)
        if not edge.id:
            yield Finding("R3_EDGE_MISSING_ID", "Each edge needs an id.", locator)
        elif edge.id in ids:
            yield Finding("R3_EDGE_DUPLICATE_ID", f"The edge id {edge.id!r} is used twice.", locator)
        ids.add(edge.id)
        if edge.source not in by_id or not edge.source:
            message = f"There is no source node {edge.source!r}."
            yield Finding("R8_EDGE_SOURCE_MISSING", message, locator)
        if edge.target not in by_id or not edge.target:
            message = f"There is no target node {edge.target!r}."
            yield Finding("R8_EDGE_TARGET_MISSING", message, locator)
        if edge.source and edge.source == edge.target:
            yield Finding("R12_EDGE_SELF", f"The node {edge.source!r} is joined to itself.", locator)
        if edge.source and edge.target:
            key = (edge.source, edge.target, text(raw.get("sourceHandle")), text(raw.get("targetHandle")))
            if key in seen:
                message = f"The same connection as edge.{seen[key]}."
                yield Finding("R13_EDGE_PARALLEL_DUPLICATE", message, locator)
            seen.setdefault(key, index)
        data = raw.get("data")
        declared = declared_type(data) if isinstance(data, Mapping) else ""
        if declared and declared not in EDGE_TYPES:
            yield Finding("EDGE_TYPE_UNKNOWN", f"The edge type {declared!r} is not known.", locator)
        for node_id, port, direction in (
            (edge.source, edge.source_port, "output"),
            (edge.target, edge.target_port, "input"),
        ):
            side: Direction = "output" if direction == "output" else "input"
            if port and node_id in by_id and not _open(by_id[node_id], side, port, catalog):
                message = f"The {side} {port!r} of {node_id!r} is hidden on that node."
                if side == "output":
                    yield Finding("R7_EDGE_SOURCE_NOT_EXPOSED", message, locator)
                else:
                    yield Finding("R7_EDGE_TARGET_NOT_EXPOSED", message, locator)


def _open(node: Mapping[str, Any], direction: Direction, port: str, catalog: NodeCatalog) -> bool:
    kind = catalog.node_type(node_type_id(node))
    return kind is None or is_exposed(kind, node_config(node), direction, port)
