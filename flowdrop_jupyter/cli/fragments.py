"""What can still be read of a damaged TinyDB file: row by row, each checked against its type.

Rows stand one behind the other, ``"<number>":{…}``, in tables ``"<name>":{…}``. Where something
cannot be read, reading goes on at the next row or table that can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from json import JSONDecoder
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ..errors import StoreDamaged
from ..store.rows import Batch
from ..store.tinydb.snapshot import META, parse_snapshot

Decoders: TypeAlias = Mapping[str, Callable[[bytes], Any]]
"""What turns a row into its record, by table; raises ``msgspec.MsgspecError`` for what is no such row."""

_ROW: Final = re.compile(r'[\s,]*"(\d{1,15})"\s*:\s*(?=\{)')
_TABLE: Final = re.compile(r'[\s,{}]*"([^"\\]{1,20})"\s*:\s*\{(?=\s*("\d{1,15}"\s*:\s*\{|\}))')
_NEXT: Final = re.compile(r'"\d{1,15}"\s*:\s*\{|"[^"\\]{1,20}"\s*:\s*\{\s*"\d{1,15}"\s*:\s*\{')
_COMMIT: Final = re.compile(rb'"meta"\s*:\s*\{\s*"1"\s*:\s*\{[^{}]{0,60}"commit"\s*:\s*(\d{1,15})\b')

_raw_decode = JSONDecoder().raw_decode


class Fragments(NamedTuple):
    """The readable rows, and the commit that the file goes up to; None when it does not tell."""

    tables: Batch
    commit: int | None


def read_fragments(content: bytes, decoders: Decoders) -> Fragments:
    """Return every row of *content* that can be read, whatever is around it."""
    try:
        snapshot = parse_snapshot(content)
    except StoreDamaged:
        found = _COMMIT.search(content)
        return Fragments(_Reader(content, decoders).tables, int(found[1]) if found else None)
    tables: Batch = {}
    for name, rows in snapshot.tables.items():
        table = _closest(name, decoders)
        for number, raw in rows.items():
            if table is not None and is_row(raw, decoders[table]):
                tables.setdefault(table, {})[number] = raw
    return Fragments(tables, snapshot.number)


def is_row(raw: bytes, decode: Callable[[bytes], Any]) -> bool:
    """Tell whether *raw* can be read as a row."""
    try:
        decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True


class _Reader:
    def __init__(self, content: bytes, decoders: Decoders) -> None:
        self.tables: Batch = {}
        # What is no UTF-8 stays what it was, so that only the row with it is refused.
        self._text = content.decode(errors="surrogateescape")
        self._decoders = decoders
        table: str | None = None
        place = 0
        while place < len(self._text):
            header = _TABLE.match(self._text, place)
            row = _ROW.match(self._text, place)
            if row is not None and table is not None:
                place = self._take(table, int(row[1]), row.end()) or self._next(row.end())
            elif header is not None:
                # Inside a damaged row there are keys that look like tables.
                table = _closest(header[1], decoders) or table
                place = header.end()
            else:
                place = self._next(place + 1)

    def _take(self, table: str, number: int, place: int) -> int | None:
        """Take in the row that begins at *place*; return where it ends, or None when it cannot be read."""
        try:
            _, end = _raw_decode(self._text, place)
        except (ValueError, RecursionError):
            return None
        raw = self._text[place:end].encode(errors="surrogateescape")
        if not is_row(raw, self._decoders[table]):
            return None
        self.tables.setdefault(table, {})[number] = raw
        return end

    def _next(self, place: int) -> int:
        found = _NEXT.search(self._text, place)
        return len(self._text) if found is None else found.start()


def _closest(name: str, decoders: Decoders) -> str | None:
    if name == META:
        return None
    found = get_close_matches(name, decoders, n=1, cutoff=0.7)
    return found[0] if found else None
