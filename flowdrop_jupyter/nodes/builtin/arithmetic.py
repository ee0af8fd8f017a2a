"""Nodes that calculate: decimal arithmetic without the surprises of binary fractions."""

from __future__ import annotations

import decimal
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...expressions import quoted
from ..api import node
from ..signature import Config, Wire
from .refusals import refused

Operation: TypeAlias = Literal[
    "add", "subtract", "multiply", "divide", "power", "sqrt", "average", "min", "max", "median", "mode"
]
"""What the calculator can do."""

MAX_VALUES: Final = 100_000
"""Numbers one calculation takes, or one range has."""

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_LONGEST_NUMBER: Final = 100
_EXACT: Final = 2**53
_CONTEXT: Final = decimal.Context(
    prec=50,
    rounding=decimal.ROUND_HALF_UP,
    Emin=-999,
    Emax=999,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)


class Calculated(msgspec.Struct):
    """The result of a calculation, and what it was made from."""

    result: float
    operation: str
    values: list[float]
    precision: int


class Numbers(msgspec.Struct):
    """Evenly spaced numbers."""

    values: list[float]
    count: int


@node(category="tools", icon="mdi:calculator", color="#6366f1", tags=("math", "number"))
def calculator(
    values: Annotated[Any, Wire(lane="array")] = None,
    operation: Annotated[Operation, Config()] = "add",
    precision: Annotated[int, Config(), msgspec.Meta(ge=0, le=15)] = 2,
) -> Calculated:
    """Calculates with numbers and rounds the result to a number of decimal places.

    It calculates in decimal: 0.1 and 0.2 make 0.3, and half a digit is rounded away from zero.

    :param values: the numbers, in order; a text that spells a number counts as one, true and false
        do not.
    :param operation: how they are joined from left to right, or which one of them is looked for;
        ``sqrt`` takes one number, ``mode`` gives the most frequent one, the first of several.
    :param precision: decimal places of the result.
    """
    numbers = [as_decimal(value, f"values.{index}") for index, value in enumerate(_listed(values))]
    if not numbers:
        raise refused("The calculator needs at least one number.", "CALCULATION_VALUES_MISSING", "values")
    if len(numbers) > MAX_VALUES:
        message = f"{len(numbers)} numbers are too many; {MAX_VALUES} are the limit."
        raise refused(message, "CALCULATION_VALUES_TOO_MANY", "values")
    if operation == "sqrt" and len(numbers) > 1:
        message = f"A square root is taken of one number, not of {len(numbers)}."
        raise refused(message, "CALCULATION_VALUES_TOO_MANY", "values")
    return Calculated(
        result=calculated(operation, numbers, precision),
        operation=operation,
        values=[as_number(number) for number in numbers],
        precision=precision,
    )


@node(id="range", category="processing", icon="mdi:numeric", color="#b45309", tags=("list", "number"))
def number_range(
    start: float = 0,
    end: float = 10,
    step: float = 1,
) -> Numbers:
    """Gives evenly spaced numbers from a start to an end, both included.

    :param start: the first number.
    :param end: no number lies beyond it; it is the last one if the steps reach it.
    :param step: the distance between two numbers; it counts down when the end is below the start.
    """
    first, last, distance = (
        as_decimal(value, name) for name, value in (("start", start), ("end", end), ("step", step))
    )
    with decimal.localcontext(_CONTEXT):
        if not distance:
            raise refused("The step of a range cannot be zero.", "RANGE_STEP_ZERO", "step")
        steps = abs(last - first) / abs(distance)
        if steps >= MAX_VALUES:
            message = f"The range has more than {MAX_VALUES} numbers."
            raise refused(message, "RANGE_TOO_LARGE", "step")
        stride = abs(distance) if last >= first else -abs(distance)
        values = [as_number(first + stride * place) for place in range(int(steps) + 1)]
    return Numbers(values=values, count=len(values))


def calculated(operation: Operation, numbers: Sequence[Decimal], places: int | None = None) -> float:
    """Return what *operation* makes of *numbers*, of which there is at least one.

    :param places: decimal places to round to.
    :raises NodeError: ``CALCULATION_UNDEFINED`` for a division by zero and the like,
        ``CALCULATION_OUT_OF_RANGE`` for a result that JSON has no number for.
    """
    with decimal.localcontext(_CONTEXT):
        try:
            return as_number(_OPERATIONS[operation](numbers), places)
        except decimal.Overflow as error:
            raise refused("The result is too large.", "CALCULATION_OUT_OF_RANGE", "values") from error
        except (decimal.InvalidOperation, decimal.DivisionByZero) as error:
            message = f"There is no result of {operation} for these numbers."
            raise refused(message, "CALCULATION_UNDEFINED", "values") from error


def _listed(values: Any) -> Sequence[Any]:
    if values is None:
        return ()
    return values if isinstance(values, (list, tuple)) else (values,)


def as_decimal(value: Any, locator: str) -> Decimal:
    """Return the number that *value* is, or spells.

    :raises NodeError: ``VALUE_NOT_A_NUMBER`` for anything else, true and false included.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        return Decimal(value.strip())
    # A truth value is an int to Python, and no number to anybody else.
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))
    raise refused(f"{quoted(value)} is not a number.", "VALUE_NOT_A_NUMBER", locator)


def as_number(number: Decimal, places: int | None = None) -> float:
    """Return *number* for JSON: whole ones as integers while these are exact everywhere.

    :param places: decimal places to round to.
    :raises decimal.Overflow: when it is too large for a number of JSON.
    """
    if places is not None and number.adjusted() + places < _CONTEXT.prec:
        number = number.quantize(Decimal(1).scaleb(-places))
    if number == number.to_integral_value() and abs(number) < _EXACT:
        return int(number)
    made = float(number)
    if not math.isfinite(made):
        raise decimal.Overflow
    return made


def _median(numbers: Sequence[Decimal]) -> Decimal:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _folded(join: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Sequence[Decimal]], Decimal]:
    return lambda numbers: reduce(join, numbers)


_OPERATIONS: Final[Mapping[str, Callable[[Sequence[Decimal]], Decimal]]] = {
    "add": _folded(lambda left, right: left + right),
    "subtract": _folded(lambda left, right: left - right),
    "multiply": _folded(lambda left, right: left * right),
    "divide": _folded(lambda left, right: left / right),
    "power": _folded(lambda left, right: left**right),
    "sqrt": lambda numbers: numbers[0].sqrt(),
    "average": lambda numbers: sum(numbers, Decimal()) / len(numbers),
    "min": min,
    "max": max,
    "median": _median,
    "mode": lambda numbers: Counter(numbers).most_common(1)[0][0],
}


NODES = (calculator, number_range)
