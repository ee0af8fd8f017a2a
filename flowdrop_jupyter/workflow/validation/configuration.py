"""The configuration of nodes: its shape, required keys, values, and dynamic ports (R6, DYN-3)."""

from __future__ import annotations

from collections.abc import Iterator

from ..dynamic import dynamic_port_problems
from .findings import Finding, shown
from .graph import Graph, Kind, ReadNode
from .values import first_breach


def configuration_errors(graph: Graph) -> Iterator[Finding]:
    """Yield the errors of every configuration; null stands for unset everywhere (R6.i)."""
    for node in graph.nodes:
        if node.raw_config is not None and node.raw_config is not node.config:
            message = f"The configuration of {shown(node.id)} has to be an object."
            yield Finding("R6_CONFIG_INVALID", message, node.locator("config"))
        elif node.kind is not None:
            yield from _missing(node, node.kind)
            yield from _invalid(node, node.kind, graph)
            yield from _dynamic_ports(node, node.kind)


def _missing(node: ReadNode, kind: Kind) -> Iterator[Finding]:
    for key in kind.required:
        if key not in node.config:
            message = f"The node {shown(node.id)} needs a value for {shown(key)}."
            yield Finding("R6_CONFIG_REQUIRED", message, node.locator("config", key))


def _invalid(node: ReadNode, kind: Kind, graph: Graph) -> Iterator[Finding]:
    for key, value in node.config.items():
        schema = kind.properties.get(key)
        breach = None if schema is None else first_breach(schema, value, graph.catalog.matches)
        if breach is not None:
            message = f"The value of {shown(key)} of {shown(node.id)} {breach.message}; it is {shown(value)}."
            yield Finding("R6_CONFIG_INVALID", message, node.locator("config", key))


def _dynamic_ports(node: ReadNode, kind: Kind) -> Iterator[Finding]:
    for problem in dynamic_port_problems(kind.type, node.config):
        message = f"The node {shown(node.id)}: {problem.message}"
        yield Finding("DYNAMIC_PORT_INVALID", message, node.locator("config", problem.locator))
