"""Whatever a document holds, the validator answers: it raises nothing and what it says can be written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
import pytest
from hostile_documents import CONFIGS, EDGE_LISTS, ENTRIES, KINDS, NODE_LISTS, REGISTRY
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdrop_jupyter.workflow import Verdict, check


def judge(nodes: Any, edges: Any, inputs: Any = (), outputs: Any = ()) -> Verdict:
    """Check a document and see that every finding can be sent and is of a bearable size."""
    verdict = check(nodes, edges, REGISTRY, inputs=inputs, outputs=outputs)
    for found in [*verdict.errors, *verdict.warnings]:
        assert found.code
        assert found.message
        assert found.locator
        assert len(msgspec.json.encode(asdict(found))) < 20_000
    return verdict


@given(nodes=NODE_LISTS, edges=EDGE_LISTS, inputs=ENTRIES, outputs=ENTRIES)
@settings(max_examples=400, deadline=None)
def test_no_document_makes_the_check_raise(nodes: Any, edges: Any, inputs: Any, outputs: Any) -> None:
    judge(nodes, edges, inputs, outputs)


@given(type_id=st.sampled_from(KINDS), config=CONFIGS)
@settings(max_examples=400, deadline=None)
def test_no_configuration_of_a_real_node_makes_the_check_raise(type_id: str, config: Any) -> None:
    judge([{"id": "a", "data": {"metadata": {"id": type_id}, "config": config}}], [])


def nested(depth: int, wrap: str) -> Any:
    """Return a text inside *depth* lists or objects."""
    value: Any = "{{ secrets.X }}"
    for _ in range(depth):
        value = [value] if wrap == "list" else {"_source": value}
    return value


@pytest.mark.parametrize("wrap", ["list", "object"])
@pytest.mark.parametrize("type_id", KINDS)
def test_deep_nesting_is_judged_like_anything_else(type_id: str, wrap: str) -> None:
    deep = nested(5_000, wrap)
    config = dict.fromkeys(REGISTRY.node_type(type_id).config_schema()["properties"], deep)  # type: ignore[union-attr]
    node = {"id": "a", "data": {"metadata": {"id": type_id}, "config": config}}
    verdict = judge([node, deep], [deep], [deep], [deep])
    if config:
        assert "W_SECRET_SYNTAX" in {found.code for found in verdict.warnings}


def test_a_number_too_long_to_be_written_is_refused_in_words() -> None:
    node = {"id": "a", "data": {"metadata": {"id": "text_input"}, "config": {"instanceTitle": 10**5000}}}
    (found,) = judge([node], []).errors
    assert "very many digits" in found.message


def test_a_long_id_is_not_repeated_in_full_with_every_finding() -> None:
    node = {
        "id": "n" * 1_000_000,
        "data": {"metadata": {"id": "text_input"}, "config": {f"k{i}": 1 for i in range(200)}},
    }
    assert len(judge([node], []).warnings) == 200


@pytest.mark.parametrize("wrong", ["text", 7, {"a": 1}, True])
def test_what_is_no_list_is_an_error_and_not_an_empty_workflow(wrong: Any) -> None:
    assert [found.locator for found in judge(wrong, []).errors] == ["nodes"]
    assert [found.locator for found in judge([], wrong).errors] == ["edges"]
    assert [found.locator for found in judge([], [], inputs=wrong).errors] == ["schema.input"]
    assert [found.locator for found in judge([], [], outputs=wrong).errors] == ["schema.output"]


@pytest.mark.parametrize("wrong", [7, "text", None, [], ["id", "a"]])
def test_a_node_or_edge_that_is_no_object_is_an_error(wrong: Any) -> None:
    assert [found.code for found in judge([wrong], []).errors] == ["R5_NODE_MISSING_ID"]
    assert [found.code for found in judge([], [wrong]).errors] == [
        "R3_EDGE_MISSING_ID",
        "R8_EDGE_SOURCE_MISSING",
        "R8_EDGE_TARGET_MISSING",
    ]
