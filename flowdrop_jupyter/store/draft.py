"""One transaction: reads and puts of a session, kept aside until they are committed together."""

from __future__ import annotations

from msgspec.structs import replace

from ..clock import Clock, format_time, strictly_after
from ..errors import Conflict, InvalidInput, NotFound, StoreClosed
from .records import EventRecord, InterruptRecord, JobRecord, MessageRecord, RunRecord, SessionRecord
from .rows import Batch, DraftRows, freeze
from .state import SessionState


class Draft:
    """A :class:`~flowdrop_jupyter.store.SessionTransaction` over the session's durable state.

    :param state: the session as last made durable; a draft never changes it.
    :param clock: tells the time of messages, events and the commit.
    """

    def __init__(self, state: SessionState, clock: Clock) -> None:
        self.session = state.session()
        self._before = state.session()
        self._state = state
        self._clock = clock
        self._messages = DraftRows(MessageRecord, state.messages)
        self._events = DraftRows(EventRecord, state.events)
        self._runs = DraftRows(RunRecord, state.runs)
        self._jobs = DraftRows(JobRecord, state.jobs)
        self._interrupts = DraftRows(InterruptRecord, state.interrupts)
        self._new_jobs: dict[str, list[int]] = {}
        self._last_timestamp = self.session.last_timestamp
        self._closed = False

    async def message(self, message_id: str) -> MessageRecord | None:
        """Return one message, this transaction's own puts included."""
        return self._messages.find(message_id)

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, this transaction's own puts included."""
        return self._runs.find(run_id)

    async def jobs(self, run_id: str) -> list[JobRecord]:
        """Return the run's jobs in the order in which they were first put."""
        numbers = self._state.job_numbers(run_id) + self._new_jobs.get(run_id, [])
        return [self._jobs[number] for number in numbers]

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return one interrupt, this transaction's own puts included."""
        return self._interrupts.find(interrupt_id)

    async def interrupts(self, run_id: str | None = None) -> list[InterruptRecord]:
        """Return the session's interrupts, oldest first, or those of one run."""
        return [row for row in self._interrupts if run_id is None or row.run_id == run_id]

    def put_message(self, message: MessageRecord) -> MessageRecord:
        """Insert or replace a message and append its ``message`` event (STORE-11, PLAY-4).

        The event's data is ``{"messageId", "sequenceNumber"}``; readers join the row. A message
        keeps the number and the timestamp that it got when it was first put.

        :raises Conflict: code ``MESSAGE_EXISTS`` when a message with number 0 has a known id.
        :raises NotFound: code ``MESSAGE_NOT_FOUND`` when a numbered message is not known.
        """
        self._check(message.session_id)
        known = self._messages.find(message.id)
        if known is None and message.sequence_number:
            raise NotFound(f"The session has no message {message.id}.", code="MESSAGE_NOT_FOUND")
        if known is not None and not message.sequence_number:
            raise Conflict(f"The message {message.id} exists already.", code="MESSAGE_EXISTS")
        if known is None:
            number = self._messages.next_number
            timestamp = strictly_after(self._clock(), self._last_timestamp)
        else:
            number, timestamp = known.sequence_number, known.timestamp
        numbered = replace(message, sequence_number=number, timestamp=timestamp)
        self._messages.put(numbered, message.id)
        if known is None:
            self._last_timestamp = timestamp
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

    def append_event(self, event: EventRecord) -> EventRecord:
        """Append an event; it gets the session's next ``seq`` and the current time."""
        self._check()
        numbered = replace(event, seq=self._events.next_number, at=format_time(self._clock()))
        self._events.put(numbered, None)
        return numbered

    def finish(self) -> Batch:
        """Close the draft and return what has to be written; empty when nothing was changed.

        A changed status is announced by a ``session`` event ``{"status"}`` behind all others. The
        id, the counters and ``updated_at`` are the store's: what the block made of them is ignored.

        :raises InvalidInput: when the changed session cannot be stored.
        """
        before = self._before
        session = self._with_counters(updated_at=before.updated_at)
        changed = session != before or self._runs.puts or self._jobs.puts or self._interrupts.puts
        if not changed:
            self.close()
            return {}
        if session.status != before.status:
            self.append_event(EventRecord(type="session", data={"status": session.status}))
        self.close()
        moment = strictly_after(self._clock(), before.updated_at)
        batch: Batch = {
            "messages": self._messages.puts,
            "events": self._events.puts,
            "runs": self._runs.puts,
            "jobs": self._jobs.puts,
            "interrupts": self._interrupts.puts,
            "session": {1: freeze(self._with_counters(updated_at=moment))},
        }
        return {name: rows for name, rows in batch.items() if rows}

    def close(self) -> None:
        """Accept no more puts."""
        self._closed = True

    def _with_counters(self, *, updated_at: str) -> SessionRecord:
        return replace(
            self.session,
            id=self._before.id,
            updated_at=updated_at,
            last_sequence=self._messages.next_number - 1,
            last_event=self._events.next_number - 1,
            last_timestamp=self._last_timestamp,
        )

    def _check(self, session_id: str | None = None) -> None:
        if self._closed:
            raise StoreClosed("This transaction has ended; nothing can be put any more.")
        if session_id is not None and session_id != self._before.id:
            raise InvalidInput(f"The row belongs to session {session_id}, not {self._before.id}.")
