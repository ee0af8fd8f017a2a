"""What every store can do: the seam between the service and a database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .records import (
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessagePage,
    MessageRecord,
    RunRecord,
    SessionFilter,
    SessionRecord,
    WorkflowRecord,
)


class SessionTransaction(Protocol):
    """All reads and writes of one session inside one atomic, serialised unit.

    Rows that are read are copies: change them and put them back. Puts are kept aside until the
    ``async with`` block ends; then they become durable together, or none does. An exception that
    leaves the block discards them.
    """

    session: SessionRecord
    """The session as it stands in this transaction; changes to it are written at the end."""

    async def message(self, message_id: str) -> MessageRecord | None:
        """Return one message, this transaction's own puts included."""
        ...

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, this transaction's own puts included."""
        ...

    async def jobs(self, run_id: str) -> list[JobRecord]:
        """Return the run's jobs in the order in which they were first put."""
        ...

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return one interrupt, this transaction's own puts included."""
        ...

    async def interrupts(self, run_id: str | None = None) -> list[InterruptRecord]:
        """Return the session's interrupts, oldest first, or those of one run."""
        ...

    def put_message(self, message: MessageRecord) -> MessageRecord:
        """Insert or replace a message and append its ``message`` event (STORE-11, PLAY-4).

        A message with ``sequence_number`` 0 is new: it gets the next number and a timestamp
        strictly after the newest one of the session. The numbered message is returned.
        """
        ...

    def put_run(self, run: RunRecord) -> None:
        """Insert or replace a run."""
        ...

    def put_job(self, job: JobRecord) -> None:
        """Insert or replace a job."""
        ...

    def put_interrupt(self, interrupt: InterruptRecord) -> None:
        """Insert or replace an interrupt."""
        ...

    def append_event(self, event: EventRecord) -> EventRecord:
        """Append an event; it gets the session's next ``seq`` and the current time."""
        ...


class Store(Protocol):
    """Durable records of workflows and sessions.

    Every method raises :class:`~flowdrop_jupyter.errors.StoreError` (or a subclass) when the
    database cannot be read or written; a failed write leaves the last durable state in force. What
    a method returns may be changed freely by the caller. Readers see only what is durable.
    """

    async def open(self) -> None:
        """Make the store usable; raises StoreLocked when another process owns the data."""
        ...

    async def close(self) -> None:
        """Finish all writing and release the data; closing twice is fine."""
        ...

    async def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Return one workflow, or None."""
        ...

    async def workflows(self) -> list[WorkflowRecord]:
        """Return all workflows, newest ``changed`` first."""
        ...

    async def save_workflow(self, workflow: WorkflowRecord, *, new: bool) -> None:
        """Write a workflow.

        :param new: whether it must not exist yet; otherwise it must.
        :raises Conflict: code ``WORKFLOW_EXISTS`` when *new* and the id is taken (STORE-3).
        :raises NotFound: code ``WORKFLOW_NOT_FOUND`` when not *new* and the id is unknown.
        """
        ...

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there. Its sessions stay (decision 10)."""
        ...

    async def create_session(self, session: SessionRecord) -> None:
        """Write a new session; raises Conflict when the id is taken."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        ...

    async def sessions(self, where: SessionFilter) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first."""
        ...

    async def remove_session(self, session_id: str) -> bool:
        """Remove a session with everything that belongs to it; tell whether it was there."""
        ...

    def transaction(self, session_id: str) -> AbstractAsyncContextManager[SessionTransaction]:
        """Open a transaction; entering raises NotFound (``SESSION_NOT_FOUND``) for an unknown id.

        Transactions of one session run one after the other. When the block ends without an
        exception the writes are on disk before control returns, and ``updated_at`` has moved on.
        """
        ...

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
        """Return one page of messages in ascending order, or None for an unknown session.

        With a lower bound (*after* a sequence number, or *after_time* a formatted timestamp, both
        exclusive) the page starts right after it; otherwise it is the newest page below *before*
        or *before_time* (exclusive), or of all. At most *limit* messages, None for no bound.
        ``has_more`` is whether the page holds as many as *limit* asked for; ``has_older`` is
        whether a message older than the page's first exists (PLAY-3).
        """
        ...

    async def message(self, session_id: str, message_id: str) -> MessageRecord | None:
        """Return one message, or None."""
        ...

    async def run(self, session_id: str, run_id: str) -> RunRecord | None:
        """Return one run, or None."""
        ...

    async def jobs(self, session_id: str, run_id: str) -> Sequence[JobRecord]:
        """Return the run's jobs in the order in which they were first put; empty when unknown."""
        ...

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return the interrupt with this id, whichever session it belongs to, or None."""
        ...

    async def interrupts(self, session_id: str) -> Sequence[InterruptRecord]:
        """Return the session's interrupts, oldest first; empty when unknown."""
        ...

    async def events(self, session_id: str, *, after: int = 0, limit: int | None = None) -> list[EventRecord]:
        """Return events with ``seq`` above *after* in order; empty when unknown."""
        ...
