"""Reading a data directory without changing anything, whoever else is at work in it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..store.blobs import blob_places, mentions
from ..store.rows import Batch
from ..store.tinydb.files import Files
from ..store.tinydb.lines import Line, Scan
from ..store.tinydb.lock import Holder
from ..store.tinydb.session_files import Loaded, SessionFiles
from ..store.tinydb.snapshot import Snapshot

try:
    import fcntl
except ImportError:  # not on Windows: there the owner's file has to do
    fcntl = None  # type: ignore[assignment]


def current_holder(directory: Path, files: Files) -> Holder | None:
    """Return the process that owns a data directory now, or None; pid 0 when that is all there is to know.

    A crash leaves the owner's file behind; only then is the lock itself tried, for an instant.
    """
    try:
        content = files.read(directory / "owner.json")[0]
    except FileNotFoundError:
        return None
    if not _is_locked(directory / ".lock"):
        return None
    with suppress(msgspec.MsgspecError, UnicodeError):
        return msgspec.json.decode(content, type=Holder)
    return Holder(0, "")


def _is_locked(path: Path) -> bool:
    if fcntl is None:
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Seen(NamedTuple):
    """What matters of a session once it has been read: how many rows, and which blobs it speaks of."""

    counts: Counter[str]
    needed: frozenset[str]
    mentioned: frozenset[str]


class WatchedSessions(SessionFiles):
    """The files of all sessions, read only; keeps in mind what it came across.

    :param folder: the directory they are in.
    :param files: the file operations to use.
    """

    def __init__(self, folder: Path, files: Files) -> None:
        super().__init__(folder, files, lambda recovery: None, read_only=True)
        self.seen: dict[str, Seen] = {}
        self.torn: dict[str, int] = {}
        """How many bytes of an unfinished write there are at the end of a journal, by file name."""
        self.replaced: dict[str, str] = {}
        """Why the snapshot of a session could not be used although the session can be read."""
        self._problems: dict[str, str] = {}

    def load(self, session_id: str, lines: Sequence[Line] = (), *, last: int | None = None) -> Loaded:
        """Read a session; see :meth:`SessionFiles.load`."""
        loaded = super().load(session_id, lines, last=last)
        self.seen[session_id] = look_at_rows(loaded.tables)
        self.replaced.pop(session_id, None)
        name = self.snapshot(session_id).name
        if name in self._problems:
            self.replaced[session_id] = self._problems[name]
        return loaded

    def _read(self, path: Path) -> Snapshot | None:
        self._problems.pop(path.name, None)
        try:
            found = super()._read(path)
        except Exception as error:
            self._problems[path.name] = str(error)
            raise
        if (
            found is None
            and path.suffix == ".json"
            and self._files.exists(path.with_name(path.name + ".bak"))
        ):
            self._problems[path.name] = ""
        return found

    def _scan(self, path: Path) -> Scan | None:
        found = super()._scan(path)
        self.torn.pop(path.name, None)
        if found is not None and found.end < found.size and path.suffix == ".journal":
            self.torn[path.name] = found.size - found.end
        return found


def look_at_rows(tables: Batch) -> Seen:
    """Return what matters of a session's rows."""
    raws = [raw for rows in tables.values() for raw in rows.values()]
    counts = Counter({name: len(rows) for name, rows in tables.items()})
    return Seen(counts, needed_blobs(raws), mentions(raws))


def needed_blobs(raws: Iterable[bytes]) -> frozenset[str]:
    """Return the blobs without which rows cannot be read in full."""
    needed: set[str] = set()
    for raw in raws:
        with suppress(msgspec.MsgspecError, UnicodeError):
            needed.update(blob_places(raw).values())
    return frozenset(needed)
