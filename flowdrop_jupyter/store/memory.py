"""A store in memory: for tests, and for servers that need not remember."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from ..clock import Clock, system_clock
from ..errors import Conflict
from .base import StateStore
from .records import InterruptRecord, SessionFilter, SessionRecord
from .rows import Batch
from .state import SessionState, select


class MemoryStore(StateStore):
    """A :class:`~flowdrop_jupyter.store.Store` that lives as long as this object.

    Closing and opening it again keeps the records, as a restart keeps those of a durable store.

    :param clock: tells the time of messages, events and commits.
    """

    def __init__(self, *, clock: Clock = system_clock) -> None:
        super().__init__(clock)
        self._states: dict[str, SessionState] = {}
        self._turns: dict[str, anyio.Lock] = {}

    async def open(self) -> None:
        """Make the store usable."""
        self._shelf_turn = anyio.Lock()
        self._turns = {}
        self._ready = True

    async def close(self) -> None:
        """Refuse further use; closing twice is fine."""
        self._ready = False

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        state = await self._read(session_id)
        return None if state is None else state.session()

    async def sessions(self, where: SessionFilter) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first."""
        self._check_ready()
        return select((state.session() for state in self._states.values()), where)

    async def remove_session(self, session_id: str) -> bool:
        """Remove a session with everything that belongs to it; tell whether it was there."""
        self._check_ready()
        async with self._turn(session_id) as state:
            self._check_ready()
            self._states.pop(session_id, None)
        turn = self._turns.get(session_id)
        if turn is not None and not turn.locked():
            del self._turns[session_id]
        return state is not None

    async def interrupt(self, interrupt_id: str) -> InterruptRecord | None:
        """Return the interrupt with this id, whichever session it belongs to, or None."""
        self._check_ready()
        found = (state.interrupts.find(interrupt_id) for state in self._states.values())
        return next((interrupt for interrupt in found if interrupt is not None), None)

    async def _state(self, session_id: str) -> SessionState | None:
        return self._states.get(session_id)

    @asynccontextmanager
    async def _turn(self, session_id: str) -> AsyncIterator[SessionState | None]:
        if session_id not in self._states:
            yield None
            return
        async with self._turns.setdefault(session_id, anyio.Lock()):
            yield self._states.get(session_id)

    async def _create(self, session_id: str, batch: Batch) -> None:
        if session_id in self._states:
            raise Conflict("A session with this id exists already.", code="SESSION_EXISTS")
        self._states[session_id] = SessionState.load(batch)

    async def _commit(self, session_id: str, state: SessionState, batch: Batch) -> None:
        state.apply(batch)

    async def _write_workflow(self, number: int, raw: bytes | None) -> None:
        pass
