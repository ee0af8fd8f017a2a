"""From the text of an expression to its tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..quoting import quoted

Kind: TypeAlias = Literal["number", "text", "name", "sign", "end"]

_BLANK: Final = re.compile(r"(?:\s+|/\*.*?\*/)*", re.DOTALL)
_INDEX: Final = re.compile(r"\d+", re.ASCII)
_TOKEN: Final = re.compile(
    r"(?P<number>\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?)"
    r"|(?P<text>\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*')"
    r"|(?P<name>[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*)"
    r"|(?P<sign>===|!==|\?\?|\?:|\?\.|==|!=|<=|>=|&&|\|\||\*\*|\.\.|[-+*/%~<>!?:,.|&^()\[\]{}])",
    re.DOTALL | re.ASCII,
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t"}
_MOST_DIGITS: Final = 400


class SyntaxFault(ValueError):
    """Raised when a text is no expression; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an expression; ``at`` counts characters from 1."""

    kind: Kind
    value: Any
    at: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"{quoted(self.value, 40)} at character {self.at}"


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of *text*, with one of the kind ``end`` as the last.

    :raises SyntaxFault: for a character that begins none and a text that is not closed.
    """
    found: list[Token] = []
    at = _skipped(text, 0)
    while at < len(text):
        after_dot = bool(found) and found[-1].kind == "sign" and found[-1].value in (".", "?.")
        # After a dot, 0.1 is two indexes and not a number.
        match = (_INDEX.match(text, at) if after_dot else None) or _TOKEN.match(text, at)
        if match is None:
            what = "a text that is not closed" if text[at] in "\"'" else quoted(text[at])
            raise SyntaxFault(f"there is {what} at character {at + 1}")
        found.append(_token(match, at + 1))
        at = _skipped(text, match.end())
    found.append(Token("end", "", len(text) + 1))
    return found


def _skipped(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _token(match: re.Match[str], at: int) -> Token:
    kind, written = match.lastgroup, match[0]
    if kind == "text":
        return Token("text", _ESCAPE.sub(lambda found: _CONTROL.get(found[1], found[1]), written[1:-1]), at)
    if kind == "name":
        return Token("name", written, at)
    if kind == "sign":
        return Token("sign", written, at)
    return Token("number", _number(written.replace("_", ""), at), at)


def _number(written: str, at: int) -> int | float:
    if len(written) > _MOST_DIGITS:
        raise SyntaxFault(f"the number at character {at} is too long")
    number = int(written) if written.isdigit() else float(written)
    if abs(number) >= 2**64 if isinstance(number, int) else number == float("inf"):
        raise SyntaxFault(f"the number at character {at} is too large")
    return number
