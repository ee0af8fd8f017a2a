"""Stopping: before the run starts, while it runs, at a prompt, twice, and when there is nothing to stop."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from contents import everything
from gates import Gate, ask
from graphs import ECHO, document, edge, node
from sessions_desk import ADA, ASKS, HELD, Desk, WrappedStore

from flowdrop_jupyter.errors import Conflict
from flowdrop_jupyter.store import Store

pytestmark = pytest.mark.anyio


async def assert_stopped(desk: Desk, session_id: str, notices: int = 1) -> None:
    page = await desk.page(session_id)
    run = await desk.host.store.run(session_id, page.session.executions[-1])
    jobs = await desk.host.store.jobs(session_id, run.id)
    assert (page.session.status, page.session.active_run, run.status) == ("completed", None, "cancelled")
    assert not {job.status for job in jobs} & {"idle", "pending", "running", "interrupted"}
    assert [said.role for said in page.messages].count("system") == notices
    assert page.messages[0].status == "completed"


async def test_a_running_turn_is_stopped(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gate.entered()
        await desk.host.sessions.stop(session_id, ADA)
        assert gate.cancellations == 1
        await assert_stopped(desk, session_id)


async def test_a_turn_is_stopped_before_it_starts(serve: Any) -> None:
    gate, blocker = Gate(), Gate("blocker")
    async with serve(gate.function, blocker.function, concurrency=1) as desk:
        await desk.say(await desk.open(document([node("b", "blocker")], [], id="busy")))
        await blocker.entered()
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await desk.host.sessions.stop(session_id, ADA)
        await assert_stopped(desk, session_id)
        blocker.opened.set()
        assert gate.executions == 0


async def test_a_turn_is_stopped_in_the_moment_it_was_accepted(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await desk.host.sessions.stop(session_id, ADA)
        await assert_stopped(desk, session_id)


async def test_stopping_at_a_prompt_withdraws_it(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        await desk.host.sessions.stop(session_id, ADA)
        assert (await desk.prompt(session_id)).status == "cancelled"
        await assert_stopped(desk, session_id)


async def test_stopping_while_one_branch_asks_and_another_works(serve: Any) -> None:
    gate = Gate()
    graph = document([node("a", "ask"), node("g", "gate")], [], id="both")
    async with serve(ask, gate.function) as desk:
        session_id = await desk.open(graph)
        await desk.say(session_id)
        await gate.entered()
        with anyio.fail_after(10):
            while not await desk.host.store.interrupts(session_id):
                await anyio.lowlevel.checkpoint()
        await desk.host.sessions.stop(session_id, ADA)
        assert (await desk.prompt(session_id)).status == "cancelled"
        await assert_stopped(desk, session_id)


async def test_a_stop_may_be_repeated_and_says_so_once(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gate.entered()
        async with anyio.create_task_group() as both:
            for _ in range(2):
                both.start_soon(desk.host.sessions.stop, session_id, ADA)
        await desk.host.sessions.stop(session_id, ADA)
        await assert_stopped(desk, session_id)


@pytest.mark.parametrize("when", ["never ran", "completed", "after the echo of a stop"])
async def test_stopping_when_nothing_runs_is_a_conflict(serve: Any, when: str) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        if when != "never ran":
            await desk.turn(session_id)
        if when == "after the echo of a stop":
            await desk.say(session_id)
            await desk.host.sessions.stop(session_id, ADA)
            await desk.turn(session_id)
        before = await everything(desk.host.store)
        with pytest.raises(Conflict) as refused:
            await desk.host.sessions.stop(session_id, ADA)
        assert refused.value.code == "NO_ACTIVE_RUN"
        assert await everything(desk.host.store) == before


async def test_a_stopped_session_takes_the_next_message(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id, "first")
        await gate.entered()
        await desk.host.sessions.stop(session_id, ADA)
        gate.opened.set()
        page = await desk.turn(session_id, "second")
        assert (page.session.status, page.messages[-1].content) == ("completed", "second")


async def test_stopping_one_session_leaves_the_others_at_work(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        first, second = await desk.open(HELD), await desk.open(HELD)
        await desk.say(first)
        await desk.say(second)
        await gate.entered()
        await desk.host.sessions.stop(first, ADA)
        assert (await desk.session(second)).status == "running"
        gate.opened.set()
        await desk.settled(second)
        assert (await desk.said(second))[-1] == ("assistant", "hello")


async def test_a_stop_does_not_end_the_turn_that_follows_it(serve: Any, store: Store) -> None:
    wrapped, gate = WrappedStore(store), Gate()
    graph = document(
        [node("g", "gate"), node("a", "ask")], [edge("g", "trigger", "a", "trigger")], id="gated"
    )
    async with serve(ask, gate.function, on=wrapped) as desk:
        session_id = await desk.open(graph)
        await desk.say(session_id)
        await gate.entered()

        async def next_turn() -> None:
            gate.opened.set()
            await desk.say(session_id, "next")

        wrapped.after_commit, wrapped.armed = next_turn, True
        await desk.host.sessions.stop(session_id, ADA)
        await desk.settled(session_id)
        page = await desk.page(session_id)
        runs = [await desk.host.store.run(session_id, run_id) for run_id in page.session.executions]
        assert [run.status for run in runs] == ["cancelled", "paused"]
        assert page.session.status == "awaiting_input"
