"""The workflow document: how its nodes are read, stored and served.

The editor writes a node as a ``universalNode`` whose type sits in ``data.metadata``. Storage keeps
only the anchor, ``data.metadata.node_type_id``; everything else there is rebuilt from the live node
type at each read (STORE-6, SCH-25).
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..store.records import WorkflowRecord
from .handles import composite, text
from .interface import serve_interface
from .node_types import NodeCatalog

logger = logging.getLogger(__name__)

UNIVERSAL_NODE: Final = "universalNode"
_EDITOR_STATE: Final = ("selected", "dragging", "deletable", "nodeId")


def node_data(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the node's ``data`` object, empty when it has none."""
    data = node.get("data")
    return data if isinstance(data, Mapping) else {}


def node_type_id(node: Mapping[str, Any], catalog: NodeCatalog | None = None) -> str:
    """Return the id of the node's type, or the empty string for decoration without one (R1.b).

    The anchor comes first, then the editor's ``data.metadata.id``, then a ``type`` that is not the
    editor's universal one. With a *catalog*, that last one has to be a node type: a canvas draws notes
    and groups that are none, and an author never chose a type for them.
    """
    metadata = node_data(node).get("metadata")
    if isinstance(metadata, Mapping):
        found = text(metadata.get("node_type_id")) or text(metadata.get("id"))
        if found:
            return found
    kind = text(node.get("type"))
    if kind == UNIVERSAL_NODE or (catalog is not None and catalog.node_type(kind) is None):
        return ""
    return kind


def node_config(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the node's configuration, empty when there is none."""
    config = node_data(node).get("config")
    return dict(config) if isinstance(config, Mapping) else {}


def node_label(node: Mapping[str, Any]) -> str:
    """Return what people call the node: its own title, its label, or its id."""
    title = text(node_config(node).get("instanceTitle"))
    return title or text(node_data(node).get("label")) or text(node.get("id"))


def stored_node(node: Mapping[str, Any], catalog: NodeCatalog) -> dict[str, Any]:
    """Return the form of *node* that is kept; applying it twice changes nothing (STORE-6)."""
    kept = {key: copy.deepcopy(value) for key, value in node.items() if key not in _EDITOR_STATE}
    if isinstance(node.get("data"), Mapping):
        kept["data"].pop("nodeId", None)
    anchor = node_type_id(node)
    if anchor and catalog.node_type(anchor) is not None:
        kept["type"] = UNIVERSAL_NODE
        kept["data"] = {**node_data(kept), "metadata": {"node_type_id": anchor}}
    return kept


def served_node(node: Mapping[str, Any], catalog: NodeCatalog) -> dict[str, Any]:
    """Return *node* as the editor needs it: live metadata, ``data.nodeId`` and a position."""
    served = copy.deepcopy(dict(node))
    data = dict(node_data(served))
    if not isinstance(data.get("config"), Mapping):
        data["config"] = {}
    data["nodeId"] = node.get("id")
    described = _described(node, catalog)
    if described is not None:
        served["type"] = UNIVERSAL_NODE
        data["metadata"] = described
        data.setdefault("label", described["name"])
    served["data"] = data
    if not isinstance(served.get("position"), Mapping):
        # A canvas stays blank when one node has no place.
        served["position"] = {"x": 0, "y": 0}
    return served


def _described(node: Mapping[str, Any], catalog: NodeCatalog) -> dict[str, Any] | None:
    """Return the metadata of a node's type, or None when there is none or it cannot be built (SCH-24)."""
    anchor = node_type_id(node)
    try:
        kind = catalog.node_type(anchor)
        return None if kind is None else kind.metadata(node_config(node))
    except Exception:
        logger.exception("The node type %s cannot be described; its nodes are served as they are.", anchor)
        return None


def served_edge(edge: Mapping[str, Any]) -> dict[str, Any]:
    """Return *edge* with composite handles, whichever spelling is stored (decision 5)."""
    served = copy.deepcopy(dict(edge))
    source, target = text(edge.get("source")), text(edge.get("target"))
    for key, node_id, direction in (("sourceHandle", source, "output"), ("targetHandle", target, "input")):
        handle = text(edge.get(key))
        if handle:
            served[key] = composite(handle, node_id, "output" if direction == "output" else "input")
    return served


def serve_workflow(workflow: WorkflowRecord, catalog: NodeCatalog) -> dict[str, Any]:
    """Return the published workflow object: exactly these keys in this order (STORE-14)."""
    served: dict[str, Any] = {
        "id": workflow.id,
        "name": workflow.name,
        "description": workflow.description,
        "nodes": [served_node(node, catalog) for node in workflow.nodes],
        "edges": [served_edge(edge) for edge in workflow.edges],
        "metadata": _served_metadata(workflow),
    }
    interface = serve_interface(workflow)
    if interface is not None:
        served["interface"] = interface
    served |= {"created": workflow.created, "changed": workflow.changed, "uid": workflow.uid}
    return served


def stored_nodes(nodes: Iterable[Mapping[str, Any]], catalog: NodeCatalog) -> list[dict[str, Any]]:
    """Return the kept form of every node, in order."""
    return [stored_node(node, catalog) for node in nodes]


def _served_metadata(workflow: WorkflowRecord) -> dict[str, Any]:
    own = {key: copy.deepcopy(value) for key, value in workflow.metadata.items()}
    return {
        "version": "1.0.0",
        **own,
        "createdAt": workflow.created,
        "updatedAt": workflow.changed,
        "format": own.get("format", "flowdrop"),
    }
