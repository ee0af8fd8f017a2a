"""One session in memory, exactly as it was last made durable, and what readers ask of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ..errors import StoreDamaged
from .records import (
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessagePage,
    MessageRecord,
    RunRecord,
    SessionFilter,
    SessionRecord,
)
from .rows import Batch, Rows


class SessionState:
    """The six tables of one session; only :meth:`apply` changes them, a whole commit at a time."""

    def __init__(self) -> None:
        self.record = Rows(SessionRecord)
        self.messages = Rows(MessageRecord)
        self.events = Rows(EventRecord)
        self.runs = Rows(RunRecord)
        self.jobs = Rows(JobRecord)
        self.interrupts = Rows(InterruptRecord)
        self._jobs_of: dict[str, list[int]] = {}

    @property
    def tables(self) -> Mapping[str, Rows[Any]]:
        """The tables by the names they have in files."""
        return {
            "session": self.record,
            "messages": self.messages,
            "events": self.events,
            "runs": self.runs,
            "jobs": self.jobs,
            "interrupts": self.interrupts,
        }

    @classmethod
    def load(cls, tables: Batch) -> SessionState:
        """Build a session from all its rows.

        :raises StoreDamaged: when a row is not what its table holds, a number is missing, or the
            counters of the session disagree with its rows.
        """
        state = cls()
        try:
            state.apply({name: dict(sorted(rows.items())) for name, rows in tables.items()})
            for rows in state.tables.values():
                rows.all()
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
        tables = self.tables
        for name, rows in batch.items():
            for number, raw in rows.items():
                added = tables[name].put(number, raw)
                if isinstance(added, JobRecord):
                    self._jobs_of.setdefault(added.run_id, []).append(number)

    def session(self) -> SessionRecord:
        """Return the session's own row."""
        return self.record[1]

    def job_numbers(self, run_id: str) -> list[int]:
        """Return the row numbers of the run's jobs in the order in which they were first put."""
        return self._jobs_of.get(run_id, [])

    def page(
        self,
        *,
        after: int | None = None,
        after_time: str | None = None,
        before: int | None = None,
        before_time: str | None = None,
        limit: int | None = None,
    ) -> MessagePage:
        """Return one page of messages as :meth:`Store.messages` describes (PLAY-3, decision 4).

        Of two bounds on the same side the narrower counts. ``has_older`` is decided by the page's
        place in the history, so a poll that found nothing new still tells that there is a past.
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
        messages = self.messages.between(low + 1, high)
        return MessagePage(
            messages=messages,
            session=self.session(),
            has_more=limit is not None and len(messages) >= limit,
            has_older=low > 0,
        )

    def _time(self, number: int) -> str:
        return self.messages[number].timestamp


def select(sessions: Iterable[SessionRecord], where: SessionFilter) -> list[SessionRecord]:
    """Return those of *sessions* that fit, newest ``updated_at`` first."""
    search = where.search.casefold() if where.search else ""
    fitting = [
        session
        for session in sessions
        if (where.workflow_id is None or session.workflow_id == where.workflow_id)
        and (where.owner_id is None or session.owner.id == where.owner_id)
        and (where.status is None or session.status == where.status)
        and search in session.name.casefold()
    ]
    return sorted(fitting, key=lambda session: (session.updated_at, session.id), reverse=True)
