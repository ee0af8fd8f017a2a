"""What every store can do: the seam between the service and a database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .records import (
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MemoryRecord,
    MessagePage,
    MessageRecord,
    NodeTypeRecord,
    RunRecord,
    SessionFilter,
    SessionRecord,
    StoreUsage,
    WorkflowHeader,
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

    async def checkpoints(self, run_id: str) -> list[CheckpointRecord]:
        """Return the run's checkpoints in the order in which they were first put."""
        ...

    async def workflow_snapshot(self, snapshot_id: str) -> WorkflowRecord | None:
        """Return the workflow as it was put, this transaction's own puts included, or None."""
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

    def put_checkpoint(self, checkpoint: CheckpointRecord) -> None:
        """Insert or replace a checkpoint; a missing ``created_at`` becomes the current time."""
        ...

    def put_workflow_snapshot(self, workflow: WorkflowRecord) -> str:
        """Keep a workflow as it is now and return the id to find it by.

        The id is a hash of the content, so a session keeps each version once, however many runs
        are launched from it.
        """
        ...

    def append_event(self, event: EventRecord) -> EventRecord:
        """Append an event; it gets the session's next ``seq`` and the current time."""
        ...


class Store(Protocol):
    """Durable records of workflows, sessions and memory.

    Values of any size come back as they were put. One whose JSON takes more than 64 KiB may live
    beside its row, as a blob that is named by the SHA-256 of its content.

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

    async def workflow_headers(self) -> list[WorkflowHeader]:
        """Return the headers of all workflows, newest ``changed`` first; cheap, however large they are."""
        ...

    async def workflows(self) -> list[WorkflowRecord]:
        """Return all workflows, newest ``changed`` first."""
        ...

    async def save_workflow(
        self, workflow: WorkflowRecord, *, new: bool, node_types: Sequence[NodeTypeRecord] = ()
    ) -> None:
        """Write a workflow, and with it the node types that it brings: all of it or nothing (STORE-9).

        :param new: whether it must not exist yet; otherwise it must.
        :param node_types: none of them may exist yet.
        :raises Conflict: code ``WORKFLOW_EXISTS`` when *new* and the id is taken (STORE-3), code
            ``NODE_TYPE_EXISTS`` when the id of a node type is.
        :raises NotFound: code ``WORKFLOW_NOT_FOUND`` when not *new* and the id is unknown.
        """
        ...

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there. Its sessions stay (decision 10)."""
        ...

    async def node_types(self) -> list[NodeTypeRecord]:
        """Return the node types that were made at run time, by id."""
        ...

    async def add_node_type(self, node_type: NodeTypeRecord) -> None:
        """Write a new node type; raises Conflict (``NODE_TYPE_EXISTS``) when its id is taken."""
        ...

    async def remove_node_type(self, type_id: str) -> bool:
        """Remove a node type; tell whether it was there. Workflows that use it stay."""
        ...

    async def create_session(self, session: SessionRecord) -> None:
        """Write a new session; raises Conflict when the id is taken."""
        ...

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        ...

    async def sessions(
        self, where: SessionFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first, then highest id first.

        :param limit: how many at most; None for all.
        :param cursor: only sessions that come after this place in the order, as
            :func:`~flowdrop_jupyter.store.session_cursor` spells it; it stays good when sessions
            come and go.
        :raises InvalidInput: code ``CURSOR_INVALID`` when *cursor* is no such text.
        """
        ...

    async def session_of(self, record_id: str) -> str | None:
        """Return the id of the session that the run or interrupt with this id belongs to, or None."""
        ...

    async def remove_session(self, session_id: str, *, updated_at: str | None = None) -> bool:
        """Remove a session with everything that belongs to it; tell whether that was done.

        :param updated_at: remove it only if nothing was committed to it since this time of its own.
        """
        ...

    async def trim_messages(self, session_id: str, through: int, *, updated_at: str | None = None) -> int:
        """Empty the messages up to number *through*; return how many were emptied now.

        Their rows stay, so that numbers have no gap: ``content`` is empty and ``metadata`` is
        ``{"trimmed": true}``. The runs that they began lose their launch values, their jobs' outputs
        and the states of their checkpoints. Neither ``updated_at`` nor the event log moves. A
        session that runs or waits for an answer is left alone.

        :param updated_at: do it only if nothing was committed to the session since this time of its own.
        :raises NotFound: code ``SESSION_NOT_FOUND`` for an unknown session.
        """
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

    async def job(self, session_id: str, job_id: str) -> JobRecord | None:
        """Return one job of the session, or None."""
        ...

    async def jobs(self, session_id: str, run_id: str) -> Sequence[JobRecord]:
        """Return the run's jobs in the order in which they were first put; empty when unknown."""
        ...

    async def checkpoints(self, session_id: str, run_id: str) -> list[CheckpointRecord]:
        """Return the run's checkpoints in the order in which they were first put; empty when unknown."""
        ...

    async def workflow_snapshot(self, session_id: str, snapshot_id: str) -> WorkflowRecord | None:
        """Return the workflow that a transaction of the session kept under this id, or None."""
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

    async def memory(self, scope: str, scope_id: str, key: str) -> MemoryRecord | None:
        """Return what is remembered under a key, or None."""
        ...

    async def memories(self, scope: str, scope_id: str) -> list[MemoryRecord]:
        """Return all that is remembered in one scope, by key."""
        ...

    async def put_memory(self, memory: MemoryRecord) -> MemoryRecord:
        """Remember a value in place of what the key held; returned with its new ``updated_at``."""
        ...

    async def remove_memory(self, scope: str, scope_id: str, key: str) -> bool:
        """Forget a key; tell whether it was there."""
        ...

    async def put_blob(self, content: bytes) -> str:
        """Keep bytes beside the rows and return their SHA-256 in hexadecimal, the name to find them by.

        A row refers to a blob by holding this text in any of its values. Until one does, the blob
        lasts as long as :meth:`collect_garbage` grants.
        """
        ...

    async def blob(self, sha256: str) -> bytes | None:
        """Return the bytes with this hash, or None."""
        ...

    async def usage(self) -> StoreUsage:
        """Return how many bytes the store takes, and for what."""
        ...

    async def collect_garbage(self, *, grace_seconds: float = 3600.0) -> dict[str, int]:
        """Remove blobs that no row refers to; return their sizes in bytes by hash.

        Writing may go on meanwhile.

        :param grace_seconds: how long ago an earlier call must have found the blob unused already;
            with 0 none must have.
        """
        ...
