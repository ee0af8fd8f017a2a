"""Exposure entries: the inputs and outputs that a workflow declares for its callers (R4, R10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..handles import Direction, text
from .edges import is_hidden
from .findings import Finding, shown
from .graph import Graph, ReadNode

RESERVED_NAMES: Final = frozenset({"__interrupt_id__"})
"""Names that a run puts into a workflow's inputs by itself (R4.e)."""

_NAME: Final = re.compile(r"[a-z0-9_-]+")


def entry_errors(graph: Graph, side: Direction, entries: Any) -> Iterator[Finding]:
    """Yield the errors of the entries of one side.

    :param entries: objects with ``name``, ``node_id`` and ``port``.
    """
    if entries is not None and not isinstance(entries, list | tuple):
        yield Finding("WORKFLOW_MALFORMED", f"The {side}s of a workflow have to be a list.", f"schema.{side}")
        return
    names: set[str] = set()
    for index, raw in enumerate(entries or ()):
        entry = raw if isinstance(raw, Mapping) else {}
        name = text(entry.get("name"))
        locator = f"schema.{side}.{index}"
        yield from _name(name, names, locator)
        node = graph.by_id.get(text(entry.get("node_id")))
        if node is None:
            wanted = shown(text(entry.get("node_id")))
            message = f"The {side} {shown(name)} of the workflow names a node {wanted} that is not there."
            yield Finding("R4_NODE_UNKNOWN", message, locator)
        else:
            yield from _port(node, side, name, text(entry.get("port")), locator)


def _name(name: str, names: set[str], locator: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        message = f"The name {shown(name)} has to consist of the letters a to z, digits, _ and -."
        yield Finding("R4_NAME_FORMAT", message, locator)
    if name in RESERVED_NAMES:
        yield Finding("R4_NAME_RESERVED", f"The name {shown(name)} is reserved for runs.", locator)
    if name in names:
        yield Finding("R4_NAME_DUPLICATE", f"The name {shown(name)} is used twice on this side.", locator)
    names.add(name)


def _port(node: ReadNode, side: Direction, name: str, port: str, locator: str) -> Iterator[Finding]:
    kind = node.kind
    if kind is None or not kind.available:
        return
    if kind.type.port_schema(side, port) is None:
        message = f"The node {shown(node.id)} declares no {side} {shown(port)} for {shown(name)}."
        yield Finding("R4_PORT_UNKNOWN", message, locator)
    elif is_hidden(node, side, port):
        message = (
            f"The {side} {shown(name)} of the workflow leads to {shown(port)} of {shown(node.id)}, "
            "which is hidden on that node."
        )
        yield Finding("R10_EXPOSURE_HIDDEN_PORT", message, locator)
