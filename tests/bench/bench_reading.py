"""What has come since the reader looked last, in a long conversation and in a short one."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from flowdrop_jupyter.store import TinyDBStore

from .figures import Bar, Row, Samples
from .material import Conversations, opened
from .plan import Plan

_NEW: Final = 10


async def reading_rows(conversations: Conversations, plan: Plan) -> list[Row]:
    """Measure the poll with ten new messages."""
    long: list[float] = []
    short: list[float] = []
    async with opened(TinyDBStore(conversations.directory)) as store:
        places = [
            (conversations.long, await _last(store, conversations.long), long),
            (conversations.short, await _last(store, conversations.short), short),
        ]
        for _ in range(plan.reads):
            for session_id, last, seconds in places:
                seconds.append(await _poll(store, session_id, last - _NEW))
    what = f"messages since S, ten new in {plan.messages:,}"
    return [
        Row(
            name="messages since",
            what=what,
            unit="s",
            samples=Samples.of(long),
            bar=Bar("at most", 0.2e-3),
        ),
        Row(
            name="messages since, growth",
            what=what,
            unit="s",
            samples=Samples.of(long),
            against=f"ten new in {plan.few_messages:,}",
            reference=Samples.of(short),
            bar=Bar("at most", 1.2),
        ),
    ]


async def _poll(store: TinyDBStore, session_id: str, after: int) -> float:
    start = perf_counter()
    page = await store.messages(session_id, after=after)
    seconds = perf_counter() - start
    assert page is not None
    assert len(page.messages) == _NEW
    return seconds


async def _last(store: TinyDBStore, session_id: str) -> int:
    page = await store.messages(session_id, limit=1)
    assert page is not None
    return page.session.last_sequence
