"""The built-in nodes that read, describe, draw, clean and write data frames."""

from __future__ import annotations

import base64
import io
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Files, NodeContext, Turn, function_node
from flowdrop_jupyter.nodes.builtin.charts import read_instruction
from flowdrop_jupyter.nodes.builtin.data_files import dataframe_read, dataframe_write
from flowdrop_jupyter.nodes.builtin.data_plot import dataframe_plot
from flowdrop_jupyter.nodes.builtin.data_summary import (
    dataframe_describe,
    dataframe_drop_missing,
    dataframe_missing,
)
from flowdrop_jupyter.nodes.builtin.tables import from_wire, to_wire

PENGUINS = Path(__file__).parents[2] / "notebooks" / "data" / "penguins.csv"


@pytest.fixture
def context(tmp_path: Path) -> NodeContext:
    return NodeContext(node_id="n.1", run_id="run", config={}, files=Files(tmp_path), turn=Turn())


@pytest.fixture(scope="module")
def penguins() -> dict[str, Any]:
    files = Files(PENGUINS.parent)
    context = NodeContext(node_id="n.1", run_id="run", config={}, files=files, turn=Turn())
    return dict(dataframe_read(context, PENGUINS.name).dataframe)


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        call(*arguments, **named)
    return caught.value


# --- reading


def test_the_penguins_are_all_there(penguins: dict[str, Any]) -> None:
    frame = from_wire(penguins)

    assert frame.shape == (344, 8)
    assert [column["dtype"] for column in penguins["columns"]] == [
        "string", "string", "number", "number", "integer", "integer", "string", "integer",
    ]  # fmt: skip
    assert int(frame.isna().sum().sum()) == 19


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "x,y\n1,a\n,b\n"),
        ("a.TSV", "x\ty\n1\ta\n\tb\n"),
        ("bom.csv", "\ufeffx,y\n1,a\n,b\n"),
        ("a.json", '[{"x": 1, "y": "a"}, {"x": null, "y": "b"}]'),
        ("b.json", '{"x": [1, null], "y": ["a", "b"]}'),
    ],
)
def test_formats_are_known_by_the_ending(
    context: NodeContext, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")

    read = dataframe_read(context, name)

    assert (read.rows_count, read.columns_count, read.columns) == (2, 2, ["x", "y"])
    assert read.dataframe["rows"] == [[1, "a"], [None, "b"]]


def test_a_chosen_format_beats_the_ending(context: NodeContext, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("x\ty\n1\t2\n")

    assert dataframe_read(context, "data.txt", "tsv").columns == ["x", "y"]
    assert refusal(dataframe_read, context, "data.txt").code == "DATA_FORMAT_UNKNOWN"


def test_lines_longer_than_the_header_lose_nothing(context: NodeContext, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\nrow,1,2\n")

    assert dataframe_read(context, "a.csv").columns_count == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("ragged.csv", b"x,y\n1,2\n1,2,3,4\n"),
        ("latin.csv", "x\nß\n".encode("latin-1")),
        ("broken.json", b"{"),
        ("scalar.json", b"3"),
        ("uneven.json", b'{"x": [1], "y": [1, 2]}'),
    ],
)
def test_a_file_that_is_not_what_it_says_is_a_node_error(
    context: NodeContext, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    error = refusal(dataframe_read, context, name)

    assert error.code == "DATA_FILE_UNREADABLE"
    assert name in error.message


@pytest.mark.parametrize(
    ("path", "code"),
    [("gone.csv", "FILE_NOT_FOUND"), ("../x.csv", "FILE_PATH_INVALID"), (" ", "FILE_PATH_INVALID")],
)
def test_only_files_that_are_offered_can_be_read(context: NodeContext, path: str, code: str) -> None:
    assert refusal(dataframe_read, context, path).code == code


def test_a_very_large_file_is_refused(
    context: NodeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdrop_jupyter.nodes.builtin.data_files.MAX_FILE_BYTES", 4)
    (tmp_path / "a.csv").write_text("x\n1\n2\n")

    assert refusal(dataframe_read, context, "a.csv").code == "DATA_FILE_TOO_LARGE"


@pytest.mark.parametrize("module", ["pandas", "matplotlib.figure"])
def test_a_missing_library_is_named_with_its_command(
    penguins: dict[str, Any], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    error = refusal(dataframe_plot, penguins, "species")

    assert error.code == "DEPENDENCY_MISSING"
    assert 'pip install "flowdrop-jupyter[data]"' in error.message


# --- describing


def test_describe_summarises_each_column(penguins: dict[str, Any]) -> None:
    described = dataframe_describe(penguins)

    assert "**344 rows, 8 columns**" in described.markdown
    assert "| `bill_length_mm` | number | 342 | 2 | 164 | 43.9219 | 32.1 | 59.6 |  |" in described.markdown
    assert described.summary[0] == {
        "column": "species",
        "type": "string",
        "non_missing": 344,
        "missing": 0,
        "unique": 3,
        "top": "Adelie",
        "top_count": 152,
    }


def test_describe_survives_odd_frames() -> None:
    frame = pd.DataFrame({"a|`b": ["x|<b>\ny", None], "objects": [{"k": 1}, [2]], "none": [None, None]})

    markdown = dataframe_describe(to_wire(frame)).markdown

    assert "`a¦'b`" in markdown
    assert "x\\|\\<b\\> y (1)" in markdown
    assert {line.count(" | ") for line in markdown.splitlines()[2:]} == {8}
    assert dataframe_describe({"columns": [], "rows": []}).markdown == "**0 rows, 0 columns**"


def test_missing_counts_by_column_and_row(penguins: dict[str, Any]) -> None:
    missing = dataframe_missing(penguins)

    assert (missing.total_missing, missing.rows_with_missing) == (19, 11)
    assert missing.by_column[6] == {"column": "sex", "missing": 11, "share": 0.032}
    assert "**19 values missing** in 11 rows of 344 (3.2 %)." in missing.markdown
    assert missing.markdown.index("`sex`") < missing.markdown.index("`bill_length_mm`")
    assert "`species`" not in missing.markdown


def test_nothing_missing_is_said() -> None:
    missing = dataframe_missing(to_wire(pd.DataFrame({"a": [1]})))

    assert missing.markdown == "No values are missing in 1 row."
    assert missing.total_missing == 0


# --- drawing


@pytest.mark.parametrize(
    ("instruction", "kind", "what"),
    [
        ("bill_length_mm", "histogram", "Histogram of bill_length_mm"),
        ("species", "bar", "Bar chart of species"),
        ("year", "bar", "Bar chart of year"),
        ("bill_length_mm by species", "box", "Box plot of bill_length_mm by species"),
        ("species vs body_mass_g", "box", "Box plot of body_mass_g by species"),
        ("flipper_length_mm by year", "box", "Box plot of flipper_length_mm by year"),
        ("bill_length_mm vs bill_depth_mm", "scatter", "Scatter plot of bill_length_mm vs bill_depth_mm"),
        ("bill_length_mm by bill_depth_mm", "scatter", "Scatter plot of bill_length_mm vs bill_depth_mm"),
        (
            "Bill Length mm  VS. bill_depth_mm by species",
            "scatter",
            "Scatter plot of bill_length_mm vs bill_depth_mm by species",
        ),
        ("`island` by `species`.", "grouped bar", "Bar chart of island by species"),
    ],
)
def test_plot_chooses_the_chart(penguins: dict[str, Any], instruction: str, kind: str, what: str) -> None:
    plotted = dataframe_plot(penguins, instruction)

    assert read_instruction(from_wire(penguins), instruction).kind == kind
    assert plotted.markdown.startswith(f"![{what}]({plotted.image})\n\n")
    assert plotted.markdown.endswith(".")


def test_plot_gives_a_crisp_and_small_png(penguins: dict[str, Any]) -> None:
    plotted = dataframe_plot(penguins, "bill_length_mm vs bill_depth_mm by species", width=320, height=200)
    header, _, content = plotted.image.partition(",")
    png = base64.b64decode(content, validate=True)

    assert header == "data:image/png;base64"
    assert len(png) < 60_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (640, 400)


def test_plot_says_which_rows_are_left_out(penguins: dict[str, Any]) -> None:
    markdown = dataframe_plot(penguins, "bill_length_mm by species").markdown

    assert markdown.endswith("342 of 344 rows; 2 without a value are left out.")


@pytest.mark.parametrize("instruction", ["", "  ", "species vs sex by island", "sex by island by species"])
def test_plot_explains_what_it_cannot_draw(penguins: dict[str, Any], instruction: str) -> None:
    error = refusal(dataframe_plot, penguins, instruction)

    assert error.code == "PLOT_INSTRUCTION_INVALID"
    assert "`bill_length_mm by species`" in error.message


@pytest.mark.parametrize("between", [" " * 100_000, " by" * 50_000, " a by" * 20_000])
def test_plot_reads_a_hostile_instruction_soon(penguins: dict[str, Any], between: str) -> None:
    started = time.monotonic()

    error = refusal(dataframe_plot, penguins, f"species{between}b")

    assert error.code in ("PLOT_INSTRUCTION_INVALID", "COLUMN_UNKNOWN")
    assert time.monotonic() - started < 2


def test_plot_does_not_mind_blanks() -> None:
    table = to_wire(pd.DataFrame({"a  b": [1.5, 2.5], "c\td by e": ["x", "y"]}))

    assert "a b by c d by e" in dataframe_plot(table, "a b   by\n c  d by e").markdown


def test_an_unknown_column_is_shortly_said() -> None:
    table = to_wire(pd.DataFrame([[1] * 60], columns=["x" * 5000 + str(number) for number in range(60)]))

    error = refusal(dataframe_drop_missing, table, ["y" * 100_000])

    assert error.code == "COLUMN_UNKNOWN"
    assert len(error.message) < 5000
    assert len(str(error.details)) < 1000


def test_many_columns_are_found_soon() -> None:
    names = [f"column {number}" for number in range(5000)]
    started = time.monotonic()

    wanted = [name.upper() for name in names]
    assert dataframe_drop_missing(to_wire(pd.DataFrame([[1] * 5000], columns=names)), wanted).rows_kept == 1
    assert time.monotonic() - started < 5


def test_plot_names_the_columns_when_one_is_unknown(penguins: dict[str, Any]) -> None:
    error = refusal(dataframe_plot, penguins, "bill_lenght_mm by species")

    assert error.code == "COLUMN_UNKNOWN"
    assert "Did you mean `bill_length_mm`" in error.message


def test_plot_copes_with_odd_values() -> None:
    frame = pd.DataFrame(
        {
            "a by b": [1.0, float("inf"), float("nan"), 3.0],
            "$\\frac$": ["$x", "[y](z)", "", "w"],
            "when": pd.to_datetime(["2020-01-01"] * 4),
            "flag": [True, False, True, True],
        }
    )
    table = to_wire(frame)

    assert dataframe_plot(table, "a by b").image
    assert dataframe_plot(table, "$\\frac$ by flag").markdown.startswith(
        "![Bar chart of $\\\\frac$ by flag]("
    )
    assert dataframe_plot(table, "when").image
    assert dataframe_plot(table, "a by b by flag").image


def test_plot_refuses_a_column_without_values() -> None:
    table = to_wire(pd.DataFrame({"gone": [None, None]}))

    assert refusal(dataframe_plot, table, "gone").code == "PLOT_INSTRUCTION_INVALID"


def test_plots_can_be_drawn_in_several_threads(penguins: dict[str, Any]) -> None:
    with ThreadPoolExecutor(4) as threads:
        images = {
            plotted.image for plotted in threads.map(lambda _: dataframe_plot(penguins, "sex"), range(6))
        }

    assert len(images) == 1


# --- cleaning and writing


def test_drop_missing_keeps_complete_rows(penguins: dict[str, Any]) -> None:
    kept = dataframe_drop_missing(penguins)

    assert (kept.rows_before, kept.rows_removed, kept.rows_kept) == (344, 11, 333)
    assert dataframe_missing(kept.dataframe).total_missing == 0


def test_drop_missing_may_look_at_some_columns(penguins: dict[str, Any]) -> None:
    assert dataframe_drop_missing(penguins, ["body_mass_g"]).rows_removed == 2
    assert refusal(dataframe_drop_missing, penguins, ["mass"]).code == "COLUMN_UNKNOWN"


def test_write_keeps_whole_numbers_and_says_what_it_wrote(
    context: NodeContext, tmp_path: Path, penguins: dict[str, Any]
) -> None:
    (tmp_path / "data").mkdir()

    written = dataframe_write(context, penguins, "data/out.csv")

    content = (tmp_path / "data" / "out.csv").read_bytes()
    lines = content.decode().splitlines()
    assert (written.path, written.rows_written, written.bytes_written) == ("data/out.csv", 344, len(content))
    assert lines[1] == "Adelie,Torgersen,39.1,18.7,181,3750,male,2007"
    assert lines[4] == "Adelie,Torgersen,,,,,,2007"


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.json", "out"])
def test_what_was_written_can_be_read(context: NodeContext, penguins: dict[str, Any], name: str) -> None:
    dataframe_write(context, penguins, name)

    read = dataframe_read(context, name, "csv" if name == "out" else "auto")

    assert from_wire(read.dataframe).astype(str).equals(from_wire(penguins).astype(str)) or name == "out.json"
    assert (read.rows_count, read.columns_count) == (344, 8)


def test_an_existing_file_is_left_alone_unless_overwriting(context: NodeContext, tmp_path: Path) -> None:
    table = to_wire(pd.DataFrame({"a": [1]}))
    (tmp_path / "out.csv").write_text("mine")

    assert refusal(dataframe_write, context, table, "out.csv").code == "FILE_EXISTS"
    assert (tmp_path / "out.csv").read_text() == "mine"
    dataframe_write(context, table, "out.csv", overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("gone/out.csv", "FILE_FOLDER_MISSING"),
        ("../out.csv", "FILE_PATH_INVALID"),
        (".", "FILE_PATH_INVALID"),
    ],
)
def test_only_places_that_are_offered_can_be_written(context: NodeContext, path: str, code: str) -> None:
    assert refusal(dataframe_write, context, to_wire(pd.DataFrame({"a": [1]})), path).code == code


def test_a_failed_write_leaves_nothing_behind(
    context: NodeContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    error = refusal(dataframe_write, context, to_wire(pd.DataFrame({"a": [1]})), "out.csv")

    assert error.code == "FILE_NOT_WRITTEN"
    assert "No space left" in error.message
    assert os.listdir(tmp_path) == []


def test_columns_of_one_name_cannot_become_json(context: NodeContext, tmp_path: Path) -> None:
    table = to_wire(pd.DataFrame([[1, 2]], columns=["same", "same"]))

    assert refusal(dataframe_write, context, table, "out.json").code == "FILE_NOT_WRITTEN"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "call", [dataframe_read, lambda c, p: dataframe_write(c, {"columns": [], "rows": []}, p)]
)
def test_a_name_that_is_too_long_is_a_node_error(context: NodeContext, call: Callable[..., Any]) -> None:
    assert refusal(call, context, "x" * 300 + ".csv").code.startswith("FILE_")


def test_writing_is_declared_as_a_side_effect() -> None:
    assert function_node(dataframe_write).node_type.side_effects
    assert not function_node(dataframe_read).node_type.side_effects
