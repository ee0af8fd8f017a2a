"""The data directory: where files are, and how a store takes it.

::

    .lock  owner.json            who may write
    store.json                   the version of the files
    workflows.json               TinyDB: the workflow definitions, the node types they brought
    index.json                   TinyDB: a cache, rebuilt from the sessions
    journal/<number>.log         the shared log of commits
    sessions/<uuid>.…            the files of one session; see the module ``session_files``
    memory.json  blobs/…         see the module ``beside``
    backup-<version>/            what a migration changed

Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...errors import StoreDamaged, StoreError
from ..base import NODE_TYPES, WORKFLOWS
from ..workflows import NodeTypeShelf, WorkflowShelf
from .beside import Damage
from .database import RowDatabase
from .files import TEMPORARY, Files
from .index import read_index
from .lock import DirectoryLock
from .schema import check_schema, migrate
from .session_files import Recovery, SessionFiles
from .survey import Logs, Survey, read_logs, survey

logger = logging.getLogger(__name__)

_TRIES = 5


class Findings(NamedTuple):
    """What an opened directory holds; ``shelves`` is None when the workflows are damaged."""

    survey: Survey
    logs: Logs
    workflows: RowDatabase
    shelves: tuple[WorkflowShelf, NodeTypeShelf] | None
    damaged: list[Damage]


class DataDirectory:
    """The files of one store.

    :param path: the directory; created, for its owner only, when it is missing.
    :param files: the file operations to use.
    :param told: called with what was found broken and put right.
    :param read_only: whether another process may own the directory; nothing is written then.
    """

    def __init__(
        self, path: Path, files: Files, told: Callable[[Recovery], None], *, read_only: bool = False
    ) -> None:
        self.path = path
        self.index_path = path / "index.json"
        self.workflows_path = path / "workflows.json"
        self.journal = path / "journal"
        self._files = files
        self._told = told
        self._read_only = read_only
        self._lock = DirectoryLock(path, files)
        self.sessions = SessionFiles(path / "sessions", files, told, read_only=read_only)

    def open(self) -> Findings:
        """Take the directory and find out what is in it.

        :raises StoreLocked: when another process owns it.
        :raises StoreError: code ``STORE_TOO_NEW`` when a later version wrote it.
        :raises OSError: when it cannot be created or listed.
        """
        if self._read_only:
            return self._look()
        self._files.make_directory(self.path)
        self._lock.acquire()
        try:
            version = check_schema(self.path, self._files)
            self._files.make_directory(self.sessions.folder)
            self._sweep()
            migrate(self.path, self._files, version)
            return self._find()
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Give the directory back."""
        if not self._read_only:
            self._lock.release()

    def session_sizes(self) -> dict[str, int]:
        """Return how many bytes the files of each session take, without their backups."""
        sizes: dict[str, int] = {}
        for name, stamp in self._files.scan(self.sessions.folder).items():
            session_id, _, suffix = name.partition(".")
            if suffix in ("json", "journal"):
                sizes[session_id] = sizes.get(session_id, 0) + stamp.size
        return sizes

    def relative(self, path: Path | str) -> str:
        """Return the name of a file as messages show it: without where the directory is."""
        try:
            return Path(path).relative_to(self.path).as_posix()
        except ValueError:
            return Path(path).name

    def _look(self) -> Findings:
        """Read the directory while its owner goes on writing; commits only move on from file to file.

        A session whose files vanish between the logs and the files, because it was removed, looks
        damaged once. Damage that is there at the next look as well is real.
        """
        check_schema(self.path, self._files)
        damaged: list[Damage] = []
        problem: FileNotFoundError | None = None
        found: Findings | None = None
        for _ in range(_TRIES):
            try:
                found = self._find()
            except FileNotFoundError as error:
                problem = error
                continue
            if found.damaged in ([], damaged):
                break
            damaged = found.damaged
        if found is None:
            assert problem is not None
            raise problem
        return found

    def _find(self) -> Findings:
        damaged: list[Damage] = []
        logs = read_logs(self.journal, self._files, read_only=self._read_only)
        if logs.torn is not None:
            self._told(logs.torn)
        remembered = read_index(self.index_path, self._files)
        found = survey(logs, remembered, self.sessions, self._files.scan(self.sessions.folder))
        workflows = RowDatabase(self.workflows_path, self._files)
        shelves = self._fill_shelves(workflows, damaged)
        damaged = sorted(found.damaged) + damaged
        for damage in damaged:
            logger.warning("%s is damaged and left alone: %s", *damage)
        return Findings(found, logs, workflows, shelves, damaged)

    def _sweep(self) -> None:
        """Remove what a crash left half written."""
        for folder in (self.path, self.sessions.folder):
            for leftover in folder.glob(f"*{TEMPORARY}"):
                self._files.discard(leftover)

    def _fill_shelves(
        self, workflows: RowDatabase, damaged: list[Damage]
    ) -> tuple[WorkflowShelf, NodeTypeShelf] | None:
        shelf, type_shelf = WorkflowShelf(), NodeTypeShelf()
        try:
            rows = workflows.rows()
            shelf.load(rows.get(WORKFLOWS, {}))
            type_shelf.load(rows.get(NODE_TYPES, {}))
        except (StoreDamaged, msgspec.MsgspecError) as error:
            damaged.append(Damage(self.relative(self.workflows_path), str(error)))
            return None
        return shelf, type_shelf


def refuse_to_write() -> StoreError:
    """Return the error of a store that was opened to be read only."""
    return StoreError("The store was opened to be read only.", code="STORE_READ_ONLY")
