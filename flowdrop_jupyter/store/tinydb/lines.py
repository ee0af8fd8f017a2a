"""The line format of journals: length, checksum, one commit as JSON; and what is left of damaged ones.

::

    000001f3 5ab1c0de {"s":"<session>","n":12,"rows":{"messages":{"7":{…}}}}\\n

Eight hexadecimal digits for the number of bytes of the JSON, eight for its CRC-32. ``n`` counts the
commits of a session from 1 without a gap. ``"new":true`` marks the first one of a session;
``"rows":null`` tells that the session was removed.

In a shared log each write begins with a line ``{"at":<its place>}``. A log is set aside in advance, so
behind its end there are zeros, and when the power fails the blocks of the last write may be there in
any order: a hole in it, however many lines follow, was never acknowledged. A hole before it was.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

import msgspec

from ..rows import Batch

_HEADER = 18
_REMOVAL = b'"rows":null}\n'
_HEAD = re.compile(rb"[0-9a-f]{8} [0-9a-f]{8} ")
_WHO = re.compile(rb'\{"s":"([0-9a-f-]{36})","n":(\d+)[,}]')


class _Payload(msgspec.Struct):
    s: str = ""
    n: int = 0
    new: bool = False
    rows: dict[str, dict[int, msgspec.Raw]] | None = None
    cut: dict[int, int] | None = None
    at: int | None = None


class Line(NamedTuple):
    """One commit: its session, its number, what it writes, and the bytes of the line itself.

    ``rows`` is None when the commit removes the session, ``new`` is whether it begins one.
    """

    session: str
    number: int
    new: bool
    rows: Batch | None
    raw: bytes


class Cut(NamedTuple):
    """How many bytes count of each earlier log whose end could not be cut off at the time."""

    lengths: dict[int, int]


class Bad(NamedTuple):
    """A part of a journal that is no line; ``number`` and ``session`` are what can still be guessed."""

    start: int
    end: int
    session: str | None
    number: int | None


class Scan(NamedTuple):
    """What a journal holds.

    ``end`` is where the last line ends, ``written`` where the zeros begin that may follow, and ``size``
    how long the file is. What is written behind the end is torn: the trace of a write that a crash
    cut short and nobody was told about. ``bad`` is different: it was whole once.
    """

    lines: list[Line]
    cuts: list[Cut]
    bad: list[Bad]
    end: int
    written: int
    size: int

    @property
    def torn(self) -> bool:
        """Whether the file ends in the middle of a line."""
        return self.end < self.written


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(_Payload).decode


def encode_line(session_id: str, number: int, batch: Batch | None, *, new: bool = False) -> bytes:
    """Return the line of a commit; a *batch* of None removes the session."""
    if batch is None:
        tables = b"null"
    else:
        parts = []
        for name, rows in batch.items():
            inner = b",".join([b'"%d":%b' % row for row in rows.items()])
            parts.append(b'"%b":{%b}' % (name.encode(), inner))
        tables = b"{%b}" % b",".join(parts)
    mark = b'"new":true,' if new else b""
    return _frame(b'{"s":"%b","n":%d,%b"rows":%b}' % (session_id.encode(), number, mark, tables))


def encode_cut(lengths: dict[int, int]) -> bytes:
    """Return the line that tells how much of earlier logs counts."""
    return _frame(_encode({"cut": lengths}))


def encode_mark(place: int) -> bytes:
    """Return the line that begins a write at this place of a log."""
    return _frame(b'{"at":%d}' % place)


def is_removal(line: bytes) -> bool:
    """Tell whether a line removes its session."""
    return line.endswith(_REMOVAL)


def scan(content: bytes) -> Scan:
    """Read a journal; what cannot be read is set apart and never raises."""
    whole, content = len(content), content.rstrip(b"\0")
    found = Scan([], [], [], len(content), len(content), whole)
    hole: tuple[int, int, int] | None = None
    place, size = 0, len(content)
    while place < size:
        end = _check(content, place)
        if end is not None:
            mark = _take(found, content, place, end)
            if hole is not None and mark > hole[0]:
                hole = None
            place = end
            continue
        following = _next_line(content, place)
        if following is None and not _was_whole(content, place):
            return _without(found, hole, place)
        following = following or size
        if hole is None and content.find(b"\0", place, following) != -1:
            hole = place, len(found.lines), len(found.bad)
        found.bad.extend(_guess(content, place, following))
        place = following
    return _without(found, hole, size)


def _without(found: Scan, hole: tuple[int, int, int] | None, end: int) -> Scan:
    """Return what was found without the last write when that has a hole."""
    if hole is None:
        return found._replace(end=end)
    end, lines, bad = hole
    return found._replace(lines=found.lines[:lines], bad=found.bad[:bad], end=end)


def _take(found: Scan, content: bytes, place: int, end: int) -> int:
    """Take in a sound line; return where its write begins if it tells that, otherwise -1."""
    raw = content[place:end]
    try:
        payload = _decode(memoryview(raw)[_HEADER:-1])
    except (msgspec.MsgspecError, UnicodeError):
        found.bad.extend(_guess(content, place, end))
        return -1
    if payload.at is not None:
        return payload.at
    if payload.cut is not None:
        found.cuts.append(Cut(payload.cut))
        return -1
    rows: Batch | None = None
    if payload.rows is not None:
        rows = {name: {row: bytes(raw) for row, raw in part.items()} for name, part in payload.rows.items()}
    found.lines.append(Line(payload.s, payload.n, payload.new, rows, raw))
    return -1


def _frame(payload: bytes) -> bytes:
    return b"%08x %08x %b\n" % (len(payload), crc32(payload), payload)


def _check(content: bytes, place: int) -> int | None:
    """Return where the line at *place* ends, or None when there is no sound one."""
    end = _end(content, place)
    if end is None or content[end - 1 : end] != b"\n":
        return None
    payload = memoryview(content)[place + _HEADER : end - 1]
    return end if crc32(payload) == int(content[place + 9 : place + 17], 16) else None


def _end(content: bytes, place: int) -> int | None:
    """Return where the line at *place* says it ends, or None when it does not say so."""
    if _HEAD.match(content, place) is None:
        return None
    return place + _HEADER + int(content[place : place + 8], 16) + 1


def _next_line(content: bytes, place: int) -> int | None:
    """Return where the next sound line begins, behind the broken one at *place*."""
    end = _end(content, place)
    if end is not None and _check(content, end) is not None:
        return end
    while (place := content.find(b"\n", place) + 1) > 0:
        if _check(content, place) is not None:
            return place
    return None


def _was_whole(content: bytes, place: int) -> bool:
    """Tell a last line that was changed from one that was never finished.

    A write that a crash cut short ends early or has blocks of zeros, which JSON never holds.
    """
    return (
        _end(content, place) == len(content) and content.endswith(b"\n") and content.find(b"\0", place) == -1
    )


def _guess(content: bytes, start: int, end: int) -> list[Bad]:
    """Return what can be told of each line of a broken part."""
    found = []
    while start < end:
        stop = content.find(b"\n", start, end) + 1 or end
        named = [
            Bad(start, stop, who[1].decode(), int(who[2])) for who in _WHO.finditer(content, start, stop)
        ]
        found.extend(named or [Bad(start, stop, None, None)])
        start = stop
    return found
