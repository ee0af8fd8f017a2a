"""How long the expressions of one document may keep a worker: all of them share one patience."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from graphs import node

from flowdrop_jupyter.nodes import NodeRegistry, expression_config
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.nodes.expression_config import expression_problems
from flowdrop_jupyter.workflow import validate
from flowdrop_jupyter.workflow.patience import Patience
from flowdrop_jupyter.workflow.validation import Limits, expressions

REGISTRY = NodeRegistry(NODE_TYPES)


def mapper(*values: str) -> dict[str, Any]:
    return {
        "engine": "twig",
        "dynamicOutputs": [{"name": f"out{at}", "value": value} for at, value in enumerate(values)],
    }


def ticking(seconds: float) -> Patience:
    """Return patience whose clock moves by a second with every question."""
    return Patience(seconds, clock=count().__next__)


def test_patience_that_is_over_stays_over() -> None:
    times = iter([0.0, 1.0, 2.0, 0.0])
    patience = Patience(2, clock=lambda: next(times))
    assert [patience.lasts(), patience.over] == [True, False]
    assert [patience.lasts(), patience.lasts(), patience.over] == [False, False, True]


def test_the_first_expression_after_the_patience_is_refused_and_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []
    monkeypatch.setattr(expression_config, "_reason", lambda engine, text: read.append(text))
    (problem,) = expression_problems("data_mapper", mapper("a", "b", "c", "d"), ticking(3))
    assert read == ["a", "b"]
    assert (problem.key, problem.expression) == ("dynamicOutputs.2.value", "c")
    assert "may take 3 seconds" in problem.reason


def test_all_nodes_of_a_document_share_one_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "Patience", ticking)
    nodes = [node(each, "data_mapper", **mapper("{{ a }}", "{{ b }}")) for each in "xyz"]
    (found,) = validate(nodes, [], REGISTRY, limits=Limits(expression_seconds=4))
    assert found.code == "R11_EXPRESSION_INVALID"
    assert found.locator == "node.y.config.dynamicOutputs.1.value"
    assert "may take 4 seconds" in found.message
    assert validate(nodes, [], REGISTRY, limits=Limits(expression_seconds=7)) == []


def test_what_is_wrong_beside_the_expressions_is_found_all_the_same() -> None:
    nodes = [node("x", "data_mapper", **mapper("{{ a }}")), node("y", "unheard")]
    found = validate(nodes, [], REGISTRY, limits=Limits(expression_seconds=0))
    assert [(each.code, each.locator) for each in found] == [
        ("R9_NODE_TYPE_UNKNOWN", "node.y"),
        ("R11_EXPRESSION_INVALID", "node.x.config.dynamicOutputs.0.value"),
    ]
