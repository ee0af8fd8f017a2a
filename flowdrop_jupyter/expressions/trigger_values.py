"""Values of a trigger's mapping: a literal, or a path into what the trigger knows (LANG-18)."""

from __future__ import annotations

from typing import Any, Final

from .paths import read_path

_LITERAL: Final = "literal:"


def literal_text(value: str) -> str | None:
    """Return the text that a trigger mapping's *value* spells, or None when it is a path.

    It is a literal when it starts with ``literal:`` or stands in matching single or double quotes.
    """
    if value.startswith(_LITERAL):
        return value.removeprefix(_LITERAL)
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return None


def trigger_value(context: Any, value: str) -> Any:
    """Return what a trigger mapping's *value* gives: its literal text, else what it denotes in *context*.

    Trigger mappings only; no other expression knows these literals. It never raises (LANG-8).
    """
    literal = literal_text(value)
    return read_path(context, value) if literal is None else literal
