"""One session in memory, exactly as it was last made durable, and what readers ask of it."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..errors import InvalidInput, StoreDamaged
from .records import (
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessageRecord,
    RunRecord,
    SessionFilter,
    SessionRecord,
    SnapshotRecord,
)
from .rows import Batch, Rows


class SessionState:
    """The tables of one session; only :meth:`apply` changes them, a whole commit at a time."""

    def __init__(self) -> None:
        self.record = Rows(SessionRecord)
        self.messages = Rows(MessageRecord)
        self.events = Rows(EventRecord)
        self.runs = Rows(RunRecord)
        self.jobs = Rows(JobRecord)
        self.interrupts = Rows(InterruptRecord)
        self.checkpoints = Rows(CheckpointRecord)
        self.snapshots = Rows(SnapshotRecord)
        self.tables: Mapping[str, Rows[Any]] = {
            "session": self.record,
            "messages": self.messages,
            "events": self.events,
            "runs": self.runs,
            "jobs": self.jobs,
            "interrupts": self.interrupts,
            "checkpoints": self.checkpoints,
            "snapshots": self.snapshots,
        }
        """The tables by the names they have in files."""
        self._jobs_of: dict[str, list[int]] = {}
        self._checkpoints_of: dict[str, list[int]] = {}

    @classmethod
    def load(cls, tables: Batch) -> SessionState:
        """Build a session from all its rows.

        :raises StoreDamaged: when a row is not what its table holds, a number is missing, or the
            counters of the session disagree with its rows.
        """
        state = cls()
        try:
            state.apply({name: dict(sorted(rows.items())) for name, rows in tables.items()})
            state.events.check()
        except (ValueError, KeyError, msgspec.MsgspecError) as error:
            raise StoreDamaged(f"a row cannot be read: {error}") from error
        if len(state.record) != 1:
            raise StoreDamaged("the session row is missing")
        session = state.session()
        if (session.last_sequence, session.last_event) != (len(state.messages), len(state.events)):
            raise StoreDamaged("messages or events are missing")
        return state

    def apply(self, batch: Batch) -> None:
        """Take over the rows of a commit; nothing waits in between, so readers see all or none."""
        for name, rows in batch.items():
            table = self.tables[name]
            for number, raw in rows.items():
                added = table.put(number, raw)
                if isinstance(added, JobRecord):
                    self._jobs_of.setdefault(added.run_id, []).append(number)
                elif isinstance(added, CheckpointRecord):
                    self._checkpoints_of.setdefault(added.run_id, []).append(number)

    def session(self) -> SessionRecord:
        """Return the session's own row."""
        return self.record[1]

    def job_numbers(self, run_id: str) -> list[int]:
        """Return the row numbers of the run's jobs in the order in which they were first put."""
        return self._jobs_of.get(run_id, [])

    def checkpoint_numbers(self, run_id: str) -> list[int]:
        """Return the row numbers of the run's checkpoints in the order in which they were first put."""
        return self._checkpoints_of.get(run_id, [])

    def raws(self) -> list[bytes]:
        """Return every row as it is stored."""
        return [raw for rows in self.tables.values() for raw in rows.raws()]

    def page(
        self,
        *,
        after: int | None = None,
        after_time: str | None = None,
        before: int | None = None,
        before_time: str | None = None,
        limit: int | None = None,
    ) -> range:
        """Return the numbers of one page of messages as :meth:`Store.messages` describes (PLAY-3).

        Of two bounds on the same side the narrower counts. An empty page has its place in the
        history too, so a poll that found nothing new still tells that there is a past (decision 4).
        """
        numbers = range(1, len(self.messages) + 1)
        low, high = 0, len(self.messages)
        if after is not None:
            low = min(max(low, after), high)
        if after_time is not None:
            low = max(low, bisect_right(numbers, after_time, key=self._time))
        if before is not None:
            high = max(0, min(high, before - 1))
        if before_time is not None:
            high = min(high, bisect_left(numbers, before_time, key=self._time))
        if limit is not None and (after is not None or after_time is not None):
            high = min(high, low + limit)
        elif limit is not None:
            low = max(low, high - limit)
        return range(low + 1, high + 1)

    def _time(self, number: int) -> str:
        return self.messages[number].timestamp


def session_cursor(session: SessionRecord) -> str:
    """Return the place right after *session* in the order of a list, as an opaque text."""
    place = msgspec.json.encode((session.updated_at, session.id))
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def read_session_cursor(cursor: str) -> tuple[str, str]:
    """Return the ``updated_at`` and the id that a cursor was made from.

    :raises InvalidInput: code ``CURSOR_INVALID`` when it is no such text.
    """
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(place, type=tuple[str, str])
    except ValueError as error:
        raise InvalidInput("The cursor is not one that a list has given.", code="CURSOR_INVALID") from error


def fits(session: SessionRecord, where: SessionFilter) -> bool:
    """Tell whether a list that was asked for *where* has the session in it."""
    return (
        (where.workflow_id is None or session.workflow_id == where.workflow_id)
        and (where.owner_id is None or session.owner.id == where.owner_id)
        and (where.status is None or session.status == where.status)
        and (where.archived is None or (session.metadata.get("archived") is True) == where.archived)
        and (not where.search or where.search.casefold() in session.name.casefold())
    )


def select(
    sessions: Iterable[SessionRecord],
    where: SessionFilter,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> list[SessionRecord]:
    """Return those of *sessions* that fit, newest ``updated_at`` first (see :meth:`Store.sessions`)."""
    below = None if cursor is None else read_session_cursor(cursor)
    fitting = [
        session
        for session in sessions
        if (below is None or (session.updated_at, session.id) < below) and fits(session, where)
    ]
    newest_first = sorted(fitting, key=lambda session: (session.updated_at, session.id), reverse=True)
    return newest_first if limit is None else newest_first[: max(limit, 0)]
