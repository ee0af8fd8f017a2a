"""Which sessions exist: exact in memory, on disk a cache that every start checks against the files."""

from __future__ import annotations

import logging
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ...errors import StoreDamaged
from ..records import SessionFilter, SessionRecord
from ..rows import Batch
from ..state import fits, read_session_cursor
from .database import RowDatabase
from .files import Files, Stamp

logger = logging.getLogger(__name__)

INDEX_TABLE = "sessions and ids"
"""Renamed when an entry changes its meaning, so that an older file counts as missing."""

_FOUND_BY_ID: Final = ("runs", "interrupts")
"""The tables whose rows are looked up without knowing their session."""


class _Moment(msgspec.Struct):
    updated_at: str


class _Id(msgspec.Struct):
    id: str


_decode_session = msgspec.json.Decoder(SessionRecord).decode
_decode_moment = msgspec.json.Decoder(_Moment).decode
_decode_id = msgspec.json.Decoder(_Id).decode


class Entry:
    """What the index knows of one session: its row after a commit, decoded when it is asked for."""

    __slots__ = ("_record", "number", "raw", "updated_at")

    def __init__(self, raw: bytes, number: int, updated_at: str | None = None) -> None:
        self.raw = raw
        self.number = number
        self.updated_at = _decode_moment(raw).updated_at if updated_at is None else updated_at
        self._record: SessionRecord | None = None

    @property
    def record(self) -> SessionRecord:
        """The row, to look at only."""
        if self._record is None:
            self._record = _decode_session(self.raw)
        return self._record

    def copy(self) -> SessionRecord:
        """Return the row for a caller to keep."""
        return _decode_session(self.raw)


class Stamps(NamedTuple):
    """The stamps of a session's snapshot and journal; None for one that does not exist."""

    snapshot: Stamp | None
    journal: Stamp | None


class Remembered(msgspec.Struct, array_like=True):
    """A session in the index file.

    Its files held all up to commit ``filed`` when they had these stamps; ``session`` is its row
    after commit ``number``, which may be later, when the rest is in the log.
    """

    id: str
    number: int
    filed: int
    updated_at: str
    snapshot: tuple[int, int] | None
    journal: tuple[int, int] | None
    session: msgspec.Raw
    ids: list[str]

    @property
    def stamps(self) -> Stamps:
        """The stamps of the files that this was true of."""
        return Stamps(self.snapshot and Stamp(*self.snapshot), self.journal and Stamp(*self.journal))


class _Document(msgspec.Struct):
    entry: Remembered


def ids_found_by(batch: Batch) -> list[str]:
    """Return the ids of the runs and interrupts in a commit."""
    return [_decode_id(raw).id for name in _FOUND_BY_ID for raw in batch.get(name, {}).values()]


class Index:
    """The sessions of a store with what listing and finding need.

    :param entries: all sessions there are.
    :param session_of: the session of each run and interrupt.
    :param changed: how many sessions the file on disk disagrees in.
    """

    def __init__(self, entries: Mapping[str, Entry], session_of: Mapping[str, str], changed: int = 0) -> None:
        self._entries = dict(entries)
        self._session_of = dict(session_of)
        self._places = {session_id: (entry.updated_at, session_id) for session_id, entry in entries.items()}
        self._order = sorted(self._places.values())
        self._moved: set[str] = set()
        self._unwritten: set[str] = set()
        self._stale = changed

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, session_id: str, number: int, batch: Batch) -> None:
        """Take over a commit that is now durable."""
        rows = batch.get("session")
        if rows:
            self._entries[session_id] = Entry(rows[1], number)
            self._moved.add(session_id)
        self._session_of.update(dict.fromkeys(ids_found_by(batch), session_id))
        self._unwritten.add(session_id)

    def drop(self, session_id: str) -> None:
        """Forget a session that is no more."""
        del self._entries[session_id]
        self._moved.add(session_id)
        self._unwritten.add(session_id)

    def session(self, session_id: str) -> SessionRecord | None:
        """Return a copy of one session, or None."""
        entry = self._entries.get(session_id)
        return None if entry is None else entry.copy()

    def number(self, session_id: str) -> int | None:
        """Return the number of the session's last commit, or None when there is no such session."""
        entry = self._entries.get(session_id)
        return None if entry is None else entry.number

    def sessions(
        self, where: SessionFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> list[SessionRecord]:
        """Return copies of the sessions that fit, newest ``updated_at`` first; a page reads a page."""
        self._sort()
        order = self._order
        end = len(order) if cursor is None else bisect_left(order, read_session_cursor(cursor))
        most = len(order) if limit is None else max(limit, 0)
        anything = where == SessionFilter()
        found: list[SessionRecord] = []
        for place in range(end - 1, -1, -1):
            if len(found) >= most:
                break
            entry = self._entries[order[place][1]]
            if anything or fits(entry.record, where):
                found.append(entry.copy())
        return found

    def session_of(self, record_id: str) -> str | None:
        """Return the id of the session that a run or interrupt belongs to, or None."""
        session_id = self._session_of.get(record_id)
        return session_id if session_id in self._entries else None

    @property
    def worth_writing(self) -> bool:
        """Whether enough has changed that a start after a crash would read many files again."""
        return self._stale + len(self._unwritten) > max(64, len(self._entries) // 8)

    def take(self) -> tuple[dict[str, Entry], dict[str, list[str]]] | None:
        """Return all entries and the ids found by them to write them, or None when the file is up to date."""
        if not self._unwritten and not self._stale:
            return None
        self._unwritten.clear()
        self._stale = 0
        ids: dict[str, list[str]] = {}
        for record_id, session_id in self._session_of.items():
            ids.setdefault(session_id, []).append(record_id)
        return dict(self._entries), ids

    def outdated(self, session_ids: Iterable[str]) -> None:
        """Take note that files of these sessions are not as the index file remembers them."""
        self._unwritten.update(session_ids)

    def not_written(self) -> None:
        """Take note that what was taken did not reach the disk."""
        self._stale = max(self._stale, 1)

    def _sort(self) -> None:
        if len(self._moved) > len(self._order) // 8:
            self._places = {i: (entry.updated_at, i) for i, entry in self._entries.items()}
            self._order = sorted(self._places.values())
            self._moved.clear()
        for session_id in self._moved:
            old = self._places.pop(session_id, None)
            if old is not None:
                del self._order[bisect_left(self._order, old)]
            entry = self._entries.get(session_id)
            if entry is not None:
                self._places[session_id] = entry.updated_at, session_id
                insort(self._order, self._places[session_id])
        self._moved.clear()


def read_index(path: Path, files: Files) -> dict[str, Remembered]:
    """Return what an index file remembers as far as it can be trusted while stamps still match.

    An entry as young as the index itself is left out: its session may have changed again within
    the same tick of the file system's clock. A missing or damaged file remembers nothing.
    """
    database = RowDatabase(path, files)
    found: dict[str, Remembered] = {}
    try:
        rows = database.rows().get(INDEX_TABLE, {})
        for raw in rows.values():
            entry = msgspec.json.decode(raw, type=_Document).entry
            youngest = max((stamp.mtime_ns for stamp in entry.stamps if stamp is not None), default=0)
            if database.stamp is not None and youngest < database.stamp.mtime_ns:
                found[entry.id] = entry
    except (OSError, StoreDamaged, msgspec.MsgspecError) as error:
        logger.warning("The index %s is rebuilt from the sessions: %s", path.name, error)
        return {}
    return found


def write_index(path: Path, files: Files, entries: Iterable[Remembered]) -> None:
    """Replace the index file."""
    rows = {number: msgspec.json.encode(_Document(entry)) for number, entry in enumerate(entries, start=1)}
    RowDatabase(path, files).overwrite({INDEX_TABLE: rows})
