"""Operations that take several requests, as generators that yield what to do and receive the answers.

A flow yields a :class:`~.calls.Call` and gets its result, or yields a :class:`Pause` and gets ``None`` after
that time. Each client drives the same flow with its own IO, so no such operation is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from . import calls
from .rows import MessagePage, MessageRow

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for this many seconds."""

    seconds: float


Flow: TypeAlias = Generator["calls.Call[Any] | Pause", Any, R]


def history(session_id: str) -> Flow[list[MessageRow]]:
    """All messages of a session in ascending order, walked backwards page by page."""
    page: MessagePage = yield calls.messages(session_id, limit=calls.PAGE_LIMIT)
    rows = list(page.messages)
    while page.has_older and page.messages:
        page = yield calls.messages(session_id, before=rows[0]["sequenceNumber"], limit=calls.PAGE_LIMIT)
        rows[:0] = page.messages
    return rows


def newer(session_id: str, after: int) -> Flow[MessagePage]:
    """Everything after a sequence number as one page; the status is that of the last read."""
    rows: list[MessageRow] = []
    while True:
        page: MessagePage = yield calls.messages(session_id, since=after, limit=calls.PAGE_LIMIT)
        rows += page.messages
        if not (page.has_more and page.messages):
            return MessagePage(rows, False, page.has_older, page.session_status)
        after = page.messages[-1]["sequenceNumber"]


def settled(
    session_id: str,
    *,
    after: int | None,
    timeout: float | None,
    poll_interval: float,
    clock: Callable[[], float],
) -> Flow[MessagePage]:
    """The messages after ``after`` once the session is not running any more.

    Polls read only what is new; rows change while a run lasts (a user message becomes ``completed``), so
    the result is read once more from ``after`` when the run has ended.

    :param after: a sequence number; ``None`` gives the newest page.
    :param timeout: seconds to wait at most, ``None`` for no limit.
    :param clock: a monotonic clock in seconds.
    :raises TimeoutError: the session was still running after ``timeout``.
    """
    started = clock()
    cursor = after
    while True:
        page: MessagePage = yield from _poll(session_id, cursor)
        if page.session_status != "running":
            break
        if page.messages:
            cursor = page.messages[-1]["sequenceNumber"]
        pause = poll_interval
        if timeout is not None:
            left = started + timeout - clock()
            if left <= 0:
                raise TimeoutError(f"The session was still running after {timeout:g} seconds.")
            pause = min(pause, left)
        yield Pause(pause)
    if cursor == after:
        return page
    final: MessagePage = yield from _poll(session_id, after)
    return replace(final, session_status=page.session_status)


def _poll(session_id: str, cursor: int | None) -> Flow[MessagePage]:
    if cursor is not None:
        return (yield from newer(session_id, cursor))
    page: MessagePage = yield calls.messages(session_id)
    return page
