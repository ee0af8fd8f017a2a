"""The expression language: values computed from named variables, in the manner of Symfony's.

Literals, lists ``[a, b]`` and hashes ``{key: value}``; ``a.b``, ``a["b"]``, ``a?.b`` on mappings and
lists and on nothing else; arithmetic ``+ - * / % **``, joining ``~``, comparison ``== != === !== < >
<= >=``, ``in``, ``not in``, ``contains``, ``starts with``, ``ends with``, ``matches``, logic ``and or
not xor``, ranges ``1..5``, conditions ``a ? b : c``, ``a ?: b`` and ``a ?? b``, and the functions of
:data:`FUNCTIONS`. A key that a mapping does not hold is null; a variable that is missing is an error.

Nothing reaches Python: no attribute, no method, no ``eval``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import NodeError
from ..budget import TooLarge, TooSlow, budget, charge
from ..quoting import quoted, shortened
from ..remembered import remembered
from .functions import FUNCTIONS
from .parser import MAX_NESTING, Evaluate, parse

MAX_EXPRESSION: Final = 16 * 1024
"""Characters one expression may consist of."""

MAX_SECONDS: Final = 2.0
"""Seconds one expression may run."""

__all__ = [
    "FUNCTIONS",
    "MAX_EXPRESSION",
    "MAX_NESTING",
    "MAX_SECONDS",
    "check_expression",
    "evaluate_expression",
]


def check_expression(text: str, *, remember: bool = True) -> None:
    """Check that *text* is an expression; every variable counts as there (LANG-10).

    :param remember: whether it is going to be evaluated.
    :raises NodeError: ``EXPRESSION_INVALID``, saying what is wrong and where.
    """
    (_parsed if remember else _parsed.plain)(text)


def evaluate_expression(text: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of the expression *text* (LANG-6).

    :param variables: JSON values by name.
    :raises NodeError: ``EXPRESSION_INVALID`` when it is none, ``EXPRESSION_FAILED`` when it cannot be
        evaluated or reads a variable that is missing, ``EXPRESSION_TOO_COSTLY`` when it produces or
        handles too much or runs for too long.
    """
    evaluate = _parsed(text)
    try:
        with budget(MAX_SECONDS):
            value = evaluate(variables)
            charge()
            return value
    except TooLarge as error:
        message = f"The expression {quoted(text)} handles or produces too much."
        raise NodeError(message, code="EXPRESSION_TOO_COSTLY") from error
    except TooSlow as error:
        message = f"The expression {quoted(text)} cannot be evaluated: {error}"
        raise NodeError(message, code="EXPRESSION_TOO_COSTLY") from error
    except Exception as error:  # an author's expression may fail in any way
        reason = shortened(error) or type(error).__name__
        message = f"The expression {quoted(text)} cannot be evaluated: {reason}"
        raise NodeError(message, code="EXPRESSION_FAILED") from error


@remembered()
def _parsed(text: str) -> Evaluate:
    if len(text) > MAX_EXPRESSION:
        message = f"The expression is longer than {MAX_EXPRESSION} characters."
        raise NodeError(message, code="EXPRESSION_INVALID")
    try:
        return parse(text)
    except Exception as error:  # besides its own errors, those of odd texts
        message = f"The expression {quoted(text)} cannot be read: {shortened(error)}"
        raise NodeError(message, code="EXPRESSION_INVALID") from error
