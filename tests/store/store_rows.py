"""Rows and a clock for tests, with everything filled in that the test does not care about."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from flowdrop_jupyter.ids import new_id
from flowdrop_jupyter.store import (
    InterruptRecord,
    JobRecord,
    MessageRecord,
    Owner,
    RunRecord,
    SessionRecord,
    Store,
    WorkflowRecord,
)

UNKNOWN = "00000000-0000-4000-8000-000000000000"
"""The id of a session that no test creates by chance."""

Reopen: TypeAlias = Callable[[Store], Awaitable[None]]


class Clockwork:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **distance: float) -> None:
        self.now += timedelta(**distance)


def session(**fields: Any) -> SessionRecord:
    return SessionRecord(
        **{"id": new_id(), "workflow_id": "w", "name": "Talk", "owner": Owner("ada", "Ada"), **fields}
    )


def message(session_id: str, content: str = "hello", **fields: Any) -> MessageRecord:
    return MessageRecord(
        **{"id": new_id(), "session_id": session_id, "role": "user", "content": content, **fields}
    )


def workflow(workflow_id: str = "w", **fields: Any) -> WorkflowRecord:
    return WorkflowRecord(**{"id": workflow_id, "name": "Greeter", **fields})


def run(session_id: str, **fields: Any) -> RunRecord:
    return RunRecord(
        **{"id": new_id(), "session_id": session_id, "workflow_id": "w", "workflow": workflow(), **fields}
    )


def job(run_id: str, **fields: Any) -> JobRecord:
    return JobRecord(**{"id": new_id(), "run_id": run_id, "node_id": "n", "node_type_id": "text", **fields})


def interrupt(session_id: str, **fields: Any) -> InterruptRecord:
    return InterruptRecord(
        **{
            "id": new_id(),
            "session_id": session_id,
            "run_id": "r",
            "job_id": "j",
            "node_id": "n",
            "workflow_id": "w",
            "type": "confirmation",
            "message": "Go on?",
            **fields,
        }
    )


async def new_session(store: Store, messages: int = 0, **fields: Any) -> str:
    """Create a session with that many messages, "1", "2" and so on; return its id."""
    record = session(**fields)
    await store.create_session(record)
    if messages:
        async with store.transaction(record.id) as transaction:
            for number in range(1, messages + 1):
                transaction.put_message(message(record.id, str(number)))
    return record.id
