"""Validation: a workflow of the largest size that is accepted, and how the cost grows beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from time import perf_counter
from typing import Any, Final

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.workflow.validation import MAX_EDGES, MAX_NODES, Limits, check

from .figures import Bar, Row, Samples
from .plan import Plan

_REGISTRY: Final = NodeRegistry(NODE_TYPES)
_GROWTH: Final = (10, 100, 1000)
_NO_LIMITS: Final = Limits(10**9, 10**9)
_KINDS: Final = (
    ("text_input", "data", "text"),
    ("prompt_template", "data", "prompt"),
    ("data_extractor", "data", "data"),
    ("http_request", "url", "body"),
    ("data_mapper", "input_1", "output_1"),
    ("text_output", "text", "text"),
)
"""Node types with the input and the output that the edges join."""


def validation_rows(plan: Plan) -> list[Row]:
    """Measure workflows in which half of the nodes hold an expression, no two alike.

    The documents differ from round to round, so that no engine has read an expression before, except
    where it is said that the same document comes again.
    """
    salts = count()
    first, again = [], []
    for _ in range(plan.validations):
        document = _document(MAX_NODES, MAX_EDGES, next(salts))
        first.append(_seconds(document))
        again.append(_seconds(document))
    there = f"{MAX_NODES} nodes and {MAX_EDGES:,} edges"
    rows = [
        Row(
            name="validation",
            what=f"validation of {there}, configuration and expressions included",
            unit="s",
            samples=Samples.of(first),
            bar=Bar("at most", 0.05),
        ),
        Row(
            name="validation, again",
            what=f"validation of {there} that were validated before",
            unit="s",
            samples=Samples.of(again),
        ),
    ]
    per_node: dict[int, list[float]] = {factor: [] for factor in (1, *_GROWTH)}
    for _ in range(plan.growth_rounds):
        for factor, seconds in per_node.items():
            size = plan.validated_nodes * factor
            # A small document is over too soon for the clock to tell.
            repeats = max(1, 200 // size)
            documents = [_document(size, 2 * size, next(salts)) for _ in range(repeats)]
            seconds.append(sum(map(_seconds, documents)) / (repeats * size))
    smallest = plan.validated_nodes
    rows += [
        Row(
            name=f"validation, growth {factor}",
            what=f"validation per node, {smallest * factor:,} nodes and {2 * smallest * factor:,} edges",
            unit="s",
            samples=Samples.of(per_node[factor]),
            against=f"per node of {smallest} nodes and {2 * smallest} edges",
            reference=Samples.of(per_node[1]),
            bar=Bar("at most", 1.5),
        )
        for factor in _GROWTH
    ]
    return rows


def _seconds(document: tuple[list[Any], list[Any]]) -> float:
    nodes, edges = document
    began = perf_counter()
    verdict = check(nodes, edges, _REGISTRY, limits=_NO_LIMITS)
    seconds = perf_counter() - began
    if not verdict.valid:
        raise AssertionError(f"the document was to be valid: {verdict.errors[:3]}")
    return seconds


def _document(nodes: int, edges: int, salt: int) -> tuple[list[Any], list[Any]]:
    made = [_node(index, f"{salt}_{index}") for index in range(nodes)]
    return made, list(_edges(made, edges))


def _node(index: int, salt: str) -> dict[str, Any]:
    kind, *_ = _KINDS[index % len(_KINDS)]
    return {
        "id": f"{kind}.{index}",
        "type": "universalNode",
        "position": {"x": 40 * index, "y": 0},
        "data": {"label": kind, "config": _config(kind, salt), "metadata": {"node_type_id": kind}},
    }


def _config(kind: str, salt: str) -> dict[str, Any]:
    if kind == "prompt_template":
        return {
            "template": f"Hello {{{{ name | upper }}}}, this is {salt}.",
            "dynamicInputs": [{"name": "name"}],
        }
    if kind == "data_extractor":
        return {"engine": "jsonpath", "path": f"$.items[*].key_{salt}"}
    if kind == "data_mapper":
        return {
            "engine": "expression_language",
            "dynamicInputs": [{"name": "input_1", "label": "First", "dataType": "number"}],
            "dynamicOutputs": [{"name": "output_1", "value": f"input_1 * 2 > 7 ? 'a{salt}' : 'b'"}],
        }
    if kind == "http_request":
        return {"url": "https://example.org", "instanceTitle": f"Fetch {salt}", "maxRetries": 3}
    return {"instanceTitle": f"Node {salt}", "instanceDescription": "One of many."}


def _edges(nodes: list[dict[str, Any]], wanted: int) -> Iterator[dict[str, Any]]:
    for index in range(wanted):
        start = index % len(nodes)
        end = (start + 1 + index // len(nodes)) % len(nodes)
        source, target = nodes[start]["id"], nodes[end]["id"]
        _, _, output = _KINDS[start % len(_KINDS)]
        _, port, _ = _KINDS[end % len(_KINDS)]
        yield {
            "id": f"e{index}",
            "source": source,
            "target": target,
            "sourceHandle": f"{source}-output-{output}",
            "targetHandle": f"{target}-input-{port}",
        }
