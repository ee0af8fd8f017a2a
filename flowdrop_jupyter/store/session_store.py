"""Reads and transactions of sessions that are kept in memory, shared by all such stores.

A subclass says where the bytes go. It publishes a commit to the states only after it is durable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from ..clock import Clock, format_time
from ..errors import NotFound, StoreClosed
from .blob_shelf import BlobShelf
from .completion import Completion
from .draft import Draft, inline_workflow
from .protocol import SessionTransaction
from .records import (
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessagePage,
    MessageRecord,
    RunRecord,
    SessionRecord,
    WorkflowRecord,
)
from .rows import Batch, Rows, freeze
from .state import SessionState

R = TypeVar("R", bound=msgspec.Struct)


class SessionStore(ABC):
    """Reads and transactions over :class:`SessionState`.

    :param clock: tells the time of messages, events and commits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready = False
        self._completion = Completion()
        self._renew()

    @abstractmethod
    async def _state(self, session_id: str) -> SessionState | None:
        """Return the durable state of a session, or None when there is none."""

    @abstractmethod
    def _turn(self, session_id: str) -> AbstractAsyncContextManager[SessionState | None]:
        """Enter the session's queue of transactions; the block is the only one that may commit."""

    @abstractmethod
    async def _create(self, session_id: str, batch: Batch) -> None:
        """Make a new session durable, then publish it; raises Conflict when the id is taken."""

    @abstractmethod
    async def _commit(self, session_id: str, state: SessionState, batch: Batch) -> None:
        """Make the rows durable, then publish them to *state*; on failure do neither."""

    @abstractmethod
    async def _write_blob(self, sha256: str, content: bytes) -> None:
        """Make a blob durable; nothing has to be done when it is there already."""

    @abstractmethod
    async def _read_blob(self, sha256: str) -> bytes | None:
        """Return a blob, or None when there is none."""

    @abstractmethod
    async def _remove_blob(self, sha256: str) -> None:
        """Remove a blob, which exists."""

    @abstractmethod
    async def session_of(self, record_id: str) -> str | None:
        """Return the id of the session that the run or interrupt with this id belongs to, or None."""

    async def create_session(self, session: SessionRecord) -> None:
        """Write a new session; raises Conflict (``SESSION_EXISTS``) when the id is taken.

        Its counters start at zero; missing times become the current one.
        """
        self._check_ready()
        now = format_time(self._clock())
        fresh = replace(
            session,
            created_at=session.created_at or now,
            updated_at=session.updated_at or now,
            last_sequence=0,
            last_event=0,
            last_timestamp=None,
            trimmed=0,
        )
        batch: Batch = {"session": {1: freeze(fresh)}}
        with self._blobs.commit(batch):
            await self._create(session.id, batch)

    def transaction(self, session_id: str) -> AbstractAsyncContextManager[SessionTransaction]:
        """Open a transaction; entering raises NotFound (``SESSION_NOT_FOUND``) for an unknown id.

        A block that put nothing and left the session as it was writes nothing.
        """
        return _Transaction(self, session_id)

    def _draft(self, state: SessionState | None) -> Draft:
        self._check_ready()
        if state is None:
            raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
        return Draft(state, self._blobs, self._clock)

    async def messages(
        self,
        session_id: str,
        *,
        after: int | None = None,
        after_time: str | None = None,
        before: int | None = None,
        before_time: str | None = None,
        limit: int | None = None,
    ) -> MessagePage | None:
        """Return one page of messages in ascending order, or None for an unknown session."""
        state = await self._read(session_id)
        if state is None:
            return None
        numbers = state.page(
            after=after, after_time=after_time, before=before, before_time=before_time, limit=limit
        )
        session = state.session()
        return MessagePage(
            messages=await self._whole(state.messages, numbers),
            session=session,
            has_more=limit is not None and len(numbers) >= limit,
            has_older=numbers.start > 1,
        )

    async def message(self, session_id: str, message_id: str) -> MessageRecord | None:
        """Return one message, or None."""
        state = await self._read(session_id)
        return None if state is None else await self._find(state.messages, message_id)

    async def run(self, session_id: str, run_id: str) -> RunRecord | None:
        """Return one run, or None."""
        state = await self._read(session_id)
        return None if state is None else await self._find(state.runs, run_id)

    async def job(self, session_id: str, job_id: str) -> JobRecord | None:
        """Return one job of the session, or None."""
        state = await self._read(session_id)
        return None if state is None else await self._find(state.jobs, job_id)

    async def jobs(self, session_id: str, run_id: str) -> list[JobRecord]:
        """Return the run's jobs in the order in which they were first put; empty when unknown."""
        state = await self._read(session_id)
        return [] if state is None else await self._whole(state.jobs, state.job_numbers(run_id))

    async def checkpoints(self, session_id: str, run_id: str) -> list[CheckpointRecord]:
        """Return the run's checkpoints in the order in which they were first put; empty when unknown."""
        state = await self._read(session_id)
        return [] if state is None else await self._whole(state.checkpoints, state.checkpoint_numbers(run_id))

    async def workflow_snapshot(self, session_id: str, snapshot_id: str) -> WorkflowRecord | None:
        """Return the workflow that a transaction of the session kept under this id, or None."""
        state = await self._read(session_id)
        if state is None:
            return None
        found = await self._find(state.snapshots, snapshot_id)
        return inline_workflow(await self._find(state.runs, snapshot_id)) if found is None else found.workflow

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return the interrupt with this id, whichever session it belongs to, or None."""
        self._check_ready()
        session_id = await self.session_of(interrupt_id)
        state = None if session_id is None else await self._state(session_id)
        return None if state is None else await self._find(state.interrupts, interrupt_id)

    async def interrupts(self, session_id: str) -> list[InterruptRecord]:
        """Return the session's interrupts, oldest first; empty when unknown."""
        state = await self._read(session_id)
        return [] if state is None else await self._whole(state.interrupts)

    async def events(self, session_id: str, *, after: int = 0, limit: int | None = None) -> list[EventRecord]:
        """Return events with ``seq`` above *after* in order; empty when unknown."""
        state = await self._read(session_id)
        if state is None:
            return []
        first, last = max(after, 0) + 1, len(state.events)
        if limit is not None:
            last = min(last, first + limit - 1)
        return await self._whole(state.events, range(first, last + 1))

    async def session_rows(self, session_id: str) -> dict[str, list[bytes]] | None:
        """Return all rows of a session as they are stored, by table (see :class:`PortableStore`)."""
        state = await self._read(session_id)
        if state is None:
            return None
        return {name: rows.raws() for name, rows in state.tables.items() if len(rows)}

    async def restore_session(self, tables: Mapping[str, Sequence[bytes]]) -> None:
        """Write a session with all its rows as they are; Conflict when its id is taken.

        :raises StoreDamaged: when the rows are not those of one session.
        """
        self._check_ready()
        batch: Batch = {name: dict(enumerate(rows, start=1)) for name, rows in tables.items() if rows}
        session = SessionState.load(batch).session()
        with self._blobs.commit(batch):
            await self._create(session.id, batch)

    async def _finish(self, state: SessionState, draft: Draft, batch: Batch) -> None:
        """Make what a draft put durable: its blobs, then the rows that refer to them."""
        if batch:
            self._check_ready()
            with self._blobs.commit(batch):
                if draft.blobs:
                    await self._write_blobs(draft.blobs)
                await self._commit(draft.session_id, state, batch)

    async def _write_blobs(self, blobs: dict[str, bytes]) -> None:
        if blobs:
            await self._completion.run(partial(self._blobs.write_all, blobs))
            self._check_ready()

    async def _whole(self, rows: Rows[R], numbers: Iterable[int] | None = None) -> list[R]:
        if numbers is None:
            raws = rows.raws()
        elif isinstance(numbers, range):
            raws = rows.raws(numbers.start, numbers.stop - 1)
        else:
            raws = [rows.raw(number) for number in numbers]
        return await self._blobs.whole(raws, rows.decode, {})

    async def _find(self, rows: Rows[R], row_id: str) -> R | None:
        number = rows.number(row_id)
        return None if number is None else (await self._whole(rows, [number]))[0]

    def _renew(self) -> None:
        """Forget who waited for what; every opening begins with it."""
        self._blobs = BlobShelf(self._read_blob, self._write_blob, self._remove_blob)

    async def _read(self, session_id: str) -> SessionState | None:
        self._check_ready()
        return await self._state(session_id)

    def _check_ready(self) -> None:
        if not self._ready:
            raise StoreClosed("The store is not open.")


class _Transaction(AbstractAsyncContextManager[SessionTransaction]):
    """One turn of a session with the draft that is made durable at its end.

    Written out, because a generator would cost as much as all else in a small commit.
    """

    __slots__ = ("_draft", "_session_id", "_state", "_store", "_turn")

    def __init__(self, store: SessionStore, session_id: str) -> None:
        self._store = store
        self._session_id = session_id

    async def __aenter__(self) -> SessionTransaction:
        self._store._check_ready()
        self._turn = self._store._turn(self._session_id)
        state = await self._turn.__aenter__()
        try:
            self._draft = self._store._draft(state)
        except BaseException as error:
            await self._turn.__aexit__(type(error), error, error.__traceback__)
            raise
        assert state is not None
        self._state = state
        return self._draft

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self._store._finish(self._state, self._draft, self._draft.finish())
            else:
                self._draft.close()
        except BaseException as problem:
            kind, error, trace = type(problem), problem, problem.__traceback__
            raise
        finally:
            await self._turn.__aexit__(kind, error, trace)
