"""The filters of templates, each of bounded cost.

Most are Jinja's own with their inputs limited and their results charged to the budget. None is lazy:
a chain of generators would run at a time that nobody accounts for. A value becomes text as it does
in the template's output, so ``[1]|upper`` works on ``[1]``'s JSON.
"""

from __future__ import annotations

import functools
import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment, Undefined, pass_context, pass_environment
from jinja2.filters import (
    do_first,
    do_last,
    do_title,
    do_truncate,
    do_wordcount,
    ignore_case,
    make_attrgetter,
    make_multi_attrgetter,
    sync_do_map,
    sync_do_reject,
    sync_do_rejectattr,
    sync_do_select,
    sync_do_selectattr,
)
from jinja2.runtime import Context
from jinja2.utils import url_quote
from markupsafe import Markup, escape

from .budget import SCALAR, charge, listed, steps, weighed
from .texts import rendered

MAX_NUMBER_BITS: Final = 1024
"""Bits of the largest number a template may calculate with."""

_MAX_ORDERED: Final = 100_000
_MAX_DIGITS: Final = 400
_MAX_INDENT: Final = 8
_MAX_TRIMMED: Final = 64
_SLOW: Final = 8


def is_empty(value: Any) -> bool:
    """Tell whether *value* is missing, null, false or holds nothing."""
    return isinstance(value, Undefined) or value is None or value is False or value in ("", [], {})


def number_bits(number: float) -> int:
    """Return how many bits *number* needs."""
    return number.bit_length() if isinstance(number, int) else 64


def _number(value: Any) -> Any:
    if not isinstance(value, (int, float)):
        raise TypeError("a number is needed")
    if number_bits(value) > MAX_NUMBER_BITS:
        raise OverflowError("a number grows too large")
    return value


def _slow_text(value: Any) -> str:
    # For what takes some hundred nanoseconds per character, in one call that nothing interrupts.
    text = rendered(value)
    charge((_SLOW - 1) * len(text))
    return text


def _produced(result: str) -> str:
    charge(len(result))
    return result


def _of_text(method: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: _produced(method(rendered(value)))


# --- numbers


def _abs(value: Any) -> Any:
    return abs(_number(value))


def _int(value: Any, default: int = 0, base: int = 10) -> Any:
    try:
        if isinstance(value, str):
            try:
                return _number(int(_digits(value), base))
            except ValueError:
                return int(float(_digits(value)))
        return int(_number(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _float(value: Any, default: float = 0.0) -> Any:
    try:
        return float(_digits(value) if isinstance(value, str) else _number(value))
    except (TypeError, ValueError, OverflowError):
        return default


def _digits(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number has too many digits")
    return text


def _round(value: Any, precision: int = 0, method: str = "common") -> Any:
    number = _number(value)
    if not isinstance(precision, int) or abs(precision) > 300:
        raise ValueError("a number is rounded to at most 300 digits")
    if method == "common":
        return round(number, precision)
    if method not in ("ceil", "floor"):
        raise ValueError("the method must be common, ceil or floor")
    return getattr(math, method)(number * (10**precision)) / (10**precision)


@pass_environment
def _sum(environment: Environment, items: Any, attribute: Any = None, start: Any = 0) -> Any:
    of = make_attrgetter(environment, attribute)
    total = _number(start)
    for item in steps(items, 1):
        total = _number(total + _number(of(item) if attribute is not None else item))
    return total


# --- texts


def _raw(value: Any) -> Markup:
    return Markup(rendered(value))  # noqa: S704 - the author's explicit wish (LANG-7)


def _escape(value: Any) -> Markup:
    return Markup(_produced(escape(rendered(value))))  # noqa: S704 - escaped


def _nl2br(value: Any) -> Markup:
    lines = str(escape(_slow_text(value))).splitlines()
    return Markup(_produced("<br>\n".join(lines)))  # noqa: S704 - escaped


def _join(items: Any, separator: Any = "") -> Markup:
    between = escape(rendered(separator))
    parts = [_escape(item) for item in steps(items, SCALAR + len(between))]
    return Markup(str.join(between, parts))  # noqa: S704 - escaped


def _replace(value: Any, old: Any, new: Any) -> str:
    text, wanted, put = rendered(value), rendered(old), rendered(new)
    if isinstance(text, Markup):
        put = escape(put)
    charge(len(text) + text.count(wanted) * len(put))
    return text.replace(wanted, put)


def _reverse(value: Any) -> Any:
    return rendered(value)[::-1] if isinstance(value, str) else listed(value)[::-1]


def _trim(value: Any, chars: str | None = None) -> str:
    if chars is not None and len(chars) > _MAX_TRIMMED:
        raise ValueError(f"at most {_MAX_TRIMMED} different characters are trimmed")
    return rendered(value).strip(chars)


@pass_environment
def _truncate(environment: Environment, value: Any, *arguments: Any, **named: Any) -> str:
    return _produced(do_truncate(environment, rendered(value), *arguments, **named))


def _striptags(value: Any) -> str:
    """Return the text without tags and comments, its entities read, its blanks collapsed."""
    text, parts, start, comments = _slow_text(value), [], 0, True
    while (tag := text.find("<", start)) >= 0:
        charge()
        end = -1
        if comments and text.startswith("<!--", tag):
            end = text.find("-->", tag + 4)
            comments = end >= 0
            end += 2 if end >= 0 else 0
        if end < 0:
            end = text.find(">", tag)
        if end < 0:
            break
        parts.append(text[start:tag])
        start = end + 1
    parts.append(text[start:])
    return " ".join(_unescaped("".join(parts)).split())


def _unescaped(text: str) -> str:
    # An entity begins with an ampersand and holds no other, so that the text may be cut before each.
    read: list[str] = []
    for entity in text.split("&"):
        charge()
        read.append(html.unescape(f"&{entity}") if read else entity)
    return "".join(read)


def _title(value: Any) -> str:
    return do_title(_slow_text(value))


def _wordcount(value: Any) -> int:
    return do_wordcount(_slow_text(value))


def _urlencode(value: Any) -> str:
    if isinstance(value, (str, int, float)) or is_empty(value):
        return _produced(url_quote(_slow_text(value)))
    pairs = value.items() if isinstance(value, Mapping) else value
    return "&".join(
        f"{_produced(url_quote(_slow_text(key), for_qs=True))}="
        f"{_produced(url_quote(_slow_text(item), for_qs=True))}"
        for key, item in steps(pairs, 1)
    )


def _tojson(value: Any, indent: int | None = None) -> Markup:
    """Return JSON that is safe inside HTML, written piece by piece so that each can be charged."""
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= _MAX_INDENT):
        raise ValueError(f"an indent is a number from 0 to {_MAX_INDENT}")
    pieces = []
    for piece in json.JSONEncoder(indent=indent, sort_keys=True).iterencode(value):
        charge(len(piece))
        pieces.append(piece)
    text = "".join(pieces)
    for character in "<>&'":
        charge(text.count(character) * len(r"\u0000"))
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing in it is markup


# --- collections


def _length(value: Any) -> int:
    charge()
    return len(value)


def _default(value: Any, fallback: Any = "") -> Any:
    return fallback if is_empty(value) else value


@pass_environment
def _first(environment: Environment, value: Any) -> Any:
    charge()
    return do_first(environment, value)


@pass_environment
def _last(environment: Environment, value: Any) -> Any:
    charge()
    return do_last(environment, value)


def _items(value: Any) -> list[Any]:
    return [] if isinstance(value, Undefined) else listed(value.items())


def _ordered(items: list[Any], keys: Sequence[Any], *, reverse: bool) -> list[Any]:
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
    return [items[place] for place in places]


def _comparable(items: Any) -> list[Any]:
    found = listed(items)
    if len(found) > _MAX_ORDERED:
        raise ValueError(f"at most {_MAX_ORDERED} values can be put in order")
    return found


def _scalar(value: Any) -> Any:
    if not isinstance(value, (str, int, float)) and value is not None:
        raise TypeError("only texts and numbers can be compared")
    return value


@pass_environment
def _sort(
    environment: Environment,
    value: Any,
    reverse: bool = False,
    case_sensitive: bool = False,
    attribute: Any = None,
) -> list[Any]:
    items = _comparable(value)
    of = make_multi_attrgetter(environment, attribute, postprocess=None if case_sensitive else ignore_case)
    return _ordered(items, [[_scalar(part) for part in of(item)] for item in items], reverse=bool(reverse))


def _dictsort(value: Any, case_sensitive: bool = False, by: str = "key", reverse: bool = False) -> list[Any]:
    if by not in ("key", "value"):
        raise ValueError('a dictionary is sorted by "key" or "value"')
    items = _comparable(_items(value))
    sides = [_scalar(item[by == "value"]) for item in items]
    keys = sides if case_sensitive else [ignore_case(side) for side in sides]
    return _ordered(items, keys, reverse=bool(reverse))


def _keys_of(environment: Environment, items: list[Any], case_sensitive: bool, attribute: Any) -> list[Any]:
    of = make_attrgetter(environment, attribute, postprocess=None if case_sensitive else ignore_case)
    return [_scalar(of(item)) for item in items]


@pass_environment
def _unique(
    environment: Environment, value: Any, case_sensitive: bool = False, attribute: Any = None
) -> list[Any]:
    items = _comparable(value)
    firsts: dict[Any, Any] = {}
    for key, item in zip(_keys_of(environment, items, case_sensitive, attribute), items, strict=True):
        firsts.setdefault(key, item)
    return list(firsts.values())


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    @pass_environment
    def chosen(
        environment: Environment, value: Any, case_sensitive: bool = False, attribute: Any = None
    ) -> Any:
        items = _comparable(value)
        if not items:
            return environment.undefined("No aggregated item, sequence was empty.")
        keys = _keys_of(environment, items, case_sensitive, attribute)
        return items[choose(range(len(items)), key=keys.__getitem__)]

    return chosen


def _eager(lazy: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    @functools.wraps(lazy)
    def of_all(context: Context, value: Any, *arguments: Any, **named: Any) -> list[Any]:
        return listed(lazy(context, steps(value, 1), *arguments, **named))

    return of_all


@pass_context
def _map(context: Context, value: Any, *arguments: Any, **named: Any) -> list[Any]:
    # One value may stand for many, as in map("default", large).
    return weighed(sync_do_map(context, steps(value, 1), *arguments, **named))


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": _abs,
    "capitalize": _of_text(lambda text: text.capitalize()),
    "count": _length,
    "d": _default,
    "default": _default,
    "dictsort": _dictsort,
    "e": _escape,
    "escape": _escape,
    "first": _first,
    "float": _float,
    "int": _int,
    "items": _items,
    "join": _join,
    "json_encode": rendered,
    "keys": listed,
    "last": _last,
    "length": _length,
    "list": listed,
    "lower": _of_text(lambda text: text.lower()),
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "nl2br": _nl2br,
    "raw": _raw,
    "reject": _eager(sync_do_reject),
    "rejectattr": _eager(sync_do_rejectattr),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "select": _eager(sync_do_select),
    "selectattr": _eager(sync_do_selectattr),
    "sort": _sort,
    "string": rendered,
    "striptags": _striptags,
    "sum": _sum,
    "title": _title,
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": _of_text(lambda text: text.upper()),
    "urlencode": _urlencode,
    "wordcount": _wordcount,
}
"""The filters there are, by name."""
