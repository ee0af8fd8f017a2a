"""What a firing does when runs of its workflow are still unfinished (TRIG-1)."""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple

from ..errors import Conflict
from ..store.protocol import Store
from ..store.records import TERMINAL_RUN, RunRecord, SessionFilter, SessionRecord
from .permissions import Principal, may_drive
from .service import SessionService
from .sink import node_event
from .trigger_records import Buffered, Trigger, TriggerState

logger = logging.getLogger(__name__)

_OUTSTANDING: Final = frozenset({"idle", "pending", "running", "interrupted"})


class Verdict(NamedTuple):
    """What to launch with, or why nothing is launched."""

    event: dict[str, Any] | None
    reason: str | None = None


class OverlapPolicy:
    """Judges firings against the unfinished runs of the same workflow, whoever started them."""

    def __init__(self, store: Store, sessions: SessionService) -> None:
        self._store = store
        self._sessions = sessions

    async def judge(self, trigger: Trigger, state: TriggerState, event: dict[str, Any]) -> Verdict:
        """Return what to launch with; *state* loses or gains its buffered firing.

        Under ``cancel`` and ``terminate`` the unfinished runs have ended when this returns. Runs that
        the trigger's owner may not drive are not ended; the firing is blocked instead.

        :raises StoreError: when what was decided could not be made durable.
        """
        if trigger.overlap != "buffer":
            state.buffer = None
        elif state.buffer is not None:
            if await self._holds(state.buffer):
                return Verdict(None, "buffer_full")
            released, state.buffer = state.buffer, None
            return Verdict(released.event)
        unfinished = await self.unfinished(trigger.workflow_id)
        if not unfinished:
            return Verdict(event)
        if trigger.overlap == "buffer":
            state.buffer = Buffered(event=event, run_id=unfinished[0][1].id)
            return Verdict(None, "buffered")
        if trigger.overlap in ("cancel", "terminate"):
            principal = trigger.principal
            if not all(may_drive(principal, session) for session, _ in unfinished):
                return Verdict(None, "overlap_forbidden")
            if trigger.overlap == "terminate":
                for session, run in unfinished:
                    await self._cancel_jobs(session, run)
            for session, _ in unfinished:
                await self._end(session, principal)
            return Verdict(event)
        return Verdict(None, "overlap")

    async def unfinished(self, workflow_id: str) -> list[tuple[SessionRecord, RunRecord]]:
        """Return the runs of a workflow that are pending, running or paused, oldest first."""
        found = []
        for session in await self._store.sessions(SessionFilter(workflow_id=workflow_id)):
            run = await self._store.run(session.id, session.active_run) if session.active_run else None
            if run is not None and run.status not in TERMINAL_RUN:
                found.append((session, run))
        return sorted(found, key=lambda pair: (pair[1].created_at, pair[1].id))

    async def _holds(self, buffered: Buffered) -> bool:
        """Tell whether the run that a firing waits for is there and unfinished."""
        session_id = await self._store.session_of(buffered.run_id) if buffered.run_id else None
        run = await self._store.run(session_id, buffered.run_id) if session_id else None
        return run is not None and run.status not in TERMINAL_RUN

    async def _cancel_jobs(self, session: SessionRecord, run: RunRecord) -> None:
        async with self._store.transaction(session.id) as tx:
            for job in await tx.jobs(run.id):
                if job.status in _OUTSTANDING:
                    job.status = "cancelled"
                    tx.put_job(job)
                    tx.append_event(node_event(job))

    async def _end(self, session: SessionRecord, principal: Principal) -> None:
        try:
            await self._sessions.stop(session.id, principal)
        except Conflict:
            logger.debug("The run of the session %s had ended by itself.", session.id)
