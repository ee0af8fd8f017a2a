"""The sessions held in memory; the least recently used ones leave when nobody uses them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import anyio

from ..state import SessionState


class Turnstile:
    """Lets one task through at a time, in the order in which they came, and at once if nobody waits."""

    __slots__ = ("_busy", "_waiting")

    def __init__(self) -> None:
        self._busy = False
        self._waiting: deque[anyio.Event] = deque()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    async def acquire(self) -> None:
        """Wait for this task's turn."""
        if not self._busy:
            self._busy = True
            return
        turn = anyio.Event()
        self._waiting.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.release()
            else:
                self._waiting.remove(turn)
            raise

    def release(self) -> None:
        """Let the next one through."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._busy = False


class OpenSession:
    """One session's state once it is loaded, its last commit, and the locks around both."""

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.turn = Turnstile()
        self.loading = anyio.Lock()
        self.users = 0
        self.state: SessionState | None = None
        self.number = 0


class Image(NamedTuple):
    """All rows of a session after a commit, as they are stored; later commits do not change it."""

    number: int
    tables: dict[str, list[bytes]]


class OpenSessions:
    """At most *most* sessions in memory, or as many as are in use at once if that is more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: OrderedDict[str, OpenSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._sessions

    def get(self, session_id: str) -> OpenSession | None:
        """Return a session that is in use or was lately, or None."""
        return self._sessions.get(session_id)

    def enter(self, session_id: str) -> OpenSession:
        """Keep one session in memory until it is left; all who use it share one object."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = OpenSession(session_id)
        self._sessions.move_to_end(session_id)
        session.users += 1
        return session

    def leave(self, session: OpenSession) -> None:
        """Undo one :meth:`enter`."""
        session.users -= 1
        if not session.users and session.state is None and self._sessions.get(session.id) is session:
            del self._sessions[session.id]
        surplus = len(self._sessions) - self._most
        if surplus > 0:
            idle = [other.id for other in self._sessions.values() if not other.users]
            for session_id in idle[:surplus]:
                del self._sessions[session_id]

    @contextmanager
    def use(self, session_id: str) -> Iterator[OpenSession]:
        """Keep one session in memory while the block runs."""
        session = self.enter(session_id)
        try:
            yield session
        finally:
            self.leave(session)

    def image(self, session_id: str) -> Image | None:
        """Return the rows of a session, or None when it is not in memory."""
        session = self._sessions.get(session_id)
        if session is None or session.state is None:
            return None
        tables = {name: rows.raws() for name, rows in session.state.tables.items() if len(rows)}
        return Image(session.number, tables)

    def loaded(self) -> list[str]:
        """Return the ids of the sessions in memory."""
        return [session.id for session in self._sessions.values() if session.state is not None]


class Turn:
    """A place in the queue of a session's transactions, as an async context manager.

    :param loaded: loads a session that is not in memory; None when there is no such session.
    """

    __slots__ = ("_loaded", "_opened", "_session", "_session_id")

    def __init__(
        self,
        opened: OpenSessions,
        session_id: str,
        loaded: Callable[[OpenSession], Awaitable[SessionState | None]],
    ) -> None:
        self._opened = opened
        self._session_id = session_id
        self._loaded = loaded

    async def __aenter__(self) -> SessionState | None:
        session = self._session = self._opened.enter(self._session_id)
        try:
            await session.turn.acquire()
        except BaseException:
            self._opened.leave(session)
            raise
        if session.state is not None:
            return session.state
        try:
            return await self._loaded(session)
        except BaseException:
            self._end()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._session.turn.release()
        self._opened.leave(self._session)
