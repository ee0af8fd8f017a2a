"""Deferred processing: turns run after their message was answered, in one task group.

One owner task holds the task group for as long as the host lives; callers only put a session's id
into a stream, so that no handler's context reaches a run. One actor per active session keeps its
turns in order, and a capacity limiter bounds how many run at once.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import anyio
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

from ..errors import Unavailable

logger = logging.getLogger(__name__)

Process: TypeAlias = Callable[[str], Awaitable[None]]
Stopped: TypeAlias = Callable[[str, str], Awaitable[None]]

DEFAULT_CONCURRENCY: Final = 8


class _Actor:
    """The work of one session: its newest run, whether more is wanted, and how to stop what runs."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.wanted = True
        self.stopping: str | None = None
        self.abandoned = False
        self.scope: anyio.CancelScope | None = None
        self.idle = anyio.Event()


class DeferredMessageProcessor:
    """Runs *process* for each submitted session, outside of the request that submitted it.

    :param process: takes a session id and does whatever the session's state asks for; it records
        its own failures.
    :param stopped: takes a session id and a run id, and closes that run after it was stopped on
        request.
    """

    def __init__(self, process: Process, stopped: Stopped, *, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        self._process = process
        self._stopped = stopped
        self._concurrency = concurrency
        self._actors: dict[str, _Actor] = {}
        self._inbox: MemoryObjectSendStream[tuple[str, _Actor]] | None = None

    @property
    def active_sessions(self) -> int:
        """How many sessions have work that is not finished."""
        return len(self._actors)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Own the task group until cancelled; ready for work once *task_status* is started."""
        limiter = anyio.CapacityLimiter(self._concurrency)
        send, receive = anyio.create_memory_object_stream[tuple[str, _Actor]](math.inf)
        try:
            async with send, receive, anyio.create_task_group() as actors:
                self._inbox = send
                task_status.started()
                async for session_id, actor in receive:
                    actors.start_soon(self._act, session_id, actor, limiter)
        finally:
            self._inbox = None
            for actor in self._actors.values():
                actor.idle.set()
            self._actors.clear()

    def submit(self, session_id: str, run_id: str) -> None:
        """Ask for the session's run to be processed; returns at once.

        :raises Unavailable: when the processor is not running.
        """
        if self._inbox is None:
            raise Unavailable("The server is shutting down.", code="SHUTTING_DOWN")
        actor = self._actors.get(session_id)
        if actor is not None:
            actor.run_id, actor.wanted = run_id, True
            return
        actor = self._actors[session_id] = _Actor(run_id)
        self._inbox.send_nowait((session_id, actor))

    def stop(self, session_id: str, run_id: str) -> bool:
        """Stop a run of the session, started or not; tell whether it was at work.

        The run is closed by the actor; :meth:`settled` waits for it. Any other run of the session
        is left alone.
        """
        actor = self._actors.get(session_id)
        if actor is None or actor.run_id != run_id:
            return False
        actor.stopping = run_id
        if actor.scope is not None:
            actor.scope.cancel()
        return True

    async def settled(self, session_id: str, *, within: float | None = None) -> bool:
        """Wait until no work for the session is left; returns at once when there is none.

        :param within: seconds to wait at most; None for no limit.
        :return: whether nothing is left.
        """
        actor = self._actors.get(session_id)
        if actor is not None:
            with anyio.move_on_after(within):
                await actor.idle.wait()
        return actor is None or actor.idle.is_set()

    def abandon(self, session_id: str) -> None:
        """Forget work that does not react to being stopped, so that the session can go on.

        Whatever it still writes is refused, because its run is closed.
        """
        actor = self._actors.pop(session_id, None)
        if actor is not None:
            logger.warning("The session %s goes on without work that did not stop.", session_id)
            actor.abandoned = True
            actor.idle.set()

    async def _act(self, session_id: str, actor: _Actor, limiter: anyio.CapacityLimiter) -> None:
        try:
            while (actor.wanted or actor.stopping is not None) and not actor.abandoned:
                actor.wanted = False
                with anyio.CancelScope() as actor.scope:
                    if actor.stopping is not None:
                        actor.scope.cancel()
                    async with limiter:
                        await self._guarded(self._process, session_id)
                actor.scope = None
                if actor.stopping is not None and not actor.abandoned:
                    run_id, actor.stopping = actor.stopping, None
                    await self._guarded(self._stopped, session_id, run_id)
        finally:
            # On shutdown the owner has forgotten this actor already.
            if self._actors.get(session_id) is actor:
                del self._actors[session_id]
            actor.idle.set()

    async def _guarded(self, step: Callable[..., Awaitable[None]], session_id: str, *more: str) -> None:
        """Run one step; a failure must not end the task group and with it all other sessions."""
        try:
            await step(session_id, *more)
        except Exception:
            logger.exception("Processing the session %s failed.", session_id)
