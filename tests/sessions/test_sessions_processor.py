"""The deferred processor: order, bounds, isolation, and an owner that can be cancelled from anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from gates import DEADLINE

from flowdrop_jupyter.errors import Unavailable
from flowdrop_jupyter.sessions import DeferredMessageProcessor

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


pytestmark = pytest.mark.anyio


async def nothing(*_ids: str) -> None:
    pass


@asynccontextmanager
async def running(
    process: Callable[[str], Awaitable[None]],
    stopped: Callable[[str, str], Awaitable[None]] = nothing,
    concurrency: int = 8,
) -> AsyncIterator[DeferredMessageProcessor]:
    processor = DeferredMessageProcessor(process, stopped, concurrency=concurrency)
    async with anyio.create_task_group() as owner:
        await owner.start(processor.run)
        yield processor
        owner.cancel_scope.cancel()


async def settle(processor: DeferredMessageProcessor, *sessions: str) -> None:
    with anyio.fail_after(DEADLINE):
        for session_id in sessions:
            await processor.settled(session_id)


async def test_no_more_sessions_run_at_once_than_allowed() -> None:
    at_once, most, go = 0, 0, anyio.Event()

    async def process(_session_id: str) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if at_once == 3:
            go.set()
        await go.wait()
        await anyio.lowlevel.checkpoint()
        at_once -= 1

    sessions = [f"s{number}" for number in range(9)]
    async with running(process, concurrency=3) as processor:
        for session_id in sessions:
            processor.submit(session_id, "run")
        assert processor.active_sessions == 9
        await settle(processor, *sessions)
    assert most == 3


async def test_one_session_never_runs_twice_at_once_and_no_wish_is_lost() -> None:
    trail: list[str] = []
    begun, go = anyio.Event(), anyio.Event()

    async def process(_session_id: str) -> None:
        trail.append("begin")
        begun.set()
        await go.wait()
        trail.append("end")

    async with running(process) as processor:
        processor.submit("s", "run")
        await begun.wait()
        processor.submit("s", "run")
        processor.submit("s", "run")
        go.set()
        await settle(processor, "s")
    assert trail == ["begin", "end", "begin", "end"]


@pytest.mark.filterwarnings("default")
async def test_a_failure_of_one_session_ends_no_other() -> None:
    done: list[str] = []

    async def process(session_id: str) -> None:
        if session_id == "broken":
            raise RuntimeError("on purpose")
        done.append(session_id)

    async with running(process) as processor:
        processor.submit("broken", "run")
        processor.submit("well", "run")
        await settle(processor, "broken", "well")
        processor.submit("later", "run")
        await settle(processor, "later")
        assert processor.active_sessions == 0
    assert done == ["well", "later"]


async def test_a_failure_while_closing_a_stopped_run_ends_no_other() -> None:
    done: list[str] = []

    async def process(session_id: str) -> None:
        if session_id == "stopped":
            await anyio.sleep_forever()
        done.append(session_id)

    async def fail(_session_id: str, *_more: str) -> None:
        raise RuntimeError("on purpose")

    async with running(process, fail) as processor:
        processor.submit("stopped", "run")
        assert processor.stop("stopped", "run")
        await settle(processor, "stopped")
        processor.submit("well", "run")
        await settle(processor, "well")
    assert done == ["well"]


async def test_stopping_cancels_the_work_and_closes_it_once() -> None:
    trail: list[str] = []
    begun = anyio.Event()

    async def process(_session_id: str) -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            trail.append("cancelled")
            raise

    async def stopped(_session_id: str, _run_id: str) -> None:
        trail.append("closed")

    async with running(process, stopped) as processor:
        processor.submit("s", "run")
        await begun.wait()
        assert processor.stop("s", "run")
        assert processor.stop("s", "run")
        await settle(processor, "s")
        assert not processor.stop("s", "run")
    assert trail == ["cancelled", "closed"]


async def test_stopping_before_the_start_never_starts() -> None:
    trail: list[str] = []

    async def process(_session_id: str) -> None:
        await anyio.lowlevel.checkpoint()
        trail.append("started")

    async def stopped(_session_id: str, _run_id: str) -> None:
        trail.append("closed")

    async with running(process, stopped) as processor:
        processor.submit("s", "run")
        processor.stop("s", "run")
        await settle(processor, "s")
    assert trail == ["closed"]


async def test_a_wish_during_a_stop_is_served_afterwards() -> None:
    trail: list[str] = []
    begun = anyio.Event()

    async def process(_session_id: str) -> None:
        trail.append("begin")
        if len(trail) == 1:
            begun.set()
            await anyio.sleep_forever()

    async def stopped(session_id: str, _run_id: str) -> None:
        trail.append("closed")
        processor.submit(session_id, "run")

    async with running(process, stopped) as processor:
        processor.submit("s", "run")
        await begun.wait()
        processor.stop("s", "run")
        await settle(processor, "s")
    assert trail == ["begin", "closed", "begin"]


async def test_nothing_of_the_submitter_reaches_the_work() -> None:
    seen: list[str] = []

    async def process(_session_id: str) -> None:
        seen.append(WHO.get())

    async with running(process) as processor:
        token = WHO.set("a request")
        processor.submit("s", "run")
        await settle(processor, "s")
        WHO.reset(token)
    assert seen == ["nobody"]


async def test_nothing_is_taken_before_the_start_and_after_the_end() -> None:
    processor = DeferredMessageProcessor(nothing, nothing)
    with pytest.raises(Unavailable):
        processor.submit("s", "run")
    async with running(nothing) as ended:
        pass
    with pytest.raises(Unavailable):
        ended.submit("s", "run")


async def test_the_end_wakes_those_who_wait_for_a_session() -> None:
    begun = anyio.Event()

    async def process(_session_id: str) -> None:
        begun.set()
        await anyio.sleep_forever()

    processor = DeferredMessageProcessor(process, nothing)
    with anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as waiters, anyio.create_task_group() as owner:
            await owner.start(processor.run)
            processor.submit("s", "run")
            await begun.wait()
            waiters.start_soon(processor.settled, "s")
            await anyio.wait_all_tasks_blocked()
            owner.cancel_scope.cancel()
    assert processor.active_sessions == 0


async def test_the_end_wakes_those_who_wait_for_work_that_never_began() -> None:
    processor = DeferredMessageProcessor(nothing, nothing)
    with anyio.fail_after(DEADLINE):
        async with anyio.create_task_group() as owner:
            await owner.start(processor.run)
            processor.submit("s", "run")
            owner.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await processor.settled("s")
    assert processor.active_sessions == 0


async def test_the_owner_can_be_run_again() -> None:
    done: list[str] = []

    async def process(session_id: str) -> None:
        done.append(session_id)

    processor = DeferredMessageProcessor(process, nothing)
    for session_id in ("one", "two"):
        async with anyio.create_task_group() as owner:
            await owner.start(processor.run)
            processor.submit(session_id, "run")
            await settle(processor, session_id)
            owner.cancel_scope.cancel()
    assert done == ["one", "two"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_another_task_may_cancel_the_owner_while_work_cleans_up() -> None:
    begun, cleaned = anyio.Event(), anyio.Event()

    async def process(_session_id: str) -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                cleaned.set()

    processor = DeferredMessageProcessor(process, nothing)
    owner = asyncio.create_task(processor.run())
    await anyio.wait_all_tasks_blocked()
    processor.submit("s", "run")
    await begun.wait()
    owner.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await owner
    assert owner.cancelled()
    assert cleaned.is_set()
