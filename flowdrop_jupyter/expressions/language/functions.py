"""The functions of the expression language: a fixed set, each of bounded cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ..budget import SCALAR, charge, listed, weigh
from ..equality import identical, is_number, number_in
from ..quoting import quoted
from ..texts import rendered
from .operations import calculated, number, text, whole

_MANY: Final = 1000
_MAX_ORDERED: Final = 100_000
_MAX_UNIQUE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function, with the least and the largest number of its arguments."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1


def _items(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{quoted(value)} is not a list")
    return listed(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{quoted(value)} is not a mapping")
    return value


def _length(value: Any) -> int:
    if not isinstance(value, (str, list, tuple, Mapping)):
        raise TypeError(f"{quoted(value)} has no length")
    return len(value)


def _round(value: Any, digits: Any = 0) -> int | float:
    if not -300 <= whole(digits) <= 300:
        raise ValueError("a number is rounded to at most 300 digits")
    rounded = round(float(number(value)), digits)
    return calculated(int(rounded) if digits <= 0 else rounded)


def _extreme(choose: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    def chosen(*values: Any) -> Any:
        return choose(_comparable(_items(values[0]) if len(values) == 1 else list(values)))

    return chosen


def _comparable(items: list[Any]) -> list[Any]:
    if not items:
        raise ValueError("an empty list has no largest and no smallest item")
    if len(items) > _MAX_ORDERED:
        raise ValueError(f"at most {_MAX_ORDERED} items can be put in order")
    if not (all(map(is_number, items)) or all(isinstance(item, str) for item in items)):
        raise TypeError("only numbers, or only texts, have an order")
    return items


def _sum(values: Any) -> int | float:
    total: int | float = 0
    for value in _items(values):
        total = calculated(total + number(value))
    return total


def _replace(value: Any, old: Any, new: Any) -> str:
    subject, wanted, put = text(value), text(old), text(new)
    charge(subject.count(wanted) * len(put))
    return subject.replace(wanted, put)


def _split(value: Any, separator: Any) -> list[str]:
    subject, between = text(value), text(separator)
    charge(SCALAR * (subject.count(between) + 1))
    return subject.split(between)


def _join(values: Any, separator: Any = "") -> str:
    between = text(separator)
    parts = [rendered(value) for value in _items(values)]
    charge(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _slice(value: Any, start: Any, length: Any = None) -> Any:
    if not isinstance(value, (str, list, tuple)):
        raise TypeError(f"{quoted(value)} has no parts")
    first = whole(start)
    first = max(len(value) + first, 0) if first < 0 else first
    wanted = value[first:] if length is None else value[first:][: whole(length)]
    charge(len(wanted) if isinstance(value, str) else SCALAR * len(wanted))
    return wanted


def _reverse(value: Any) -> Any:
    return text(value)[::-1] if isinstance(value, str) else _items(value)[::-1]


def _sort(values: Any) -> list[Any]:
    items = _items(values)
    return sorted(_comparable(items)) if items else []


def _unique(values: Any) -> list[Any]:
    items = _items(values)
    weigh(items)
    if len(items) > _MAX_UNIQUE:
        raise ValueError(f"at most {_MAX_UNIQUE} items can be compared with each other")
    kept: list[Any] = []
    for item in items:
        if not any(identical(item, other) for other in kept):
            kept.append(item)
    return kept


def _merge(first: Any, *others: Any) -> Any:
    merged: Any
    if isinstance(first, Mapping):
        merged = {key: value for part in (first, *others) for key, value in _mapping(part).items()}
    else:
        merged = [item for part in (first, *others) for item in _items(part)]
    weigh(merged)
    return merged


def _to_number(value: Any) -> int | float:
    found = number_in(value)
    if found is None:
        raise ValueError(f"{quoted(value)} is not a number")
    return calculated(found)


def _read_json(value: Any) -> Any:
    decoded = msgspec.json.decode(text(value))
    weigh(decoded)
    return decoded


def _write_json(value: Any) -> str:
    weigh(value)
    written = msgspec.json.encode(value).decode()
    charge(len(written))
    return written


def _type(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}
    return names.get(type(value), "array")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(lambda value: calculated(abs(number(value)))),
    "ceil": Function(lambda value: calculated(math.ceil(number(value)))),
    "count": Function(_length),
    "first": Function(lambda value: next(iter(_items(value)), None)),
    "floor": Function(lambda value: calculated(math.floor(number(value)))),
    "join": Function(_join, 1, 2),
    "json_decode": Function(_read_json),
    "json_encode": Function(_write_json),
    "keys": Function(lambda value: listed(_mapping(value))),
    "last": Function(lambda value: next(iter(_items(value)[-1:]), None)),
    "length": Function(_length),
    "lower": Function(lambda value: text(value).lower()),
    "max": Function(_extreme(max), 1, _MANY),
    "merge": Function(_merge, 2, _MANY),
    "min": Function(_extreme(min), 1, _MANY),
    "number": Function(_to_number),
    "replace": Function(_replace, 3, 3),
    "reverse": Function(_reverse),
    "round": Function(_round, 1, 2),
    "slice": Function(_slice, 2, 3),
    "sort": Function(_sort),
    "split": Function(_split, 2, 2),
    "string": Function(rendered),
    "sum": Function(_sum),
    "trim": Function(lambda value: text(value).strip()),
    "type": Function(_type),
    "unique": Function(_unique),
    "upper": Function(lambda value: text(value).upper()),
    "values": Function(lambda value: listed(_mapping(value).values())),
}
"""The functions there are, by name."""
