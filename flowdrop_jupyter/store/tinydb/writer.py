"""Group commit: one thread makes durable whatever has come together while it was busy.

A commit costs the loop one put into a queue and one wake-up, which a whole batch shares. Its
outcome is taken over on the loop even when nobody waits for it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event as ThreadEvent
from threading import Thread
from typing import TypeAlias

import anyio
from anyio.lowlevel import current_token

from .log import CommitLog

Soon: TypeAlias = Callable[..., object]
"""Call a function with arguments on the event loop, from any thread, without waiting for it."""


def caller_of_this_loop() -> Soon:
    """Return what calls a function on the running event loop from another thread."""
    native = current_token().native_token
    soon: Soon | None = getattr(native, "call_soon_threadsafe", None) or getattr(
        native, "run_sync_soon", None
    )
    assert soon is not None
    return soon


class Write:
    """One commit on its way to disk.

    :param line: what is written.
    :param publish: called on the loop when the line is durable.
    :param done: a new event of this loop.
    """

    __slots__ = ("_done", "_publish", "error", "line")

    def __init__(self, line: bytes, publish: Callable[[bytes], None], done: anyio.Event) -> None:
        self.line = line
        self.error: Exception | None = None
        self._publish = publish
        self._done = done

    def settle(self, error: Exception | None) -> None:
        """Take over the outcome, on the loop."""
        self.error = error
        if error is None:
            try:
                self._publish(self.line)
            except Exception as problem:
                self.error = problem
        self._done.set()

    async def wait(self) -> None:
        """Return once the outcome is known, even when cancelled; that is felt afterwards.

        :raises OSError: when the line could not be made durable.
        """
        try:
            await self._done.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._wait_natively()
            raise
        if self.error is not None:
            raise self.error

    async def _wait_natively(self) -> None:
        """Wait against asyncio's own Task.cancel(), which a shield does not hold off."""
        while not self._done.is_set():
            with suppress(anyio.get_cancelled_exc_class()):
                await self._done.wait()

    async def settled(self) -> None:
        """Return once the outcome is known, whatever it is."""
        await self._done.wait()


class _Rotation:
    def __init__(self) -> None:
        self.number = 0
        self.done = ThreadEvent()


class GroupWriter:
    """The thread that writes to a log; made on the event loop.

    :param log: where to write; nobody else may append to it.
    :param soon: how to reach the event loop.
    """

    def __init__(self, log: CommitLog, soon: Soon) -> None:
        self._log = log
        self._soon = soon
        # Every anyio.Event() finds out anew on what loop it is, which takes longer than to make one.
        self._event = type(anyio.Event())
        self._queue: SimpleQueue[Write | _Rotation | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="flowdrop-commits", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, line: bytes, publish: Callable[[bytes], None]) -> Write:
        """Have *line* made durable with whatever else is waiting; *publish* is called when it is."""
        write = Write(line, publish, self._event())
        self._queue.put(write)
        return write

    def rotate(self) -> int:
        """Begin a new log behind all that was submitted; return the number of the old one. Blocks."""
        rotation = _Rotation()
        self._queue.put(rotation)
        rotation.done.wait()
        return rotation.number

    def stop(self) -> None:
        """Let the thread end behind all that was submitted; does not wait."""
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the end of the thread. Blocks."""
        self._thread.join()

    def _run(self) -> None:
        while self._serve():
            # Between batches nothing is held on to, so that a store nobody closed can go.
            pass

    def _serve(self) -> bool:
        """Wait for something to do and do it; tell whether there may be more."""
        item = self._queue.get()
        batch: list[Write] = []
        with suppress(Empty):
            while isinstance(item, Write):
                batch.append(item)
                item = self._queue.get_nowait()
        if batch:
            self._write(batch)
        if isinstance(item, _Rotation):
            item.number = self._log.rotate()
            item.done.set()
        elif item is None:
            self._log.rotate()
            return False
        return True

    def _write(self, batch: list[Write]) -> None:
        error: Exception | None = None
        try:
            self._log.append([write.line for write in batch])
        except Exception as problem:
            error = problem
        # The loop may have ended without closing the store; then nobody is waiting.
        with suppress(RuntimeError):
            self._soon(_settle, batch, error)


def _settle(batch: list[Write], error: Exception | None) -> None:
    for write in batch:
        write.settle(error)
