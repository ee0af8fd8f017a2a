"""The libraries that work on data frames: pandas, and polars where it is installed.

Both get columns of plain values and answer in positions of rows, so that names, types and values of
a frame come out of either of them as they went in.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, Literal, Protocol, TypeAlias

from ...errors import NodeError
from ...expressions import shortened
from .frame_rows import Frame
from .tables import (
    from_wire,
    invalid_frame,
    missing_dependency,
    need_pandas,
    plain_cell,
    series_of,
    to_wire,
)

LibraryName: TypeAlias = Literal["auto", "pandas", "polars"]
"""The library to use; ``auto`` is pandas where it is installed, otherwise polars."""

Aggregation: TypeAlias = Literal["sum", "mean", "median", "min", "max", "count"]
"""What the numbers of a group become."""

MERGES: Final = ("inner", "left", "right", "outer")
"""The ways to join two frames."""


@dataclass(frozen=True, slots=True)
class Column:
    """Values for a library: ``dtype`` as on the wire, and the cells."""

    described: Mapping[str, Any]
    cells: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of rows in the order in which they begin: first row, size, and the aggregates by column."""

    first_rows: list[int]
    sizes: list[int]
    aggregates: list[list[Any]]


class FrameLibrary(Protocol):
    """What a data frame library does for the nodes."""

    def order(self, columns: Sequence[Column], descending: bool) -> list[int]:
        """Return the rows in the order of *columns*; missing values last, equal rows as they were."""
        ...

    def groups(self, keys: Sequence[int], wanted: Sequence[tuple[Column, Aggregation]]) -> Groups:
        """Return the groups of rows with one key, with what their numbers become."""
        ...

    def pairs(
        self, left: Sequence[int | None], right: Sequence[int | None], how: str
    ) -> list[tuple[int | None, int | None]]:
        """Return the pairs of rows with the same key; a key of null has no other row."""
        ...

    def parsed(self, content: bytes, kind: str) -> Frame:
        """Return the frame of a file of the kind csv, tsv or parquet.

        :raises ValueError: or another error of the library when it is none.
        """
        ...

    def serialized(self, frame: Frame, kind: str) -> bytes:
        """Return the file of the kind csv, tsv or parquet."""
        ...


def frame_library(name: LibraryName) -> FrameLibrary:
    """Return the library called *name*.

    :raises NodeError: ``DEPENDENCY_MISSING`` when it is not installed.
    """
    if name == "pandas" or (name == "auto" and not _only_polars()):
        return PandasFrames(need_pandas())
    try:
        import polars
    except ImportError as error:
        raise missing_dependency("polars", "pip install polars") from error
    return PolarsFrames(polars)


def _only_polars() -> bool:
    try:
        need_pandas()
    except NodeError:
        return find_spec("polars") is not None
    return False


class PandasFrames:
    """Data frames with pandas."""

    def __init__(self, pandas: ModuleType) -> None:
        self._pd = pandas

    def order(self, columns: Sequence[Column], descending: bool) -> list[int]:
        frame = self._frame(columns)
        ordered = frame.sort_values(
            by=list(frame.columns), ascending=not descending, kind="stable", na_position="last"
        )
        return [int(row) for row in ordered.index]

    def groups(self, keys: Sequence[int], wanted: Sequence[tuple[Column, Aggregation]]) -> Groups:
        frame = self._frame([column for column, _ in wanted])
        rows = self._pd.Series(range(len(keys))).groupby(list(keys), sort=False)
        aggregates = []
        for place, (_, function) in enumerate(wanted):
            made = frame[place].groupby(list(keys), sort=False).agg(function)
            gone = made.isna().tolist()
            aggregates.append([None if g else _found(v) for v, g in zip(made.tolist(), gone, strict=True)])
        return Groups(rows.min().tolist(), rows.size().tolist(), aggregates)

    def pairs(
        self, left: Sequence[int | None], right: Sequence[int | None], how: str
    ) -> list[tuple[int | None, int | None]]:
        # pandas takes two missing keys for the same; a number of its own for each keeps them apart.
        sides = [
            self._pd.DataFrame({"key": [(-at - 1) * 2 - side if key is None else key for at, key in
                                        enumerate(keys)], name: range(len(keys))})
            for side, (name, keys) in enumerate((("left", left), ("right", right)))
        ]  # fmt: skip
        joined = sides[0].merge(sides[1], on="key", how=how)
        found = zip(joined["left"].tolist(), joined["right"].tolist(), strict=True)
        return [(_row(one), _row(other)) for one, other in found]

    def parsed(self, content: bytes, kind: str) -> Frame:
        if kind == "parquet":
            _need_parquet()
            frame = self._pd.read_parquet(io.BytesIO(content))
        else:
            frame = self._pd.read_csv(
                io.StringIO(content.decode("utf-8-sig")),
                sep="\t" if kind == "tsv" else ",",
                # Whole numbers stay whole where values are missing.
                dtype_backend="numpy_nullable",
                low_memory=False,
            )
        # A file may have more values per line than names; pandas makes the surplus the index.
        flat = frame if isinstance(frame.index, self._pd.RangeIndex) else frame.reset_index()
        return Frame.read(to_wire(flat))

    def serialized(self, frame: Frame, kind: str) -> bytes:
        made = from_wire(frame.wire())
        if kind == "parquet":
            _need_parquet()
            return bytes(made.to_parquet(index=False))
        text: str = made.to_csv(index=False, sep="\t" if kind == "tsv" else ",", lineterminator="\n")
        return text.encode()

    def _frame(self, columns: Sequence[Column]) -> Any:
        try:
            series = [series_of(self._pd, column.described, column.cells) for column in columns]
        except (TypeError, ValueError, OverflowError) as error:
            raise _odd_column(error) from error
        return self._pd.DataFrame(dict(enumerate(series)))


class PolarsFrames:
    """Data frames with polars."""

    def __init__(self, polars: ModuleType) -> None:
        self._pl = polars

    def order(self, columns: Sequence[Column], descending: bool) -> list[int]:
        frame = self._frame(columns)
        names = frame.columns
        ordered = frame.with_row_index("row").sort(
            names, descending=descending, nulls_last=True, maintain_order=True
        )
        return list(ordered["row"].to_list())

    def groups(self, keys: Sequence[int], wanted: Sequence[tuple[Column, Aggregation]]) -> Groups:
        pl = self._pl
        frame = self._frame([column for column, _ in wanted]).with_columns(
            pl.Series("key", keys, dtype=pl.Int64), pl.Series("row", range(len(keys)), dtype=pl.Int64)
        )
        grouped = frame.group_by("key", maintain_order=True).agg(
            pl.col("row").min().alias("first"),
            pl.col("row").len().alias("size"),
            *(getattr(pl.col(str(at)), how)().alias(f"made {at}") for at, (_, how) in enumerate(wanted)),
        )
        made = [[_found(value) for value in grouped[f"made {at}"].to_list()] for at in range(len(wanted))]
        return Groups(grouped["first"].to_list(), grouped["size"].to_list(), made)

    def pairs(
        self, left: Sequence[int | None], right: Sequence[int | None], how: str
    ) -> list[tuple[int | None, int | None]]:
        pl = self._pl
        sides = [
            pl.DataFrame({"key": pl.Series(keys, dtype=pl.Int64), name: range(len(keys))})
            for name, keys in (("left", left), ("right", right))
        ]
        joined = sides[0].join(sides[1], on="key", how="full" if how == "outer" else how)
        return list(zip(joined["left"].to_list(), joined["right"].to_list(), strict=True))

    def parsed(self, content: bytes, kind: str) -> Frame:
        pl = self._pl
        try:
            if kind == "parquet":
                return self._read(pl.read_parquet(io.BytesIO(content)))
            text = content.decode("utf-8-sig").encode()
            separator = "\t" if kind == "tsv" else ","
            return self._read(pl.read_csv(io.BytesIO(text), separator=separator, infer_schema_length=None))
        except pl.exceptions.PolarsError as error:
            raise ValueError(str(error)) from error

    def serialized(self, frame: Frame, kind: str) -> bytes:
        names = frame.columns
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        made = self._frame([Column(frame.described[at], frame.cells(at)) for at in range(len(names))])
        made.columns = names
        out = io.BytesIO()
        if kind == "parquet":
            made.write_parquet(out)
        else:
            made.write_csv(out, separator="\t" if kind == "tsv" else ",")
        return out.getvalue()

    def _frame(self, columns: Sequence[Column]) -> Any:
        pl = self._pl
        try:
            return pl.DataFrame([self._series(str(at), column) for at, column in enumerate(columns)])
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            raise _odd_column(error) from error

    def _series(self, name: str, column: Column) -> Any:
        pl, kind, cells = self._pl, column.described.get("dtype"), column.cells
        if kind == "boolean":
            return pl.Series(name, cells, dtype=pl.Boolean)
        if kind == "integer":
            large = any(cell is not None and cell >= 2**63 for cell in cells)
            return pl.Series(name, cells, dtype=pl.UInt64 if large else pl.Int64)
        if kind == "number":
            numbers = [None if cell is None else float(cell) for cell in cells]
            return pl.Series(name, numbers, dtype=pl.Float64)
        if kind == "datetime":
            moments = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
            aware = {moment.tzinfo is not None for moment in moments if moment is not None}
            if len(aware) > 1:
                raise ValueError("some of its times have an offset and others have none")
            same = [None if moment is None else _utc(moment) for moment in moments]
            return pl.Series(name, same, dtype=pl.Datetime("us", "UTC" if True in aware else None))
        return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)

    def _read(self, frame: Any) -> Frame:
        described, values = [], []
        for series in frame.get_columns():
            kind = self._dtype(series.dtype)
            if kind == "category":
                categories = series.cat.get_categories().to_list()
                described.append({"dtype": kind, "categories": categories, "ordered": False})
            else:
                described.append({"dtype": kind})
            values.append([_read_cell(cell, kind) for cell in series.to_list()])
        rows: list[Sequence[Any]] = [list(row) for row in zip(*values, strict=True)]
        made = Frame(list(frame.columns), list(described), rows)
        return Frame.read(made.wire())

    def _dtype(self, kind: Any) -> str:
        pl = self._pl
        if kind.is_integer():
            return "integer"
        if kind.is_float():
            return "number"
        if kind in (pl.Date, pl.Datetime):
            return "datetime"
        if kind in (pl.Categorical, pl.Enum):
            return "category"
        if kind == pl.Boolean:
            return "boolean"
        return "string" if kind == pl.String else "mixed"


def _odd_column(error: Exception) -> NodeError:
    reason = shortened(str(error).partition("\n")[0]).rstrip(".")
    return invalid_frame(f"a column does not hold what its type says: {reason}")


def _read_cell(cell: Any, kind: str) -> Any:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    return plain_cell(float(cell) if kind == "number" else cell)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _found(value: Any) -> Any:
    return None if value is None or value != value else plain_cell(value)


def _row(value: Any) -> int | None:
    return None if value is None or value != value else int(value)


def _need_parquet() -> None:
    if find_spec("pyarrow") is None:
        raise missing_dependency("pyarrow", "pip install pyarrow")
