"""A data frame as its rows: what can be done with one without any library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from .tables import check_size, invalid_frame, plain_cell, read_wire


@dataclass(frozen=True, slots=True)
class Frame:
    """The wire form of a data frame, read.

    :param columns: the names, which may repeat.
    :param described: ``dtype`` and what else there is to say of each column.
    """

    columns: list[str]
    described: list[Mapping[str, Any]]
    rows: list[Sequence[Any]]

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Frame:
        """Return the data frame that *table* describes.

        :raises NodeError: ``DATAFRAME_INVALID`` when *table* is not in the wire form.
        """
        return cls(*read_wire(table))

    def wire(self) -> dict[str, Any]:
        """Return the wire form.

        :raises NodeError: ``DATAFRAME_TOO_LARGE``.
        """
        check_size(len(self.rows), len(self.columns))
        named = zip(self.columns, self.described, strict=True)
        columns = [{"name": name} | dict(described) | {"name": name} for name, described in named]
        return {"columns": columns, "rows": [list(row) for row in self.rows]}

    def kind(self, position: int) -> str:
        """Return the ``dtype`` of a column."""
        return str(self.described[position].get("dtype", "mixed"))

    def cells(self, position: int) -> list[Any]:
        """Return the values of a column."""
        return [row[position] for row in self.rows]

    def numbers(self, position: int) -> list[float | None]:
        """Return the values of a column of numbers.

        :raises NodeError: ``DATAFRAME_INVALID`` when it holds something else.
        """
        whole = self.kind(position) == "integer"
        return [None if cell is None else _number(cell, whole) for cell in self.cells(position)]

    def picked(self, rows: Iterable[int]) -> Frame:
        """Return a data frame of these rows, in this order."""
        return Frame(self.columns, self.described, [self.rows[row] for row in rows])

    def kept(self, keep: Callable[[Sequence[Any]], bool]) -> Frame:
        """Return a data frame of the rows that *keep* is true for."""
        return Frame(self.columns, self.described, [row for row in self.rows if keep(row)])

    def selected(self, positions: Sequence[int]) -> Frame:
        """Return a data frame of these columns, in this order."""
        return Frame(
            [self.columns[position] for position in positions],
            [self.described[position] for position in positions],
            [[row[position] for position in positions] for row in self.rows],
        )


def columns_of(items: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows that are objects; what one of them does not have is null.

    :raises NodeError: ``DATAFRAME_TOO_LARGE``.
    """
    names = list(dict.fromkeys(name for item in items for name in item))
    check_size(len(items), len(names))
    return {name: [item.get(name) for item in items] for name in names}


def frame_of(columns: Mapping[str, Sequence[Any]]) -> Frame:
    """Return a data frame of columns of one length, whose types are what all their values are."""
    described: list[Mapping[str, Any]] = []
    values = []
    for cells in columns.values():
        kind = dtype_of(cells)
        described.append({"dtype": kind})
        values.append([_typed(cell, kind) for cell in cells])
    check_size(max(map(len, values), default=0), len(values))
    rows: list[Sequence[Any]] = [list(row) for row in zip(*values, strict=True)]
    return Frame(list(columns), described, rows)


def dtype_of(cells: Iterable[Any]) -> str:
    """Return the type that every value of *cells* has which is not null; without any it is ``mixed``."""
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind(cell: Any) -> str:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, int):
        return "integer" if -(2**63) <= cell < 2**64 else "mixed"
    if isinstance(cell, float):
        return "number"
    return "string" if isinstance(cell, str) else "mixed"


def _typed(cell: Any, kind: str) -> Any:
    if kind == "number" and cell is not None:
        return plain_cell(float(cell))
    return msgspec.to_builtins(cell) if kind != "mixed" else plain_cell(cell)


def _number(cell: Any, whole: bool) -> float:
    try:
        if isinstance(cell, bool) or (whole and not isinstance(cell, int)):
            raise TypeError(f"{type(cell).__name__} instead of a number")
        return cell if whole else float(cell)
    except (TypeError, ValueError, OverflowError) as error:
        raise invalid_frame(f"a column does not hold what its type says: {error}") from error
