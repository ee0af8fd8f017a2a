"""Data frames on the wire: the one JSON form in which nodes hand them on.

``{"columns": [{"name", "dtype"}, …], "rows": [[…], …]}``: a run is resumed from stored outputs
(ERR-6), so a frame has to survive as JSON. ``dtype`` is one of :data:`DTYPES`; a category column
lists its ``categories`` and whether they are ``ordered``. A missing value is null; dates are ISO
8601 texts; a value of a ``mixed`` column without a JSON form becomes its text.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import shortened
from ..signature import Lane, Wire

if TYPE_CHECKING:
    import pandas

DTYPES: Final = ("integer", "number", "boolean", "string", "datetime", "category", "mixed")
"""What a column of a data frame may be."""

MAX_CELLS: Final = 1_000_000
"""Cells a data frame may have; larger ones do not belong into a workflow's stored state."""

_LISTED: Final = 50
_LONGEST_LISTED: Final = 60
_SUGGESTED: Final = 3
_COMPARED: Final = 500
_LONGEST_COMPARED: Final = 64

Table: TypeAlias = Annotated[Mapping[str, Any], Lane("dataframe")]
"""A data frame as an output."""

TableInput: TypeAlias = Annotated[Mapping[str, Any], Wire(lane="dataframe")]
"""A data frame as a required input."""


def need_pandas() -> ModuleType:
    """Return pandas, imported on first use.

    :raises NodeError: ``DEPENDENCY_MISSING`` naming the command that installs it.
    """
    try:
        import pandas
    except ImportError as error:
        raise missing_dependency("pandas") from error
    return pandas


def missing_dependency(package: str, command: str = 'pip install "flowdrop-jupyter[data]"') -> NodeError:
    """Return the error that says that *package* is not installed and which command does it."""
    return NodeError(
        f"This node needs {package}, which is not installed here. Install it with: {command}",
        code="DEPENDENCY_MISSING",
    )


def to_wire(frame: pandas.DataFrame) -> dict[str, Any]:
    """Return *frame* in its wire form; the index is left out.

    :raises NodeError: ``DATAFRAME_TOO_LARGE`` beyond :data:`MAX_CELLS`.
    """
    check_size(*frame.shape)
    height = len(frame)
    columns, values = [], []
    for position, name in enumerate(frame.columns):
        described, cells = _column_to_wire(frame.iloc[:, position])
        columns.append({"name": str(name), **described})
        values.append(cells)
    rows = [list(row) for row in zip(*values, strict=True)] if values else [[] for _ in range(height)]
    return {"columns": columns, "rows": rows}


def check_size(height: int, width: int) -> None:
    """Refuse a data frame of too many cells.

    :raises NodeError: ``DATAFRAME_TOO_LARGE`` beyond :data:`MAX_CELLS`.
    """
    if height * width > MAX_CELLS:
        raise NodeError(
            f"A data frame of {height} rows and {width} columns is too large;"
            f" {MAX_CELLS} values are the limit.",
            code="DATAFRAME_TOO_LARGE",
        )


def from_wire(table: Mapping[str, Any]) -> pandas.DataFrame:
    """Return the data frame that *table* describes.

    :raises NodeError: ``DATAFRAME_INVALID`` when *table* is not in the wire form.
    """
    pd = need_pandas()
    names, described, rows = read_wire(table)
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    try:
        series = [
            series_of(pd, description, values) for description, values in zip(described, cells, strict=True)
        ]
    except (TypeError, ValueError, OverflowError) as error:
        reason = shortened(str(error).partition("\n")[0]).rstrip(".")
        raise invalid_frame(f"a column does not hold what its type says: {reason}") from error
    # By position first: names may repeat.
    frame: pandas.DataFrame = pd.DataFrame(dict(enumerate(series)), index=range(len(rows)))
    frame.columns = pd.Index(names, dtype=object)
    return frame


def read_wire(table: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]], list[Sequence[Any]]]:
    """Return the names, descriptions and rows of *table*, whose cells are not looked at.

    :raises NodeError: ``DATAFRAME_INVALID`` when *table* is not in the wire form.
    """
    columns, rows = table.get("columns"), table.get("rows")
    if not isinstance(columns, (list, tuple)) or not isinstance(rows, (list, tuple)):
        raise invalid_frame('it needs the lists "columns" and "rows"')
    described = [column for column in columns if isinstance(column, Mapping)]
    names = [column.get("name") for column in described]
    if len(described) < len(columns) or not all(isinstance(name, str) for name in names):
        raise invalid_frame('every column needs a "name"')
    if not all(isinstance(row, (list, tuple)) and len(row) == len(columns) for row in rows):
        raise invalid_frame("every row needs one value per column")
    return [str(name) for name in names], described, list(rows)


def invalid_frame(reason: str) -> NodeError:
    """Return the error that says that something is no data frame, and why."""
    return NodeError(f"This is not a data frame: {reason}.", code="DATAFRAME_INVALID")


class HasColumns(Protocol):
    """Whatever has named columns: data frames of any library."""

    @property
    def columns(self) -> Iterable[Any]:
        """The names."""
        ...


def columns_named(frame: HasColumns, names: Sequence[str]) -> list[int]:
    """Return the positions of the columns that *names* mean, one per name.

    Spelling counts first; then upper and lower case, spaces, dashes and underscores do not.

    :raises NodeError: ``COLUMN_UNKNOWN`` naming the columns there are and the nearest of them.
    """
    there = [str(name) for name in frame.columns]
    exact, alike = _first_places(there), _first_places(map(_folded, there))
    return [_position(there, exact, alike, name) for name in names]


def _first_places(names: Iterable[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name, place)
    return places


def _position(there: Sequence[str], exact: Mapping[str, int], alike: Mapping[str, int], name: str) -> int:
    place = exact.get(name, alike.get(_folded(name)))
    if place is not None:
        return place
    near = _nearest(alike, name)
    suggested = [column for column in there if near and _folded(column) in near]
    hint = f" Did you mean {listed(suggested[:_SUGGESTED])}?" if suggested else ""
    shown = shortened(name)
    raise NodeError(
        f"There is no column `{shown}`.{hint} The columns are {listed(there)}.",
        code="COLUMN_UNKNOWN",
        details=[{"code": "COLUMN_UNKNOWN", "message": f"unknown column {shown}", "locator": shown}],
    )


def _nearest(alike: Iterable[str], name: str) -> set[str]:
    # The comparison takes the product of the lengths, for each column.
    if len(name) > _LONGEST_COMPARED:
        return set()
    candidates = [column for column in islice(alike, _COMPARED) if len(column) <= _LONGEST_COMPARED]
    return set(difflib.get_close_matches(_folded(name), candidates, n=_SUGGESTED, cutoff=0.5))


def _folded(name: str) -> str:
    return "".join(name.casefold().replace("_", " ").replace("-", " ").split())


def listed(names: Iterable[Any]) -> str:
    """Return the first of *names* as a list for a message."""
    return ", ".join(f"`{shortened(name, _LONGEST_LISTED)}`" for name in islice(names, _LISTED))


def _column_to_wire(column: pandas.Series[Any]) -> tuple[dict[str, Any], list[Any]]:
    pd = need_pandas()
    kinds, kind = pd.api.types, column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        described = {
            "dtype": "category",
            "categories": [plain_cell(value) for value in kind.categories.tolist()],
            "ordered": bool(kind.ordered),
        }
        return described, _cells(column.astype(object), plain_cell)
    if kinds.is_bool_dtype(kind):
        return {"dtype": "boolean"}, _cells(column, bool)
    if kinds.is_integer_dtype(kind):
        return {"dtype": "integer"}, _cells(column, int)
    if kinds.is_float_dtype(kind):
        return {"dtype": "number"}, _cells(column, _number)
    if isinstance(kind, pd.DatetimeTZDtype):
        return {"dtype": "datetime"}, _cells(column.dt.tz_convert("UTC"), _iso)
    if kinds.is_datetime64_any_dtype(kind):
        return {"dtype": "datetime"}, _cells(column, _iso)
    if isinstance(kind, pd.StringDtype):
        return {"dtype": "string"}, _cells(column, str)
    cells = _cells(column.astype(object), plain_cell)
    all_texts = bool(cells) and all(cell is None or isinstance(cell, str) for cell in cells)
    return {"dtype": "string" if all_texts else "mixed"}, cells


def _cells(column: pandas.Series[Any], convert: Any) -> list[Any]:
    missing = column.isna().tolist()
    return [None if gone else convert(value) for value, gone in zip(column.tolist(), missing, strict=True)]


def _number(value: Any) -> float | str:
    # JSON has no infinity, and null is taken: it means missing.
    number = float(value)
    return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _iso(value: Any) -> str:
    return str(value.isoformat())


def plain_cell(value: Any) -> Any:
    """Return a value of a column of any kind in its JSON form, which may be its text."""
    if isinstance(value, float) or hasattr(value, "dtype"):
        value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "isoformat"):
        return _iso(value)
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return str(value)


def series_of(pd: ModuleType, described: Mapping[str, Any], values: Sequence[Any]) -> Any:
    """Return a column as a pandas series.

    :raises TypeError, ValueError, OverflowError: when it does not hold what its type says.
    """
    kind, cells = described.get("dtype"), list(values)
    if kind == "category":
        categories = described.get("categories")
        known = list(categories) if isinstance(categories, (list, tuple)) else None
        typed = pd.Categorical(cells, categories=known, ordered=described.get("ordered") is True)
        return pd.Series(typed)
    if kind == "boolean":
        return pd.Series(cells, dtype="boolean" if None in cells else "bool")
    if kind == "integer":
        large = any(cell is not None and not -(2**63) <= cell < 2**63 for cell in cells)
        name = "UInt64" if large else "Int64"
        return pd.Series(cells, dtype=name if None in cells else name.lower())
    if kind == "number":
        return pd.Series([math.nan if cell is None else float(cell) for cell in cells], dtype="float64")
    if kind == "datetime":
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype=object), format="ISO8601"))
    if kind == "string":
        return pd.Series(cells, dtype="str")
    return pd.Series(cells, dtype=object)
