"""What is done in the background so that the log stays short and opening stays fast.

One thread does it, one thing after the other, and never holds up a commit:

- A checkpoint moves commits from the shared log to the journals of their sessions.
- Compaction turns a session's journal into a new snapshot, once it has outgrown the old one.
- The index file is written when much has changed, and at close.

What belongs to the event loop is asked for there, and copied in no time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Event as ThreadEvent
from threading import Thread
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from ...errors import StoreDamaged
from .backlog import Backlog
from .files import Files
from .index import Entry, Index, Remembered, write_index
from .lines import is_removal, scan
from .log import LOG_BYTES, CommitLog
from .opened import Image, OpenSessions
from .session_files import SessionFiles, Sizes
from .writer import GroupWriter, Soon

logger = logging.getLogger(__name__)

T = TypeVar("T")

JOURNAL_BYTES: Final = 256 * 1024
"""How long a journal may always be: reading it takes a few milliseconds."""

_CLOSING_SHARE: Final = 8
_CLOSING_MOST: Final = 256
_PATIENCE: Final = 60.0


@dataclass(frozen=True)
class LoopSide:
    """What belongs to the event loop."""

    backlog: Backlog
    index: Index
    opened: OpenSessions


class _Remains(NamedTuple):
    entries: dict[str, Entry]
    ids: dict[str, list[str]]
    filed: dict[str, int]


class Upkeep:
    """The background thread of an open store.

    :param loop_side: what is looked at on the event loop only.
    :param soon: how to reach the event loop.
    """

    def __init__(
        self,
        loop_side: LoopSide,
        soon: Soon,
        *,
        log: CommitLog,
        writer: GroupWriter,
        sessions: SessionFiles,
        files: Files,
        index_path: Path,
    ) -> None:
        self._loop_side = loop_side
        self._soon = soon
        self._log = log
        self._writer = writer
        self._sessions = sessions
        self._files = files
        self._index_path = index_path
        self._sizes: dict[str, Sizes] = {}
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._asked = False
        self._thread = Thread(target=self._run, name="flowdrop-upkeep", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def look(self) -> None:
        """Ask for whatever is due by now; called on the event loop after every commit."""
        if not self._asked and (
            self._log.size > LOG_BYTES or self._log.lost or self._loop_side.index.worth_writing
        ):
            self._asked = True
            self._queue.put(self._catch_up)

    def erase(self, session_id: str) -> None:
        """Ask for the files of a removed session to be removed."""
        self._queue.put(partial(self._erase, session_id))

    def finish(self) -> None:
        """Ask for all that is left to be filed, compacted and indexed, and for the thread to end."""
        self._queue.put(self._conclude)
        self._queue.put(None)

    def stop(self) -> None:
        """Ask for the thread to end."""
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the end of the thread. Blocks."""
        self._thread.join()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job()
            except Exception:
                logger.exception("The upkeep of the store failed; it is tried again later.")

    def _catch_up(self) -> None:
        try:
            if self._log.size > LOG_BYTES or self._log.lost:
                self._checkpoint()
                self._compact(
                    [i for i, size in self._sizes.items() if size.journal > max(JOURNAL_BYTES, size.snapshot)]
                )
            if self._on_loop(lambda: self._loop_side.index.worth_writing):
                self._write_index()
        finally:
            self._on_loop(self._may_be_asked)

    def _conclude(self) -> None:
        self._checkpoint()
        worth = [i for i, size in self._sizes.items() if size.journal > size.snapshot // _CLOSING_SHARE]
        self._compact(sorted(worth, key=lambda i: -self._sizes[i].journal)[:_CLOSING_MOST])
        self._write_index()

    # Checkpoints

    def _checkpoint(self) -> None:
        last = self._writer.rotate()
        taken = self._on_loop(self._loop_side.backlog.take)
        failed: set[str] = set(taken)
        try:
            if self._log.lost or not self._files.exists(self._sessions.folder):
                self._log.lost = False
                self._restore()
            for session_id, lines in taken.items():
                try:
                    self._file(session_id, lines)
                    failed.discard(session_id)
                except OSError as error:
                    logger.warning("The journal of %s cannot be written: %s", session_id, error)
            if taken:
                self._files.sync_directory(self._sessions.folder)
        except OSError as error:
            failed = set(taken)
            logger.warning("A checkpoint failed; it is tried again later: %s", error)
        finally:
            self._on_loop(self._loop_side.backlog.done, failed)
            self._on_loop(self._loop_side.index.outdated, taken)
        if not failed:
            self._log.drop(last)

    def _file(self, session_id: str, lines: Sequence[bytes]) -> None:
        """Add commits to the session's own files; one that was removed meanwhile loses them all."""
        removals = [place for place, line in enumerate(lines) if is_removal(line)]
        if removals:
            self._sessions.erase(session_id)
            self._sizes.pop(session_id, None)
            lines = lines[removals[-1] + 1 :]
        if not lines:
            return
        if not self._begins(lines[0]) and self._sessions.missing(session_id):
            image = self._on_loop(self._loop_side.opened.image, session_id)
            if image is not None:
                self._snapshot(session_id, image)
                return
        self._sizes[session_id] = self._sessions.append(session_id, lines)

    def _begins(self, line: bytes) -> bool:
        return any(found.new for found in scan(line).lines)

    def _restore(self) -> None:
        """Write anew what was in memory when the files vanished."""
        self._files.make_directory(self._sessions.folder)
        for session_id in self._on_loop(self._loop_side.opened.loaded):
            if self._sessions.missing(session_id):
                image = self._on_loop(self._loop_side.opened.image, session_id)
                if image is not None:
                    self._snapshot(session_id, image)

    # Compaction

    def _compact(self, session_ids: list[str]) -> None:
        for session_id in session_ids:
            try:
                image = self._on_loop(self._loop_side.opened.image, session_id) or self._image(session_id)
                if image is not None:
                    self._snapshot(session_id, image)
            except (OSError, StoreDamaged) as error:
                logger.warning("%s cannot be compacted now: %s", session_id, error)
        self._on_loop(self._loop_side.index.outdated, session_ids)

    def _image(self, session_id: str) -> Image | None:
        """Read the rows of a session that is not in memory."""
        lines = self._on_loop(self._lines_of_a_session_that_exists, session_id)
        if lines is None:
            return None
        loaded = self._sessions.load(session_id, scan(b"".join(lines)).lines)
        return Image(
            loaded.number, {name: [rows[n] for n in sorted(rows)] for name, rows in loaded.tables.items()}
        )

    def _snapshot(self, session_id: str, image: Image) -> None:
        tables = {name: enumerate(rows, start=1) for name, rows in image.tables.items()}
        self._sizes[session_id] = self._sessions.compact(session_id, image.number, tables)

    def _erase(self, session_id: str) -> None:
        try:
            self._sessions.erase(session_id)
        except OSError as error:
            logger.warning("The files of a removed session are removed later: %s", error)
        self._sizes.pop(session_id, None)

    # The index

    def _write_index(self) -> None:
        remains = self._on_loop(self._remains)
        if remains is None:
            return
        try:
            stamps = self._files.scan(self._sessions.folder)
            write_index(
                self._index_path,
                self._files,
                (
                    Remembered(
                        id=session_id,
                        number=entry.number,
                        filed=remains.filed.get(session_id, entry.number),
                        updated_at=entry.updated_at,
                        snapshot=stamps.get(f"{session_id}.json"),
                        journal=stamps.get(f"{session_id}.journal"),
                        session=msgspec.Raw(entry.raw),
                        ids=remains.ids.get(session_id, []),
                    )
                    for session_id, entry in remains.entries.items()
                ),
            )
        except OSError as error:
            logger.warning("The index could not be written; the next start reads more files: %s", error)
            self._on_loop(self._loop_side.index.not_written)

    # On the event loop

    def _remains(self) -> _Remains | None:
        taken = self._loop_side.index.take()
        if taken is None:
            return None
        return _Remains(*taken, self._loop_side.backlog.all_filed())

    def _lines_of_a_session_that_exists(self, session_id: str) -> list[bytes] | None:
        return self._loop_side.backlog.lines(session_id) if session_id in self._loop_side.index else None

    def _may_be_asked(self) -> None:
        self._asked = False

    def _on_loop(self, function: Callable[..., T], *args: Any) -> T:
        """Call *function* on the event loop and wait for what it returns.

        :raises RuntimeError: when the loop has ended.
        """
        results: list[T] = []
        errors: list[Exception] = []
        done = ThreadEvent()

        def call() -> None:
            try:
                results.append(function(*args))
            except Exception as error:
                errors.append(error)
            done.set()

        self._soon(call)
        if not done.wait(_PATIENCE):
            raise RuntimeError("The event loop has ended.")
        if errors:
            raise errors[0]
        return results[0]
