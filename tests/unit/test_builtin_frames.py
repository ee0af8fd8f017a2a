"""Data frames made from data and worked on, with each library and with none."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin.frame_rows import Frame, frame_of

EXPOSED = {"ports": {"inputs": {"other": {"exposed": True}}}}
LIBRARIES = ("pandas", "polars")


def table(**columns: list[Any]) -> dict[str, Any]:
    return frame_of(columns).wire()


RAIN = table(city=["Bergen", "Oslo", None, "Oslo"], year=[2023, 2023, 2024, 2024], rain=[2.5, 0.9, None, 1.1])


def operate(frame: Any, operation: str, other: Any = None, **config: Any) -> dict[str, Any]:
    inputs = {"dataframe": frame} if other is None else {"dataframe": frame, "other": other}
    made: dict[str, Any] = outputs_of(
        "dataframe_operations", inputs, {"operation": operation, **EXPOSED, **config}
    )
    assert made["rows"] == made["output_rows"] == len(made["result"]["rows"])
    return made


def rows(frame: Any, operation: str, other: Any = None, **config: Any) -> list[list[Any]]:
    found: list[list[Any]] = operate(frame, operation, other, **config)["result"]["rows"]
    return found


def kinds(made: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["dtype"] for column in made["columns"]}


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


# --- from data


def framed(data: Any, **config: Any) -> dict[str, Any]:
    made: dict[str, Any] = outputs_of("data_to_dataframe", {"data": data}, config)
    return made


def test_types_are_what_all_values_of_a_column_are() -> None:
    made = framed([{"i": 1, "n": 1, "b": True, "s": "x", "m": 1, "o": [1]}, {"i": 2, "n": 1.5, "m": "x"}])

    assert kinds(made["dataframe"]) == {
        "i": "integer", "n": "number", "b": "boolean", "s": "string", "m": "mixed", "o": "mixed",
    }  # fmt: skip
    assert made["dataframe"]["rows"] == [[1, 1.0, True, "x", 1, [1]], [2, 1.5, None, None, "x", None]]
    assert (made["rows_count"], made["columns_count"]) == (2, 6)


def test_a_truth_value_is_no_number() -> None:
    assert kinds(framed([{"x": 1}, {"x": True}])["dataframe"]) == {"x": "mixed"}


@pytest.mark.parametrize(
    ("orient", "data"),
    [
        ("records", [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ("columns", {"a": [1, 2], "b": ["x", "y"]}),
        ("split", {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}),
        ("index", {"r1": {"a": 1, "b": "x"}, "r2": {"a": 2, "b": "y"}}),
    ],
)
def test_orientations(orient: str, data: Any) -> None:
    made = framed(data, orient=orient, includeIndex=True)

    index = ["r1", "r2"] if orient == "index" else [0, 1]
    assert made["dataframe"]["rows"] == [[index[0], 1, "x"], [index[1], 2, "y"]]
    assert (made["orient"], made["include_index"]) == (orient, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, []),
        ([], []),
        ([1, 2], [[1], [2]]),
        ([[1, 2], [3]], [[1, 2], [3, None]]),
        ({"a": 1}, [[1]]),
        ('[{"a": 1}]', [[1]]),
    ],
)
def test_other_data_becomes_rows(data: Any, expected: list[Any]) -> None:
    assert framed(data)["dataframe"]["rows"] == expected


def test_csv_columns_of_numbers_become_numbers() -> None:
    made = framed("a,b,c\n1,007,x\n2.5,,\n", format="csv")

    assert kinds(made["dataframe"]) == {"a": "number", "b": "string", "c": "string"}
    assert made["dataframe"]["rows"] == [[1.0, "007", "x"], [2.5, None, None]]


@pytest.mark.parametrize(
    ("data", "orient"),
    [
        ({"columns": ["a"], "data": [[1, 2]]}, "split"),
        ({"columns": ["a", "a"], "data": []}, "split"),
        ({"a": [1]}, "split"),
        ({"a": [1], "b": [1, 2]}, "columns"),
        ({"a": 1}, "columns"),
    ],
)
def test_data_of_another_orientation_is_refused(data: Any, orient: str) -> None:
    assert refusal("data_to_dataframe", {"data": data}, {"orient": orient}).code == "DATAFRAME_INVALID"


def test_a_data_frame_is_bounded() -> None:
    data = [{str(number): 1} for number in range(1001)]

    assert refusal("data_to_dataframe", {"data": data}, {}).code == "DATAFRAME_TOO_LARGE"


# --- without a library


def test_head_tail_and_select() -> None:
    assert rows(RAIN, "head", rows=1) == [["Bergen", 2023, 2.5]]
    assert rows(RAIN, "tail", rows=1) == [["Oslo", 2024, 1.1]]
    assert rows(RAIN, "head", rows=9) == rows(RAIN, "tail", rows=9) == RAIN["rows"]
    assert operate(RAIN, "select", columns=["Rain", "city"])["columns"] == ["rain", "city"]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("", [0, 1, 2, 3]),
        ("rain >= 1.1", [0, 3]),
        ("rain < 1.1 or city = Bergen", [0, 1]),
        ("city == 'Oslo' and year <> 2023", [3]),
        ("city is_empty", [2]),
        ("rain is_not_empty and year > 2023", [3]),
        ('`city` contains "erg"', [0]),
        ("year = 2024 and city = Oslo or year = 2023 and city = Bergen", [0, 3]),
        ("city != null", [0, 1, 3]),
    ],
)
def test_filters(condition: str, kept: list[int]) -> None:
    assert rows(RAIN, "filter", condition=condition) == [RAIN["rows"][row] for row in kept]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("rain", "CONDITION_INVALID"),
        ("rain >", "CONDITION_INVALID"),
        ("rain ~ 3", "CONDITION_INVALID"),
        ("rain > 1 city", "CONDITION_INVALID"),
        ("rain > 1 and", "CONDITION_INVALID"),
        ("= 1", "CONDITION_INVALID"),
        ("city = 'x", "CONDITION_INVALID"),
        ("x" * 3000, "CONDITION_INVALID"),
        ("snow > 1", "COLUMN_UNKNOWN"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused(condition: str, code: str) -> None:
    config = {"operation": "filter", "condition": condition}

    assert refusal("dataframe_operations", {"dataframe": RAIN}, config).code == code


def test_nodes_that_need_no_library_work_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "polars", None)

    assert rows(RAIN, "filter", condition="rain > 2") == [["Bergen", 2023, 2.5]]
    assert outputs_of("dataframe_describe", {"dataframe": RAIN})["summary"][2]["mean"] == 1.5
    assert outputs_of("dataframe_missing", {"dataframe": RAIN})["total_missing"] == 2
    assert outputs_of("dataframe_drop_missing", {"dataframe": RAIN})["rows_kept"] == 3
    error = refusal("dataframe_operations", {"dataframe": RAIN}, {"operation": "sort"})
    assert error.code == "DEPENDENCY_MISSING"


# --- with a library


def test_polars_takes_over_when_pandas_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "a.csv").write_text("x,y\n2,b\n1,\n")

    read = run_node("dataframe_read", {}, {"path": "a.csv"}, root=tmp_path).output["dataframe"]

    assert read["rows"] == [[2, "b"], [1, None]]
    assert rows(read, "sort", columns=["x"]) == [[1, None], [2, "b"]]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_chosen_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    error = refusal("dataframe_operations", {"dataframe": RAIN}, {"operation": "sort", "library": library})

    assert error.code == "DEPENDENCY_MISSING"
    assert library in error.message


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("columns", "descending", "order"),
    [
        (["rain"], False, [1, 3, 0, 2]),
        (["rain"], True, [0, 3, 1, 2]),
        (["year", "rain"], False, [1, 0, 3, 2]),
        (["city"], False, [0, 1, 3, 2]),
        (["city"], True, [1, 3, 0, 2]),
        ([], False, [0, 1, 3, 2]),
    ],
)
def test_sort(library: str, columns: list[str], descending: bool, order: list[int]) -> None:
    found = rows(RAIN, "sort", columns=columns, descending=descending, library=library)

    assert found == [RAIN["rows"][row] for row in order]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_kind_of_column_can_be_sorted(library: str) -> None:
    column = {
        "integer": [2**63, 1, None],
        "number": ["Infinity", -1.5, None],
        "boolean": [True, False, None],
        "string": ["b", "a", None],
        "datetime": ["2024-01-02T00:00:00Z", "2023-05-01T12:00:00Z", None],
        "mixed": ["x", 1, None],
    }
    for kind, cells in column.items():
        frame = {"columns": [{"name": "x", "dtype": kind}], "rows": [[cell] for cell in cells]}
        made = operate(frame, "sort", library=library)["result"]

        assert made["rows"] == [[cells[1]], [cells[0]], [None]]
        assert made["columns"] == frame["columns"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_ordered_category_is_sorted_by_its_order(library: str) -> None:
    described = {"name": "x", "dtype": "category", "categories": ["low", "high"], "ordered": True}
    frame = {"columns": [described], "rows": [["high"], [None], ["low"]]}

    made = operate(frame, "sort", library=library)["result"]

    assert made == {"columns": [described], "rows": [["low"], ["high"], [None]]}


@pytest.mark.parametrize("library", LIBRARIES)
def test_group_counts_and_aggregates(library: str) -> None:
    functions = ["sum", "mean", "min", "max", "median", "count"]

    made = operate(RAIN, "group", columns=["city"], functions=functions, library=library)["result"]

    names = [f"{column}_{function}" for column in ("year", "rain") for function in functions]
    assert [column["name"] for column in made["columns"]] == ["city", "count", *names]
    assert made["rows"] == [
        ["Bergen", 1, 2023, 2023.0, 2023, 2023, 2023.0, 1, 2.5, 2.5, 2.5, 2.5, 2.5, 1],
        ["Oslo", 2, 4047, 2023.5, 2023, 2024, 2023.5, 2, 2.0, 1.0, 0.9, 1.1, 1.0, 2],
        [None, 1, 2024, 2024.0, 2024, 2024, 2024.0, 1, 0.0, None, None, None, None, 0],
    ]
    assert kinds(made)["year_sum"] == "integer"
    assert kinds(made)["rain_count"] == "integer"


@pytest.mark.parametrize("library", LIBRARIES)
def test_aggregate_makes_one_row(library: str) -> None:
    made = operate(RAIN, "aggregate", columns=["rain"], functions=["mean", "max"], library=library)

    assert made["columns"] == ["rain_mean", "rain_max"]
    assert made["result"]["rows"] == [[1.5, 2.5]]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_sum_does_not_overflow(library: str) -> None:
    made = operate(table(x=[2**62, 2**62, 2**62]), "aggregate", functions=["sum"], library=library)

    assert made["result"]["rows"] == [[float(3 * 2**62)]]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("how", "found"),
    [
        ("inner", [["Oslo", 1, "N"], ["Oslo", 2, "N"]]),
        ("left", [["Bergen", 0, None], ["Oslo", 1, "N"], ["Oslo", 2, "N"], [None, 3, None]]),
        ("right", [["Oslo", 1, "N"], ["Oslo", 2, "N"], ["Rome", None, "I"], [None, None, "?"]]),
        (
            "outer",
            [
                ["Bergen", 0, None],
                ["Oslo", 1, "N"],
                ["Oslo", 2, "N"],
                [None, 3, None],
                ["Rome", None, "I"],
                [None, None, "?"],
            ],
        ),
    ],
)
def test_merge(library: str, how: str, found: list[Any]) -> None:
    left = table(city=["Bergen", "Oslo", "Oslo", None], n=[0, 1, 2, 3])
    right = table(city=["Oslo", "Rome", None], land=["N", "I", "?"])

    assert rows(left, "merge", right, how=how, library=library) == found


@pytest.mark.parametrize("library", LIBRARIES)
def test_merged_columns_of_one_name_are_kept_apart(library: str) -> None:
    made = operate(table(id=[1], x=["a"]), "merge", table(id=[1.0], x=["b"]), columns=["id"], library=library)

    assert made["columns"] == ["id", "x", "x_right"]
    assert made["result"]["rows"] == [[1, "a", "b"]]


def test_a_merge_that_explodes_is_refused_beforehand() -> None:
    same = table(id=[1] * 5000)
    started = time.monotonic()

    error = refusal(
        "dataframe_operations", {"dataframe": same, "other": same}, {"operation": "merge", **EXPOSED}
    )

    assert error.code == "DATAFRAME_TOO_LARGE"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"operation": "group"}, "COLUMNS_MISSING"),
        ({"operation": "merge"}, "COLUMNS_MISSING"),
        ({"operation": "aggregate", "columns": ["city"]}, "COLUMN_NOT_NUMERIC"),
        ({"operation": "sort", "columns": ["snow"]}, "COLUMN_UNKNOWN"),
        ({"operation": "head", "rows": -1}, "PARAMETER_INVALID"),
        ({"operation": "pivot"}, "PARAMETER_INVALID"),
    ],
)
def test_what_cannot_be_done_with_a_frame_is_refused(config: dict[str, Any], code: str) -> None:
    assert refusal("dataframe_operations", {"dataframe": RAIN}, config).code == code


@pytest.mark.parametrize("library", LIBRARIES)
def test_times_with_and_without_offset_are_not_mixed(library: str) -> None:
    cells = [["2024-01-02T00:00:00"], ["2024-01-02T00:00:00Z"]]
    frame = {"columns": [{"name": "x", "dtype": "datetime"}], "rows": cells}

    error = refusal("dataframe_operations", {"dataframe": frame}, {"operation": "sort", "library": library})

    assert error.code == "DATAFRAME_INVALID"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("operation", ["sort", "aggregate"])
def test_a_column_that_is_not_what_it_says_is_refused(library: str, operation: str) -> None:
    frame = {"columns": [{"name": "x", "dtype": "integer"}], "rows": [["a"], [1]]}

    error = refusal(
        "dataframe_operations", {"dataframe": frame}, {"operation": operation, "library": library}
    )

    assert error.code == "DATAFRAME_INVALID"


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("operation", ["head", "tail", "select", "filter", "sort", "aggregate"])
def test_an_empty_frame_is_no_trouble(library: str, operation: str) -> None:
    empty = {"columns": [{"name": "x", "dtype": "integer"}], "rows": []}

    assert rows(empty, operation, library=library) == []


CELLS = st.none() | st.integers(-5, 5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=12), st.lists(st.tuples(CELLS, CELLS), max_size=6))
def test_both_libraries_agree(left: list[Any], right: list[Any]) -> None:
    described: list[Any] = [{"name": "k", "dtype": "integer"}, {"name": "v", "dtype": "integer"}]
    one = Frame(["k", "v"], described, left).wire()
    two = Frame(["k", "w"], described, right).wire()
    tasks: list[tuple[str, Any, dict[str, Any]]] = [
        ("sort", None, {"columns": ["v", "k"], "descending": True}),
        ("group", None, {"columns": ["k"], "functions": ["sum", "mean", "median", "count"]}),
        ("merge", two, {"columns": ["k"], "how": "outer"}),
    ]

    for operation, other, config in tasks:
        first, second = (operate(one, operation, other, library=name, **config) for name in LIBRARIES)
        assert first == second


# --- files


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.json"])
def test_what_a_library_writes_it_reads(tmp_path: Path, library: str, name: str) -> None:
    frame = table(i=[1, None], n=[1.5, None], b=[True, False], s=["x,\ty", None])

    run_node("dataframe_write", {"dataframe": frame}, {"path": name, "library": library}, root=tmp_path)
    made = run_node("dataframe_read", {}, {"path": name, "library": library}, root=tmp_path).output

    assert made["dataframe"] == frame


def test_polars_reads_and_writes_parquet_with_every_kind_of_column(tmp_path: Path) -> None:
    frame = table(i=[1, None], n=[1.5, None], b=[True, False], s=["x", None])
    frame["columns"].append({"name": "d", "dtype": "datetime"})
    frame["rows"] = [[*frame["rows"][0], "2024-01-02T03:04:05"], [*frame["rows"][1], None]]
    config = {"path": "out.parquet", "library": "polars"}

    run_node("dataframe_write", {"dataframe": frame}, config, root=tmp_path)

    assert run_node("dataframe_read", {}, config, root=tmp_path).output["dataframe"] == frame


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n", "a\nß\n".encode("latin-1")])
def test_polars_refuses_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    with pytest.raises(NodeError) as caught:
        run_node("dataframe_read", {}, {"path": "a.csv", "library": "polars"}, root=tmp_path)

    assert caught.value.code == "DATA_FILE_UNREADABLE"
