"""Workflow documents for tests, as the official editor writes them."""

from __future__ import annotations

from typing import Any

from flowdrop_jupyter.store import WorkflowRecord


def node(node_id: str, kind: str, **config: Any) -> dict[str, Any]:
    """Return a node of the type *kind*."""
    return {
        "id": node_id,
        "type": "universalNode",
        "position": {"x": 0, "y": 0},
        "data": {"label": node_id, "config": config, "metadata": {"id": kind}},
    }


def edge(source: str, output: str, target: str, target_input: str) -> dict[str, Any]:
    """Return an edge between two ports, with composite handles."""
    return {
        "id": f"{source}.{output}>{target}.{target_input}",
        "source": source,
        "target": target,
        "sourceHandle": f"{source}-output-{output}",
        "targetHandle": f"{target}-input-{target_input}",
    }


def workflow(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **fields: Any) -> WorkflowRecord:
    """Return a stored workflow."""
    return WorkflowRecord(**{"id": "w", "name": "Under test", "nodes": nodes, "edges": edges, **fields})


def document(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **keys: Any) -> dict[str, Any]:
    """Return the body that saves a workflow."""
    return {"name": "Under test", "nodes": nodes, "edges": edges, **keys}


ECHO = document(
    [node("chat_input.1", "chat_input"), node("chat_output.1", "chat_output")],
    [edge("chat_input.1", "message", "chat_output.1", "message")],
    id="echo",
)
"""Says what it is told."""

APPROVAL = document(
    [
        node("chat_input.1", "chat_input"),
        node(
            "confirmation.1",
            "confirmation",
            message="Go on?",
            branches=[{"name": "True", "value": True}, {"name": "False", "value": False}],
        ),
        node("yes.1", "text_input", defaultValue="Done."),
        node("no.1", "text_input", defaultValue="Left as it is."),
        node("chat_output.1", "chat_output"),
        node("chat_output.2", "chat_output"),
    ],
    [
        edge("chat_input.1", "trigger", "confirmation.1", "trigger"),
        edge("confirmation.1", "True", "yes.1", "trigger"),
        edge("confirmation.1", "False", "no.1", "trigger"),
        edge("yes.1", "text", "chat_output.1", "message"),
        edge("no.1", "text", "chat_output.2", "message"),
    ],
    id="approval",
)
"""Asks, and says one thing or the other."""
