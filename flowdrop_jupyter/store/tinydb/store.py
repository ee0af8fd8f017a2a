"""The default store: TinyDB files and a shared log of commits, in a directory that one process owns."""

from __future__ import annotations

import errno
import logging
import os
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio
from anyio import to_thread

from ...clock import Clock, system_clock
from ...errors import Conflict, InvalidInput, StoreClosed, StoreDamaged, StoreError
from ..completion import Completion
from ..records import SessionFilter, SessionRecord
from ..rows import Batch
from ..state import SessionState
from ..workflows import NodeTypeShelf, WorkflowShelf
from .backlog import Backlog
from .beside import BesideStore, Damage
from .database import RowDatabase
from .directory import DataDirectory, Findings, refuse_to_write
from .files import Files
from .index import Index
from .lines import encode_line, scan
from .log import CommitLog
from .opened import OpenSession, OpenSessions, Turn
from .session_files import Recovery
from .survey import is_session_id, load_state
from .upkeep import LoopSide, Upkeep
from .writer import GroupWriter, Write, caller_of_this_loop

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4


class TinyDBStore(BesideStore):
    """A :class:`~flowdrop_jupyter.store.Store` in a directory of TinyDB files.

    A commit is a line in a log that all sessions share and is published to readers when the line
    is on disk; commits that come together share one sync. In the background the lines move on to
    their sessions' own files. A commit that has begun is finished even when its caller is cancelled.
    Errors of the system are raised as StoreError and leave the last durable state in force; once
    the cause is gone, the next commit succeeds.

    :param directory: the data directory; created for its owner only when it is missing.
    :param clock: tells the time of messages, events and commits.
    :param max_open: how many idle sessions to keep in memory.
    :param files: the file operations to use; tests pass ones that fail.
    :param read_only: read a directory that another process may own, as it is now; nothing can be
        written.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        clock: Clock = system_clock,
        max_open: int = 64,
        files: Files | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(Path(directory), files or Files(), clock)
        self._damaged: list[Damage] = []
        self._recovered: list[Recovery] = []
        self._directory = DataDirectory(
            Path(directory), self._files, partial(_put_right, self._recovered), read_only=read_only
        )
        self._read_only = read_only
        self._max_open = max_open
        self._door = anyio.Lock()
        self._closing = Completion()
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._opened = OpenSessions(max_open)
        self._index = Index({}, {})
        self._backlog = Backlog({})
        self._graves: dict[str, int] = {}
        self._unusable: set[str] = set()
        self._writes: set[Write] = set()
        self._writer: GroupWriter | None = None
        self._upkeep: Upkeep | None = None
        self._workflow_rows: RowDatabase | None = None

    @property
    def damaged(self) -> list[Damage]:
        """The files that could not be read at open: name relative to the directory, and reason."""
        return list(self._damaged)

    @property
    def recovered(self) -> list[Recovery]:
        """What was found broken since open, and put right: file and what was done."""
        return list(self._recovered)

    async def open(self) -> None:
        """Take the directory and read what is in it; opening an open store is fine.

        Damaged sessions do not stop it; they are left alone and listed in :attr:`damaged`.

        :raises StoreLocked: when another store owns the directory; names it and the process.
        :raises StoreError: code ``STORE_TOO_NEW`` when a later version of this program wrote it.
        """
        async with self._door:
            if not self._ready:
                self._limiter = anyio.CapacityLimiter(_THREADS)
                await self._completion.run(self._open)

    async def close(self) -> None:
        """Finish the commits under way, file them, write the index and release the directory."""
        async with self._door:
            if self._ready:
                self._ready = False
                await self._closing.run(self._close)

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        self._check_ready()
        return self._index.session(session_id)

    async def sessions(
        self, where: SessionFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first, then highest id first."""
        self._check_ready()
        return self._index.sessions(where, limit=limit, cursor=cursor)

    async def session_of(self, record_id: str) -> str | None:
        """Return the id of the session that the run or interrupt with this id belongs to, or None."""
        self._check_ready()
        return self._index.session_of(record_id)

    async def remove_session(self, session_id: str, *, updated_at: str | None = None) -> bool:
        """Remove a session with everything that belongs to it; tell whether that was done."""
        self._check_ready()
        with self._opened.use(session_id) as session:
            async with session.turn, session.loading:
                self._check_ready()
                found = self._index.session(session_id)
                if found is None or updated_at not in (None, found.updated_at):
                    return False
                number = (self._index.number(session_id) or 0) + 1
                await self._write(encode_line(session_id, number, None), partial(self._bury, session, number))
                if self._upkeep is not None:
                    self._upkeep.erase(session_id)
                return True

    # What base classes ask for

    async def _state(self, session_id: str) -> SessionState | None:
        if session_id not in self._index:
            return None
        with self._opened.use(session_id) as session:
            return session.state or await self._loaded(session)

    def _turn(self, session_id: str) -> Turn:
        return Turn(self._opened, session_id, self._loaded)

    async def _create(self, session_id: str, batch: Batch) -> None:
        if not is_session_id(session_id):
            raise InvalidInput("The id of a session must be a UUID in lower case.")
        with self._opened.use(session_id) as session:
            async with session.turn:
                self._check_ready()
                if session_id in self._index or session_id in self._unusable:
                    raise Conflict("A session with this id exists already.", code="SESSION_EXISTS")
                number = self._graves.get(session_id, 0) + 1
                line = encode_line(session_id, number, batch, new=True)
                await self._write(line, partial(self._begin, session, number, batch))

    async def _commit(self, session_id: str, state: SessionState, batch: Batch) -> None:
        session = self._opened.get(session_id)
        if session is None or session.state is not state:
            raise StoreClosed("The store was closed while the transaction was open.")
        number = session.number + 1
        line = encode_line(session_id, number, batch)
        await self._write(line, partial(self._publish, session, number, batch))

    async def _write_definitions(self, batch: Batch) -> None:
        self._check_writable()
        assert self._workflow_rows is not None
        await self._in_thread(self._workflow_rows.put, batch)

    async def _erase_definition(self, table: str, number: int) -> None:
        self._check_writable()
        assert self._workflow_rows is not None
        await self._in_thread(self._workflow_rows.erase, table, number)

    async def _write_memory(self, number: int, raw: bytes | None) -> None:
        self._check_writable()
        await super()._write_memory(number, raw)

    async def _write_blob(self, sha256: str, content: bytes) -> None:
        self._check_writable()
        await super()._write_blob(sha256, content)

    async def _remove_blob(self, sha256: str) -> None:
        self._check_writable()
        await super()._remove_blob(sha256)

    def _workflows(self) -> WorkflowShelf:
        shelf = super()._workflows()
        if self._workflow_rows is None:
            raise StoreDamaged("The stored workflows cannot be read; workflows.json is damaged.")
        return shelf

    async def _session_sizes(self) -> dict[str, int]:
        sizes = await self._in_thread(self._directory.session_sizes)
        found = {}
        for session_id in self._index:
            waiting = sum(map(len, self._backlog.lines(session_id)))
            found[session_id] = sizes.get(session_id, 0) + waiting
        return found

    def _all_readable(self) -> bool:
        return not self._damaged

    # Loading

    async def _loaded(self, session: OpenSession) -> SessionState | None:
        async with session.loading:
            self._check_ready()
            if session.state is None and session.id in self._index:
                await self._completion.run(partial(self._load, session))
        return session.state

    async def _load(self, session: OpenSession) -> None:
        wanted = self._index.number(session.id) or 0
        lines = scan(b"".join(self._backlog.lines(session.id))).lines
        last = wanted if self._read_only else None
        try:
            state, number, _ = await self._in_thread(
                load_state, self._directory.sessions, session.id, lines, last
            )
        except StoreDamaged as error:
            raise StoreDamaged(f"The session {session.id} cannot be read: {error.message}.") from error
        if number < wanted:
            raise StoreDamaged(f"The session {session.id} has lost commits: {number} of {wanted} are there.")
        session.state, session.number = state, number
        if number > wanted:
            self._index.put(session.id, number, {"session": {1: state.record.raw(1)}})

    # Writing

    async def _write(self, line: bytes, publish: Callable[[bytes], None]) -> None:
        """Make a line durable and publish it, whatever becomes of the caller meanwhile."""
        if self._writer is None or self._upkeep is None:
            raise refuse_to_write()
        write = self._writer.submit(line, publish)
        self._writes.add(write)
        try:
            await write.wait()
        except OSError as error:
            raise self._refusal(error) from error
        finally:
            self._writes.discard(write)
        self._upkeep.look()

    def _begin(self, session: OpenSession, number: int, batch: Batch, line: bytes) -> None:
        session.state = SessionState.load(batch)
        session.number = number
        self._taken_down(session.id, number, batch, line)

    def _publish(self, session: OpenSession, number: int, batch: Batch, line: bytes) -> None:
        assert session.state is not None
        session.state.apply(batch)
        session.number = number
        self._taken_down(session.id, number, batch, line)

    def _bury(self, session: OpenSession, number: int, line: bytes) -> None:
        session.state = None
        self._index.drop(session.id)
        self._graves[session.id] = number
        self._backlog.add(session.id, number, line)

    def _taken_down(self, session_id: str, number: int, batch: Batch, line: bytes) -> None:
        self._index.put(session_id, number, batch)
        self._backlog.add(session_id, number, line)

    def _check_writable(self) -> None:
        if self._read_only:
            raise refuse_to_write()

    # Opening and closing

    async def _open(self) -> None:
        self._recovered.clear()
        found = await self._in_thread(self._directory.open)
        self._take_over(found)
        self._damaged += await self._open_beside(read_only=self._read_only)
        if not self._read_only:
            log = CommitLog(
                self._directory.journal,
                self._files,
                {number: [line.raw for line in lines] for number, lines in found.logs.lines.items()},
                found.survey.kept,
            )
            soon = caller_of_this_loop()
            self._writer = GroupWriter(log, soon)
            self._upkeep = Upkeep(
                LoopSide(self._backlog, self._index, self._opened),
                soon,
                log=log,
                writer=self._writer,
                sessions=self._directory.sessions,
                files=self._files,
                index_path=self._directory.index_path,
            )
            await to_thread.run_sync(_start, self._writer, self._upkeep)
            weakref.finalize(self, _abandon, self._writer, self._upkeep)
        self._ready = True

    def _take_over(self, found: Findings) -> None:
        survey = found.survey
        self._index = Index(survey.sessions, survey.session_of, survey.changed)
        self._opened = OpenSessions(self._max_open)
        self._backlog = Backlog(survey.backlog)
        self._graves = survey.graves
        self._unusable = survey.unusable
        self._shelf, self._type_shelf = found.shelves or (WorkflowShelf(), NodeTypeShelf())
        self._workflow_rows = None if found.shelves is None else found.workflows
        self._damaged = found.damaged

    async def _close(self) -> None:
        await self._completion.wait_idle()
        for write in list(self._writes):
            await write.settled()
        if self._upkeep is not None and self._writer is not None:
            self._upkeep.finish()
            await to_thread.run_sync(_end, self._writer, self._upkeep)
            self._writer = self._upkeep = None
        await self._in_thread(self._directory.close)
        self._opened = OpenSessions(self._max_open)
        self._index = Index({}, {})
        self._backlog = Backlog({})
        self._shelf, self._type_shelf = WorkflowShelf(), NodeTypeShelf()

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call *function* in a worker thread; what the system refuses is raised as StoreError."""
        try:
            return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> StoreError:
        name = self._directory.relative(error.filename) if error.filename else "The data directory"
        code = errno.errorcode.get(error.errno or 0, "EIO")
        reason = error.strerror or str(error)
        return StoreError(
            f"The store cannot use {name}: {reason}.", details=[{"code": code, "message": reason}]
        )


def _put_right(recovered: list[Recovery], recovery: Recovery) -> None:
    logger.warning("%s: %s", *recovery)
    recovered.append(recovery)


def _start(writer: GroupWriter, upkeep: Upkeep) -> None:
    writer.start()
    upkeep.start()


def _end(writer: GroupWriter, upkeep: Upkeep) -> None:
    upkeep.join()
    writer.stop()
    writer.join()


def _abandon(writer: GroupWriter, upkeep: Upkeep) -> None:
    writer.stop()
    upkeep.stop()
