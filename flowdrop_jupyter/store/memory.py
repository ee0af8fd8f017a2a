"""A store in memory: for tests, and for servers that need not remember."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from ..clock import Clock, system_clock
from ..errors import Conflict
from .base import StateStore
from .records import SessionFilter, SessionRecord
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
        self._contents: dict[str, bytes] = {}

    async def open(self) -> None:
        """Make the store usable."""
        self._renew()
        self._turns = {}
        self._ready = True

    async def close(self) -> None:
        """Refuse further use; closing twice is fine."""
        self._ready = False

    async def session(self, session_id: str) -> SessionRecord | None:
        """Return one session, or None."""
        state = await self._read(session_id)
        return None if state is None else state.session()

    async def sessions(
        self, where: SessionFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first, then highest id first."""
        self._check_ready()
        held = (state.session() for state in self._states.values())
        return select(held, where, limit=limit, cursor=cursor)

    async def session_of(self, record_id: str) -> str | None:
        """Return the id of the session that the run or interrupt with this id belongs to, or None."""
        self._check_ready()
        for session_id, state in self._states.items():
            if any(rows.number(record_id) is not None for rows in (state.runs, state.interrupts)):
                return session_id
        return None

    async def remove_session(self, session_id: str, *, updated_at: str | None = None) -> bool:
        """Remove a session with everything that belongs to it; tell whether that was done."""
        self._check_ready()
        async with self._turn(session_id) as state:
            self._check_ready()
            wanted = state is not None and updated_at in (None, state.session().updated_at)
            if wanted:
                del self._states[session_id]
        turn = self._turns.get(session_id)
        if session_id not in self._states and turn is not None and not turn.locked():
            del self._turns[session_id]
        return wanted

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

    async def _write_definitions(self, batch: Batch) -> None:
        pass

    async def _erase_definition(self, table: str, number: int) -> None:
        pass

    async def _write_memory(self, number: int, raw: bytes | None) -> None:
        pass

    async def _write_blob(self, sha256: str, content: bytes) -> None:
        self._contents[sha256] = bytes(content)

    async def _read_blob(self, sha256: str) -> bytes | None:
        return self._contents.get(sha256)

    async def _remove_blob(self, sha256: str) -> None:
        del self._contents[sha256]

    async def _blob_sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self._contents.items()}

    async def _session_sizes(self) -> dict[str, int]:
        return {
            session_id: sum(len(raw) for raw in state.raws()) for session_id, state in self._states.items()
        }
