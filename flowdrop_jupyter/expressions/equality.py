"""Equality of JSON values: the strict one, of type and value, and the one that reads numbers in texts.

Python's own takes ``True``, ``1`` and ``1.0`` for the same, inside lists and mappings too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .budget import charge

_NUMERIC: Final = re.compile(r"\s*[+-]?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)


def identical(one: Any, other: Any) -> bool:
    """Tell whether two JSON values have the same type and are equal, down to their last item (LANG-27).

    :raises RecursionError: for values nested too deeply to be compared.
    """
    return _same(one, other, loose=False)


def equal(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are equal; a number equals another of its value and a text that spells it.

    Nothing else equals a value of another type, so that null, false and 0 stay apart.

    :raises RecursionError: for values nested too deeply to be compared.
    """
    return _same(one, other, loose=True)


def is_number(value: Any) -> bool:
    """Tell whether *value* is a number; a truth value is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def number_in(value: Any) -> int | float | None:
    """Return the number that *value* is or spells, or None."""
    if is_number(value):
        return value if isinstance(value, int) else float(value)
    if isinstance(value, str) and _NUMERIC.fullmatch(value):
        plain = value.strip().lstrip("+-").isdigit()
        return int(value) if plain else float(value)
    return None


def _same(one: Any, other: Any, *, loose: bool) -> bool:
    charge(1)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in other and _same(value, other[key], loose=loose) for key, value in one.items()
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(
            _same(left, right, loose=loose) for left, right in zip(one, other, strict=True)
        )
    if loose and (is_number(one) or is_number(other)):
        left, right = number_in(one), number_in(other)
        return left is not None and right is not None and left == right
    return type(one) is type(other) and bool(one == other)
