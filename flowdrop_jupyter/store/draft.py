"""One transaction: reads and puts of a session, kept aside until they are committed together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from ..clock import Clock, format_time, strictly_after
from ..errors import Conflict, InvalidInput, NotFound, StoreClosed
from .blob_shelf import BlobShelf
from .records import (
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessageRecord,
    RunRecord,
    SessionRecord,
    SnapshotRecord,
    WorkflowRecord,
)
from .rows import Batch, DraftRows, freeze
from .state import SessionState

R = TypeVar("R", bound=msgspec.Struct)

TRIMMED: Final = {"trimmed": True}
"""The metadata of a message that retention has emptied."""

_canonical = msgspec.json.Encoder(order="sorted").encode


class Draft:
    """A :class:`~flowdrop_jupyter.store.SessionTransaction` over the session's durable state.

    :param state: the session as last made durable; a draft never changes it.
    :param shelf: where large values of durable rows are.
    :param clock: tells the time of messages, events and the commit.
    """

    def __init__(self, state: SessionState, shelf: BlobShelf, clock: Clock) -> None:
        self.session = state.session()
        self.blobs: dict[str, bytes] = {}
        """The large values of the puts, by their hashes."""
        self.session_id = self.session.id
        """The session's id, whatever the block has made of its row."""
        self._status = self.session.status
        self._updated_at = self.session.updated_at
        self._last_timestamp = self.session.last_timestamp
        self._trimmed = self.session.trimmed
        self._state = state
        self._shelf = shelf
        self._clock = clock
        self._tables: dict[str, DraftRows[Any]] = {}
        self._new_jobs: dict[str, list[int]] = {}
        self._new_checkpoints: dict[str, list[int]] = {}
        self._closed = False

    # Most transactions touch a table or two, so a table is laid over the durable one when it is needed.

    @property
    def _messages(self) -> DraftRows[MessageRecord]:
        return self._tables.get("messages") or self._over("messages")

    @property
    def _events(self) -> DraftRows[EventRecord]:
        return self._tables.get("events") or self._over("events")

    @property
    def _runs(self) -> DraftRows[RunRecord]:
        return self._tables.get("runs") or self._over("runs")

    @property
    def _jobs(self) -> DraftRows[JobRecord]:
        return self._tables.get("jobs") or self._over("jobs")

    @property
    def _interrupts(self) -> DraftRows[InterruptRecord]:
        return self._tables.get("interrupts") or self._over("interrupts")

    @property
    def _checkpoints(self) -> DraftRows[CheckpointRecord]:
        return self._tables.get("checkpoints") or self._over("checkpoints")

    @property
    def _snapshots(self) -> DraftRows[SnapshotRecord]:
        return self._tables.get("snapshots") or self._over("snapshots")

    async def message(self, message_id: str) -> MessageRecord | None:
        """Return one message, this transaction's own puts included."""
        return await self._find(self._messages, message_id)

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, this transaction's own puts included."""
        return await self._find(self._runs, run_id)

    async def jobs(self, run_id: str) -> list[JobRecord]:
        """Return the run's jobs in the order in which they were first put."""
        return await self._whole(self._jobs, self._job_numbers(run_id))

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return one interrupt, this transaction's own puts included."""
        return await self._find(self._interrupts, interrupt_id)

    async def interrupts(self, run_id: str | None = None) -> list[InterruptRecord]:
        """Return the session's interrupts, oldest first, or those of one run."""
        numbers = range(1, self._interrupts.next_number)
        return await self._whole(
            self._interrupts,
            [number for number in numbers if run_id is None or self._interrupts[number].run_id == run_id],
        )

    async def checkpoints(self, run_id: str) -> list[CheckpointRecord]:
        """Return the run's checkpoints in the order in which they were first put."""
        return await self._whole(self._checkpoints, self._checkpoint_numbers(run_id))

    async def workflow_snapshot(self, snapshot_id: str) -> WorkflowRecord | None:
        """Return the workflow as it was put, this transaction's own puts included, or None."""
        found = await self._find(self._snapshots, snapshot_id)
        return inline_workflow(await self.run(snapshot_id)) if found is None else found.workflow

    def put_message(self, message: MessageRecord) -> MessageRecord:
        """Insert or replace a message and append its ``message`` event (STORE-11, PLAY-4).

        The event's data is ``{"messageId", "sequenceNumber"}``; readers join the row. A message
        keeps the number and the timestamp that it got when it was first put.

        :raises Conflict: code ``MESSAGE_EXISTS`` when a message with number 0 has a known id.
        :raises NotFound: code ``MESSAGE_NOT_FOUND`` when a numbered message is not known.
        """
        self._check(message.session_id)
        messages = self._messages
        place = messages.number(message.id)
        if place is None and message.sequence_number:
            raise NotFound(f"The session has no message {message.id}.", code="MESSAGE_NOT_FOUND")
        if place is not None and not message.sequence_number:
            raise Conflict(f"The message {message.id} exists already.", code="MESSAGE_EXISTS")
        if place is None:
            number = messages.next_number
            timestamp = strictly_after(self._clock(), self._last_timestamp)
            numbered = replace(message, sequence_number=number, timestamp=timestamp)
            messages.add(numbered, message.id)
            self._last_timestamp = timestamp
        else:
            known = messages[place]
            number = known.sequence_number
            numbered = replace(message, sequence_number=number, timestamp=known.timestamp)
            messages.replace(place, numbered)
        self.append_event(
            EventRecord(type="message", data={"messageId": message.id, "sequenceNumber": number})
        )
        return numbered

    def put_run(self, run: RunRecord) -> None:
        """Insert or replace a run."""
        self._check(run.session_id)
        self._runs.put(run, run.id)

    def put_job(self, job: JobRecord) -> None:
        """Insert or replace a job."""
        self._check()
        number = self._jobs.put(job, job.id)
        if number is not None:
            self._new_jobs.setdefault(job.run_id, []).append(number)

    def put_interrupt(self, interrupt: InterruptRecord) -> None:
        """Insert or replace an interrupt."""
        self._check(interrupt.session_id)
        self._interrupts.put(interrupt, interrupt.id)

    def put_checkpoint(self, checkpoint: CheckpointRecord) -> None:
        """Insert or replace a checkpoint; a missing ``created_at`` becomes the current time."""
        self._check(checkpoint.session_id)
        created_at = checkpoint.created_at or format_time(self._clock())
        number = self._checkpoints.put(replace(checkpoint, created_at=created_at), checkpoint.id)
        if number is not None:
            self._new_checkpoints.setdefault(checkpoint.run_id, []).append(number)

    def put_workflow_snapshot(self, workflow: WorkflowRecord) -> str:
        """Keep a workflow as it is now, unless it is kept already, and return the id to find it by.

        The id is the SHA-256 of the workflow's JSON with sorted keys.
        """
        self._check()
        freeze(workflow)
        snapshot_id = hashlib.sha256(_canonical(workflow)).hexdigest()
        if self._snapshots.number(snapshot_id) is None:
            self._snapshots.put(SnapshotRecord(id=snapshot_id, workflow=workflow), snapshot_id)
        return snapshot_id

    def append_event(self, event: EventRecord) -> EventRecord:
        """Append an event; it gets the session's next ``seq`` and the current time."""
        self._check()
        events = self._events
        numbered = replace(event, seq=events.next_number, at=format_time(self._clock()))
        events.add(numbered, None)
        return numbered

    def trim(self, through: int) -> int:
        """Empty the messages up to number *through* (see :meth:`Store.trim_messages`)."""
        first = self._trimmed + 1
        last = min(through, self._messages.next_number - 1)
        for number in range(first, last + 1):
            message = self._messages[number]
            self._messages.replace(number, replace(message, content="", metadata=dict(TRIMMED)))
            if message.role == "user" and message.execution_id:
                self._trim_run(message.execution_id)
        self._trimmed = max(self._trimmed, last)
        return max(last - first + 1, 0)

    def finish(self, *, quietly: bool = False) -> Batch:
        """Close the draft and return what has to be written; empty when nothing was changed.

        A changed status is announced by a ``session`` event ``{"status"}`` behind all others. The
        id, the counters and ``updated_at`` are the store's: what the block made of them is ignored.

        :param quietly: leave ``updated_at`` as it is, for upkeep that is no activity.
        :raises InvalidInput: when the changed session cannot be stored.
        """
        if self.session.status != self._status:
            self.append_event(EventRecord(type="session", data={"status": self.session.status}))
        self.close()
        batch: Batch = {name: rows.puts for name, rows in self._tables.items() if rows.puts}
        if not batch and self._with_counters(updated_at=self._updated_at) == self._state.session():
            return {}
        moment = self._updated_at if quietly else strictly_after(self._clock(), self._updated_at)
        batch["session"] = {1: freeze(self._with_counters(updated_at=moment))}
        return batch

    def close(self) -> None:
        """Accept no more puts."""
        self._closed = True

    def _over(self, name: str) -> DraftRows[Any]:
        self._tables[name] = DraftRows(self._state.tables[name], self.blobs)
        return self._tables[name]

    def _with_counters(self, *, updated_at: str) -> SessionRecord:
        return replace(
            self.session,
            id=self.session_id,
            updated_at=updated_at,
            last_sequence=self._messages.next_number - 1,
            last_event=self._events.next_number - 1,
            last_timestamp=self._last_timestamp,
            trimmed=self._trimmed,
        )

    def _trim_run(self, run_id: str) -> None:
        place = self._runs.number(run_id)
        if place is not None:
            self._runs.replace(place, replace(self._runs[place], initial={}))
        for number in self._job_numbers(run_id):
            self._jobs.replace(number, replace(self._jobs[number], output=None))
        for number in self._checkpoint_numbers(run_id):
            self._checkpoints.replace(number, replace(self._checkpoints[number], state={}, update=None))

    def _job_numbers(self, run_id: str) -> list[int]:
        return self._state.job_numbers(run_id) + self._new_jobs.get(run_id, [])

    def _checkpoint_numbers(self, run_id: str) -> list[int]:
        return self._state.checkpoint_numbers(run_id) + self._new_checkpoints.get(run_id, [])

    async def _find(self, rows: DraftRows[R], row_id: str) -> R | None:
        number = rows.number(row_id)
        return None if number is None else (await self._whole(rows, [number]))[0]

    async def _whole(self, rows: DraftRows[R], numbers: Iterable[int]) -> list[R]:
        raws = [rows.raw(number) for number in numbers]
        return await self._shelf.whole(raws, rows.decode, self.blobs)

    def _check(self, session_id: str | None = None) -> None:
        if self._closed:
            raise StoreClosed("This transaction has ended; nothing can be put any more.")
        if session_id is not None and session_id != self.session_id:
            raise InvalidInput(f"The row belongs to session {session_id}, not {self.session_id}.")


def inline_workflow(run: RunRecord | None) -> WorkflowRecord | None:
    """Return the definition inside the row of a run that was written before there were snapshots."""
    return None if run is None or run.workflow is msgspec.UNSET else run.workflow
