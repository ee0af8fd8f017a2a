"""What a workflow is apart from its looks: the hash that runs and snapshots name their version by (INT-7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ..store.records import WorkflowRecord
from .document import node_config, node_type_id

_DIGITS: Final = 16
_WORDS: Final = frozenset({"instanceTitle", "instanceDescription"})
_WIRES: Final = ("source", "sourceHandle", "target", "targetHandle")


def structural_version(workflow: WorkflowRecord) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a workflow's structure (decision 18).

    Ids, types and configuration of the nodes count, and the ports that edges join; labels, places on
    the canvas and the order of anything do not.
    """
    nodes = [
        {"id": node.get("id"), "type": node_type_id(node), "config": _settings(node)}
        for node in workflow.nodes
    ]
    edges = [{key: edge.get(key) for key in _WIRES} for edge in workflow.edges]
    structure = {"nodes": _sorted(nodes), "edges": _sorted(edges)}
    return hashlib.sha256(msgspec.json.encode(structure, order="sorted")).hexdigest()[:_DIGITS]


def _settings(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node_config(node).items() if key not in _WORDS}


def _sorted(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(parts, key=lambda part: msgspec.json.encode(part, order="sorted"))
