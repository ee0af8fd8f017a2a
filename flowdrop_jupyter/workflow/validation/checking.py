"""The whole check, the same at save, at launch and for whoever only asks (VAL-LAUNCH)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import WorkflowInvalid
from ..node_types import NodeCatalog
from .configuration import configuration_errors
from .edges import edge_errors
from .entries import entry_errors
from .expressions import expression_errors
from .findings import DEFAULT_LIMITS, Finding, Limits, Verdict
from .graph import Graph, read_graph
from .nodes import form_errors, node_errors
from .warnings import document_warnings


def check(
    nodes: Any,
    edges: Any,
    catalog: NodeCatalog,
    *,
    inputs: Any = (),
    outputs: Any = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Verdict:
    """Return every error and warning of a workflow. It judges the document as sent and repairs nothing.

    Whatever is passed, nothing is raised. A document over the size limits is not looked into any
    further. It blocks: call it in a worker thread from an event loop.

    :param inputs, outputs: the exposure entries, objects with ``name``, ``node_id`` and ``port``.
    """
    errors, graph = _errors(nodes, edges, catalog, inputs, outputs, limits)
    return Verdict(errors, [] if graph is None else list(document_warnings(graph)))


def validate(
    nodes: Any,
    edges: Any,
    catalog: NodeCatalog,
    *,
    inputs: Any = (),
    outputs: Any = (),
    limits: Limits = DEFAULT_LIMITS,
) -> list[Finding]:
    """Return every error of a workflow, as :func:`check` does; an empty list means that it is valid."""
    return _errors(nodes, edges, catalog, inputs, outputs, limits)[0]


def require_valid(
    nodes: Any, edges: Any, catalog: NodeCatalog, *, inputs: Any = (), outputs: Any = ()
) -> None:
    """Check a workflow that is to be stored or run. It blocks as :func:`check` does.

    :raises WorkflowInvalid: with one detail per error (STORE-5).
    """
    findings = validate(nodes, edges, catalog, inputs=inputs, outputs=outputs)
    if findings:
        more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
        # Screens show this text and not the details.
        message = f"Workflow validation failed: {findings[0].message}{more}"
        raise WorkflowInvalid(message, details=[found.detail() for found in findings])


def _errors(
    nodes: Any, edges: Any, catalog: NodeCatalog, inputs: Any, outputs: Any, limits: Limits
) -> tuple[list[Finding], Graph | None]:
    refused = list(form_errors(nodes, edges, limits))
    if refused:
        return refused, None
    graph = read_graph(nodes, edges, catalog)
    return list(_all(graph, inputs, outputs, limits)), graph


def _all(graph: Graph, inputs: Any, outputs: Any, limits: Limits) -> Iterator[Finding]:
    yield from node_errors(graph)
    yield from configuration_errors(graph)
    yield from expression_errors(graph, limits.expression_seconds)
    yield from edge_errors(graph)
    yield from entry_errors(graph, "input", inputs)
    yield from entry_errors(graph, "output", outputs)
