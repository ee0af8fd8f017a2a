"""The default store: one TinyDB database per session in a directory that one process owns."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio
from anyio import to_thread

from ...clock import Clock, system_clock
from ...errors import Conflict, InvalidInput, StoreClosed, StoreDamaged, StoreError
from ..base import StateStore
from ..completion import Completion
from ..records import InterruptRecord, SessionFilter, SessionRecord
from ..rows import Batch
from ..state import SessionState
from ..workflows import WorkflowShelf
from .database import RowDatabase
from .directory import WORKFLOWS, Damage, DataDirectory, is_session_id
from .files import Files, Stamp
from .index import Entry, Index, write_index
from .opened import OpenSession, OpenSessions

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4


class TinyDBStore(StateStore):
    """A :class:`~flowdrop_jupyter.store.Store` in a directory of TinyDB files.

    A commit replaces the session's file once and is published to readers when it is on disk. All
    file operations run in worker threads; a commit that has begun is finished even when its caller
    is cancelled. Errors of the system are raised as StoreError and leave the last durable state in
    force; once the cause is gone, the next commit succeeds.

    :param directory: the data directory; created for its owner only when it is missing.
    :param clock: tells the time of messages, events and commits.
    :param max_open: how many idle sessions to keep in memory.
    :param files: the file operations to use; tests pass ones that fail.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        clock: Clock = system_clock,
        max_open: int = 64,
        files: Files | None = None,
    ) -> None:
        super().__init__(clock)
        self._files = files or Files()
        self._directory = DataDirectory(Path(directory), self._files)
        self._max_open = max_open
        self._door = anyio.Lock()
        self._closing = Completion()
        self._index_turn = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(_THREADS)
        self._opened = OpenSessions(max_open)
        self._index = Index({}, ())
        self._workflow_rows: RowDatabase | None = None
        self._damaged: list[Damage] = []

    @property
    def damaged(self) -> list[Damage]:
        """The files that could not be read at open: name relative to the directory, and reason."""
        return list(self._damaged)

    async def open(self) -> None:
        """Take the directory and read what is in it; opening an open store is fine.

        Damaged session files do not stop it; they are left alone and listed in :attr:`damaged`.

        :raises StoreLocked: when another store owns the directory; names it and the process.
        """
        async with self._door:
            if not self._ready:
                self._index_turn = anyio.Lock()
                self._shelf_turn = anyio.Lock()
                self._limiter = anyio.CapacityLimiter(_THREADS)
                await self._completion.run(self._open)

    async def close(self) -> None:
        """Finish the commits under way, write the index and release the directory."""
        async with self._door:
            if self._ready:
                self._ready = False
                await self._closing.run(self._close)

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        self._check_ready()
        return self._index.session(session_id)

    async def sessions(self, where: SessionFilter) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first."""
        self._check_ready()
        return self._index.sessions(where)

    async def remove_session(self, session_id: str) -> bool:
        """Remove a session with everything that belongs to it; tell whether it was there."""
        self._check_ready()
        with self._opened.use(session_id) as session:
            async with session.turn, session.loading:
                self._check_ready()
                if session_id not in self._index:
                    return False
                await self._completion.run(partial(self._remove, session))
                return True

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return the interrupt with this id, whichever session it belongs to, or None."""
        self._check_ready()
        session_id = self._index.session_of(interrupt_id)
        state = None if session_id is None else await self._state(session_id)
        return None if state is None else state.interrupts.find(interrupt_id)

    async def _state(self, session_id: str) -> SessionState | None:
        if session_id not in self._index:
            return None
        with self._opened.use(session_id) as session:
            return await self._loaded(session)

    @asynccontextmanager
    async def _turn(self, session_id: str) -> AsyncIterator[SessionState | None]:
        with self._opened.use(session_id) as session:
            async with session.turn:
                yield await self._loaded(session)

    async def _loaded(self, session: OpenSession) -> SessionState | None:
        if session.state is None:
            async with session.loading:
                self._check_ready()
                if session.state is None and session.id in self._index:
                    await self._completion.run(partial(self._load, session))
        return session.state

    async def _load(self, session: OpenSession) -> None:
        session.database, session.state, _ = await self._in_thread(self._directory.load_session, session.id)

    async def _create(self, session_id: str, batch: Batch) -> None:
        if not is_session_id(session_id):
            raise InvalidInput("The id of a session must be a UUID in lower case.")
        with self._opened.use(session_id) as session:
            async with session.turn:
                self._check_ready()
                await self._completion.run(partial(self._write_new, session, batch))
        await self._write_index()

    async def _write_new(self, session: OpenSession, batch: Batch) -> None:
        database = RowDatabase(self._directory.session_path(session.id), self._files)
        stamp = await self._in_thread(_put_first, database, batch)
        session.database, session.state = database, SessionState.load(batch)
        self._publish(session.id, stamp, session.state)

    async def _commit(self, session_id: str, state: SessionState, batch: Batch) -> None:
        with self._opened.use(session_id) as session:
            if session.state is not state:
                raise StoreClosed("The store was closed while the transaction was open.")
            await self._completion.run(partial(self._write, session, state, batch))
        await self._write_index()

    async def _write(self, session: OpenSession, state: SessionState, batch: Batch) -> None:
        assert session.database is not None
        stamp = await self._in_thread(session.database.put, batch)
        state.apply(batch)
        self._publish(session.id, stamp, state)

    async def _remove(self, session: OpenSession) -> None:
        await self._in_thread(self._files.remove, self._directory.session_path(session.id))
        session.database = session.state = None
        self._index.drop(session.id)

    async def _write_workflow(self, number: int, raw: bytes | None) -> None:
        assert self._workflow_rows is not None
        if raw is None:
            await self._in_thread(self._workflow_rows.erase, WORKFLOWS, number)
        else:
            await self._in_thread(self._workflow_rows.put, {WORKFLOWS: {number: raw}})

    def _workflows(self) -> WorkflowShelf:
        shelf = super()._workflows()
        if self._workflow_rows is None:
            raise StoreDamaged("The stored workflows cannot be read; workflows.json is damaged.")
        return shelf

    def _publish(self, session_id: str, stamp: Stamp, state: SessionState) -> None:
        self._index.put(session_id, Entry.of(stamp, state.record.raw(1), state.interrupts.ids()))

    async def _open(self) -> None:
        findings = await self._in_thread(self._directory.open)
        self._index = Index(findings.sessions, findings.changed)
        self._opened = OpenSessions(self._max_open)
        self._shelf = findings.shelf or WorkflowShelf()
        self._workflow_rows = None if findings.shelf is None else findings.workflows
        self._damaged = findings.damaged
        self._ready = True

    async def _close(self) -> None:
        await self._completion.wait_idle()
        await self._save_index()
        await self._in_thread(self._directory.close)
        self._opened = OpenSessions(self._max_open)
        self._index = Index({}, ())
        self._shelf = WorkflowShelf()

    async def _write_index(self) -> None:
        if self._ready and self._index.worth_writing and not self._index_turn.locked():
            async with self._index_turn:
                await self._completion.run(self._save_index)

    async def _save_index(self) -> None:
        entries = self._index.take()
        if entries is None:
            return
        try:
            await self._in_thread(write_index, self._directory.index_path, self._files, entries)
        except StoreError as error:
            logger.warning("The index could not be written; the next start reads more files: %s", error)

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call *function* in a worker thread; what the system refuses is raised as StoreError."""
        try:
            return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
        except OSError as error:
            name = self._directory.relative(error.filename) if error.filename else "The data directory"
            code = errno.errorcode.get(error.errno or 0, "EIO")
            reason = error.strerror or str(error)
            raise StoreError(
                f"The store cannot use {name}: {reason}.", details=[{"code": code, "message": reason}]
            ) from error


def _put_first(database: RowDatabase, batch: Batch) -> Stamp:
    with suppress(StoreDamaged):
        database.rows()
    if database.stamp is not None:
        raise Conflict("A session with this id exists already.", code="SESSION_EXISTS")
    return database.put(batch)
