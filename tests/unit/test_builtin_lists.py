"""The nodes that work on lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError

PEOPLE = [
    {"name": "Ada", "age": 36, "at": {"city": "London"}},
    {"name": "Bob", "age": None, "at": {"city": "Oslo"}},
    {"name": "Cleo", "age": 9.5, "at": {"city": "London"}},
]


def operate(data: Any, operation: str, key: str = "", value: Any = None, condition: str = "equals") -> Any:
    config = {"operation": operation, "key": key, "value": value, "condition": condition}
    return outputs_of("data_operations", {"data": data}, config)["result"]


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


@pytest.mark.parametrize(
    ("key", "condition", "value", "found"),
    [
        ("name", "equals", "Ada", ["Ada"]),
        ("name", "not_equals", "Ada", ["Bob", "Cleo"]),
        ("at.city", "contains", "on", ["Ada", "Cleo"]),
        ("at", "contains", "city", ["Ada", "Bob", "Cleo"]),
        ("age", "greater_than", 9.5, ["Ada"]),
        ("age", "greater_than_or_equal", "9.50", ["Ada", "Cleo"]),
        ("age", "less_than", 36, ["Cleo"]),
        ("age", "less_than_or_equal", 36, ["Ada", "Cleo"]),
        ("age", "is_empty", None, ["Bob"]),
        ("age", "is_not_empty", None, ["Ada", "Cleo"]),
        ("age", "less_than", "x", []),
        ("gone", "is_empty", None, ["Ada", "Bob", "Cleo"]),
    ],
)
def test_a_filter_compares(key: str, condition: str, value: Any, found: list[str]) -> None:
    assert names(operate(PEOPLE, "filter", key, value, condition)) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [(1, [1, 1.0, "1"]), (True, [True]), ("1", [1, 1.0, "1"]), (None, [None]), ([1], [[1.0]])],
)
def test_equal_is_what_json_calls_equal(value: Any, found: list[Any]) -> None:
    items = [1, 1.0, True, "1", None, [1.0]]

    kept = operate(items, "filter", value=value)

    assert [(type(item), item) for item in kept] == [(type(item), item) for item in found]


@pytest.mark.parametrize(
    ("value", "order"),
    [(None, ["Cleo", "Ada", "Bob"]), ("asc", ["Cleo", "Ada", "Bob"]), ("desc", ["Ada", "Cleo", "Bob"])],
)
def test_what_has_no_value_is_sorted_last(value: Any, order: list[str]) -> None:
    assert names(operate(PEOPLE, "sort", "age", value)) == order


def test_values_of_all_kinds_can_be_sorted() -> None:
    mixed = [[1], None, True, "b", 2, {"a": 1}, 1.5, "a", False]

    assert operate(mixed, "sort") == [1.5, 2, "a", "b", False, True, [1], {"a": 1}, None]


@given(st.lists(st.integers() | st.text(max_size=3), max_size=20))
def test_sorting_keeps_every_item(items: list[Any]) -> None:
    small = [item for item in items if not isinstance(item, int) or abs(item) < 2**63]

    assert sorted(map(repr, operate(small, "sort"))) == sorted(map(repr, small))


def test_group_keeps_the_order_of_first_appearance() -> None:
    groups = operate(PEOPLE, "group", "at.city")

    assert [(group["key"], group["count"], names(group["items"])) for group in groups] == [
        ("London", 2, ["Ada", "Cleo"]),
        ("Oslo", 1, ["Bob"]),
    ]


def test_map_takes_a_value_of_each() -> None:
    assert operate(PEOPLE, "map", "at.city") == ["London", "Oslo", "London"]


@pytest.mark.parametrize(
    ("how", "result"),
    [
        (None, 45.5),
        ("sum", 45.5),
        ("average", 22.75),
        ("min", 9.5),
        ("max", 36),
        ("count", 2),
        ("first", 36),
        ("last", 9.5),
        ("join", "36, 9.5"),
    ],
)
def test_reduce_leaves_missing_values_out(how: Any, result: Any) -> None:
    assert operate(PEOPLE, "reduce", "age", how) == result


@pytest.mark.parametrize(("how", "result"), [("sum", 0), ("average", None), ("max", None), ("first", None)])
def test_nothing_can_be_reduced(how: str, result: Any) -> None:
    assert operate([], "reduce", value=how) == result


def test_sums_are_decimal() -> None:
    assert operate([0.1, 0.2], "reduce") == 0.3


def test_unique_keeps_the_first_of_each() -> None:
    assert names(operate(PEOPLE, "unique", "at.city")) == ["Ada", "Bob"]
    assert [type(item) for item in operate([1, True, 1.0, "1"], "unique")] == [int, bool, str]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2, [0, 1]),
        ("2", [0, 1]),
        ("1:", [1, 2, 3]),
        ("-1:", [3]),
        (":-1", [0, 1, 2]),
        ({"start": 1, "end": 2}, [1]),
    ],
)
def test_slices(value: Any, kept: list[int]) -> None:
    assert operate([0, 1, 2, 3], "slice", value=value) == kept


@pytest.mark.parametrize(
    ("data", "key", "value", "merged"),
    [
        ([1], "", [2, 3], [1, 2, 3]),
        ([[1, 2], 3, [4]], "", None, [1, 2, 3, 4]),
        ([{"a": 1}, 2], "", {"b": 2}, [{"a": 1, "b": 2}, 2]),
        ([{"id": 1, "a": 1}], "id", [{"id": 1, "b": 2}, {"id": 2}], [{"id": 1, "a": 1, "b": 2}, {"id": 2}]),
    ],
)
def test_merges(data: Any, key: str, value: Any, merged: Any) -> None:
    assert operate(data, "merge", key, value) == merged


@pytest.mark.parametrize(("data", "count"), [(None, 0), ([], 0), ({"a": 1}, 1), ("text", 1)])
def test_anything_counts_as_a_list(data: Any, count: int) -> None:
    made = outputs_of("data_operations", {"data": data}, {"operation": "map"})

    assert (made["input_count"], made["output_count"]) == (count, count)


@pytest.mark.parametrize(
    ("operation", "value"),
    [("sort", "down"), ("reduce", "product"), ("slice", "a"), ("slice", True), ("slice", -1), ("merge", 3)],
)
def test_a_value_that_does_not_fit_the_operation_is_refused(operation: str, value: Any) -> None:
    error = refusal("data_operations", {"data": [1]}, {"operation": operation, "value": value})

    assert error.code == "OPERATION_VALUE_INVALID"
    assert error.details[0]["locator"] == "value"


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"operation": "map", "key": "$["}, "PATH_INVALID"),
        ({"operation": "reduce", "key": "name"}, "VALUE_NOT_A_NUMBER"),
        ({"operation": "shuffle"}, "PARAMETER_INVALID"),
    ],
)
def test_what_cannot_be_done_is_refused(config: dict[str, Any], code: str) -> None:
    assert refusal("data_operations", {"data": PEOPLE}, config).code == code


@pytest.mark.parametrize("count", [0, 1, 3])
def test_repeat_gives_copies(count: int) -> None:
    assert outputs_of("repeat", {"value": {"a": 1}, "count": count}) == {
        "items": [{"a": 1}] * count,
        "count": count,
    }


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"value": "x" * 10_000, "count": 10_000}, "REPEAT_TOO_LARGE"),
        ({"value": 1, "count": 10_001}, "PARAMETER_INVALID"),
        ({"value": 1, "count": -1}, "PARAMETER_INVALID"),
        ({"value": 1, "count": True}, "PARAMETER_INVALID"),
    ],
)
def test_repeat_is_bounded(inputs: dict[str, Any], code: str) -> None:
    assert refusal("repeat", inputs, {}).code == code
