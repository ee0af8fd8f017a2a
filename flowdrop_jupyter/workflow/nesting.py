"""How deep and how many containers a JSON text holds, found out before anything parses it (STORE-1).

Whatever holds the interpreter for long stops every other request, worker thread or not. So the text is
made short by a few fast passes, what is left is looked at in pieces, and the first piece that goes too
far ends it.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final, Literal

MAX_DEPTH: Final = 63
"""The deepest nesting of containers that is read; the text itself is level 1 (decision 3)."""

MAX_CONTAINERS: Final = 500_000
"""How many lists and objects one text may hold; more of them keep a server busy for seconds."""

_PIECE: Final = 64 * 1024
_OPENING, _CLOSING = b"[{", b"]}"
_KEPT: Final = _OPENING + _CLOSING + b'"'
_DROPPED: Final = bytes(set(range(256)) - set(_KEPT))
_STEPS: Final = bytes.maketrans(_OPENING + _CLOSING, b"\x01\x01\xff\xff")
"""Of a bracket how far it changes the depth, as a signed byte."""


def excess(raw: bytes) -> Literal["deep", "complex"] | None:
    """Return what makes a JSON text one that is not to be parsed, or None; it need not be valid.

    ``deep`` is more than :data:`MAX_DEPTH` levels, ``complex`` more than :data:`MAX_CONTAINERS`.
    """
    depth = containers = 0
    in_text = False
    marks = _marks(raw)
    for start in range(0, len(marks), _PIECE):
        between = marks[start : start + _PIECE].split(b'"')
        brackets = b"".join(between[int(in_text) :: 2])
        in_text ^= len(between) % 2 == 0
        depths = list(accumulate(memoryview(brackets.translate(_STEPS)).cast("b"), initial=depth))
        if max(depths) > MAX_DEPTH:
            return "deep"
        depth = depths[-1]
        containers += sum(map(brackets.count, (b"[", b"{")))
        if containers > MAX_CONTAINERS:
            return "complex"
    return None


def _marks(raw: bytes) -> bytes:
    """Return the brackets of a text and the quotes around those that are inside of its strings."""
    if b"\\" in raw:
        # From left to right, so that an escaped backslash escapes nothing.
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes side by side enclose nothing or part nothing, so they change nothing.
    return raw.translate(None, delete=_DROPPED).replace(b'""', b"")
