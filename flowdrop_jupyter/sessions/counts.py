"""How often each node was executed, counted from the jobs of the sessions that a caller may see (§1.6)."""

from __future__ import annotations

from collections import Counter

from ..errors import StoreDamaged
from ..store.protocol import Store
from ..store.records import SessionFilter, SessionRecord
from .permissions import Principal, may_list, may_list_all


class ExecutionCounts:
    """Counts executions; a session is counted again only when something was committed to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[str, Counter[str]]] = {}

    async def by_node(self, principal: Principal, workflow_id: str | None = None) -> dict[str, int]:
        """Return the number of executions by node id.

        :param workflow_id: count those of one workflow; otherwise nodes of one id are counted together.
        """
        if not may_list(principal):
            return {}
        owner = None if may_list_all(principal) else principal.id
        total: Counter[str] = Counter()
        for session in await self._store.sessions(SessionFilter(workflow_id=workflow_id, owner_id=owner)):
            total.update(await self._of(session))
        if workflow_id is None and owner is None:
            await self._forget_removed()
        return dict(sorted(total.items()))

    async def _of(self, session: SessionRecord) -> Counter[str]:
        known = self._known.get(session.id)
        if known is not None and known[0] == session.updated_at:
            return known[1]
        counted: Counter[str] = Counter()
        try:
            for run_id in session.executions:
                jobs = await self._store.jobs(session.id, run_id)
                counted.update(job.node_id for job in jobs if job.started_at is not None)
        except StoreDamaged:
            # The store tells of it itself; the others are counted all the same.
            return counted
        self._known[session.id] = session.updated_at, counted
        return counted

    async def _forget_removed(self) -> None:
        there = {session.id for session in await self._store.sessions(SessionFilter())}
        for session_id in self._known.keys() - there:
            del self._known[session_id]
