"""Work that is done to its end, whatever happens meanwhile to whoever asked for it.

A file operation in a worker thread cannot be taken back. If a cancelled caller left it alone, its
lock would be released while the thread still writes, and the result would be published by nobody:
file and memory would disagree. So the work runs in a child task behind a shield, and the caller
waits for that child even when it is cancelled itself, by a cancel scope or natively by asyncio
(``Task.cancel``, ``wait_for``); it feels the cancellation afterwards.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


class Completion:
    """Runs calls to their end and knows when none is under way."""

    def __init__(self) -> None:
        self._running = 0
        self._idle = anyio.Event()

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await *call* in full, then return what it returned or raise what it raised."""
        results: list[T] = []
        errors: list[Exception] = []

        async def behind_shield() -> None:
            with anyio.CancelScope(shield=True):
                try:
                    results.append(await call())
                except Exception as error:
                    errors.append(error)
                finally:
                    self._running -= 1
                    if not self._running:
                        self._idle.set()

        if not self._running:
            self._idle = anyio.Event()
        self._running += 1
        async with anyio.create_task_group() as group:
            group.start_soon(behind_shield)
        if errors:
            raise errors[0]
        return results[0]

    async def wait_idle(self) -> None:
        """Wait until no call is under way."""
        while self._running:
            await self._idle.wait()
