"""Rows and a clock for tests, with everything filled in that the test does not care about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..ids import new_id
from ..store import (
    CheckpointRecord,
    InterruptRecord,
    JobRecord,
    MemoryRecord,
    MessageRecord,
    NodeTypeRecord,
    Owner,
    RunRecord,
    SessionRecord,
    Store,
    WorkflowRecord,
)

UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
"""The id of a session that no test creates by chance."""


class Clockwork:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **distance: float) -> None:
        """Move the clock, by keywords as ``timedelta`` takes them."""
        self.now += timedelta(**distance)


def session(**fields: Any) -> SessionRecord:
    """Return a session with these fields."""
    return SessionRecord(
        **{"id": new_id(), "workflow_id": "w", "name": "Talk", "owner": Owner("ada", "Ada"), **fields}
    )


def message(session_id: str, content: str = "hello", **fields: Any) -> MessageRecord:
    """Return a user's message with these fields."""
    return MessageRecord(
        **{"id": new_id(), "session_id": session_id, "role": "user", "content": content, **fields}
    )


def workflow(workflow_id: str = "w", **fields: Any) -> WorkflowRecord:
    """Return a workflow with these fields."""
    return WorkflowRecord(**{"id": workflow_id, "name": "Greeter", **fields})


def node_type(type_id: str = "t", **fields: Any) -> NodeTypeRecord:
    """Return a node type made at run time, with these fields."""
    return NodeTypeRecord(**{"id": type_id, "preset": {"processor": "text"}, **fields})


def run(session_id: str, **fields: Any) -> RunRecord:
    """Return a run with these fields."""
    return RunRecord(
        **{"id": new_id(), "session_id": session_id, "workflow_id": "w", "snapshot_id": "s", **fields}
    )


def job(run_id: str, **fields: Any) -> JobRecord:
    """Return a job of a run with these fields."""
    return JobRecord(**{"id": new_id(), "run_id": run_id, "node_id": "n", "node_type_id": "text", **fields})


def interrupt(session_id: str, **fields: Any) -> InterruptRecord:
    """Return an open question with these fields."""
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


def checkpoint(session_id: str, run_id: str, **fields: Any) -> CheckpointRecord:
    """Return a checkpoint of a run with these fields."""
    return CheckpointRecord(
        **{"id": new_id(), "session_id": session_id, "run_id": run_id, "name": "n", "state": {}, **fields}
    )


def memory(key: str = "k", value: Any = None, **fields: Any) -> MemoryRecord:
    """Return something remembered in the scope ``user`` of ``ada``, or with these fields."""
    return MemoryRecord(**{"scope": "user", "scope_id": "ada", "key": key, "value": value, **fields})


async def new_session(store: Store, messages: int = 0, **fields: Any) -> str:
    """Create a session with that many messages, "1", "2" and so on; return its id."""
    record = session(**fields)
    await store.create_session(record)
    if messages:
        async with store.transaction(record.id) as transaction:
            for number in range(1, messages + 1):
                transaction.put_message(message(record.id, str(number)))
    return record.id
