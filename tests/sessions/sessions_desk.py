"""How session tests talk to a host and wait for what they expect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from gates import DEADLINE
from graphs import document, edge, node

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.sessions import ALL_PERMISSIONS, OWN_PERMISSIONS, Host, Principal
from flowdrop_jupyter.store import InterruptRecord, MessagePage, MessageRecord, SessionRecord, Store

ADA = Principal("ada", "Ada", OWN_PERMISSIONS)
BOB = Principal("bob", "Bob", OWN_PERMISSIONS)
ROOT = Principal("root", "Root", ALL_PERMISSIONS)

HELD = document(
    [node("chat_input.1", "chat_input"), node("gate.1", "gate"), node("chat_output.1", "chat_output")],
    [
        edge("chat_input.1", "message", "gate.1", "data"),
        edge("gate.1", "result", "chat_output.1", "message"),
    ],
    id="held",
)
"""Waits at a gate, then says what it was told."""

ASKS = document(
    [node("ask.1", "ask"), node("chat_output.1", "chat_output")],
    [edge("ask.1", "result", "chat_output.1", "message")],
    id="asks",
)
"""Asks for a text that may be refused, and says it."""


@dataclass(frozen=True)
class Desk:
    """A host with the calls that most tests make."""

    host: Host

    async def open(self, workflow: dict[str, Any], who: Principal = ADA) -> str:
        """Save *workflow* and open a session on it."""
        if await self.host.store.workflow(workflow["id"]) is None:
            await self.host.workflows.create(workflow, who)
        session_id: str = (await self.host.sessions.create(workflow["id"], who)).id
        return session_id

    async def say(self, session_id: str, content: str = "hello", who: Principal = ADA) -> MessageRecord:
        return await self.host.sessions.post_message(session_id, content, who)

    async def settled(self, session_id: str) -> None:
        """Wait until nothing is at work for the session."""
        with anyio.fail_after(DEADLINE):
            await self.host.processor.settled(session_id)

    async def turn(self, session_id: str, content: str = "hello", who: Principal = ADA) -> MessagePage:
        """Send a message and return all messages after the run stopped."""
        await self.say(session_id, content, who)
        await self.settled(session_id)
        return await self.page(session_id)

    async def page(self, session_id: str) -> MessagePage:
        page = await self.host.store.messages(session_id)
        assert page is not None
        return page

    async def session(self, session_id: str) -> SessionRecord:
        session = await self.host.store.session(session_id)
        assert session is not None
        return session

    async def said(self, session_id: str) -> list[tuple[str, str]]:
        """Return role and text of every message."""
        return [(said.role, said.content) for said in (await self.page(session_id)).messages]

    async def prompt(self, session_id: str) -> InterruptRecord:
        """Return the newest prompt."""
        return (await self.host.store.interrupts(session_id))[-1]


class WrappedStore:
    """A store whose commits tests watch, make fail, and follow up.

    ``fails`` is asked with the number of each transaction, counted from 1 since ``armed`` was set;
    ``after_commit`` is called once, when the next armed transaction is durable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.armed = False
        self.count = 0
        self.fails: Callable[[int], bool] = lambda _number: False
        self.after_commit: Callable[[], Awaitable[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self, session_id: str) -> AsyncIterator[Any]:
        failing = False
        if self.armed:
            self.count += 1
            failing = self.fails(self.count)
        async with self._store.transaction(session_id) as tx:
            yield tx
            if failing:
                raise StoreError("The disk is full.")
        if self.armed and self.after_commit is not None:
            follow_up, self.after_commit = self.after_commit, None
            await follow_up()
