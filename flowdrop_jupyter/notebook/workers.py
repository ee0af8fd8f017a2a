"""A few daemon threads for requests that must not block a cell, a comm handler or the kernel's exit.

The standard pool joins its threads at interpreter exit; an answer that the server holds back for a minute
would keep the kernel alive that long.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

R = TypeVar("R")

_SLICE = 0.2
"""Seconds between two looks at a result; a keyboard interrupt is noticed at the latest then."""


class Workers:
    """Runs submitted functions on at most ``size`` daemon threads, started when needed.

    :param size: so many functions can run at once; the rest wait in order.
    """

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def submit(self, job: Callable[[], R]) -> Future[R]:
        """Run ``job`` on a worker; an exception of it ends up in the future and nowhere else.

        :raises RuntimeError: the workers are closed.
        """
        future: Future[R] = Future()

        def run() -> None:
            try:
                result = job()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._closed:
                raise RuntimeError("The workers are closed.")
            if self._idle == 0 and len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name="flowdrop-worker", daemon=True)
                self._threads.append(thread)
                thread.start()
            else:
                self._idle -= 1
            self._jobs.put(run)
        return future

    def call(self, job: Callable[[], R]) -> R:
        """Run ``job`` on a worker and wait; a keyboard interrupt ends the wait and not the job.

        :raises KeyboardInterrupt: the user interrupted the wait.
        """
        future = self.submit(job)
        while not future.done():
            # Windows does not interrupt a wait without limit.
            wait([future], timeout=_SLICE)
        return future.result()

    def close(self) -> None:
        """Let the threads end after their present job; waiting jobs are still done."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            with self._lock:
                self._idle += 1
