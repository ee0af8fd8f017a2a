"""Deferred processing: turns run after their message was answered, in one task group.

One owner task holds the task group for as long as the host lives; callers only put a session's id
into a stream, so that no handler's context reaches a run. One actor per active session keeps its
turns in order, and a capacity limiter bounds how many run at once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

from ..errors import Unavailable

logger = logging.getLogger(__name__)

Process = Callable[[str], Awaitable[None]]

DEFAULT_CONCURRENCY: Final = 8


class _Actor:
    """The work of one session: whether more is wanted, and how to stop what runs."""

    def __init__(self) -> None:
        self.wanted = True
        self.stopping = False
        self.scope: anyio.CancelScope | None = None
        self.idle = anyio.Event()


class DeferredMessageProcessor:
    """Runs *process* for each submitted session, outside of the request that submitted it.

    :param process: does whatever the session's state asks for; it records its own failures.
    :param stopped: closes the session's run after *process* was stopped on request.
    """

    def __init__(self, process: Process, stopped: Process, *, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        self._process = process
        self._stopped = stopped
        self._concurrency = concurrency
        self._actors: dict[str, _Actor] = {}
        self._inbox: MemoryObjectSendStream[str] | None = None

    @property
    def active_sessions(self) -> int:
        """How many sessions have work that is not finished."""
        return len(self._actors)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own the task group until cancelled; ready for work once *task_status* is started."""
        limiter = anyio.CapacityLimiter(self._concurrency)
        send, receive = anyio.create_memory_object_stream[str](math.inf)
        try:
            async with send, receive, anyio.create_task_group() as actors:
                self._inbox = send
                task_status.started()
                async for session_id in receive:
                    actors.start_soon(self._act, session_id, self._actors[session_id], limiter)
        finally:
            self._inbox = None
            for actor in self._actors.values():
                actor.idle.set()
            self._actors.clear()

    def submit(self, session_id: str) -> None:
        """Ask for the session to be processed; returns at once.

        :raises Unavailable: when the processor is not running.
        """
        if self._inbox is None:
            raise Unavailable("The server is shutting down.", code="SHUTTING_DOWN")
        actor = self._actors.get(session_id)
        if actor is not None:
            actor.wanted = True
            return
        self._actors[session_id] = _Actor()
        self._inbox.send_nowait(session_id)

    def stop(self, session_id: str) -> bool:
        """Stop what runs for the session, started or not; tell whether there was anything.

        The run is closed by the actor; :meth:`settled` waits for it.
        """
        actor = self._actors.get(session_id)
        if actor is None:
            return False
        actor.stopping = True
        if actor.scope is not None:
            actor.scope.cancel()
        return True

    async def settled(self, session_id: str) -> None:
        """Wait until no work for the session is left; returns at once when there is none."""
        actor = self._actors.get(session_id)
        if actor is not None:
            await actor.idle.wait()

    async def _act(self, session_id: str, actor: _Actor, limiter: anyio.CapacityLimiter) -> None:
        try:
            while actor.wanted or actor.stopping:
                actor.wanted = False
                with anyio.CancelScope() as actor.scope:
                    if actor.stopping:
                        actor.scope.cancel()
                    async with limiter:
                        await self._guarded(self._process, session_id)
                actor.scope = None
                if actor.stopping:
                    actor.stopping = False
                    await self._guarded(self._stopped, session_id)
        finally:
            # On shutdown the owner has forgotten this actor already.
            if self._actors.get(session_id) is actor:
                del self._actors[session_id]
            actor.idle.set()

    async def _guarded(self, step: Process, session_id: str) -> None:
        """Run one step; a failure must not end the task group and with it all other sessions."""
        try:
            await step(session_id)
        except Exception:
            logger.exception("Processing the session %s failed.", session_id)
