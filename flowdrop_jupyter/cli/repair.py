"""The doctor's repair of a data directory: it needs the lock, and copies every file before it changes it.

Each step leaves a directory that a server can open and that can be repaired again, so a repair may be
interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import anyio

from ..clock import Clock, format_time
from ..ids import IdFactory
from ..store import TinyDBStore
from ..store.rows import Batch
from ..store.shelf import MemoryShelf
from ..store.tinydb.blob_files import BlobFiles
from ..store.tinydb.database import RowDatabase
from ..store.tinydb.files import TEMPORARY, Files
from ..store.tinydb.lines import Line
from ..store.tinydb.lock import DirectoryLock
from ..store.tinydb.schema import STORE_FILE
from ..store.tinydb.session_files import DAMAGED, SessionFiles
from ..store.tinydb.snapshot import snapshot_chunks
from ..store.tinydb.survey import is_session_id, log_path, read_logs
from ..store.workflows import NodeTypeShelf, WorkflowShelf
from .backup import Backup
from .examine import IMPORT_FILE, SHELVES, Examination, examine, require_data_directory
from .fragments import Decoders, read_fragments
from .importing import undo_unfinished
from .rebuild import end_turn, rebuild, without_blobs
from .remains import gather, session_paths
from .report import Action, Report

_DECODERS: Final[dict[str, Decoders]] = {
    "workflows.json": {"workflows": WorkflowShelf().decode, "node_types": NodeTypeShelf().decode},
    "memory.json": {"memory": MemoryShelf().decode},
}


def repair(path: Path, *, clock: Clock, ids: IdFactory) -> Report:
    """Repair a data directory; return how it is afterwards, with what was done.

    :raises StoreLocked: when a server is at work in it.
    :raises OSError: when the system refuses something; what was not done yet can be tried again.
    """
    require_data_directory(path)
    files = Files()
    lock = DirectoryLock(path, files)
    lock.acquire()
    try:
        found = examine(path, mine=True)
        if not found.problems:
            return found.report()
        moment = clock().strftime("%Y%m%dT%H%M%SZ")
        work = _Repair(found, Backup(path, moment, files), files, clock, ids)
        work.mend_files()
        work.found = examine(path, mine=True)
        work.let_blobs_go()
        work.prepare_start()
    finally:
        lock.release()
    anyio.run(_start, path, clock, work.told)
    report = examine(path).report()
    report.actions, report.backup = work.actions, work.backup.name
    return report


async def _start(path: Path, clock: Clock, told: Callable[[str, str], None]) -> None:
    """Have a store file what is in the log, and write the index."""
    store = TinyDBStore(path, clock=clock)
    await store.open()
    try:
        if await undo_unfinished(store, path):
            told(IMPORT_FILE, "what the interrupted import had written was removed")
    finally:
        await store.close()


class _Repair:
    def __init__(
        self, found: Examination, backup: Backup, files: Files, clock: Clock, ids: IdFactory
    ) -> None:
        self.found = found
        self.backup = backup
        self.actions: list[Action] = []
        self._path = found.path
        self._folder = found.path / "sessions"
        self._files = files
        self._now = format_time(clock())
        self._ids = ids
        self._sessions = SessionFiles(self._folder, files, lambda recovery: self.told(*recovery))

    def told(self, file: str, what: str) -> None:
        """Take down what was done."""
        self.actions.append(Action(file, what))

    def mend_files(self) -> None:
        """Put right what can be told from the files themselves."""
        self._remove_temporary()
        if self.found.torn_log is not None:
            self.backup.keep(self.found.torn_log)
            torn = read_logs(self._path / "journal", self._files, read_only=False).torn
            if torn is not None:
                self.told(*torn)
        given_up = {
            session_id for session_id in sorted(self.found.survey.unusable) if self._salvage(session_id)
        }
        self._heal_sessions()
        if any(self.found.logs.bad.values()) or any(map(self._logged, given_up)):
            self._rewrite_logs(given_up)
        for name in SHELVES:
            if name in self.found.unreadable_files:
                self._salvage_shelf(name)
        if STORE_FILE in self.found.unreadable_files:
            path = self._path / STORE_FILE
            self.backup.keep(path)
            aside = self.backup.set_aside(path)
            self._files.discard(path)
            self.told(STORE_FILE, f"moved to {aside}; every file tells its own version")

    def let_blobs_go(self) -> None:
        """Set corrupt blobs aside, and have no row need a blob that is not there."""
        found = self.found
        blobs = BlobFiles(self._path / "blobs", self._files)
        for name in sorted(found.corrupt_blobs):
            path = blobs.path(name)
            self.backup.keep(path)
            aside = self.backup.set_aside(path)
            blobs.remove(name)
            self.told(path.relative_to(self._path).as_posix(), f"moved to {aside}")
        gone = frozenset(found.missing_blobs | found.corrupt_blobs)
        for session_id in sorted(found.survey.sessions):
            if gone & found.sessions.seen[session_id].needed:
                self._trim(session_id, gone)
        if gone & found.memory_needs:
            self._forget(gone)

    def prepare_start(self) -> None:
        """Copy what a store changes when it opens and closes."""
        found = self.found
        self.backup.keep(self._path / "index.json", self._path / STORE_FILE, self._path / IMPORT_FILE)
        if (self._path / IMPORT_FILE).exists():
            self.backup.keep(*(self._path / name for name in SHELVES))
        for session_id in found.survey.backlog:
            self.backup.keep(*session_paths(self._folder, session_id))
        self.backup.keep(*(self._log(number) for number in found.logs.lines))
        if any(finding.kind == "index" for finding in found.problems):
            # A store trusts the index where the stamps of the files fit, whatever else is wrong in it.
            self._files.discard(self._path / "index.json")
            self.told("index.json", "built anew from the sessions")

    def _remove_temporary(self) -> None:
        for path in self.found.temporary:
            self.backup.keep(path)
            self._files.discard(path)
            self._files.sync_directory(path.parent)
            self.told(path.relative_to(self._path).as_posix(), "removed")

    def _heal_sessions(self) -> None:
        """Read the sessions that the store itself can put right."""
        watched = self.found.sessions
        torn = {name.removesuffix(".journal") for name in watched.torn}
        for session_id in sorted((torn | watched.replaced.keys()) & self.found.survey.sessions.keys()):
            self.backup.keep(*session_paths(self._folder, session_id))
            before = len(self.actions)
            self._sessions.load(session_id, self._logged(session_id))
            aside = self._folder / f"{session_id}.json{DAMAGED}"
            if aside.exists():
                self.backup.set_aside(aside)
                self._files.discard(aside)
            if len(self.actions) == before:
                self.told(f"sessions/{session_id}.json", "the interrupted compaction was finished")

    def _salvage(self, session_id: str) -> bool:
        """Make a sound session of a damaged one; tell whether nothing could be made of it."""
        found, file = self.found, f"sessions/{session_id}.json"
        paths = [path for path in session_paths(self._folder, session_id) if path.exists()]
        try:
            remains = gather(
                self._folder,
                session_id,
                logged=self._logged(session_id),
                unreadable=self._spoilt(session_id),
                remembered=found.remembered.get(session_id),
                files=self._files,
            )
            self.backup.keep(*paths)
        except OSError as error:
            self.told(file, f"left alone: {error.strerror or error}")
            return False
        rebuilt = rebuild(session_id, remains.tables, now=self._now, ids=self._ids)
        for path in paths:
            self.backup.set_aside(path)
        if rebuilt is None:
            for path in reversed(paths):
                self._files.discard(path)
            self.told(file, "moved to damaged/; nothing tells whose session it was")
            return True
        self._write_snapshot(session_id, remains.commit, rebuilt.tables)
        for path in paths:
            if path.suffix != ".json":
                self._files.discard(path)
        self._files.sync_directory(self._folder)
        messages, events = rebuilt.lost_messages, rebuilt.lost_events
        total = len(rebuilt.tables.get("messages", {}))
        lost = f"; {messages} of {total} messages and {events} events are lost" if messages or events else ""
        self.told(file, f"moved to damaged/ and rebuilt from what can be read{lost}")
        return False

    def _rewrite_logs(self, given_up: Collection[str]) -> None:
        """Make one sound log of all: without what cannot be read, and without sessions given up."""
        numbers = sorted(self.found.logs.lines)
        lines = [line for number in numbers for line in self.found.logs.lines[number]]
        for number in numbers:
            self.backup.keep(self._log(number))
            if self.found.logs.bad[number]:
                self.backup.set_aside(self._log(number))
        for session_id in given_up:
            raws = [line.raw for line in lines if line.session == session_id]
            if raws:
                self.backup.write_aside(f"journal/{session_id}.log", b"".join(raws))
        left = [line.raw for line in lines if line.session not in given_up]
        # A commit counts once, so the last log may repeat those before it until they are gone.
        self._files.replace(self._log(numbers[-1]), b"".join(left))
        for number in numbers[:-1]:
            self._files.discard(self._log(number))
        self._files.sync_directory(self._path / "journal")
        for number in numbers:
            count = len(self.found.logs.bad[number])
            whose = sum(
                part.session is None or not is_session_id(part.session)
                for part in self.found.logs.bad[number]
            )
            if count:
                unknown = f"; of {whose} nothing tells the session" if whose else ""
                what = f"moved to damaged/ and written anew without {count} unreadable lines{unknown}"
                self.told(f"journal/{number:08}.log", what)

    def _salvage_shelf(self, name: str) -> None:
        path, decoders = self._path / name, _DECODERS[name]
        self.backup.keep(path)
        aside = self.backup.set_aside(path)
        tables = read_fragments(self._files.read(path)[0], decoders).tables
        RowDatabase(path, self._files).overwrite(tables)
        saved = sum(map(len, tables.values()))
        self.told(name, f"moved to {aside} and written anew with the {saved} rows that can be read")

    def _trim(self, session_id: str, gone: frozenset[str]) -> None:
        """Take missing blobs out of the rows of a session."""
        self.backup.keep(*session_paths(self._folder, session_id))
        loaded = self._sessions.load(session_id, self._logged(session_id))
        tables: Batch = {name: dict(sorted(rows.items())) for name, rows in loaded.tables.items()}
        changed = 0
        for name, rows in tables.items():
            for number, raw in rows.items():
                rows[number] = without_blobs(name, raw, gone)
                changed += rows[number] is not raw
        end_turn(tables, now=self._now)
        self._sessions.compact(
            session_id, loaded.number, {name: rows.items() for name, rows in tables.items()}
        )
        self.told(f"sessions/{session_id}.json", f"{changed} rows whose blob is missing were trimmed")

    def _forget(self, gone: frozenset[str]) -> None:
        """Forget what is remembered only by the name of a missing blob."""
        path = self._path / "memory.json"
        self.backup.keep(path)
        database = RowDatabase(path, self._files)
        (table,) = SHELVES["memory.json"]
        rows = database.rows().get(table, {})
        left = {number: raw for number, raw in rows.items() if without_blobs(table, raw, gone) is raw}
        database.overwrite({table: left})
        self.told("memory.json", f"{len(rows) - len(left)} values whose blob is missing were forgotten")

    def _write_snapshot(self, session_id: str, commit: int, tables: Batch) -> None:
        path = self._sessions.snapshot(session_id)
        temporary = path.with_name(path.name + TEMPORARY)
        chunks = snapshot_chunks(commit, {name: rows.items() for name, rows in tables.items()})
        self._files.write_new(temporary, chunks)
        self._files.rename(temporary, path)
        self._files.sync_directory(self._folder)

    def _logged(self, session_id: str) -> list[Line]:
        logs = self.found.logs.lines
        return [line for number in sorted(logs) for line in logs[number] if line.session == session_id]

    def _spoilt(self, session_id: str) -> list[tuple[int, bytes]]:
        """Return the commits of a session in the logs that cannot be read, as far as they tell its name."""
        return [
            (part.number, self._files.read(self._log(number))[0][part.start : part.end])
            for number, parts in self.found.logs.bad.items()
            for part in parts
            if part.session == session_id and part.number is not None
        ]

    def _log(self, number: int) -> Path:
        return log_path(self._path / "journal", number)
