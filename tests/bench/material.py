"""The directories that are measured, filled through the public interface of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from flowdrop_jupyter.ids import new_id
from flowdrop_jupyter.store import MessageRecord, Owner, SessionRecord, Store, TinyDBStore

from .plan import Plan

TEXT: Final = ("All work and no play makes a dull message of five hundred bytes. " * 8)[:500]
"""What a message says: 500 bytes of ASCII, so many in JSON too."""

_AT_ONCE: Final = 1_000
_TASKS: Final = 64


class Conversations(NamedTuple):
    """A directory with a long and a short conversation, both compacted."""

    directory: Path
    long: str
    short: str

    def snapshot(self) -> Path:
        """Return the compacted file of the long conversation."""
        return self.directory / "sessions" / f"{self.long}.json"


def new_session() -> SessionRecord:
    """Return a session to create."""
    return SessionRecord(id=new_id(), workflow_id="echo", name="Talk", owner=Owner("ada", "Ada"))


def new_message(session_id: str) -> MessageRecord:
    """Return a message of 500 bytes to put."""
    return MessageRecord(id=new_id(), session_id=session_id, role="user", content=TEXT)


async def make_conversations(directory: Path, plan: Plan) -> Conversations:
    """Fill a directory with a long and a short conversation and close it."""
    long, short = new_session(), new_session()
    async with opened(TinyDBStore(directory)) as store:
        for session, count in ((long, plan.messages), (short, plan.few_messages)):
            await store.create_session(session)
            await add_messages(store, session.id, count)
    return Conversations(directory, long.id, short.id)


async def make_sessions(directory: Path, plan: Plan) -> None:
    """Fill a directory with many sessions of a few messages each and close it."""
    sessions = iter(range(plan.sessions))

    async def work() -> None:
        for _ in sessions:
            session = new_session()
            await store.create_session(session)
            await add_messages(store, session.id, plan.session_messages)

    async with opened(TinyDBStore(directory)) as store, anyio.create_task_group() as group:
        for _ in range(_TASKS):
            group.start_soon(work)


async def add_messages(store: Store, session_id: str, count: int) -> None:
    """Put *count* messages, many in one commit."""
    for start in range(0, count, _AT_ONCE):
        async with store.transaction(session_id) as transaction:
            for _ in range(min(_AT_ONCE, count - start)):
                transaction.put_message(new_message(session_id))


@asynccontextmanager
async def opened(store: TinyDBStore) -> AsyncIterator[TinyDBStore]:
    """Keep a store open while the block runs."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()
