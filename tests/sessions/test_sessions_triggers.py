"""Triggers over restarts and deaths, with a clock that the tests set; nothing may block the loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from gates import DEADLINE, Gate
from graphs import document, node
from sessions_desk import ADA, Desk

from flowdrop_jupyter.errors import InvalidInput, StoreError
from flowdrop_jupyter.sessions.trigger_records import TriggerState
from flowdrop_jupyter.store import SessionFilter

pytestmark = pytest.mark.anyio

FIRED = document([node("trigger.1", "trigger")], [], id="fired")
HOURLY = {"kind": "schedule", "settings": {"expression": "0 * * * *", "timezone": "Europe/Berlin"}}


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def make(desk: Desk, body: dict[str, Any] | None = None) -> str:
    await desk.host.workflows.create(FIRED, ADA)
    made: str = (await desk.host.triggers.create("fired", body or HOURLY, ADA))["id"]
    return made


async def runs(desk: Desk) -> list[str]:
    """Return the ids of all runs, after every one of them has ended."""
    found = []
    for session in await desk.host.store.sessions(SessionFilter()):
        await desk.settled(session.id)
        found += session.executions
    return found


async def test_the_host_looks_by_itself_and_goes_by_its_clock(serve: Any, clock: Clock) -> None:
    gate = Gate()
    async with serve(gate.function, clock=clock, trigger_interval_seconds=0.01) as desk:
        await desk.host.workflows.create(document([node("gate.1", "gate")], [], id="held"), ADA)
        trigger = (await desk.host.triggers.create("held", HOURLY, ADA))["id"]
        clock.now += timedelta(hours=1)
        with anyio.fail_after(DEADLINE):
            await gate.reached.wait()
        gate.opened.set()
        assert len(await runs(desk)) == 1
        assert (await desk.host.triggers.report(trigger, ADA))["next_run"] == "2026-03-01T08:00:00.000000Z"


async def test_what_was_due_while_no_process_ran_fires_once(serve: Any, clock: Clock) -> None:
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        trigger = await make(desk)
    clock.now += timedelta(days=2)
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        for _ in range(2):
            await desk.host.unattended.tick()
        report = await desk.host.triggers.report(trigger, ADA)
        assert report["run_count"] == 1
        assert len(await runs(desk)) == 1


async def test_a_drawn_time_outlives_the_process(serve: Any, clock: Clock) -> None:
    jitter = {"min_seconds": 60, "max_seconds": 60}
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        trigger = await make(desk, {**HOURLY, "jitter": jitter})
        clock.now += timedelta(hours=1)
        await desk.host.unattended.tick()
        held = (await desk.host.triggers.report(trigger, ADA))["held_until"]
        assert held is not None
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        await desk.host.unattended.tick()
        assert (await desk.host.triggers.report(trigger, ADA))["held_until"] == held
        assert await runs(desk) == []
        clock.now += timedelta(seconds=60)
        await desk.host.unattended.tick()
        assert len(await runs(desk)) == 1


@pytest.mark.parametrize("dies_at", [1, 2])
async def test_a_death_at_any_write_neither_loses_nor_repeats_a_firing(
    serve: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        trigger = await make(desk)
        shelf = desk.host.unattended.shelf
        writes = 0
        put_state = shelf.put_state

        async def dying(trigger_id: str, state: TriggerState) -> None:
            nonlocal writes
            writes += 1
            if writes == dies_at:
                raise StoreError("The process died.")
            await put_state(trigger_id, state)

        monkeypatch.setattr(shelf, "put_state", dying)
        clock.now += timedelta(hours=1)
        await desk.host.unattended.tick()
        assert writes == dies_at
        monkeypatch.setattr(shelf, "put_state", put_state)
        for _ in range(2):
            await desk.host.unattended.tick()
        assert len(await runs(desk)) == 1
        assert (await desk.host.triggers.report(trigger, ADA))["run_count"] == 1


async def test_a_run_whose_session_was_made_by_a_process_that_died_is_launched_into_it(
    serve: Any, clock: Clock
) -> None:
    run_id = "00000000-0000-4000-8000-0000000000aa"
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        await make(desk)
        run = await desk.host.runs.launch("fired", ADA, run_id=run_id)
        await desk.settled(run.session_id)
        session = await desk.session(run.session_id)
        await desk.host.store.remove_session(session.id)
        session.executions, session.active_run, session.status = [], None, "idle"
        await desk.host.store.create_session(session)
        again = await desk.host.runs.launch("fired", ADA, run_id=run_id)
        assert again.session_id == run.session_id
        assert await runs(desk) == [run_id]


async def test_files_are_looked_at_without_blocking_the_loop(
    serve: Any, clock: Clock, tmp_path: Path
) -> None:
    folder = anyio.Path(tmp_path) / "in"
    await folder.mkdir()
    async with serve(clock=clock, trigger_interval_seconds=3600.0) as desk:
        settings = {"path": "in/*.csv", "settle_seconds": 5}
        trigger = await make(desk, {"kind": "file", "settings": settings})
        await (folder / "a.csv").write_text("a")
        for seconds in (1, 4):
            clock.now += timedelta(seconds=seconds)
            await desk.host.unattended.tick()
        assert await runs(desk) == []
        clock.now += timedelta(seconds=1)
        await desk.host.unattended.tick()
        assert (await desk.host.triggers.report(trigger, ADA))["history"][0]["event"] == "file"
        assert len(await runs(desk)) == 1


async def test_without_a_server_no_kernel_can_be_watched(serve: Any) -> None:
    async with serve() as desk:
        with pytest.raises(InvalidInput, match="no Jupyter server"):
            await make(desk, {"kind": "kernel"})


@pytest.mark.parametrize(
    ("named", "strategy"),
    [
        ("default", "flowdrop_runtime:synchronous_pipeline"),
        ("flowdrop_stategraph:stategraph", "flowdrop_stategraph:stategraph"),
    ],
)
async def test_a_fired_run_takes_the_strategy_of_its_trigger_node_first(
    serve: Any, named: str, strategy: str
) -> None:
    workflow = document(
        [node("t.1", "trigger", orchestrator=named)],
        [],
        id="fired",
        metadata={"orchestrator": "flowdrop_runtime:synchronous_pipeline"},
    )
    async with serve() as desk:
        await desk.host.workflows.create(workflow, ADA)
        fired = await desk.host.runs.launch("fired", ADA, event={"event": "manual"})
        by_hand = await desk.host.runs.launch("fired", ADA)
        for run in (fired, by_hand):
            await desk.settled(run.session_id)
        assert fired.strategy == strategy
        assert by_hand.strategy == "flowdrop_runtime:synchronous_pipeline"
