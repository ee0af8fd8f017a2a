"""Which sessions exist: exact in memory, on disk a cache that every start checks against the files."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...errors import StoreDamaged
from ..records import SessionFilter, SessionRecord
from ..rows import Batch
from ..state import select
from .database import RowDatabase
from .files import Files, Stamp

logger = logging.getLogger(__name__)

_decode_session = msgspec.json.Decoder(SessionRecord).decode

_TABLE = "sessions"


class Entry(NamedTuple):
    """What the index knows of one session: its row, its interrupts, and the file that says so."""

    stamp: Stamp
    raw: bytes
    record: SessionRecord
    interrupts: tuple[str, ...]

    @classmethod
    def of(cls, stamp: Stamp, raw: bytes, interrupts: Iterable[str]) -> Entry:
        """Return an entry for a session's row as stored."""
        return cls(stamp, raw, _decode_session(raw), tuple(interrupts))


class _Document(msgspec.Struct):
    id: str
    mtime_ns: int
    size: int
    session: msgspec.Raw
    interrupts: list[str]


class Index:
    """The sessions of a store with what listing and finding need.

    :param entries: all sessions there are.
    :param changed: the ids in which the file on disk disagrees.
    """

    def __init__(self, entries: Mapping[str, Entry], changed: Iterable[str]) -> None:
        self._entries: dict[str, Entry] = {}
        self._session_of: dict[str, str] = {}
        self._unwritten: set[str] = set()
        for session_id, entry in entries.items():
            self.put(session_id, entry)
        self._unwritten = set(changed)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._entries

    def put(self, session_id: str, entry: Entry) -> None:
        """Take over what is now durable of a session."""
        self._entries[session_id] = entry
        self._session_of.update(dict.fromkeys(entry.interrupts, session_id))
        self._unwritten.add(session_id)

    def drop(self, session_id: str) -> None:
        """Forget a session that is no more."""
        for interrupt_id in self._entries.pop(session_id).interrupts:
            self._session_of.pop(interrupt_id, None)
        self._unwritten.add(session_id)

    def session(self, session_id: str) -> SessionRecord | None:
        """Return a copy of one session, or None."""
        entry = self._entries.get(session_id)
        return None if entry is None else _decode_session(entry.raw)

    def sessions(self, where: SessionFilter) -> list[SessionRecord]:
        """Return copies of the sessions that fit, newest ``updated_at`` first."""
        found = select((entry.record for entry in self._entries.values()), where)
        return [_decode_session(self._entries[record.id].raw) for record in found]

    def session_of(self, interrupt_id: str) -> str | None:
        """Return the id of the session that an interrupt belongs to, or None."""
        return self._session_of.get(interrupt_id)

    @property
    def worth_writing(self) -> bool:
        """Whether enough has changed that a start after a crash would read many files again."""
        return len(self._unwritten) > max(64, len(self._entries) // 8)

    def take(self) -> dict[str, Entry] | None:
        """Return all entries to write them, or None when the file is up to date."""
        if not self._unwritten:
            return None
        self._unwritten.clear()
        return dict(self._entries)


def read_index(path: Path, files: Files) -> dict[str, Entry]:
    """Return the entries of an index file that can be trusted as far as their stamps still match.

    An entry as young as the index itself is left out: its session may have changed again within
    the same tick of the file system's clock. A missing or damaged file has no entries.
    """
    database = RowDatabase(path, files)
    entries: dict[str, Entry] = {}
    try:
        rows = database.rows().get(_TABLE, {})
        for raw in rows.values():
            document = msgspec.json.decode(raw, type=_Document)
            stamp = Stamp(document.mtime_ns, document.size)
            if database.stamp is not None and stamp.mtime_ns < database.stamp.mtime_ns:
                entries[document.id] = Entry.of(stamp, bytes(document.session), document.interrupts)
    except (OSError, StoreDamaged, msgspec.MsgspecError) as error:
        logger.warning("The index %s is rebuilt from the sessions: %s", path.name, error)
        return {}
    return entries


def write_index(path: Path, files: Files, entries: Mapping[str, Entry]) -> None:
    """Replace the index file."""
    rows = {
        number: msgspec.json.encode(
            _Document(
                id=session_id,
                mtime_ns=entry.stamp.mtime_ns,
                size=entry.stamp.size,
                session=msgspec.Raw(entry.raw),
                interrupts=list(entry.interrupts),
            )
        )
        for number, (session_id, entry) in enumerate(entries.items(), start=1)
    }
    batch: Batch = {_TABLE: rows}
    RowDatabase(path, files).overwrite(batch)
