"""Threads for synchronous node functions: daemons, counted until they really end.

A thread cannot be killed. A cancelled function is abandoned and its result dropped, but its thread
keeps its place under the limiter until it returns, and never holds up the end of the process. That
is why these are not anyio's own worker threads.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

R = TypeVar("R")


class ThreadFailure(Exception):
    """Raised when a function left its thread by something that is no Exception, such as sys.exit()."""


async def run_in_thread(function: Callable[[], R], limiter: anyio.CapacityLimiter) -> R:
    """Call *function* in a thread of its own and return its result, or raise what it raised.

    :param limiter: bounds how many such threads live, abandoned ones included.
    :raises ThreadFailure: when it raised a BaseException that is no Exception.
    """
    token = anyio.lowlevel.current_token()
    context = contextvars.copy_context()
    finished = anyio.Event()
    outcome: list[tuple[R | None, BaseException | None]] = []
    place = object()
    await limiter.acquire_on_behalf_of(place)

    def settle() -> None:
        limiter.release_on_behalf_of(place)
        finished.set()

    def work() -> None:
        try:
            outcome.append((context.run(function), None))
        except Exception as error:
            outcome.append((None, error))
        except BaseException as error:
            # Such an error would end the event loop if it were raised there.
            failure = ThreadFailure(type(error).__name__)
            failure.__cause__ = error
            outcome.append((None, failure))
        # The loop may have ended while an abandoned function went on.
        with suppress(RuntimeError, anyio.RunFinishedError):
            anyio.from_thread.run_sync(settle, token=token)

    try:
        threading.Thread(target=work, name="flowdrop-node", daemon=True).start()
    except RuntimeError:
        limiter.release_on_behalf_of(place)
        raise
    await finished.wait()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # the function's own None is an R
