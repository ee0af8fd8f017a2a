"""Nodes that work on lists of values: filter, sort, group, repeat."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import check_path, quoted, read_path
from ..api import node
from ..signature import Config, Wire
from .arithmetic import as_decimal, calculated
from .refusals import refused

Operation: TypeAlias = Literal["filter", "sort", "group", "map", "reduce", "unique", "slice", "merge"]
"""What can be done with a list."""

Condition: TypeAlias = Literal[
    "equals",
    "not_equals",
    "contains",
    "greater_than",
    "less_than",
    "greater_than_or_equal",
    "less_than_or_equal",
    "is_empty",
    "is_not_empty",
]
"""The comparisons of a filter."""

Reduction: TypeAlias = Literal["sum", "average", "min", "max", "count", "join", "first", "last"]
"""The ways in which a list becomes one value."""

MAX_ITEMS: Final = 10_000
"""How often a value is repeated at most."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a repeated value, all of its copies together, as JSON."""

_SLICE: Final = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*", re.ASCII)
_NUMERIC: Final = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)


class Operated(msgspec.Struct):
    """What an operation made of a list."""

    result: Any
    operation: str
    input_count: int
    output_count: int


class Repeated(msgspec.Struct):
    """A value several times."""

    items: list[Any]
    count: int


@node(
    category="processing", icon="mdi:database-cog", color="#6366f1", tags=("list", "filter", "sort", "group")
)
def data_operations(
    data: Annotated[Any, Wire(lane="array")] = None,
    operation: Annotated[Operation, Config()] = "filter",
    key: Annotated[str, Config()] = "",
    value: Annotated[Any, Config(format="json")] = None,
    condition: Annotated[Condition, Config()] = "equals",
) -> Operated:
    """Filters, sorts, groups or otherwise changes a list.

    :param data: the list; another value counts as a list of one, null as an empty one.
    :param operation: what to do: ``map`` takes the key's value of each item, ``reduce`` makes one value
        of those, ``unique`` keeps the first item of each value, ``group`` gives objects with ``key``,
        ``items`` and ``count``.
    :param key: the property path at which an item is looked at; the item itself when it is empty.
    :param value: what to compare with; for ``sort``, ``desc`` reverses the order; for ``reduce``,
        ``sum``, ``average``, ``min``, ``max``, ``count``, ``join``, ``first`` or ``last``; for
        ``slice``, a number of items or ``start:end``; for ``merge``, a list to append or an object to
        put into every item.
    :param condition: how a filter compares; numbers with texts that spell numbers by what they are.
    """
    check_path(key)
    items = list(data) if isinstance(data, (list, tuple)) else [] if data is None else [data]
    if operation == "filter":
        made: Any = [item for item in items if fulfils(_at(item, key), condition, value)]
    elif operation == "sort":
        made = _sorted(items, key, descending=_descending(value))
    elif operation == "group":
        made = _grouped(items, key)
    elif operation == "map":
        made = [_at(item, key) for item in items]
    elif operation == "reduce":
        made = _reduced([_at(item, key) for item in items], value)
    elif operation == "unique":
        first: dict[bytes, Any] = {}
        for item in items:
            first.setdefault(identity(_at(item, key)), item)
        made = list(first.values())
    elif operation == "slice":
        made = items[_slice(value)]
    else:
        made = _merged(items, key, value)
    count = len(made) if isinstance(made, list) else 1
    return Operated(result=made, operation=operation, input_count=len(items), output_count=count)


@node(category="logic", icon="mdi:repeat", color="#6d28d9", tags=("list", "loop"))
def repeat(
    value: Any = None,
    count: Annotated[int, msgspec.Meta(ge=0, le=MAX_ITEMS)] = 1,
) -> Repeated:
    """Gives a value several times, as a list.

    :param value: what to repeat.
    :param count: how often.
    """
    size = len(msgspec.json.encode(value))
    if size * count > MAX_BYTES:
        message = f"{count} times {size} bytes are too much; {MAX_BYTES} bytes are the limit."
        raise refused(message, "REPEAT_TOO_LARGE", "count")
    return Repeated(items=[value] * count, count=count)


def fulfils(found: Any, condition: str, wanted: Any) -> bool:
    """Return whether *found* compares to *wanted* as *condition* says.

    Null, the empty text, list and object are empty. True and 1 are different, 1 and 1.0 are equal.
    """
    if condition in ("is_empty", "is_not_empty"):
        empty = found is None or (isinstance(found, (str, list, tuple, Mapping)) and not found)
        return empty is (condition == "is_empty")
    if condition == "contains":
        return _contains(found, wanted)
    left, right = _comparable(found, wanted)
    if condition in ("equals", "not_equals"):
        return (identity(left) == identity(right)) is (condition == "equals")
    if found is None or sort_key(left)[0] != sort_key(right)[0]:
        return False
    return _ORDERS[condition](sort_key(left), sort_key(right))


def sort_key(value: Any) -> tuple[int, Any]:
    """Return what orders values of any kind: numbers, texts, truth values, the others, then null."""
    if value is None:
        return (4, 0)
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, identity(value))


def identity(value: Any) -> bytes:
    """Return a text that two values share exactly if they are equal as JSON.

    :raises NodeError: ``VALUE_NOT_COMPARABLE`` for one that is nested too deeply.
    """
    try:
        return msgspec.json.encode(_canonical(value), order="deterministic")
    except (RecursionError, TypeError, ValueError, OverflowError) as error:
        raise NodeError(
            f"{quoted(type(value).__name__)}: a value cannot be compared.", code="VALUE_NOT_COMPARABLE"
        ) from error


def _canonical(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    return value


def _at(item: Any, key: str) -> Any:
    return read_path(item, key, strict=True) if key.strip() else item


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Return both as numbers where one is a number and the other a text that spells one."""
    if _is_number(left) and isinstance(right, str) and _NUMERIC.fullmatch(right.strip()):
        return left, float(right)
    if _is_number(right) and isinstance(left, str) and _NUMERIC.fullmatch(left.strip()):
        return float(left), right
    return left, right


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    if isinstance(found, Mapping):
        return isinstance(wanted, str) and wanted in found
    if isinstance(found, (list, tuple)):
        looked_for = identity(wanted)
        return any(identity(item) == looked_for for item in found)
    return False


_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "greater_than": lambda left, right: left > right,
    "less_than": lambda left, right: left < right,
    "greater_than_or_equal": lambda left, right: left >= right,
    "less_than_or_equal": lambda left, right: left <= right,
}


def _sorted(items: Sequence[Any], key: str, *, descending: bool) -> list[Any]:
    found = [(_at(item, key), item) for item in items]
    present = [pair for pair in found if pair[0] is not None]
    present.sort(key=lambda pair: sort_key(pair[0]), reverse=descending)
    # In both orders, what has no value comes last.
    return [item for _, item in present] + [item for value, item in found if value is None]


def _descending(value: Any) -> bool:
    if value in (None, "", "asc", "desc"):
        return bool(value == "desc")
    raise refused(f"{quoted(value)} is no order; use asc or desc.", "OPERATION_VALUE_INVALID", "value")


def _grouped(items: Sequence[Any], key: str) -> list[dict[str, Any]]:
    groups: dict[bytes, dict[str, Any]] = {}
    for item in items:
        found = _at(item, key)
        group = groups.setdefault(identity(found), {"key": found, "items": [], "count": 0})
        group["items"].append(item)
        group["count"] += 1
    return list(groups.values())


def _reduced(values: Sequence[Any], wanted: Any) -> Any:
    how = wanted or "sum"
    present = [value for value in values if value is not None]
    if how == "count":
        return len(present)
    if how in ("first", "last"):
        return (present[0] if how == "first" else present[-1]) if present else None
    if how == "join":
        return ", ".join(value if isinstance(value, str) else msgspec.json.encode(value).decode()
                         for value in present)  # fmt: skip
    if how in ("min", "max"):
        return (min if how == "min" else max)(present, key=sort_key, default=None)
    if how not in ("sum", "average"):
        raise refused(f"{quoted(wanted)} is no way to reduce a list.", "OPERATION_VALUE_INVALID", "value")
    numbers = [as_decimal(value, "data") for value in present]
    if not numbers:
        return None if how == "average" else 0
    return calculated("average" if how == "average" else "add", numbers)


def _slice(value: Any) -> slice:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return slice(0, value)
    if isinstance(value, Mapping) and value.keys() <= {"start", "end"}:
        bounds = [value.get("start"), value.get("end")]
        if all(bound is None or (isinstance(bound, int) and not isinstance(bound, bool)) for bound in bounds):
            return slice(*bounds)
    if isinstance(value, str) and (found := _SLICE.fullmatch(value)):
        return slice(*(int(bound) if bound else None for bound in found.groups()))
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value, re.ASCII):
        return slice(0, int(value))
    message = f"{quoted(value)} is no slice; give a number of items or start:end."
    raise refused(message, "OPERATION_VALUE_INVALID", "value")


def _merged(items: Sequence[Any], key: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [{**item, **value} if isinstance(item, Mapping) else item for item in items]
    flat = [inner for item in items for inner in (item if isinstance(item, (list, tuple)) else (item,))]
    if isinstance(value, (list, tuple)):
        flat += value
    elif value not in (None, ""):
        raise refused("Only a list or an object can be merged.", "OPERATION_VALUE_INVALID", "value")
    if not key.strip():
        return flat
    # What has the same key is one thing, of which later ones say more.
    merged: dict[bytes, Any] = {}
    for item in flat:
        place = identity(_at(item, key))
        known = merged.get(place)
        if isinstance(known, Mapping) and isinstance(item, Mapping):
            merged[place] = {**known, **item}
        else:
            merged[place] = item
    return list(merged.values())


NODES = (data_operations, repeat)
