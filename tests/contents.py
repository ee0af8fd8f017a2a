"""Everything a store holds, as plain values: for tests that nothing was changed."""

from __future__ import annotations

from typing import Any

import msgspec

from flowdrop_jupyter.store import SessionFilter, Store


async def everything(store: Store) -> dict[str, Any]:
    """Return all rows of *store*."""
    sessions = {}
    for session in await store.sessions(SessionFilter()):
        page = await store.messages(session.id)
        assert page is not None
        sessions[session.id] = {
            "session": session,
            "messages": page.messages,
            "runs": [await store.run(session.id, run_id) for run_id in session.executions],
            "jobs": [await store.jobs(session.id, run_id) for run_id in session.executions],
            "interrupts": await store.interrupts(session.id),
            "events": await store.events(session.id),
        }
    held: dict[str, Any] = msgspec.to_builtins(
        {"workflows": await store.workflows(), "sessions": dict(sorted(sessions.items()))}
    )
    return held
