"""The four files of a session: what is read from them, added to them, and how they are compacted.

::

    <id>.json          the snapshot: a TinyDB database
    <id>.journal       the commits since the snapshot, and perhaps some that it has already
    <id>.json.bak      the snapshot before that one
    <id>.journal.bak   the commits that lead from there to the snapshot

A commit in several of them counts once, so every step of a compaction can be the last before a
crash. Everything here blocks and belongs in worker threads; only one at a time may write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from ...errors import StoreDamaged
from ..rows import Batch
from .files import TEMPORARY, Files
from .lines import Line, Scan, scan
from .replay import living, replay
from .snapshot import Snapshot, parse_snapshot, snapshot_chunks

BACKUP = ".bak"
DAMAGED = ".damaged"

_LOCKS = 32
_COMMIT = re.compile(rb'^\{"meta":\{"1":\{"schema":\d+,"commit":(\d+)\}')


class FileDamaged(StoreDamaged):
    """Raised when it is known what is to blame; ``file`` is its name relative to the data directory."""

    def __init__(self, message: str, file: str) -> None:
        super().__init__(message)
        self.file = file


class Recovery(NamedTuple):
    """Something that was found broken at open or at first use and put right."""

    file: str
    what: str


class Loaded(NamedTuple):
    """A session read from its files: its rows after commit ``number``.

    ``filed`` is the last commit that the files themselves hold.
    """

    tables: Batch
    number: int
    filed: int


class Sizes(NamedTuple):
    """The lengths in bytes of a session's files."""

    snapshot: int
    journal: int


class SessionFiles:
    """The files of all sessions.

    :param folder: the directory they are in.
    :param files: the file operations to use.
    :param told: called with what was put right.
    :param read_only: whether nothing may be put right, because another process owns the files.
    """

    def __init__(
        self, folder: Path, files: Files, told: Callable[[Recovery], None], *, read_only: bool = False
    ) -> None:
        self.folder = folder
        self._files = files
        self._told = told
        self._read_only = read_only
        self._locks = [Lock() for _ in range(_LOCKS)]
        self._unsure: set[str] = set()

    def snapshot(self, session_id: str) -> Path:
        """Return where the session's snapshot is; *session_id* must be a UUID."""
        return self.folder / f"{session_id}.json"

    def journal(self, session_id: str) -> Path:
        """Return where the session's journal is; *session_id* must be a UUID."""
        return self.folder / f"{session_id}.journal"

    def load(self, session_id: str, lines: Sequence[Line] = (), *, last: int | None = None) -> Loaded:
        """Read a session, repairing what a crash left behind.

        :param lines: its commits that may not be in the files yet.
        :param last: the commit to stop behind, if the files still allow it.
        :raises FileDamaged: when something acknowledged is missing.
        :raises FileNotFoundError: when there is no trace of the session.
        """
        with self._lock(session_id):
            return self._load(session_id, living(lines), last)

    def append(self, session_id: str, lines: Sequence[bytes]) -> Sizes:
        """Add commits to the session's journal, durably; on failure none of them is there."""
        path = self.journal(session_id)
        with self._lock(session_id):
            before = self._size(path)
            if session_id in self._unsure:
                found = self._scan(path)
                self._mend(path, found)
                before = found.end if found is not None else 0
                self._unsure.discard(session_id)
            try:
                stamp = self._files.append(path, b"".join(lines))
            except OSError:
                self._unsure.add(session_id)
                with suppress(OSError):
                    self._files.truncate(path, before)
                    self._unsure.discard(session_id)
                raise
            return Sizes(self._size(self.snapshot(session_id)), stamp.size)

    def compact(
        self, session_id: str, number: int, tables: Mapping[str, Iterable[tuple[int, bytes]]]
    ) -> Sizes:
        """Make the rows after commit *number* the snapshot; the one before becomes the backup.

        Every commit up to *number* must be in the files or will be added to them later.
        """
        snapshot, journal = self.snapshot(session_id), self.journal(session_id)
        temporary = snapshot.with_name(snapshot.name + TEMPORARY)
        stamp = self._files.write_new(temporary, snapshot_chunks(number, tables))
        with self._lock(session_id):
            # While there is a snapshot, nothing that counts is in the older journal. While there is
            # none, because an earlier attempt ended half-way, everything there may count.
            whole = self._files.exists(snapshot)
            if whole:
                self._files.rename(snapshot, _backup(snapshot))
                self._files.sync_directory(self.folder)
            if self._files.exists(journal) and (whole or not self._files.exists(_backup(journal))):
                self._files.rename(journal, _backup(journal))
            self._files.rename(temporary, snapshot)
            self._files.sync_directory(self.folder)
            return Sizes(stamp.size, self._size(journal))

    def erase(self, session_id: str) -> None:
        """Remove every file of the session; they may be gone already."""
        snapshot, journal = self.snapshot(session_id), self.journal(session_id)
        with self._lock(session_id):
            for path in (snapshot, journal, _backup(snapshot), _backup(journal)):
                self._files.discard(path)
            self._unsure.discard(session_id)

    def missing(self, session_id: str) -> bool:
        """Tell whether the session has neither a snapshot nor a journal."""
        return not any(map(self._files.exists, (self.snapshot(session_id), self.journal(session_id))))

    def _lock(self, session_id: str) -> Lock:
        return self._locks[hash(session_id) % _LOCKS]

    def _load(self, session_id: str, lines: Sequence[Line], last: int | None) -> Loaded:
        snapshot, journal = self.snapshot(session_id), self.journal(session_id)
        # The journal first: while another process compacts, commits only move on to the snapshot.
        recent = self._scan(journal)
        problem: StoreDamaged | None = None
        number = 0
        try:
            base = self._read(snapshot)
            if base is not None and (last is None or base.number <= last):
                loaded = _follow(base, [(recent, journal)], lines, last)
                self._mend(journal, recent)
                return loaded
        except StoreDamaged as error:
            problem = error
            number = _commit_in(self._files, snapshot)
        older = self._scan(_backup(journal))
        base = self._read(_backup(snapshot))
        if problem is not None and older is None:
            raise problem
        if base is None and older is None and recent is None and not lines:
            raise FileNotFoundError(2, "The session's file is gone", str(snapshot))
        try:
            parts = [(older, _backup(journal)), (recent, journal)]
            loaded = _follow(base or Snapshot({}, 0), parts, lines, last)
            if loaded.number < max(number, 1):
                raise StoreDamaged(f"commit {loaded.number + 1} is missing")
        except StoreDamaged as error:
            raise problem or error from error
        self._mend(journal, recent)
        self._promote(session_id, older, recent, problem)
        return loaded

    def _read(self, path: Path) -> Snapshot | None:
        try:
            content, _ = self._files.read(path)
        except FileNotFoundError:
            return None
        try:
            return parse_snapshot(content)
        except StoreDamaged as error:
            raise _named(error, path) from None

    def _scan(self, path: Path) -> Scan | None:
        try:
            return scan(self._files.read(path)[0])
        except FileNotFoundError:
            return None

    def _mend(self, journal: Path, found: Scan | None) -> None:
        if found is not None and found.end < found.size and not self._read_only:
            self._files.truncate(journal, found.end)
            what = f"{found.size - found.end} bytes of an unfinished write were cut off"
            self._told(Recovery(shown(journal), what))

    def _promote(
        self, session_id: str, older: Scan | None, recent: Scan | None, problem: StoreDamaged | None
    ) -> None:
        """Make the backup the snapshot again after it was used; any step may be the last."""
        snapshot, journal = self.snapshot(session_id), self.journal(session_id)
        if self._read_only or (
            problem is None and older is None and not self._files.exists(_backup(snapshot))
        ):
            return
        if problem is not None:
            self._files.rename(snapshot, snapshot.with_name(snapshot.name + DAMAGED))
        lines = [line.raw for found in (older, recent) if found is not None for line in found.lines]
        if older is not None:
            self._files.replace(journal, b"".join(lines))
        if self._files.exists(_backup(snapshot)):
            self._files.rename(_backup(snapshot), snapshot)
        self._files.sync_directory(self.folder)
        self._files.discard(_backup(journal))
        if problem is not None:
            self._told(
                Recovery(shown(snapshot), f"{problem.message}; restored from the backup and the journal")
            )

    def _size(self, path: Path) -> int:
        try:
            return self._files.stamp(path).size
        except FileNotFoundError:
            return 0


def _follow(
    base: Snapshot, parts: Sequence[tuple[Scan | None, Path]], lines: Sequence[Line], last: int | None
) -> Loaded:
    """Return what *base* becomes; StoreDamaged when a commit on the way is missing or unreadable."""
    tables, number = base.tables, base.number
    for found, path in parts:
        if found is None:
            continue
        for bad in found.bad:
            # What the snapshot has already need not be readable here.
            latest = bad.number or max((line.number for line in found.lines), default=None)
            if latest is None or latest > base.number:
                raise _named(StoreDamaged(f"the commit at byte {bad.start} cannot be read"), path)
        try:
            number = replay(tables, number, found.lines, last=last)
        except StoreDamaged as error:
            raise _named(error, path) from None
    filed = number
    try:
        number = replay(tables, number, lines, last=last)
    except StoreDamaged as error:
        raise FileDamaged(error.message, "journal") from None
    return Loaded(tables, number, filed)


def _backup(path: Path) -> Path:
    return path.with_name(path.name + BACKUP)


def _commit_in(files: Files, path: Path) -> int:
    """Return the number of the commit that a damaged snapshot still tells, or 0."""
    with suppress(OSError):
        found = _COMMIT.match(files.read(path)[0])
        return int(found[1]) if found else 0
    return 0


def _named(error: StoreDamaged, path: Path) -> FileDamaged:
    return error if isinstance(error, FileDamaged) else FileDamaged(error.message, shown(path))


def shown(path: Path) -> str:
    """Return the name of a session's file relative to the data directory."""
    return f"{path.parent.name}/{path.name}"
