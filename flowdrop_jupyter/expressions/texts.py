"""How a value looks as text, in templates and on text ports."""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

import msgspec
from jinja2 import StrictUndefined, Undefined

from .budget import charge


def as_text(value: Any) -> str:
    """Return *value* as templates and text ports show it: texts as they are, null empty, else JSON."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, str):
        return value
    try:
        return _ENCODER.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)


def rendered(value: Any) -> str:
    """Return the text of *value* inside a template, charging for its length."""
    if isinstance(value, StrictUndefined):
        return str(value)
    text = as_text(value)
    charge(len(text))
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, Undefined):
        return str(value) or None
    if isinstance(value, (ItemsView, KeysView, ValuesView)):
        return list(value)
    return str(value)


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
