"""Markdown that values from a user's file cannot break."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

_LONGEST: Final = 40
_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w))")


def plain(value: object, longest: int = _LONGEST) -> str:
    """Return *value* as a text on one line in which nothing is markup.

    :param longest: characters; more are cut.
    """
    return _SPECIAL.sub(r"\\\1", _short(value, longest))


def code(value: object) -> str:
    """Return *value* as a short code span, also fit for a table cell."""
    text = _short(value).replace("`", "'").replace("|", "¦") or " "
    return f"`{text}`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], texts: Collection[str] = ()) -> list[str]:
    """Return the lines of a table of ready cells.

    :param texts: the titles of the columns to align left; the others hold numbers.
    """
    rule = ["---" if title in texts else "---:" for title in header]
    return [f"| {' | '.join(line)} |" for line in (header, rule, *rows)]


def _short(value: object, longest: int = _LONGEST) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
