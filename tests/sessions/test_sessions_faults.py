"""A store that refuses a commit, at any point of a turn: the session is never stuck."""

from __future__ import annotations

from typing import Any

import pytest
from gates import ask
from graphs import ECHO
from sessions_desk import ADA, ASKS, WrappedStore

from flowdrop_jupyter.errors import Conflict, StoreError
from flowdrop_jupyter.store import MemoryStore

pytestmark = pytest.mark.anyio

COMMITS = 7
"""How many transactions a turn of ECHO makes: the message, its begin, two per node, its end."""


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> tuple[str, str]:
    return ("asyncio", "memory")


@pytest.fixture
def wrapped() -> WrappedStore:
    return WrappedStore(MemoryStore())


async def test_a_turn_makes_as_many_commits_as_these_tests_refuse(serve: Any, wrapped: WrappedStore) -> None:
    async with serve(on=wrapped) as desk:
        session_id = await desk.open(ECHO)
        wrapped.armed = True
        await desk.turn(session_id)
        assert wrapped.count == COMMITS


async def test_a_message_that_could_not_be_kept_is_not_accepted(serve: Any, wrapped: WrappedStore) -> None:
    async with serve(on=wrapped) as desk:
        session_id = await desk.open(ECHO)
        wrapped.armed, wrapped.fails = True, lambda number: number == 1
        with pytest.raises(StoreError):
            await desk.say(session_id)
        assert (await desk.session(session_id)).status == "idle"
        assert desk.host.processor.active_sessions == 0
        page = await desk.turn(session_id)
        assert page.session.status == "completed"


@pytest.mark.parametrize("refused", range(2, COMMITS + 1))
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
async def test_a_refused_commit_leaves_a_session_that_can_go_on(
    serve: Any, wrapped: WrappedStore, refused: int, lasting: bool
) -> None:
    async with serve(on=wrapped) as desk:
        session_id = await desk.open(ECHO)
        wrapped.armed = True
        wrapped.fails = lambda number: number == refused or (lasting and number > refused)
        await desk.turn(session_id)
        wrapped.armed = False
        if (await desk.session(session_id)).status == "running":
            await desk.host.sessions.stop(session_id, ADA)
        session = await desk.session(session_id)
        assert (session.status in ("failed", "completed"), session.active_run) == (True, None)
        page = await desk.turn(session_id, "again")
        assert (page.session.status, page.messages[-1].content) == ("completed", "again")


async def test_a_prompt_that_could_not_be_kept_fails_the_turn(serve: Any, wrapped: WrappedStore) -> None:
    async with serve(ask, on=wrapped) as desk:
        session_id = await desk.open(ASKS)
        wrapped.armed, wrapped.fails = True, lambda number: number == 4
        page = await desk.turn(session_id)
        wrapped.armed = False
        assert page.session.status == "failed"
        assert await desk.host.store.interrupts(session_id) == []


async def test_an_answer_that_could_not_be_kept_can_be_given_again(serve: Any, wrapped: WrappedStore) -> None:
    async with serve(ask, on=wrapped) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        wrapped.armed, wrapped.fails = True, lambda number: number == 1
        with pytest.raises(StoreError):
            await desk.host.sessions.resolve(prompt.id, "lost", ADA)
        assert (await desk.session(session_id)).status == "awaiting_input"
        await desk.host.sessions.resolve(prompt.id, "kept", ADA)
        assert (await desk.said(session_id))[-1] == ("assistant", "kept")


async def test_a_stop_that_could_not_be_kept_can_be_repeated(serve: Any, wrapped: WrappedStore) -> None:
    async with serve(ask, on=wrapped) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        wrapped.armed, wrapped.fails = True, lambda number: number == 1
        with pytest.raises(StoreError):
            await desk.host.sessions.stop(session_id, ADA)
        await desk.host.sessions.stop(session_id, ADA)
        assert (await desk.session(session_id)).status == "completed"


async def test_a_session_whose_end_was_not_recorded_refuses_messages_until_stopped(
    serve: Any, wrapped: WrappedStore
) -> None:
    async with serve(on=wrapped) as desk:
        session_id = await desk.open(ECHO)
        wrapped.armed, wrapped.fails = True, lambda number: number >= 3
        await desk.turn(session_id)
        wrapped.armed = False
        with pytest.raises(Conflict):
            await desk.say(session_id)
        await desk.host.sessions.stop(session_id, ADA)
        assert (await desk.session(session_id)).status == "completed"
