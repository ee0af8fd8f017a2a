"""When two JSON values are the same: of one type and equal, which Python's own comparison does not ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values have one type and are equal, down to their last item (R6.e, MAN-16).

    ``1`` is not ``true``, nor ``1.0``, nor ``"1"``.

    :raises RecursionError: for values nested too deeply to be compared.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)
