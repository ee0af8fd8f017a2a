"""Nodes that make data frames from data and work on them, with pandas or polars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...expressions import quoted
from ..api import node
from ..signature import Config, Wire
from .conditions import row_test
from .formats import read_text
from .frame_libraries import Aggregation, Column, FrameLibrary, LibraryName, frame_library
from .frame_rows import Frame, columns_of, frame_of
from .lists import identity, sort_key
from .refusals import refused
from .tables import MAX_CELLS, Table, check_size, columns_named

FrameOperation: TypeAlias = Literal["head", "tail", "select", "filter", "sort", "group", "aggregate", "merge"]
"""What can be done with a data frame."""

_EMPTY: Final[dict[str, Any]] = {"columns": [], "rows": []}


class Framed(msgspec.Struct):
    """A data frame, and how it was made."""

    dataframe: Table
    rows_count: int
    columns_count: int
    format: str
    include_index: bool
    orient: str


class FrameOperated(msgspec.Struct):
    """What an operation made of a data frame."""

    result: Table
    operation: str
    input_rows: int
    output_rows: int
    columns: list[str]
    rows: int


@node(
    name="Data to data frame",
    category="data",
    icon="mdi:table-plus",
    color="#0e7490",
    tags=("dataframe", "list"),
)
def data_to_dataframe(
    data: Annotated[Any, Wire(lane="array")] = None,
    format: Annotated[Literal["json", "csv"], Config()] = "json",  # noqa: A002 - documented key
    includeIndex: Annotated[bool, Config()] = False,
    orient: Annotated[Literal["records", "index", "columns", "split"], Config()] = "records",
) -> Framed:
    """Makes a data frame from a list or an object.

    :param data: a list of rows, or an object that ``orient`` describes; a text is read first.
    :param format: how a text is written; the values of CSV become numbers where all of a column are.
    :param includeIndex: put the number or the name of each row into a first column ``index``.
    :param orient: ``records`` is a list of rows, ``index`` an object of rows, ``columns`` an object of
        lists, ``split`` an object with the lists ``columns`` and ``data``.
    """
    value = read_text(data, format, "data") if isinstance(data, str) else data
    from_csv = isinstance(data, str) and format == "csv"
    names, columns = _columns(value, "records" if from_csv else orient)
    if from_csv:
        columns = {name: _typed_cells(cells) for name, cells in columns.items()}
    if includeIndex:
        columns = {"index": names, **{name: cells for name, cells in columns.items() if name != "index"}}
    frame = frame_of(columns)
    return Framed(
        dataframe=frame.wire(),
        rows_count=len(frame.rows),
        columns_count=len(frame.columns),
        format=format,
        include_index=includeIndex,
        orient=orient,
    )


@node(
    name="Data frame operations",
    category="processing",
    icon="mdi:table-cog",
    color="#0e7490",
    tags=("dataframe", "group", "merge", "pandas", "polars", "sort"),
)
def dataframe_operations(
    dataframe: Annotated[Mapping[str, Any], Wire(lane="dataframe")] = _EMPTY,
    other: Annotated[Mapping[str, Any], Wire(lane="dataframe", exposed=False)] = _EMPTY,
    operation: Annotated[FrameOperation, Config()] = "head",
    columns: Annotated[Sequence[str], Config()] = (),
    rows: Annotated[int, Config(), msgspec.Meta(ge=0, le=MAX_CELLS)] = 5,
    condition: Annotated[str, Config()] = "",
    descending: Annotated[bool, Config()] = False,
    functions: Annotated[Sequence[Aggregation], Config()] = ("mean",),
    how: Annotated[Literal["inner", "left", "right", "outer"], Config()] = "inner",
    library: Annotated[LibraryName, Config()] = "auto",
) -> FrameOperated:
    """Selects, filters, sorts, groups or joins data frames.

    :param dataframe: the data frame; it is not changed.
    :param other: the data frame to merge with.
    :param operation: ``head`` and ``tail`` keep rows of one end, ``group`` makes one row for each value
        of the columns, ``aggregate`` one of the whole frame, ``merge`` joins the other frame.
    :param columns: those to select, to sort, group or merge by, or to aggregate; where there are none,
        all of them, or the ones that both frames have.
    :param rows: how many rows ``head`` and ``tail`` keep.
    :param condition: which rows ``filter`` keeps, such as ``age >= 30 and city contains "Ber"``.
    :param descending: whether to sort the largest first; what is missing comes last all the same.
    :param functions: what becomes of the numbers of a group, each in a column such as ``age_mean``.
    :param how: which rows of a merge stay that match no other: none, the left, the right, or both.
    :param library: the library that sorts, groups and merges; ``auto`` is pandas where it is installed.
    """
    frame = Frame.read(dataframe)
    if operation == "head":
        made = frame.picked(range(min(rows, len(frame.rows))))
    elif operation == "tail":
        made = frame.picked(range(max(len(frame.rows) - rows, 0), len(frame.rows)))
    elif operation == "select":
        made = frame.selected(columns_named(frame, columns)) if columns else frame
    elif operation == "filter":
        made = frame.kept(row_test(condition, frame)) if condition.strip() else frame
    elif operation == "sort":
        made = _sorted(frame, columns, descending, frame_library(library))
    elif operation == "group":
        if not columns:
            raise refused("Name the columns to group by.", "COLUMNS_MISSING", "columns")
        made = _grouped(frame, columns_named(frame, columns), (), functions, frame_library(library))
    elif operation == "aggregate":
        chosen = columns_named(frame, columns) if columns else ()
        made = _grouped(frame, (), chosen, functions, frame_library(library))
    else:
        made = _merged(frame, Frame.read(other), columns, how, frame_library(library))
    return FrameOperated(
        result=made.wire(),
        operation=operation,
        input_rows=len(frame.rows),
        output_rows=len(made.rows),
        columns=made.columns,
        rows=len(made.rows),
    )


def _sorted(frame: Frame, names: Sequence[str], descending: bool, library: FrameLibrary) -> Frame:
    positions = columns_named(frame, names) if names else list(range(len(frame.columns)))
    if not positions or not frame.rows:
        return frame
    return frame.picked(library.order([_ordered(frame, at) for at in positions], descending))


def _ordered(frame: Frame, position: int) -> Column:
    """Return a column that a library can sort: kinds that it does not know become places in an order."""
    described, cells = frame.described[position], frame.cells(position)
    if frame.kind(position) not in ("category", "mixed"):
        return Column(described, cells)
    categories = described.get("categories")
    if described.get("ordered") is True and isinstance(categories, (list, tuple)):
        known = list(categories)
    else:
        known = sorted((cell for cell in cells if cell is not None), key=sort_key)
    places: dict[bytes, int] = {}
    for value in known:
        places.setdefault(identity(value), len(places))
    ranks = [None if cell is None else places.get(identity(cell)) for cell in cells]
    return Column({"dtype": "integer"}, ranks)


def _grouped(
    frame: Frame,
    keys: Sequence[int],
    chosen: Sequence[int],
    functions: Sequence[Aggregation],
    library: FrameLibrary,
) -> Frame:
    numeric = [
        at for at in range(len(frame.columns)) if frame.kind(at) in ("integer", "number") and at not in keys
    ]
    odd = [frame.columns[at] for at in chosen if at not in numeric]
    if odd:
        message = f"Only columns of numbers can be aggregated, and {quoted(odd[0])} is none."
        raise refused(message, "COLUMN_NOT_NUMERIC", "columns")
    wanted = [(at, function) for at in (chosen or numeric) for function in dict.fromkeys(functions)]
    summed = {at: _summable(frame, at) for at in chosen or numeric}
    codes = _codes(frame, keys, {})
    groups = library.groups(codes, [(summed[at], how) for at, how in wanted])
    names = [frame.columns[at] for at in keys] + (["count"] if keys else [])
    described: list[Mapping[str, Any]] = [frame.described[at] for at in keys]
    described += [{"dtype": "integer"}] if keys else []
    for at, how in wanted:
        names.append(f"{frame.columns[at]}_{how}")
        summed_whole = summed[at].described["dtype"] == "integer" and how in ("sum", "min", "max")
        described.append({"dtype": "integer" if how == "count" or summed_whole else "number"})
    rows: list[Sequence[Any]] = []
    for place, first in enumerate(groups.first_rows):
        cells = [frame.rows[first][at] for at in keys] + ([groups.sizes[place]] if keys else [])
        kinds = [str(kind["dtype"]) for kind in described[len(cells) :]]
        found = zip((column[place] for column in groups.aggregates), kinds, strict=True)
        rows.append([*cells, *(_as(value, kind) for value, kind in found)])
    return Frame(names, described, rows)


def _as(value: Any, kind: str) -> Any:
    if value is None or isinstance(value, str):
        return value
    return int(value) if kind == "integer" else float(value)


def _summable(frame: Frame, position: int) -> Column:
    """Return a column of numbers that no library overflows with when it sums them."""
    numbers = frame.numbers(position)
    if frame.kind(position) == "integer":
        largest = max((abs(number) for number in numbers if number is not None), default=0)
        if largest * max(len(numbers), 1) < 2**63:
            return Column({"dtype": "integer"}, numbers)
    return Column({"dtype": "number"}, [None if number is None else float(number) for number in numbers])


def _codes(frame: Frame, keys: Sequence[int], known: dict[tuple[bytes, ...], int]) -> list[int]:
    """Return a number per row, the same for equal keys; *known* grows by the keys that are new."""
    found = (tuple(identity(row[at]) for at in keys) for row in frame.rows)
    return [known.setdefault(key, len(known)) for key in found]


def _complete(frame: Frame, keys: Sequence[int], codes: Sequence[int]) -> list[int | None]:
    """Return *codes* with null for a key of which a part is missing: it is equal to no other."""
    rows = zip(frame.rows, codes, strict=True)
    return [None if any(row[at] is None for at in keys) else code for row, code in rows]


def _merged(frame: Frame, other: Frame, names: Sequence[str], how: str, library: FrameLibrary) -> Frame:
    shared = list(names) or [name for name in frame.columns if name in other.columns]
    if not shared:
        raise refused("The data frames have no column in common to merge by.", "COLUMNS_MISSING", "columns")
    left_keys, right_keys = columns_named(frame, shared), columns_named(other, shared)
    known: dict[tuple[bytes, ...], int] = {}
    left = _complete(frame, left_keys, _codes(frame, left_keys, known))
    right = _complete(other, right_keys, _codes(other, right_keys, known))
    width = len(frame.columns) + len(other.columns) - len(right_keys)
    many = Counter(right)
    height = sum(many[code] for code in left if code is not None) + len(left) + len(right)
    if height * width > 2 * MAX_CELLS:
        message = f"The merged data frame would have up to {height} rows; {MAX_CELLS} values are the limit."
        raise refused(message, "DATAFRAME_TOO_LARGE", "columns")
    added = [at for at in range(len(other.columns)) if at not in right_keys]
    rows: list[Sequence[Any]] = []
    for one, two in sorted(library.pairs(left, right, how), key=_by_rows):
        if one is not None:
            cells = list(frame.rows[one])
        else:
            cells = [None] * len(frame.columns)
            for at, from_other in zip(left_keys, right_keys, strict=True):
                cells[at] = other.rows[two][from_other] if two is not None else None
        rows.append([*cells, *(None if two is None else other.rows[two][at] for at in added)])
    columns, described = list(frame.columns), list(frame.described)
    for at in added:
        columns.append(_free_name(other.columns[at], columns))
        described.append(other.described[at])
    return Frame(columns, described, rows)


def _by_rows(pair: tuple[int | None, int | None]) -> tuple[float, float]:
    one, two = pair
    return (float("inf") if one is None else one, float("inf") if two is None else two)


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_right"
    return name


def _columns(value: Any, orient: str) -> tuple[list[Any], dict[str, list[Any]]]:
    """Return the names of the rows and the columns of *value*."""
    if orient == "split" and isinstance(value, Mapping):
        names = value.get("columns")
        rows = value.get("data", value.get("rows"))
        if not isinstance(names, (list, tuple)) or not isinstance(rows, (list, tuple)):
            raise _no_rows('an object with the lists "columns" and "data"')
        if not all(isinstance(row, (list, tuple)) and len(row) == len(names) for row in rows):
            raise _no_rows("one value per column in every row")
        labels = [
            str(name["name"]) if isinstance(name, Mapping) and "name" in name else str(name) for name in names
        ]
        if len(set(labels)) < len(labels):
            raise _no_rows("a name of its own for every column")
        return list(range(len(rows))), {label: [row[at] for row in rows] for at, label in enumerate(labels)}
    if orient == "columns" and isinstance(value, Mapping):
        if not all(isinstance(cells, (list, tuple)) for cells in value.values()):
            raise _no_rows("an object of lists")
        if len({len(cells) for cells in value.values()}) > 1:
            raise _no_rows("lists of one length")
        height = len(next(iter(value.values()), ()))
        return list(range(height)), {name: list(cells) for name, cells in value.items()}
    if orient == "index" and isinstance(value, Mapping):
        return list(value), _of_rows(list(value.values()))
    if value is None:
        return [], {}
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    return list(range(len(items))), _of_rows(items)


def _of_rows(items: Sequence[Any]) -> dict[str, list[Any]]:
    if all(isinstance(item, Mapping) for item in items):
        return columns_of(items)
    if all(isinstance(item, (list, tuple)) for item in items):
        width = max(map(len, items), default=0)
        check_size(len(items), width)
        return {str(at): [row[at] if at < len(row) else None for row in items] for at in range(width)}
    return {"value": list(items)}


def _no_rows(expected: str) -> Exception:
    return refused(
        f"The data cannot become a data frame; this orientation needs {expected}.",
        "DATAFRAME_INVALID",
        "data",
    )


def _typed_cells(cells: Sequence[str | None]) -> list[Any]:
    present = [cell if cell is None or cell.strip() else None for cell in cells]
    try:
        return [cell and msgspec.json.decode(cell.strip(), type=int | float) for cell in present]
    except ValueError:
        return present


NODES = (data_to_dataframe, dataframe_operations)
