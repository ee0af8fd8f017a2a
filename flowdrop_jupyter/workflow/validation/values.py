"""Whether a configured value agrees with its schema: one order of checks, the first failure counts.

A save judges ``type``, ``enum``, bounds, lengths and ``pattern`` of the value itself and nothing in it
(R6.d … R6.h); a run judges all that the schema says (CFG-10). Anything in the schema that makes no
sense constrains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..sameness import same

Matcher: TypeAlias = Callable[[str, str], bool]
"""Tells whether a pattern matches a text; it is true of a pattern that cannot be read (R6.h)."""


@dataclass(frozen=True, slots=True)
class Breach:
    """The first constraint that a value does not meet, and what it demands."""

    constraint: str
    message: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", _is_integer),
    "number": ("a number", _is_number),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "array": ("a list", lambda value: isinstance(value, list | tuple)),
    "object": ("an object", lambda value: isinstance(value, Mapping)),
    "null": ("null", lambda value: value is None),
}


def first_breach(schema: Any, value: Any, matches: Matcher) -> Breach | None:
    """Return the first constraint of *schema* that *value* breaks; null breaks none (R6.i).

    The order is type, ``enum``, ``minimum``, ``maximum``, ``minLength``, ``maxLength``, ``pattern``.
    """
    if value is None or not isinstance(schema, Mapping):
        return None
    breach = _type_breach(schema.get("type"), value) or _enum_breach(schema.get("enum"), value)
    if breach is not None:
        return breach
    if _is_number(value):
        return _bound_breach(schema, value)
    return _text_breach(schema, value, matches) if isinstance(value, str) else None


def _type_breach(declared: Any, value: Any) -> Breach | None:
    words = declared if isinstance(declared, list | tuple) else (declared,)
    names = []
    for word in words:
        known = _TYPES.get(word) if isinstance(word, str) else None
        if known is None or known[1](value):
            return None
        names.append(known[0])
    return Breach("type", f"has to be {' or '.join(names)}") if names else None


def _enum_breach(allowed: Any, value: Any) -> Breach | None:
    if not isinstance(allowed, list | tuple) or any(same(value, item) for item in allowed):
        return None
    offered = ", ".join(repr(item) for item in allowed[:20])
    return Breach("enum", f"has to be one of {offered}{', …' if len(allowed) > 20 else ''}")


def _bound_breach(schema: Mapping[str, Any], value: Any) -> Breach | None:
    low: Any = schema.get("minimum")
    high: Any = schema.get("maximum")
    if _is_number(low) and value < low:
        return Breach("minimum", f"has to be at least {low}")
    if _is_number(high) and value > high:
        return Breach("maximum", f"has to be at most {high}")
    return None


def _text_breach(schema: Mapping[str, Any], value: str, matches: Matcher) -> Breach | None:
    pattern: Any = schema.get("pattern")
    shortest: Any = schema.get("minLength")
    longest: Any = schema.get("maxLength")
    if _is_number(shortest) and len(value) < shortest:
        return Breach("minLength", f"has to have at least {shortest} characters")
    if _is_number(longest) and len(value) > longest:
        return Breach("maxLength", f"has to have at most {longest} characters")
    if isinstance(pattern, str) and not matches(pattern, value):
        return Breach("pattern", f"has to match the pattern {pattern!r}")
    return None
