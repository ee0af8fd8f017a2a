"""A host that ends in the middle of a run, and the next one on the same data.

The crash is a copy of the data directory taken in mid-run: what a process that was killed leaves.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from gates import Gate, ask
from graphs import document, edge, node
from sessions_desk import ADA, ASKS, HELD

from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.store import TinyDBStore

pytestmark = pytest.mark.anyio
ON_DISK = pytest.mark.parametrize("stage", [("asyncio", "tinydb")], ids=["asyncio-tinydb"])

CHAIN = document(
    [
        node("chat_input.1", "chat_input"),
        node("count.1", "count"),
        node("gate.1", "gate"),
        node("o", "chat_output"),
    ],
    [
        edge("chat_input.1", "message", "count.1", "data"),
        edge("count.1", "result", "gate.1", "data"),
        edge("gate.1", "result", "o", "message"),
    ],
    id="chain",
)


class Counter:
    """A node type that counts its executions."""

    def __init__(self) -> None:
        self.executions = 0

    @property
    def function(self) -> Any:
        @node_type(id="count")
        async def count(data: str) -> str:
            """Counts."""
            self.executions += 1
            return f"{data} counted"

        return count


async def test_a_run_goes_on_with_the_next_host_and_repeats_no_finished_node(serve: Any) -> None:
    counter, first, second = Counter(), Gate(), Gate()
    async with serve(counter.function, first.function) as desk:
        session_id = await desk.open(CHAIN)
        await desk.say(session_id, "one")
        await first.entered()
    assert first.cancellations == 1
    second.opened.set()
    async with serve(counter.function, second.function) as desk:
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert (page.session.status, page.messages[-1].content) == ("completed", "one counted")
        assert (counter.executions, first.executions, second.executions) == (1, 1, 1)
        assert len(page.session.executions) == 1
        events = await desk.host.store.events(session_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_turn_that_had_not_started_is_started_by_the_next_host(serve: Any) -> None:
    blocker, gate, later = Gate("blocker"), Gate(), Gate()
    async with serve(blocker.function, gate.function, concurrency=1) as desk:
        await desk.say(await desk.open(document([node("b", "blocker")], [], id="busy")))
        await blocker.entered()
        session_id = await desk.open(HELD)
        await desk.say(session_id, "patience")
    assert gate.executions == 0
    later.opened.set()
    blocker_again = Gate("blocker")
    blocker_again.opened.set()
    async with serve(blocker_again.function, later.function) as desk:
        await desk.settled(session_id)
        assert (await desk.said(session_id))[-1] == ("assistant", "patience")


async def test_a_prompt_is_open_for_the_next_host(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        before = await desk.turn(session_id)
    async with serve(ask) as desk:
        assert await desk.page(session_id) == before
        assert desk.host.processor.active_sessions == 0
        await desk.host.sessions.resolve((await desk.prompt(session_id)).id, "late", ADA)
        assert (await desk.said(session_id))[-1] == ("assistant", "late")


async def test_a_run_can_be_stopped_at_the_next_host(serve: Any) -> None:
    first, second = Gate(), Gate()
    async with serve(first.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await first.entered()
    async with serve(second.function) as desk:
        await second.entered()
        await desk.host.sessions.stop(session_id, ADA)
        assert (await desk.session(session_id)).status == "completed"


async def test_a_node_with_side_effects_that_was_at_work_is_not_repeated(serve: Any) -> None:
    first, second = Gate(side_effects=True), Gate(side_effects=True)
    async with serve(first.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await first.entered()
    second.opened.set()
    async with serve(second.function) as desk:
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert (page.session.status, second.executions) == ("failed", 0)
        told = page.messages[-1]
        assert (told.role, told.metadata["code"], told.node_id) == (
            "system",
            "NODE_OUTCOME_UNKNOWN",
            "gate.1",
        )
        page = await desk.turn(session_id, "again")
        assert (page.session.status, page.messages[-1].content) == ("completed", "again")


async def test_a_node_type_that_the_next_host_lacks_fails_the_run(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gate.entered()
    async with serve() as desk:
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert (page.session.status, page.messages[-1].role) == ("failed", "system")


@pytest.fixture
def crashed(tmp_path: Path) -> Any:
    """Return what opens the data as a killed process would have left it now."""

    def copy() -> TinyDBStore:
        shutil.copytree(tmp_path / "data", tmp_path / "crashed")
        return TinyDBStore(tmp_path / "crashed")

    return copy


@ON_DISK
async def test_a_process_killed_in_mid_run_loses_nothing(serve: Any, crashed: Any) -> None:
    counter, first, second = Counter(), Gate(), Gate()
    async with serve(counter.function, first.function) as desk:
        session_id = await desk.open(CHAIN)
        await desk.say(session_id, "one")
        await first.entered()
        left = crashed()
    second.opened.set()
    async with serve(counter.function, second.function, on=left) as desk:
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert (page.session.status, page.messages[-1].content) == ("completed", "one counted")
        assert counter.executions == 1


@ON_DISK
async def test_a_process_killed_right_after_an_answer_keeps_the_answer(serve: Any, crashed: Any) -> None:
    first, second = Gate(), Gate()
    graph = document(
        [node("a", "ask"), node("g", "gate"), node("o", "chat_output")],
        [edge("a", "result", "g", "data"), edge("g", "result", "o", "message")],
        id="answers",
    )
    async with serve(ask, first.function, answer_wait=0) as desk:
        session_id = await desk.open(graph)
        await desk.turn(session_id)
        await desk.host.sessions.resolve((await desk.prompt(session_id)).id, "kept", ADA)
        left = crashed()
    second.opened.set()
    async with serve(ask, second.function, on=left) as desk:
        await desk.settled(session_id)
        assert (await desk.said(session_id))[-1] == ("assistant", "kept")
        assert len(await desk.host.store.interrupts(session_id)) == 1
