"""The doctor's examination of a data directory: everything is read, nothing is changed.

While a server is at work in the directory, what is just being written looks unfinished and is left
out; and what looks broken is looked at twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import NotFound, StoreDamaged, StoreError
from ..store.blobs import content_hash, mentions
from ..store.shelf import MemoryShelf, Shelf
from ..store.tinydb.blob_files import BlobFiles
from ..store.tinydb.database import RowDatabase
from ..store.tinydb.files import TEMPORARY, Files, Stamp
from ..store.tinydb.index import INDEX_TABLE, Remembered
from ..store.tinydb.lines import scan
from ..store.tinydb.lock import Holder
from ..store.tinydb.schema import STORE_FILE, check_schema
from ..store.tinydb.session_files import DAMAGED
from ..store.tinydb.snapshot import SCHEMA
from ..store.tinydb.survey import Logs, Survey, log_path, read_logs, survey
from ..store.transfer import KINDS
from ..store.workflows import NodeTypeShelf, WorkflowShelf
from .reading import WatchedSessions, current_holder, needed_blobs
from .report import Finding, Kind, Report, human_size

IMPORT_FILE: Final = "import.json"
"""What an import is about to write; there only while it is at work."""

SHELVES: Final = {"workflows.json": ("workflows", "node_types"), "memory.json": ("memory",)}
"""The files of what is found by key, and the tables in each."""

_TRIES: Final = 5


class _Document(msgspec.Struct):
    entry: Remembered


@dataclass
class Examination:
    """What was found, for the report and for repair; sessions are named by their ids."""

    path: Path
    holder: Holder | None
    schema: int
    logs: Logs
    survey: Survey
    sessions: WatchedSessions
    torn_log: Path | None = None
    unreadable_files: set[str] = field(default_factory=set)
    temporary: list[Path] = field(default_factory=list)
    missing_blobs: set[str] = field(default_factory=set)
    corrupt_blobs: set[str] = field(default_factory=set)
    memory_needs: frozenset[str] = frozenset()
    remembered: dict[str, Remembered] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def problem(self, kind: Kind, file: str, reason: str) -> None:
        """Take down something that can be repaired."""
        self.problems.append(Finding(kind, file, reason))

    def note(self, kind: Kind, file: str, reason: str) -> None:
        """Take down something to know."""
        self.notes.append(Finding(kind, file, reason))

    def report(self) -> Report:
        """Return what to tell."""
        return Report(
            directory=str(self.path),
            holder=self.holder,
            schema=self.schema,
            counts=self.counts,
            sizes=self.sizes,
            problems=sorted(self.problems),
            notes=sorted(self.notes),
        )


def require_data_directory(path: Path) -> None:
    """Raise unless *path* is a data directory.

    :raises NotFound: when there is no such directory, or it is of another kind.
    """
    if not path.is_dir():
        raise NotFound(f"There is no directory {path}.")
    if not any((path / name).exists() for name in (STORE_FILE, "sessions", "workflows.json")):
        raise NotFound(f"{path} is not a data directory of FlowDrop.")


def examine(path: Path, *, mine: bool = False) -> Examination:
    """Find out how a data directory is.

    :param mine: whether the caller holds its lock.
    :raises NotFound: when it is not a data directory.
    :raises StoreError: code ``STORE_TOO_NEW`` when a later version of this program wrote it.
    :raises OSError: when it cannot be read.
    """
    require_data_directory(path)
    found = _look(path, mine=mine)
    if found.holder is not None and found.problems:
        again = _look(path, mine=mine)
        again.problems = [finding for finding in again.problems if finding in found.problems]
        return again
    return found


def _look(path: Path, *, mine: bool) -> Examination:
    for _ in range(_TRIES):
        try:
            return _Examiner(path, mine=mine).result
        except FileNotFoundError as error:
            problem = error
    raise StoreError(f"The directory changes too fast to be read: {problem}.")


class _Examiner:
    def __init__(self, path: Path, *, mine: bool) -> None:
        self._files = Files()
        self._path = path
        holder = None if mine else current_holder(path, self._files)
        self._quiet = holder is None
        schema = check_schema(path, self._files)
        logs = read_logs(path / "journal", self._files, read_only=True)
        sessions = WatchedSessions(path / "sessions", self._files)
        self._names = self._listed(path / "sessions")
        found = survey(logs, {}, sessions, self._names)
        self.result = Examination(path, holder, schema, logs, found, sessions)
        self._check_version()
        self._check_sessions()
        self._check_logs()
        workflows, node_types = WorkflowShelf(), NodeTypeShelf()
        self._check_shelves("workflows.json", workflows, node_types)
        memories = MemoryShelf()
        self._check_shelves("memory.json", memories)
        shelves = [workflows.raws(), node_types.raws(), memories.raws()]
        self._check_index()
        self._check_blobs(shelves)
        self._check_leftovers()
        self._count(shelves)

    def _check_version(self) -> None:
        try:
            RowDatabase(self._path / STORE_FILE, self._files).rows()
        except StoreDamaged as error:
            self.result.unreadable_files.add(STORE_FILE)
            self.result.problem("damaged_file", STORE_FILE, error.message)
            return
        if self.result.schema != SCHEMA:
            reason = f"the files have version {self.result.schema}; the next start brings them to {SCHEMA}"
            self.result.note("version", STORE_FILE, reason)

    def _check_sessions(self) -> None:
        result = self.result
        for damage in result.survey.damaged:
            kind: Kind = "damaged_log" if damage.file.startswith("journal/") else "damaged_session"
            result.problem(kind, damage.file, damage.reason)
        for session_id, reason in result.sessions.replaced.items():
            if session_id not in result.survey.sessions:
                continue
            file = f"sessions/{session_id}.json"
            if reason:
                result.problem("damaged_file", file, f"{reason}; the backup and the journal have it all")
            elif self._quiet:
                result.problem(
                    "unfinished_compaction", file, "a crash interrupted a compaction; nothing is lost"
                )
        if self._quiet:
            for name, size in result.sessions.torn.items():
                result.problem("torn_tail", f"sessions/{name}", f"{size} bytes of an unfinished write")

    def _check_logs(self) -> None:
        result = self.result
        told = {damage.file for damage in result.survey.damaged}
        for number, bad in result.logs.bad.items():
            file = f"journal/{number:08}.log"
            if bad and file not in told:
                reason = f"{len(bad)} lines cannot be read; the files of their sessions have these commits"
                result.problem("damaged_log", file, reason)
        last = max(result.logs.lines, default=None)
        if last is None or not self._quiet:
            return
        path = log_path(self._path / "journal", last)
        found = scan(self._files.read(path)[0])
        if found.torn:
            result.torn_log = path
            size = found.written - found.end
            result.problem("torn_tail", f"journal/{path.name}", f"{size} bytes of an unfinished write")

    def _check_shelves(self, name: str, *shelves: Shelf[Any, Any]) -> None:
        database = RowDatabase(self._path / name, self._files)
        try:
            rows = database.rows()
            for table, shelf in zip(SHELVES[name], shelves, strict=True):
                shelf.load(rows.get(table, {}))
        except (StoreDamaged, msgspec.MsgspecError, UnicodeError) as error:
            self.result.unreadable_files.add(name)
            self.result.problem("damaged_file", name, str(error))

    def _check_index(self) -> None:
        result, actual = self.result, self.result.survey.sessions
        path = self._path / "index.json"
        try:
            rows = RowDatabase(path, self._files).rows().get(INDEX_TABLE, {})
            entries = [msgspec.json.decode(raw, type=_Document).entry for raw in rows.values()]
        except (StoreDamaged, msgspec.MsgspecError, UnicodeError) as error:
            result.problem("index", "index.json", f"{error}; the next start builds it anew")
            return
        result.remembered = {entry.id: entry for entry in entries}
        if not self._quiet:
            return
        stale = {
            entry.id
            for entry in entries
            if (known := actual.get(entry.id)) is None
            or known.number != entry.number
            or known.raw != bytes(entry.session)
            or (self._names.get(f"{entry.id}.json"), self._names.get(f"{entry.id}.journal")) != entry.stamps
        }
        stale |= actual.keys() - result.remembered.keys()
        stale -= result.survey.unusable
        if stale and not path.exists():
            result.problem("index", "index.json", "it is missing; the next start builds it anew")
        elif stale:
            reason = f"it is not up to date, in {len(stale)} sessions; the next start mends it"
            result.problem("index", "index.json", reason)

    def _check_blobs(self, shelves: list[list[bytes]]) -> None:
        result = self.result
        blobs = BlobFiles(self._path / "blobs", self._files)
        sizes = blobs.sizes()
        for name in sorted(sizes):
            content = blobs.read(name)
            if content is not None and content_hash(content) != name:
                result.corrupt_blobs.add(name)
                result.problem(
                    "corrupt_blob", self._shown(blobs.path(name)), "its content is not what its name says"
                )
        seen = result.sessions.seen.values()
        result.memory_needs = needed_blobs(shelves[-1])
        needed = frozenset[str]().union(result.memory_needs, *(each.needed for each in seen))
        result.missing_blobs = set(needed - sizes.keys())
        for name in sorted(result.missing_blobs):
            rows = [i for i, each in result.sessions.seen.items() if name in each.needed]
            where = ", ".join(rows[:3]) + (f" and {len(rows) - 3} more" if len(rows) > 3 else "")
            result.problem(
                "missing_blob", self._shown(blobs.path(name)), f"needed by {where or 'memory.json'}"
            )
        used = mentions(raw for raws in shelves for raw in raws).union(*(each.mentioned for each in seen))
        unused = sizes.keys() - used
        if unused and not result.survey.damaged and not result.unreadable_files:
            size = sum(sizes[name] for name in unused)
            reason = (
                f"{len(unused)} of {len(sizes)} are not referred to, {human_size(size)}; servers remove them"
            )
            result.note("unreferenced_blob", "blobs", reason)
        result.counts["blob"] = len(sizes)
        result.sizes["blobs"] = sum(sizes.values())

    def _check_leftovers(self) -> None:
        result = self.result
        if (self._path / IMPORT_FILE).exists() and self._quiet:
            result.problem(
                "unfinished_import", IMPORT_FILE, "an import was interrupted; some of it may be there"
            )
        for path in sorted((self._path / "sessions").glob(f"*{DAMAGED}")):
            result.note("set_aside", self._shown(path), "the store set it aside and has restored the session")
        if self._quiet:
            result.temporary = sorted(self._temporary())
            for path in result.temporary:
                result.problem("temporary_file", self._shown(path), "left behind half written by a crash")

    def _temporary(self) -> Iterator[Path]:
        for folder in (self._path, self._path / "sessions", self._path / "journal"):
            yield from folder.glob(f"*{TEMPORARY}")
        yield from (self._path / "blobs").glob(f"[0-9a-f][0-9a-f]/*{TEMPORARY}")

    def _count(self, shelves: list[list[bytes]]) -> None:
        result = self.result
        rows: Counter[str] = Counter()
        for session_id in result.survey.sessions:
            rows += result.sessions.seen[session_id].counts
        workflows, node_types, memories = map(len, shelves)
        tables = {kind: rows[table] for table, kind in KINDS.items()}
        result.counts = {"workflow": workflows, **tables, "memory": memories, **result.counts}
        if node_types:
            result.counts["node_type"] = node_types
        result.sizes = {
            "sessions": sum(stamp.size for stamp in self._names.values()),
            "journal": sum(stamp.size for stamp in self._listed(self._path / "journal").values()),
            **result.sizes,
        }

    def _listed(self, folder: Path) -> dict[str, Stamp]:
        try:
            return self._files.scan(folder)
        except FileNotFoundError:
            return {}

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._path).as_posix()
