"""MEM: on whose behalf a run remembers, and who may drive a session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest
from graphs import document, edge, node
from node_runs import run_node
from sessions_desk import ADA, ROOT, Desk

from flowdrop_jupyter.errors import Forbidden, NotFound
from flowdrop_jupyter.nodes import Identity, World
from flowdrop_jupyter.nodes.memory import HeldMemory, NodeMemory
from flowdrop_jupyter.sessions import ALL_PERMISSIONS, Principal
from flowdrop_jupyter.sessions.permissions import VIEW_ANY, VIEW_ANY_MESSAGES
from flowdrop_jupyter.store import MemoryStore

Serve: TypeAlias = Callable[..., AbstractAsyncContextManager[Desk]]

NOT_REAL = [None, "", "  ", "0", "anonymous", 0, 7, True, {"id": "ada"}]
NOBODY = Principal("", "Nobody", ALL_PERMISSIONS)


class CountedMemory(HeldMemory):
    """Counts what it is asked."""

    asked = 0

    async def read(self, scope: str, scope_id: str, key: str) -> tuple[bool, Any]:
        self.asked += 1
        return await super().read(scope, scope_id, key)

    async def write(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        self.asked += 1
        await super().write(scope, scope_id, key, value)

    async def remove(self, scope: str, scope_id: str, key: str) -> bool:
        self.asked += 1
        return await super().remove(scope, scope_id, key)


def remembering(memory: HeldMemory, identity: Identity | None) -> NodeMemory:
    return NodeMemory(memory, identity, node_id="n.1", run_id="run-7")


def refusing(scope: str, value: Any) -> Identity:
    other = {"user_id": "ada", "session_id": "s"}
    return Identity(**{**other, f"{scope}_id": value}, workflow_id="w-3")


@pytest.mark.rule("MEM-6", "MEM-7", "MEM-13")
@pytest.mark.anyio
@pytest.mark.parametrize("scope", ["user", "session"])
@pytest.mark.parametrize("value", [*NOT_REAL, "no context"], ids=repr)
async def test_a_scope_without_a_real_identity_is_refused_everywhere(
    scope: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    memory = CountedMemory()
    mine = remembering(memory, None if value == "no context" else refusing(scope, value))

    read = await mine.recall(scope, "k", "default")
    wrote = await mine.remember(scope, "k", 1)
    forgot = await mine.forget(scope, "k")
    added = await mine.append(scope, "k", [{"role": "user", "content": "Hi"}])

    assert (read.value, read.found, read.scope_id) == ("default", False, "")
    assert [(each.success, each.scope_id) for each in (wrote, forgot)] == [(False, "")] * 2
    assert (added.messages, added.count, added.scope_id) == ([], 0, "")
    assert memory.asked == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 4
    assert all("n.1" in record.getMessage() and "run-7" in record.getMessage() for record in caplog.records)
    assert value == "no context" or all("w-3" in record.getMessage() for record in caplog.records)


@pytest.mark.rule("MEM-6", "MEM-13")
@pytest.mark.anyio
async def test_the_shared_place_is_no_refusal(caplog: pytest.LogCaptureFixture) -> None:
    memory = CountedMemory()
    wrote = await remembering(memory, None).remember("global", "k", 1)
    read = await remembering(memory, refusing("user", None)).recall("global", "k")

    assert (wrote.success, wrote.scope_id) == (True, "")
    assert (read.found, read.value) == (True, 1)
    assert caplog.records == []


@pytest.mark.rule("MEM-7")
@pytest.mark.parametrize("operation", ["add", "get", "clear", "truncate"])
def test_a_node_on_a_refused_scope_gives_an_empty_buffer_and_one_warning(
    operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    memory = CountedMemory()
    config = {
        "operation": operation,
        "scope": "user",
        "ports": {"outputs": {"scope_id": {"exposed": True}}},
    }
    given = run_node(
        "conversation_buffer",
        {"message": "Hi"},
        config,
        world=World(memory=memory),
        identity=refusing("user", "0"),
    ).output

    assert (given["buffer"], given["buffer_size"], given["added_count"], given["added"]) == ([], 0, 0, False)
    assert given["scope_id"] == ""
    assert (memory.asked, len(caplog.records)) == (0, 1)


def remembers(scope: str) -> dict[str, Any]:
    return document(
        [
            node("chat_input.1", "chat_input"),
            node("buffer.1", "conversation_buffer", scope=scope, format="text"),
            node("chat_output.1", "chat_output"),
        ],
        [
            edge("chat_input.1", "message", "buffer.1", "message"),
            edge("buffer.1", "buffer", "chat_output.1", "message"),
        ],
        id=f"remembers-{scope}",
    )


async def kept(desk: Desk, scope: str, owner: str) -> list[str]:
    found = await desk.host.store.memory(scope, owner, "conversation")
    return [] if found is None else [message["content"] for message in found.value]


@pytest.mark.rule("MEM-8")
@pytest.mark.anyio
async def test_a_run_remembers_for_the_owner_and_not_for_who_sends(serve: Serve) -> None:
    async with serve() as desk:
        session = await desk.open(remembers("user"), ADA)
        await desk.turn(session, "from Ada", ADA)
        await desk.turn(session, "from Root", ROOT)

        assert await kept(desk, "user", "ada") == ["from Ada", "from Root"]
        assert await kept(desk, "user", "root") == []


@pytest.mark.rule("MEM-8", "MEM-6")
@pytest.mark.anyio
async def test_a_session_without_an_owner_remembers_for_nobody(serve: Serve) -> None:
    async with serve() as desk:
        session = await desk.open(remembers("user"), NOBODY)
        await desk.turn(session, "Hi", ROOT)

        assert [
            message.status for message in (await desk.page(session)).messages if message.role == "user"
        ] == ["completed"]
        assert await desk.host.store.memories("user", "") == []
        assert await desk.host.store.memories("user", "root") == []


@pytest.mark.rule("MEM-13")
@pytest.mark.anyio
async def test_what_a_session_remembers_is_its_own_and_survives_its_server(serve: Serve) -> None:
    store = MemoryStore()
    async with serve(on=store) as desk:
        one = await desk.open(remembers("session"))
        other = await desk.open(remembers("session"))
        await desk.turn(one, "1")
        await desk.turn(one, "2")
        await desk.turn(other, "3")

        assert (await kept(desk, "session", one), await kept(desk, "session", other)) == (["1", "2"], ["3"])
        assert (await desk.said(one))[-1] == ("assistant", "user: 1\nuser: 2")


@pytest.mark.anyio
async def test_what_a_session_remembers_goes_with_it(serve: Serve) -> None:
    async with serve() as desk:
        session = await desk.open(remembers("session"))
        await desk.turn(session, "Hi")
        await desk.host.sessions.delete(session, ADA)

        assert await desk.host.store.memories("session", session) == []


@pytest.mark.rule("MEM-9")
@pytest.mark.anyio
async def test_whoever_may_only_look_cannot_drive(serve: Serve) -> None:
    looker = Principal("eve", "Eve", frozenset({VIEW_ANY, VIEW_ANY_MESSAGES}))
    async with serve() as desk:
        session = await desk.open(remembers("session"))
        assert (await desk.host.sessions.read(session, looker)).id == session
        for driving in (
            desk.host.sessions.post_message(session, "Hi", looker),
            desk.host.sessions.stop(session, looker),
            desk.host.sessions.delete(session, looker),
        ):
            with pytest.raises(Forbidden):
                await driving
        assert await desk.said(session) == []


@pytest.mark.rule("MEM-9")
@pytest.mark.anyio
async def test_nobody_owns_nothing(serve: Serve) -> None:
    nobody = Principal("", "Nobody")
    async with serve() as desk:
        ownerless = await desk.open(remembers("session"), NOBODY)
        await desk.turn(ownerless, "Hi", ROOT)
        [run] = (await desk.session(ownerless)).executions
        for reading in (
            desk.host.sessions.read(ownerless, nobody),
            desk.host.sessions.messages(ownerless, nobody),
            desk.host.sessions.post_message(ownerless, "Hi", nobody),
            desk.host.runs.read(run, nobody),
            desk.host.runs.events(run, nobody),
        ):
            with pytest.raises((NotFound, Forbidden)):
                await reading
