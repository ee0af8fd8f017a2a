"""The sessions held in memory; the least recently used ones leave when nobody uses them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ..state import SessionState
from .database import RowDatabase


class OpenSession:
    """One session's database, its state once it is loaded, and the locks around both."""

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.turn = anyio.Lock()
        self.loading = anyio.Lock()
        self.users = 0
        self.database: RowDatabase | None = None
        self.state: SessionState | None = None


class OpenSessions:
    """At most *most* sessions in memory, or as many as are in use at once if that is more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: OrderedDict[str, OpenSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    @contextmanager
    def use(self, session_id: str) -> Iterator[OpenSession]:
        """Keep one session in memory while the block runs; all who use it share one object."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = OpenSession(session_id)
        self._sessions.move_to_end(session_id)
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            self._trim(session)

    def _trim(self, used: OpenSession) -> None:
        if not used.users and used.state is None:
            del self._sessions[used.id]
        surplus = len(self._sessions) - self._most
        if surplus > 0:
            idle = [session.id for session in self._sessions.values() if not session.users]
            for session_id in idle[:surplus]:
                del self._sessions[session_id]
