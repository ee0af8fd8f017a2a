"""How a value is shown inside an error's message: short, whatever the value is."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

LONGEST: Final = 200
"""Characters of a value that a message quotes."""


def quoted(value: Any, longest: int = LONGEST) -> str:
    """Return *value* as Python writes it, cut to *longest* characters; this never raises."""
    if isinstance(value, str):
        cut = value[: longest + 1]
        return _cut(repr(str(cut)), longest)
    try:
        return _cut(_SHORT.repr(value), longest)
    except Exception:  # a value's own repr may do anything; an integer may have too many digits
        return f"a value of the type {type(value).__name__}"


def shortened(text: object, longest: int = LONGEST) -> str:
    """Return *text*, such as another error's message, on one line of at most *longest* characters."""
    try:
        plain = str(text)
    except Exception:
        plain = type(text).__name__
    return _cut(" ".join(plain[: 4 * longest].split()), longest)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = LONGEST

    def repr_dict(self, x: Mapping[Any, Any], level: int) -> str:
        # One more than is shown, so that the cut is seen; the original sorts every key.
        return super().repr_dict(dict(islice(x.items(), self.maxdict + 1)), level)


_SHORT: Final = _Short()
