"""The wire form of data frames: what goes in comes out, as JSON."""

from __future__ import annotations

import datetime
import time
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin.tables import columns_named, from_wire, to_wire


def through_json(frame: pd.DataFrame) -> pd.DataFrame:
    wire = to_wire(frame)
    read = msgspec.json.decode(msgspec.json.encode(wire))
    assert read == wire
    return from_wire(read)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2], dtype="int64"),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([2**63, 1], dtype="uint64"),
        pd.Series([1.5, np.nan]),
        pd.Series([np.inf, -np.inf]),
        pd.Series([True, False]),
        pd.Series([True, None], dtype="boolean"),
        pd.Series(["a", None], dtype="str"),
        pd.Series(pd.DatetimeIndex(["2020-01-01", pd.NaT]).as_unit("us")),
        pd.Series(pd.DatetimeIndex(["2020-01-01T10:00Z", pd.NaT]).as_unit("us")),
        pd.Series(pd.Categorical(["x", None], categories=["y", "x"], ordered=True)),
        pd.Series(pd.Categorical([3, 1])),
        pd.Series([{"a": 1}, [2]], dtype=object),
        pd.Series([1, "a"], dtype=object),
        pd.Series([], dtype="float64"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_column_comes_back_as_it_was(column: pd.Series[Any]) -> None:
    frame = pd.DataFrame({"column": column})

    back = through_json(frame)

    pd.testing.assert_frame_equal(back, frame, check_column_type=False, check_index_type=False)


def test_dates_with_a_zone_come_back_as_the_same_moments() -> None:
    moments = pd.to_datetime(["2020-01-01T12:00", "2020-07-01T12:00"]).tz_localize("Europe/Berlin")

    back = through_json(pd.DataFrame({"at": moments}))

    assert list(back["at"]) == list(moments)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.date(2020, 1, 2), "2020-01-02"),
        (pd.Period("2020-01", freq="M"), "2020-01"),
        (np.int64(7), 7),
        (float("nan"), None),
        ({1, 2}, [1, 2]),
        (object, "<class 'object'>"),
    ],
)
def test_a_value_without_a_json_form_becomes_text(value: Any, text: Any) -> None:
    frame = pd.DataFrame({"column": pd.Series([value, "other"], dtype=object)})

    assert to_wire(frame)["rows"] == [[text], ["other"]]


def test_missing_values_are_null() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None], "c": [pd.Timestamp(0), pd.NaT]})

    assert to_wire(frame)["rows"][1] == [None, None, None]


def test_names_may_repeat_be_empty_or_be_numbers() -> None:
    frame = pd.DataFrame([[1, "a", True, 2.5]], columns=["same", "same", "", 3])

    back = through_json(frame)

    assert list(back.columns) == ["same", "same", "", "3"]
    assert back.iloc[0].tolist() == [1, "a", True, 2.5]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"a": [], "b": []}), pd.DataFrame(index=range(3))]
)
def test_an_empty_frame_keeps_its_shape(frame: pd.DataFrame) -> None:
    assert through_json(frame).shape == frame.shape


def test_a_large_frame_is_quick() -> None:
    frame = pd.DataFrame(np.arange(500_000.0).reshape(-1, 10))
    started = time.perf_counter()

    from_wire(to_wire(frame))

    assert time.perf_counter() - started < 3


def test_a_frame_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.nodes.builtin.tables.MAX_CELLS", 3)

    with pytest.raises(NodeError) as caught:
        to_wire(pd.DataFrame({"a": [1, 2], "b": [1, 2]}))

    assert caught.value.code == "DATAFRAME_TOO_LARGE"


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"columns": [1], "rows": []},
        {"columns": [{"dtype": "integer"}], "rows": []},
        {"columns": [{"name": "a"}], "rows": [[1, 2]]},
        {"columns": [{"name": "a"}], "rows": "x"},
        {"columns": [{"name": "a", "dtype": "integer"}], "rows": [["x"]]},
        {"columns": [{"name": "a", "dtype": "number"}], "rows": [[[]]]},
        {"columns": [{"name": "a", "dtype": "datetime"}], "rows": [["no date"]]},
    ],
)
def test_another_object_is_no_data_frame(table: dict[str, Any]) -> None:
    with pytest.raises(NodeError) as caught:
        from_wire(table)

    assert caught.value.code == "DATAFRAME_INVALID"
    assert "\n" not in caught.value.message


def test_columns_are_found_by_spelling_then_loosely() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["Bill length", "bill_length", "sex"])

    assert columns_named(frame, ["bill_length", "BILL-LENGTH", "SEX"]) == [1, 0, 2]


def test_an_unknown_column_names_the_near_and_the_known_ones() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["species", "island"])

    with pytest.raises(NodeError) as caught:
        columns_named(frame, ["specie"])

    assert caught.value.code == "COLUMN_UNKNOWN"
    assert "Did you mean `species`?" in caught.value.message
    assert "`island`" in caught.value.message
