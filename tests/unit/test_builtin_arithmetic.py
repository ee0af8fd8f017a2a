"""The nodes that calculate: decimal results, honest refusals, bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError


def calculate(values: Any, operation: str = "add", precision: int = 2) -> Any:
    return outputs_of("calculator", {"values": values}, {"operation": operation, "precision": precision})[
        "result"
    ]


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


@pytest.mark.parametrize(
    ("operation", "values", "result"),
    [
        ("add", [1, 2, 3.5], 6.5),
        ("subtract", [10, 3, 2], 5),
        ("multiply", [2, 3, 4], 24),
        ("divide", [100, 5, 4], 5),
        ("power", [2, 3, 2], 64),
        ("sqrt", [2], 1.41),
        ("average", [1, 2, 4], 2.33),
        ("min", [3, 1, 2], 1),
        ("max", [3, 1, 2], 3),
        ("median", [9, 1, 3, 2], 2.5),
        ("mode", [1, 2, 2, 3, 3], 2),
    ],
)
def test_every_operation(operation: str, values: list[float], result: float) -> None:
    assert calculate(values, operation) == result


@pytest.mark.parametrize(
    ("values", "precision", "result"),
    [([0.1, 0.2], 15, 0.3), ([2.5], 0, 3), ([-2.5], 0, -3), ([1.005], 2, 1.01), ([1e15, 0.3], 1, 1e15 + 0.3)],
)
def test_it_calculates_in_decimal(values: list[float], precision: int, result: float) -> None:
    assert calculate(values, precision=precision) == result


def test_a_whole_result_is_an_integer() -> None:
    assert isinstance(calculate([1.5, 1.5]), int)


def test_a_text_that_spells_a_number_is_one() -> None:
    assert calculate([" 12.5", "-1e1"]) == 2.5


def test_a_single_number_needs_no_list() -> None:
    assert calculate(9, "sqrt") == 3


@pytest.mark.parametrize("value", [True, "", "1,5", "0x10", "nan", None, [1], {}, "1" * 200])
def test_what_is_not_a_number_is_refused_with_its_place(value: Any) -> None:
    error = refusal("calculator", {"values": [1, value]}, {})

    assert error.code == "VALUE_NOT_A_NUMBER"
    assert error.details[0]["locator"] == "values.1"


@pytest.mark.parametrize(
    ("operation", "values", "code"),
    [
        ("divide", [1, 0], "CALCULATION_UNDEFINED"),
        ("sqrt", [-1], "CALCULATION_UNDEFINED"),
        ("power", [0, -1], "CALCULATION_UNDEFINED"),
        ("power", [-8, 0.5], "CALCULATION_UNDEFINED"),
        ("power", [10, 400], "CALCULATION_OUT_OF_RANGE"),
        ("multiply", [1e200, 1e200], "CALCULATION_OUT_OF_RANGE"),
        ("sqrt", [1, 4], "CALCULATION_VALUES_TOO_MANY"),
        ("add", [], "CALCULATION_VALUES_MISSING"),
        ("add", None, "CALCULATION_VALUES_MISSING"),
    ],
)
def test_what_has_no_result_is_refused(operation: str, values: Any, code: str) -> None:
    assert refusal("calculator", {"values": values}, {"operation": operation}).code == code


@pytest.mark.parametrize("config", [{"precision": 16}, {"precision": True}, {"operation": "modulo"}])
def test_a_setting_outside_its_bounds_is_refused(config: dict[str, Any]) -> None:
    assert refusal("calculator", {"values": [1]}, config).code == "PARAMETER_INVALID"


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_sums_of_hundredths_are_exact(cents: list[int]) -> None:
    assert calculate([cent / 100 for cent in cents]) == sum(cents) / 100


@pytest.mark.parametrize(
    ("start", "end", "step", "values"),
    [
        (0, 4, 2, [0, 2, 4]),
        (0, 5, 2, [0, 2, 4]),
        (3, 1, 1, [3, 2, 1]),
        (3, 1, -1, [3, 2, 1]),
        (1, 1, 5, [1]),
        (0, 0.3, 0.1, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_a_range_includes_both_ends(start: float, end: float, step: float, values: list[float]) -> None:
    made = outputs_of("range", {"start": start, "end": end, "step": step})

    assert made == {"values": values, "count": len(values)}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"step": 0}, "RANGE_STEP_ZERO"),
        ({"end": 1e9}, "RANGE_TOO_LARGE"),
        ({"end": 1e300}, "RANGE_TOO_LARGE"),
    ],
)
def test_an_endless_range_is_refused(config: dict[str, Any], code: str) -> None:
    assert refusal("range", {}, config).code == code
