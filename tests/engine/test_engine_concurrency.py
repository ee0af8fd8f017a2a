"""What runs at the same time, where it runs, and what cancelling does."""

from __future__ import annotations

import threading

import anyio
import anyio.to_thread
import pytest
from engine_nodes import Meeting
from engine_runs import RecordingSink, bench, run_flow
from gates import DEADLINE, Gate
from graphs import edge, node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


async def test_independent_nodes_are_at_work_together() -> None:
    ended = await run_flow([node(name, "meet") for name in ("a", "b", "c")], [], Meeting(3).async_function)
    assert set(ended.statuses.values()) == {"completed"}


async def test_independent_synchronous_nodes_are_at_work_together() -> None:
    ended = await run_flow([node("a", "meet_sync"), node("b", "meet_sync")], [], Meeting(2).sync_function)
    assert set(ended.statuses.values()) == {"completed"}


async def test_nodes_behind_different_sources_are_at_work_together() -> None:
    ended = await run_flow(
        [node("one", "emit"), node("two", "emit_sync"), node("a", "meet"), node("b", "meet")],
        [edge("one", "result", "a", "data"), edge("two", "result", "b", "data")],
        Meeting(2).async_function,
    )
    assert set(ended.statuses.values()) == {"completed"}


async def test_a_node_that_is_ready_does_not_wait_for_its_siblings() -> None:
    """The gate opens only behind the other branch, so a run in waves would hang."""
    gate = Gate()

    @node_type(id="open")
    async def open_gate() -> None:
        """Lets the gate's node go on."""
        gate.opened.set()

    with anyio.fail_after(DEADLINE):
        ended = await run_flow(
            [node("slow", "gate"), node("one", "emit"), node("two", "emit"), node("three", "open")],
            [edge("one", "trigger", "two", "trigger"), edge("two", "trigger", "three", "trigger")],
            gate.function,
            open_gate,
        )
    assert set(ended.statuses.values()) == {"completed"}


async def test_synchronous_functions_run_off_the_loop_and_others_on_it() -> None:
    @node_type(id="where_sync")
    def where_sync() -> int:
        """Tells its thread."""
        return threading.get_ident()

    @node_type(id="where")
    async def where() -> int:
        """Tells its thread."""
        return threading.get_ident()

    ended = await run_flow([node("s", "where_sync"), node("a", "where")], [], where, where_sync)
    assert ended.result("s") != threading.get_ident()
    assert ended.result("a") == threading.get_ident()


async def test_synchronous_functions_share_the_threads_of_their_environment() -> None:
    token = anyio.lowlevel.current_token()

    @node_type(id="borrow")
    def borrow() -> list[float]:
        """Tells how many threads are in use, and of how many."""
        limiter = prepared.limiter
        look = lambda: [limiter.borrowed_tokens, limiter.total_tokens]  # noqa: E731
        return anyio.from_thread.run_sync(look, token=token)

    prepared = bench([node("a", "borrow"), node("b", "borrow")], [], borrow, threads=1)
    ended = await prepared.execute()
    assert ended.result("a") == ended.result("b") == [1, 1]


async def test_a_step_is_durable_before_the_node_starts() -> None:
    sink = RecordingSink()
    seen: list[str] = []

    @node_type(id="look")
    async def look() -> None:
        """Looks at what is kept of it."""
        seen.append(sink.kept["n"].status)

    await run_flow([node("n", "look")], [], look, sink=sink)
    assert seen == ["running"]


async def test_a_node_is_kept_before_those_behind_it_start() -> None:
    ended = await run_flow(
        [node("a", "emit"), node("b", "emit"), node("c", "emit")],
        [edge("a", "result", "b", "value"), edge("b", "result", "c", "value")],
    )
    assert ended.sink.steps == [(step, name) for name in "abc" for step in ("started", "finished")]


async def test_cancelling_the_caller_cancels_its_nodes_and_keeps_the_last_state() -> None:
    gate = Gate()
    prepared = bench(
        [node("done", "emit"), node("busy", "gate"), node("after", "see")],
        [edge("done", "trigger", "busy", "trigger"), edge("busy", "result", "after", "a")],
        gate.function,
    )
    async with anyio.create_task_group() as caller:
        caller.start_soon(prepared.execute)
        await gate.entered()
        caller.cancel_scope.cancel()
    assert gate.cancellations == 1
    assert prepared.sink.steps == [("started", "done"), ("finished", "done"), ("started", "busy")]
    assert prepared.sink.kept["busy"].status == "running"


async def test_a_node_cannot_answer_its_cancellation_with_a_failure() -> None:
    gate = Gate()
    cleaned: list[str] = []

    @node_type(id="stubborn")
    async def stubborn() -> None:
        """Cleans up when it is cancelled."""
        try:
            await gate.function()
        finally:
            cleaned.append("up")

    prepared = bench([node("busy", "stubborn")], [], stubborn)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as caller:
            caller.start_soon(prepared.execute)
            await gate.entered()
            scope.cancel()
    assert cleaned == ["up"]
    assert scope.cancelled_caught
    assert prepared.sink.steps == [("started", "busy")]


async def test_a_synchronous_node_is_abandoned_when_its_caller_is_cancelled() -> None:
    reached, let_go, left = anyio.Event(), threading.Event(), threading.Event()
    token = anyio.lowlevel.current_token()

    @node_type(id="blocking")
    def blocking() -> None:
        """Waits in its thread."""
        anyio.from_thread.run_sync(reached.set, token=token)
        let_go.wait(DEADLINE)
        left.set()

    prepared = bench([node("busy", "blocking")], [], blocking)
    try:
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as caller:
                caller.start_soon(prepared.execute)
                await reached.wait()
                caller.cancel_scope.cancel()
        assert not left.is_set()
    finally:
        let_go.set()
    assert await anyio.to_thread.run_sync(left.wait, DEADLINE)
    assert prepared.sink.steps == [("started", "busy")]


async def test_the_result_of_an_abandoned_thread_is_dropped() -> None:
    reached, let_go, left = anyio.Event(), threading.Event(), threading.Event()
    token = anyio.lowlevel.current_token()

    @node_type(id="blocking")
    def blocking() -> str:
        """Waits in its thread."""
        anyio.from_thread.run_sync(reached.set, token=token)
        let_go.wait(DEADLINE)
        left.set()
        return "too late"

    @node_type(id="fail_beside")
    async def fail_beside() -> None:
        """Fails while the thread is at work."""
        await reached.wait()
        raise NodeError("No.")

    try:
        with anyio.fail_after(DEADLINE):
            ended = await run_flow(
                [node("busy", "blocking"), node("bad", "fail_beside")], [], blocking, fail_beside
            )
        steps = list(ended.sink.steps)
    finally:
        let_go.set()
    assert await anyio.to_thread.run_sync(left.wait, DEADLINE)
    await anyio.lowlevel.checkpoint()
    assert ended.sink.steps == steps
    assert (ended["busy"].status, ended["busy"].skip_reason) == ("cancelled", "run_failed")


async def test_two_runs_of_one_plan_do_not_meet() -> None:
    prepared = bench([node("a", "emit", value=1), node("b", "see")], [edge("a", "result", "b", "a")])
    first = await prepared.execute()
    prepared.sink = RecordingSink()
    second = await prepared.execute()
    assert first.statuses == second.statuses == {"a": "completed", "b": "completed"}


async def test_an_abandoned_thread_keeps_its_place_until_it_ends() -> None:
    reached, let_go = anyio.Event(), threading.Event()
    token = anyio.lowlevel.current_token()

    @node_type(id="blocking")
    def blocking() -> bool:
        """Waits in its thread."""
        anyio.from_thread.run_sync(reached.set, token=token)
        let_go.wait(DEADLINE)
        return threading.current_thread().daemon

    prepared = bench([node("busy", "blocking")], [], blocking, threads=1)
    try:
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as caller:
                caller.start_soon(prepared.execute)
                await reached.wait()
                caller.cancel_scope.cancel()
        assert prepared.limiter.borrowed_tokens == 1
    finally:
        let_go.set()
    with anyio.fail_after(DEADLINE):
        async with prepared.limiter:
            pass


async def test_threads_of_nodes_do_not_hold_up_the_end_of_the_process() -> None:
    @node_type(id="daemon")
    def daemon() -> bool:
        """Tells whether its thread is a daemon."""
        return threading.current_thread().daemon

    assert (await run_flow([node("n", "daemon")], [], daemon)).result("n") is True


class Panic(BaseException):
    """What a library of another language raises when it gives up."""


@pytest.mark.parametrize("error", [Panic, KeyboardInterrupt, SystemExit])
async def test_a_node_that_panics_fails_and_ends_nothing_else(error: type[BaseException]) -> None:
    @node_type(id="panic")
    async def panic() -> None:
        """Gives up."""
        raise error

    @node_type(id="panic_sync")
    def panic_sync() -> None:
        """Gives up in its thread."""
        raise error

    for kind in ("panic", "panic_sync"):
        ended = await run_flow(
            [node("bad", kind), node("handler", "see")],
            [edge("bad", "error", "handler", "a")],
            panic,
            panic_sync,
        )
        assert ended.outcome.status == "completed"
        assert ended.result("handler")["a"]["code"] == "NODE_FAILED"
        assert error.__name__ in ended.result("handler")["a"]["message"]
