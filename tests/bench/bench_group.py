"""Many sessions that append at once, beside one session alone."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import anyio

from flowdrop_jupyter.store import MessageRecord, TinyDBStore

from .figures import Bar, Row, Samples
from .material import new_message, new_session, opened
from .plan import Plan


async def group_rows(work: Path, plan: Plan) -> list[Row]:
    """Measure durable commits per second, one session and all of them in turns."""
    sessions = [new_session() for _ in range(plan.together)]
    alone, together = [], []
    async with opened(TinyDBStore(work / "group", max_open=plan.together)) as store:
        for session in sessions:
            await store.create_session(session)
        for _ in range(plan.rounds + 1):
            alone.append(await _rate(store, [sessions[0].id], plan.alone_commits))
            together.append(await _rate(store, [session.id for session in sessions], plan.together_commits))
    return [
        Row(
            name="group commit",
            what=f"durable commits per second, {plan.together} sessions at once",
            unit="/s",
            samples=Samples.of(together[1:]),
            against="one session alone",
            reference=Samples.of(alone[1:]),
            bar=Bar("at least", 8),
        )
    ]


async def _rate(store: TinyDBStore, session_ids: list[str], commits: int) -> float:
    """Return the durable commits per second of sessions that each make *commits*, one after the other."""
    work = [[new_message(session_id) for _ in range(commits)] for session_id in session_ids]
    start = perf_counter()
    async with anyio.create_task_group() as group:
        for messages in work:
            group.start_soon(_append_all, store, messages)
    return len(work) * commits / (perf_counter() - start)


async def _append_all(store: TinyDBStore, messages: list[MessageRecord]) -> None:
    for message in messages:
        async with store.transaction(message.session_id) as transaction:
            transaction.put_message(message)
