"""What all stores that keep sessions in memory share: reads, transactions, the rules of workflows.

A subclass says where the bytes go. It publishes a commit to the states only after it is durable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import anyio
from msgspec.structs import replace

from ..clock import Clock, format_time, parse_time
from ..errors import NotFound, StoreClosed
from .completion import Completion
from .draft import Draft
from .protocol import SessionTransaction
from .records import (
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessagePage,
    MessageRecord,
    RunRecord,
    SessionRecord,
    WorkflowRecord,
)
from .rows import Batch, freeze
from .state import SessionState
from .workflows import WorkflowShelf

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class StateStore(ABC):
    """Reads and transactions over :class:`SessionState`.

    :param clock: tells the time of messages, events and commits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready = False
        self._completion = Completion()
        self._shelf = WorkflowShelf()
        self._shelf_turn = anyio.Lock()

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
    async def _write_workflow(self, number: int, raw: bytes | None) -> None:
        """Make a workflow's row durable, or its removal when *raw* is None."""

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
        )
        await self._create(session.id, {"session": {1: freeze(fresh)}})

    @asynccontextmanager
    async def transaction(self, session_id: str) -> AsyncIterator[SessionTransaction]:
        """Open a transaction; entering raises NotFound (``SESSION_NOT_FOUND``) for an unknown id.

        A block that put nothing and left the session as it was writes nothing.
        """
        self._check_ready()
        async with self._turn(session_id) as state:
            self._check_ready()
            if state is None:
                raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
            draft = Draft(state, self._clock)
            try:
                yield draft
            except BaseException:
                draft.close()
                raise
            batch = draft.finish()
            if batch:
                self._check_ready()
                await self._commit(session_id, state, batch)

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
        return state.page(
            after=after, after_time=after_time, before=before, before_time=before_time, limit=limit
        )

    async def message(self, session_id: str, message_id: str) -> MessageRecord | None:
        """Return one message, or None."""
        state = await self._read(session_id)
        return None if state is None else state.messages.find(message_id)

    async def run(self, session_id: str, run_id: str) -> RunRecord | None:
        """Return one run, or None."""
        state = await self._read(session_id)
        return None if state is None else state.runs.find(run_id)

    async def jobs(self, session_id: str, run_id: str) -> list[JobRecord]:
        """Return the run's jobs in the order in which they were first put; empty when unknown."""
        state = await self._read(session_id)
        return [] if state is None else [state.jobs[number] for number in state.job_numbers(run_id)]

    async def interrupts(self, session_id: str) -> list[InterruptRecord]:
        """Return the session's interrupts, oldest first; empty when unknown."""
        state = await self._read(session_id)
        return [] if state is None else state.interrupts.all()

    async def events(self, session_id: str, *, after: int = 0, limit: int | None = None) -> list[EventRecord]:
        """Return events with ``seq`` above *after* in order; empty when unknown."""
        state = await self._read(session_id)
        if state is None:
            return []
        first = max(after, 0) + 1
        return state.events.between(first, len(state.events) if limit is None else first + limit - 1)

    async def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Return one workflow, or None."""
        return self._workflows().get(workflow_id)

    async def workflows(self) -> list[WorkflowRecord]:
        """Return all workflows, newest ``changed`` first."""
        return sorted(
            self._workflows().all(),
            key=lambda workflow: (parse_time(workflow.changed) or _LONG_AGO, workflow.id),
            reverse=True,
        )

    async def save_workflow(self, workflow: WorkflowRecord, *, new: bool) -> None:
        """Write a workflow; Conflict when *new* and known, NotFound when not *new* and unknown."""
        raw = freeze(workflow)
        async with self._shelf_turn:
            number = self._workflows().place(workflow.id, new=new)
            await self._completion.run(partial(self._keep_workflow, workflow.id, number, raw))

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there."""
        async with self._shelf_turn:
            number = self._workflows().number(workflow_id)
            if number is None:
                return False
            await self._completion.run(partial(self._keep_workflow, workflow_id, number, None))
            return True

    async def _keep_workflow(self, workflow_id: str, number: int, raw: bytes | None) -> None:
        await self._write_workflow(number, raw)
        self._shelf.put(workflow_id, number, raw)

    async def _read(self, session_id: str) -> SessionState | None:
        self._check_ready()
        return await self._state(session_id)

    def _workflows(self) -> WorkflowShelf:
        self._check_ready()
        return self._shelf

    def _check_ready(self) -> None:
        if not self._ready:
            raise StoreClosed("The store is not open.")
