"""Who writes a workflow and who waits: one at a time for each, and of large ones a few are judged at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import anyio
import msgspec
from anyio import to_thread
from anyio.lowlevel import RunVar

R = TypeVar("R")

MAX_JUDGED: Final = 4
"""How many large workflows are judged at once; the threads that everything else needs stay free."""

LARGE: Final = 256 * 1024
"""Bytes of the nodes of a workflow that counts as large; a smaller one waits for none of those."""

_limiter: RunVar[anyio.CapacityLimiter] = RunVar("flowdrop_judges")


class _Turn:
    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.users = 0


class TurnsById:
    """A lock for each id, there for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, _Turn] = {}

    def __len__(self) -> int:
        return len(self._locks)

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of one id, after all who asked for it before."""
        held = self._locks.setdefault(key, _Turn())
        held.users += 1
        try:
            async with held.lock:
                yield
        finally:
            held.users -= 1
            if not held.users:
                del self._locks[key]


async def judged(nodes: Any, judge: Callable[[], R]) -> R:
    """Return what *judge* says of a workflow, from a worker thread.

    :param nodes: the nodes of the workflow, any JSON value.
    """
    if await to_thread.run_sync(lambda: len(msgspec.json.encode(nodes))) <= LARGE:
        return await to_thread.run_sync(judge)
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(MAX_JUDGED)
        _limiter.set(limiter)
    return await to_thread.run_sync(judge, limiter=limiter)
