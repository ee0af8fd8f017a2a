"""The data directory: where files are, and what is found in it when a store opens.

::

    .lock  owner.json        who may write
    workflows.json           TinyDB: the workflow definitions
    index.json               TinyDB: a cache, rebuilt from the sessions
    sessions/<uuid>.json     TinyDB: one session with everything that belongs to it

Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...errors import StoreDamaged
from ...ids import is_uuid
from ..state import SessionState
from ..workflows import WorkflowShelf
from .database import RowDatabase
from .files import TEMPORARY, Files, Stamp
from .index import Entry, read_index
from .lock import DirectoryLock

logger = logging.getLogger(__name__)

WORKFLOWS = "workflows"
"""The table in ``workflows.json``."""


class Damage(NamedTuple):
    """A file that cannot be read, named relative to the data directory."""

    file: str
    reason: str


class Findings(NamedTuple):
    """What an opened directory holds.

    ``changed`` are the sessions in which the index file disagrees; ``shelf`` is None when the
    workflows are damaged.
    """

    sessions: dict[str, Entry]
    changed: set[str]
    workflows: RowDatabase
    shelf: WorkflowShelf | None
    damaged: list[Damage]


class DataDirectory:
    """The files of one store.

    :param path: the directory; created, for its owner only, when it is missing.
    :param files: the file operations to use.
    """

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self.index_path = path / "index.json"
        self.workflows_path = path / "workflows.json"
        self._sessions = path / "sessions"
        self._files = files
        self._lock = DirectoryLock(path, files)

    def session_path(self, session_id: str) -> Path:
        """Return where a session is kept; *session_id* must have passed :func:`is_session_id`."""
        return self._sessions / f"{session_id}.json"

    def open(self) -> Findings:
        """Take the directory and find out what is in it.

        :raises StoreLocked: when another process owns it.
        :raises OSError: when it cannot be created or listed.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._sessions.mkdir(mode=0o700, exist_ok=True)
            self._sweep()
            damaged: list[Damage] = []
            known = read_index(self.index_path, self._files)
            sessions = self._find_sessions(known, damaged)
            changed = {i for i in known.keys() | sessions.keys() if known.get(i) is not sessions.get(i)}
            workflows = RowDatabase(self.workflows_path, self._files)
            shelf = self._fill_shelf(workflows, damaged)
        except BaseException:
            self._lock.release()
            raise
        for damage in damaged:
            logger.warning("%s is damaged and left alone: %s", *damage)
        return Findings(sessions, changed, workflows, shelf, damaged)

    def close(self) -> None:
        """Give the directory back."""
        self._lock.release()

    def load_session(self, session_id: str) -> tuple[RowDatabase, SessionState, Stamp]:
        """Read one session in full; StoreDamaged's message does not name the file.

        :raises StoreDamaged: when the file cannot be read or holds something else.
        :raises OSError: when there is no file or the system refuses it.
        """
        path = self.session_path(session_id)
        database = RowDatabase(path, self._files)
        try:
            state = SessionState.load(database.rows())
        except StoreDamaged as error:
            if database.stamp is None:
                raise FileNotFoundError(2, "The session's file is gone", str(path)) from error
            raise
        if state.session().id != session_id:
            raise StoreDamaged("the file holds another session")
        assert database.stamp is not None
        return database, state, database.stamp

    def relative(self, path: Path | str) -> str:
        """Return the name of a file as messages show it: without where the directory is."""
        try:
            return Path(path).relative_to(self.path).as_posix()
        except ValueError:
            return Path(path).name

    def _sweep(self) -> None:
        """Remove what a crash left half written."""
        for folder in (self.path, self._sessions):
            for leftover in folder.glob(f"*{TEMPORARY}"):
                leftover.unlink()

    def _find_sessions(self, known: dict[str, Entry], damaged: list[Damage]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for path in sorted(self._sessions.glob("*.json")):
            session_id = path.stem
            if not is_session_id(session_id):
                continue
            try:
                entry = known.get(session_id)
                if entry is None or entry.stamp != self._files.stamp(path):
                    _, state, stamp = self.load_session(session_id)
                    entry = Entry.of(stamp, state.record.raw(1), state.interrupts.ids())
                entries[session_id] = entry
            except OSError as error:
                damaged.append(Damage(self.relative(path), error.strerror or str(error)))
            except StoreDamaged as error:
                damaged.append(Damage(self.relative(path), error.message))
        return entries

    def _fill_shelf(self, workflows: RowDatabase, damaged: list[Damage]) -> WorkflowShelf | None:
        shelf = WorkflowShelf()
        try:
            shelf.load(workflows.rows().get(WORKFLOWS, {}))
        except (StoreDamaged, msgspec.MsgspecError) as error:
            damaged.append(Damage(self.relative(self.workflows_path), str(error)))
            return None
        return shelf


def is_session_id(text: str) -> bool:
    """Tell whether *text* can name a session's file: a UUID in lower case, nothing else."""
    return is_uuid(text) and text == text.lower()
