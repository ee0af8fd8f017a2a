"""Conditions on the rows of a data frame, such as ``age >= 30 and city contains "Ber"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from ...expressions import quoted
from .lists import fulfils
from .refusals import refused
from .tables import HasColumns, columns_named

RowTest: TypeAlias = Callable[[Sequence[Any]], bool]
"""Whether a row fulfils a condition."""

LONGEST: Final = 2000
"""Characters of the longest condition."""

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|`(?P<name>[^`]*)`"
    r"|(?P<sign>==|!=|<>|<=|>=|=|<|>)|(?P<word>[^\s\"'`=!<>]+))",
    re.DOTALL,
)
_SIGNS: Final = {
    "=": "equals",
    "==": "equals",
    "!=": "not_equals",
    "<>": "not_equals",
    "<": "less_than",
    "<=": "less_than_or_equal",
    ">": "greater_than",
    ">=": "greater_than_or_equal",
}
_WORDS: Final = frozenset(_SIGNS.values()) | {"contains"}
_ALONE: Final = frozenset({"is_empty", "is_not_empty"})
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


def row_test(condition: str, frame: HasColumns) -> RowTest:
    """Return the test that *condition* describes; ``and`` binds closer than ``or``.

    :raises NodeError: ``CONDITION_INVALID`` when it cannot be read, ``COLUMN_UNKNOWN``.
    """
    if len(condition) > LONGEST:
        raise refused(f"A condition has at most {LONGEST} characters.", "CONDITION_INVALID", "condition")
    tokens = list(_tokens(condition))
    alternatives: list[list[RowTest]] = [[]]
    place = 0
    while True:
        test, place = _test(tokens, place, frame, condition)
        alternatives[-1].append(test)
        if place == len(tokens):
            break
        joint = tokens[place][1].casefold() if tokens[place][0] == "word" else ""
        if joint not in ("and", "or"):
            raise _unreadable(condition, tokens[place][1])
        if joint == "or":
            alternatives.append([])
        place += 1
    return lambda row: any(all(test(row) for test in tests) for tests in alternatives)


def _tokens(condition: str) -> Iterator[tuple[str, str]]:
    place, end = 0, len(condition.rstrip())
    while place < end:
        found = _TOKEN.match(condition, place)
        if found is None or found.lastgroup is None:
            raise _unreadable(condition, condition[place:].strip())
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


def _test(
    tokens: Sequence[tuple[str, str]], place: int, frame: HasColumns, condition: str
) -> tuple[RowTest, int]:
    if place + 1 >= len(tokens) or tokens[place][0] == "sign":
        raise _unreadable(condition, "its end" if place + 1 >= len(tokens) else tokens[place][1])
    name = tokens[place][1]
    (column,) = columns_named(frame, [_unquoted(name) if tokens[place][0] == "text" else name])
    kind, sign = tokens[place + 1]
    if kind == "word" and sign in _ALONE:
        return (lambda row: fulfils(row[column], sign, None)), place + 2
    comparison = _SIGNS.get(sign, "") if kind == "sign" else sign if kind == "word" else ""
    if comparison not in _WORDS or place + 2 >= len(tokens):
        raise _unreadable(condition, sign)
    wanted = _value(*tokens[place + 2], condition)
    return (lambda row: fulfils(row[column], comparison, wanted)), place + 3


def _value(kind: str, token: str, condition: str) -> Any:
    if kind == "text":
        return _unquoted(token)
    if kind != "word":
        raise _unreadable(condition, token)
    if token in _CONSTANTS:
        return _CONSTANTS[token]
    try:
        return msgspec.json.decode(token, type=int | float)
    except msgspec.DecodeError:
        return token


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)


def _unreadable(condition: str, near: str) -> Exception:
    message = (
        f"The condition {quoted(condition)} cannot be read near {quoted(near)};"
        ' write it as `age >= 30 and city contains "Ber"`.'
    )
    return refused(message, "CONDITION_INVALID", "condition")
