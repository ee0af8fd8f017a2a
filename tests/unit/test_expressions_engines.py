"""The four engines under one interface, and what stands beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import (
    ENGINES,
    compile_expression,
    equal,
    evaluate,
    exists,
    extract_all,
    identical,
    literal_text,
    read_path,
    trigger_value,
    validate,
)
from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import mapping
from flowdrop_jupyter.nodes.expression_config import expression_problems
from flowdrop_jupyter.nodes.shaping import shaped

EVERY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PIECES = st.sampled_from(
    [
        *"ab019.[](){}$@*?'\":,| ~+-/#!\\é\0",
        *("..", "**", "==", "&&", "||", "??", "?:", "?.", "{{", "}}", "{%", "%}", "$..", "[?", "[*]"),
        *(f" {word} " for word in ("not", "in", "and", "matches", "if", "for", "end", "set", "null", "raw")),
        *("length", "range", "__class__", "max(", "\ud800"),
    ]
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)


def refusal(engine: str, text: str, context: Any = None, *, strict: bool = True) -> NodeError:
    with pytest.raises(NodeError) as caught:
        evaluate(engine, text, context, strict=strict)
    return caught.value


@pytest.mark.parametrize("engine", ENGINES)
@given(text=TEXTS, context=VALUES)
@EVERY
def test_whatever_an_author_writes_gives_a_value_or_the_typed_error(
    engine: str, text: str, context: Any
) -> None:
    reason = validate(engine, text)
    assert reason is None or reason
    for strict in (True, False):
        with suppress(NodeError):
            evaluate(engine, text, context, strict=strict)


@given(path=TEXTS, context=VALUES)
@EVERY
def test_reading_a_path_never_raises(path: str, context: Any) -> None:
    read_path(context, path)
    assert isinstance(extract_all(context, path), list)
    assert isinstance(exists(context, path), bool)
    trigger_value(context, path)


@given(
    config=st.dictionaries(
        st.sampled_from(["path", "template", "mapping", "dynamicOutputs", "engine"]), VALUES
    )
)
@pytest.mark.parametrize(
    "type_id", ["data_extractor", "data_mapper", "data_shaper", "prompt_template", "chat_input"]
)
@EVERY
def test_looking_for_problems_never_raises(type_id: str, config: dict[str, Any]) -> None:
    for problem in expression_problems(type_id, config):
        assert problem.reason
        assert problem.engine in ENGINES


@pytest.mark.parametrize("engine", ENGINES)
def test_an_expression_is_read_once(engine: str) -> None:
    assert compile_expression(engine, "a_b") is compile_expression(engine, "a_b")
    assert compile_expression(engine, "a_b").engine == engine


def test_threads_share_what_is_compiled() -> None:
    texts = [f"n + {number % 7}" for number in range(300)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: evaluate("expression_language", text, {"n": 1}), texts))

    assert found == [1 + number % 7 for number in range(300)]


@pytest.mark.parametrize("engine", ["", "jinja", "JSONPath", "expression-language"])
def test_an_engine_that_is_not_there_is_an_error_before_anything_else(engine: str) -> None:
    assert refusal(engine, "(((").code == "ENGINE_UNKNOWN"
    assert refusal(engine, "a", strict=False).code == "ENGINE_UNKNOWN"
    with pytest.raises(NodeError, match="property_path, jsonpath, expression_language, twig"):
        validate(engine, "")


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 1.0), (1, True), (0, False), ([1], [True]), ({"a": 0}, {"a": False}), ("1", 1), (None, False)],
)
def test_values_of_different_types_are_not_identical(one: Any, other: Any) -> None:
    assert not identical(one, other)
    assert identical(one, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        ("1.0", 1, True),
        ("x", 1, False),
        (True, 1, False),
        ([1], ["1"], True),
        (None, 0, False),
    ],
)
def test_numbers_equal_by_value(one: Any, other: Any, expected: bool) -> None:
    assert equal(one, other) is expected
    assert equal(other, one) is expected


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("literal:a.b", "a.b"),
        ("literal:", ""),
        ("'a.b'", "a.b"),
        ('"a"', "a"),
        ("''", ""),
        ("'", None),
        ("'a\"", None),
        ("a.b", None),
        ("Literal:a", None),
    ],
)
def test_literals_of_a_trigger_mapping(value: str, literal: str | None) -> None:
    assert literal_text(value) == literal


def test_a_mapping_cannot_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.nodes.shaping.MAX_SECONDS", 1)
    each: Any = {"x": ""}
    for _ in range(6):
        each = {"_source": "_LITERAL:x", "again": {"_source": "", "_each": each}}
    wide = {str(number): "rows" for number in range(200)}

    with pytest.raises(NodeError) as caught:
        shaped(wide, {"rows": ["x" * 1000] * 1000}, "property_path", lambda: None)  # type: ignore[arg-type,return-value]

    assert caught.value.code == "SHAPE_TOO_COSTLY"


def test_a_mapping_is_nested_only_so_deep() -> None:
    mapping: Any = "a"
    for _ in range(5000):
        mapping = {"a": mapping}

    with pytest.raises(NodeError) as caught:
        shaped(mapping, {}, "property_path", lambda: None)  # type: ignore[arg-type,return-value]

    assert caught.value.code == "SHAPE_INVALID"
    assert expression_problems("data_shaper", {"mapping": mapping, "engine": "property_path"}) == []


def test_a_preset_has_the_expressions_of_its_processor() -> None:
    registry = NodeRegistry(mapping.NODES)
    stored = {"connectable": False, "configurable": True, "default": "twig"}
    raw = {"id": "letters", "executor_plugin": "data_mapper", "label": "Letters"}
    flags = {
        "dynamicInputs": {"configurable": True},
        "dynamicOutputs": {"configurable": True},
        "engine": stored,
    }
    registry.add_preset({**raw, "parameters": flags})
    outputs = [{"name": "out", "value": "{{ open"}]

    (problem,) = registry.expression_problems("letters", {"dynamicOutputs": outputs})

    assert (problem.key, problem.engine, problem.expression) == ("dynamicOutputs.0.value", "twig", "{{ open")
    assert registry.expression_problems("letters", {"dynamicOutputs": outputs, "engine": "unheard"}) == []
    assert registry.expression_problems("unheard", {"path": "$.["}) == []
