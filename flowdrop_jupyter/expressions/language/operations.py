"""What the operators of the expression language do to JSON values, each at a bounded cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..budget import SCALAR, charge, weigh
from ..equality import equal, identical, number_in
from ..patterns import pattern_matches
from ..quoting import quoted
from ..texts import rendered

MAX_RANGE: Final = 10_000
"""Numbers a range ``a..b`` may hold."""

_LARGEST: Final = 2**64
_FLAGS: Final = frozenset("imsu")


class Absent(LookupError):
    """Raised when a name or a place is not there; ``??`` gives its other side then."""


def truth(value: Any) -> bool:
    """Tell whether *value* counts as true: null, false, 0, "", "0" and what is empty do not."""
    return bool(value) and value != "0"


def item(container: Any, key: Any) -> Any:
    """Return what *container*, a mapping or list, holds at *key*, or null when it holds nothing there.

    Python attributes are out of reach: only keys and indexes are looked at.

    :raises Absent: for null instead of a container.
    :raises TypeError: for anything else that is no container, and for an odd key.
    """
    charge(1)
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise TypeError(f"{quoted(key)} is neither a key nor an index")
    if isinstance(container, Mapping):
        return container.get(str(key))
    if isinstance(container, (list, tuple)):
        if isinstance(key, str) and not (key.isascii() and key.isdigit() and len(key) < 13):
            return None
        index = int(key)
        return container[index] if 0 <= index < len(container) else None
    if container is None:
        raise Absent(f"{quoted(key)} is asked of null")
    raise TypeError(f"{quoted(container)} holds nothing at {quoted(key)}")


def calculated(number: Any) -> int | float:
    """Return *number*, a result of arithmetic, if JSON can hold it.

    :raises OverflowError: when it is too large, or no number any more.
    """
    if isinstance(number, int):
        if -_LARGEST < number < _LARGEST:
            return number
    elif isinstance(number, float) and math.isfinite(number):
        return number
    raise OverflowError("a number grows too large")


def number(value: Any) -> int | float:
    """Return *value*, which has to be a number.

    :raises TypeError: when it is none; a text that spells one is none either.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{quoted(value)} is not a number")
    return calculated(value)


def text(value: Any) -> str:
    """Return *value*, which has to be a text.

    :raises TypeError: when it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{quoted(value)} is not a text")
    charge(len(value))
    return value


def whole(value: Any) -> int:
    """Return *value*, which has to be an integer.

    :raises TypeError: when it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{quoted(value)} is not an integer")
    return value


def _divided(left: Any, right: Any) -> int | float:
    one, other = number(left), number(right)
    if isinstance(one, int) and isinstance(other, int) and other and one % other == 0:
        return one // other
    return one / other


def _remainder(left: Any, right: Any) -> int:
    one, other = whole(left), whole(right)
    rest = abs(one) % abs(other)
    return -rest if one < 0 else rest


def _power(left: Any, right: Any) -> int | float:
    base, exponent = number(left), number(right)
    if isinstance(base, int) and isinstance(exponent, int):
        if exponent > 64 and abs(base) > 1:
            raise OverflowError("a number grows too large")
        if exponent < 0:
            base = float(base)
    elif base < 0 and exponent != int(exponent):
        raise ValueError("a negative number has no such power")
    raised: int | float = base**exponent if abs(base) > 1 or exponent < 0 else _small_power(base, exponent)
    return raised


def _small_power(base: float, exponent: float) -> int | float:
    # 0, 1 and -1 to any power cost nothing; Python would multiply through all of a large exponent.
    if isinstance(base, int) and isinstance(exponent, int):
        if exponent == 0 or base == 1:
            return 1
        return base if base == 0 or exponent % 2 else 1
    raised: float = base**exponent
    return raised


def _arithmetic(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: calculated(operate(number(left), number(right)))


def _ordered(order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            charge(min(len(left), len(right)))
            return order(left, right)
        one, other = number_in(left), number_in(right)
        if one is None or other is None:
            raise TypeError(f"{quoted(left, 80)} and {quoted(right, 80)} have no order")
        return order(one, other)

    return ordered


def _matches(value: Any, pattern: Any) -> bool:
    subject, wanted = rendered(value), text(pattern)
    flags = ""
    end = wanted.rfind("/")
    if wanted.startswith("/") and end > 0 and _FLAGS.issuperset(wanted[end + 1 :]):
        wanted, flags = wanted[1:end].replace(r"\/", "/"), wanted[end + 1 :]
    charge()
    return any(True for _ in pattern_matches(wanted, subject, flags=flags, first_only=True))


def _among(value: Any, values: Any) -> bool:
    if isinstance(values, str):
        return text(value) in text(values)
    if isinstance(values, Mapping):
        values = values.values()
    elif not isinstance(values, (list, tuple)):
        raise TypeError(f"{quoted(values)} has no items to look among")
    return any(identical(value, candidate) for candidate in values)


def _range(start: Any, stop: Any) -> list[int]:
    first, last = whole(start), whole(stop)
    if abs(last - first) >= MAX_RANGE:
        raise OverflowError(f"a range holds at most {MAX_RANGE} numbers")
    step = 1 if first <= last else -1
    charge(SCALAR * (abs(last - first) + 1))
    return list(range(first, last + step, step))


def _joined(left: Any, right: Any) -> str:
    parts = rendered(left), rendered(right)
    charge(len(parts[0]) + len(parts[1]))
    return "".join(parts)


def _compared(compare: Callable[[Any, Any], bool], wanted: bool) -> Callable[[Any, Any], bool]:
    def compared(left: Any, right: Any) -> bool:
        weigh(left)  # which also refuses what is nested too deeply to be compared
        return compare(left, right) is wanted

    return compared


BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "xor": lambda left, right: truth(left) is not truth(right),
    "|": lambda left, right: whole(left) | whole(right),
    "^": lambda left, right: whole(left) ^ whole(right),
    "&": lambda left, right: whole(left) & whole(right),
    "==": _compared(equal, True),
    "!=": _compared(equal, False),
    "===": _compared(identical, True),
    "!==": _compared(identical, False),
    "<": _ordered(lambda left, right: left < right),
    ">": _ordered(lambda left, right: left > right),
    "<=": _ordered(lambda left, right: left <= right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _among,
    "not in": lambda left, right: not _among(left, right),
    "matches": _matches,
    "contains": lambda left, right: text(right) in text(left),
    "starts with": lambda left, right: text(left).startswith(text(right)),
    "ends with": lambda left, right: text(left).endswith(text(right)),
    "..": _range,
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "~": _joined,
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(_divided),
    "%": _arithmetic(_remainder),
    "**": _arithmetic(_power),
}
"""What each operator does to the values on its two sides; those that may leave one out are the parser's."""
