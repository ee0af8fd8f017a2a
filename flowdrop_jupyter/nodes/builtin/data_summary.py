"""Nodes that say what is in a data frame and what is missing in it, and take the gaps out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from ..api import node
from ..signature import Config
from .frame_rows import Frame
from .markdown import code, plain, table
from .tables import Table, TableInput, columns_named, invalid_frame

_SHOWN_COLUMNS: Final = 100
_TEXT_COLUMNS: Final = frozenset({"Column", "Type", "Most frequent"})


class Described(msgspec.Struct):
    """A summary per column, for people and for programs."""

    markdown: str
    summary: list[dict[str, Any]]


class MissingValues(msgspec.Struct):
    """How many values are missing, and where."""

    markdown: str
    total_missing: int
    rows_with_missing: int
    by_column: list[dict[str, Any]]


class RowsKept(msgspec.Struct):
    """A data frame without its incomplete rows."""

    dataframe: Table
    rows_removed: int
    rows_kept: int
    rows_before: int


@node(
    name="Describe data frame",
    category="data",
    icon="mdi:table-eye",
    color="#0e7490",
    tags=("dataframe", "summary"),
)
def dataframe_describe(dataframe: TableInput) -> Described:
    """Summarises a data frame column by column.

    :param dataframe: the data frame.
    """
    frame = Frame.read(dataframe)
    summary = [_summary(frame, position) for position in range(len(frame.columns))]
    header = ("Column", "Type", "Values", "Missing", "Unique", "Mean", "Min", "Max", "Most frequent")
    lines = [f"**{_count(len(frame.rows), 'row')}, {_count(len(frame.columns), 'column')}**"]
    if summary:
        lines += [
            "",
            *table(header, [_described_row(entry) for entry in summary[:_SHOWN_COLUMNS]], _TEXT_COLUMNS),
        ]
    if len(summary) > _SHOWN_COLUMNS:
        lines += ["", f"… and {len(summary) - _SHOWN_COLUMNS} more columns."]
    return Described(markdown="\n".join(lines), summary=summary)


@node(
    name="Find missing values",
    category="data",
    icon="mdi:table-alert",
    color="#0e7490",
    tags=("dataframe", "quality"),
)
def dataframe_missing(dataframe: TableInput) -> MissingValues:
    """Counts the missing values of a data frame by column and by row.

    :param dataframe: the data frame.
    """
    frame = Frame.read(dataframe)
    rows = len(frame.rows)
    incomplete = sum(None in row for row in frame.rows)
    counts = [frame.cells(position).count(None) for position in range(len(frame.columns))]
    by_column = [
        {"column": name, "missing": missing, "share": round(missing / rows, 4) if rows else 0.0}
        for name, missing in zip(frame.columns, counts, strict=True)
    ]
    total = sum(counts)
    return MissingValues(
        markdown=_missing_markdown(by_column, total, incomplete, rows),
        total_missing=total,
        rows_with_missing=incomplete,
        by_column=by_column,
    )


@node(
    name="Drop incomplete rows",
    category="data",
    icon="mdi:table-row-remove",
    color="#0e7490",
    tags=("dataframe", "quality"),
)
def dataframe_drop_missing(
    dataframe: TableInput, columns: Annotated[Sequence[str], Config()] = ()
) -> RowsKept:
    """Removes the rows of a data frame in which a value is missing.

    :param dataframe: the data frame; it is not changed.
    :param columns: look at these columns only; at all of them when there are none.
    """
    frame = Frame.read(dataframe)
    looked_at = columns_named(frame, columns) if columns else range(len(frame.columns))
    kept = frame.kept(lambda row: all(row[position] is not None for position in looked_at))
    return RowsKept(
        dataframe=kept.wire(),
        rows_removed=len(frame.rows) - len(kept.rows),
        rows_kept=len(kept.rows),
        rows_before=len(frame.rows),
    )


def _summary(frame: Frame, position: int) -> dict[str, Any]:
    kind, cells = frame.kind(position), frame.cells(position)
    present = [cell for cell in cells if cell is not None]
    texts = Counter(str(cell) for cell in present)
    described: dict[str, Any] = {
        "column": frame.columns[position],
        "type": kind,
        "non_missing": len(present),
        "missing": len(cells) - len(present),
        "unique": len(texts),
    }
    if not present:
        return described
    if kind in ("integer", "number"):
        numbers = [number for number in frame.numbers(position) if number is not None]
        described["unique"] = len(set(numbers))
        described["mean"] = _mean(numbers)
        described["min"], described["max"] = min(numbers), max(numbers)
    elif kind == "datetime":
        moments = sorted((_moment(cell), cell) for cell in present)
        described["min"], described["max"] = moments[0][1], moments[-1][1]
    else:
        described["top"], described["top_count"] = texts.most_common(1)[0]
    return described


def _mean(numbers: Sequence[float]) -> float:
    try:
        return math.fsum(numbers) / len(numbers)
    except (OverflowError, ValueError):  # infinities of both signs, or a sum beyond them
        return math.nan


def _moment(cell: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(cell)
    except (TypeError, ValueError) as error:
        raise invalid_frame(f"a column does not hold what its type says: {error}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _described_row(entry: Mapping[str, Any]) -> list[str]:
    top = f"{plain(entry['top'])} ({entry['top_count']})" if "top" in entry else ""
    numbers = [_figure(entry.get(key)) for key in ("mean", "min", "max")]
    counts = [str(entry[key]) for key in ("non_missing", "missing", "unique")]
    return [code(entry["column"]), plain(entry["type"]), *counts, *numbers, top]


def _missing_markdown(by_column: Sequence[Mapping[str, Any]], total: int, incomplete: int, rows: int) -> str:
    if not total:
        return f"No values are missing in {_count(rows, 'row')}."
    lines = [
        f"**{_count(total, 'value')} missing** in {_count(incomplete, 'row')} of {rows}"
        f" ({_percent(incomplete / rows)}).",
        "",
    ]
    listed = sorted((entry for entry in by_column if entry["missing"]), key=lambda entry: -entry["missing"])
    cells = [
        [code(entry["column"]), str(entry["missing"]), _percent(entry["missing"] / rows)]
        for entry in listed[:_SHOWN_COLUMNS]
    ]
    lines += table(("Column", "Missing", "Share"), cells, _TEXT_COLUMNS)
    complete = len(by_column) - len(listed)
    if complete:
        lines += ["", f"The other {_count(complete, 'column')} {'is' if complete == 1 else 'are'} complete."]
    return "\n".join(lines)


def _figure(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.removesuffix("T00:00:00")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _percent(share: float) -> str:
    return "< 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


NODES = (dataframe_describe, dataframe_missing, dataframe_drop_missing)
