"""A session's snapshot: one TinyDB file that tells in its ``meta`` table up to which commit it goes.

::

    {"meta":{"1":{"schema":2,"commit":7}},"session":{"1":{…}},"messages":{"1":{…},…},…}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import msgspec

from ...errors import StoreDamaged
from ..rows import Batch

SCHEMA = 2
"""The version of the files that this code writes; 1 had neither ``meta`` nor journals."""

META = "meta"
"""The table that tells the version and, in a snapshot, the commit."""

_ROWS_AT_ONCE = 500

_decode = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw]]).decode


class Meta(msgspec.Struct):
    """The one row of the table ``meta``."""

    schema: int
    commit: int = 0


class Snapshot(NamedTuple):
    """The rows of a session after commit ``number``; ``schema`` is the version of the file."""

    tables: Batch
    number: int
    schema: int = SCHEMA


def parse_snapshot(content: bytes) -> Snapshot:
    """Read a snapshot; a file of the first version counts as commit 0.

    :raises StoreDamaged: when it is not what TinyDB writes, or a later version than is known here.
    """
    try:
        tables = _decode(content)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise StoreDamaged(f"not a database: {error}") from error
    try:
        meta = tables.pop(META, {}).get("1")
        told = Meta(1) if meta is None else msgspec.json.decode(meta, type=Meta)
        rows = {
            name: {int(number): bytes(raw) for number, raw in documents.items()}
            for name, documents in tables.items()
        }
    except msgspec.MsgspecError as error:
        raise StoreDamaged(f"the table {META} cannot be read: {error}") from error
    except ValueError as error:
        raise StoreDamaged(f"not a document id: {error}") from error
    if told.schema > SCHEMA:
        raise StoreDamaged(f"the file has version {told.schema}, newer than {SCHEMA}")
    return Snapshot(rows, told.commit, told.schema)


def snapshot_chunks(number: int, tables: Mapping[str, Iterable[tuple[int, bytes]]]) -> Iterator[bytes]:
    """Yield a snapshot piece by piece, so that other threads run in between."""
    meta = msgspec.json.encode(Meta(SCHEMA, number))
    yield b'{"%b":{"1":%b}' % (META.encode(), meta)
    for name, rows in tables.items():
        yield b",%b:{" % msgspec.json.encode(name)
        remaining, separator = iter(rows), b""
        while part := list(islice(remaining, _ROWS_AT_ONCE)):
            yield separator + b",".join([b'"%d":%b' % row for row in part])
            separator = b","
        yield b"}"
    yield b"}"
