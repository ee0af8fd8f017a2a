"""Nodes that kill their process, do not react, or race with the next message; prompts that lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from gates import DEADLINE, Gate, ask
from graphs import document, edge, node
from sessions_desk import ADA, ASKS, HELD, WrappedStore

from flowdrop_jupyter.errors import Conflict
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.store import Store

pytestmark = pytest.mark.anyio

SLOW_BESIDE_A_PROMPT = document(
    [
        node("chat_input.1", "chat_input"),
        node("ask.1", "ask"),
        node("slow.1", "slow"),
        node("chat_output.1", "chat_output"),
    ],
    [
        edge("chat_input.1", "trigger", "ask.1", "trigger"),
        edge("chat_input.1", "trigger", "slow.1", "trigger"),
        edge("ask.1", "result", "chat_output.1", "message"),
    ],
    id="both",
)


class Stubborn:
    """A node that finishes its work although it was cancelled."""

    def __init__(self) -> None:
        self.reached = anyio.Event()
        self.opened = anyio.Event()
        self.executions = 0

    @property
    def function(self) -> Callable[..., Any]:
        @node_type(id="slow")
        async def slow() -> str:
            """Does not react to being stopped."""
            self.executions += 1
            self.reached.set()
            with anyio.CancelScope(shield=True):
                await self.opened.wait()
            return "late"

        return slow


async def test_a_node_at_which_two_processes_ended_is_not_tried_again(serve: Any) -> None:
    gates = [Gate(), Gate(), Gate()]
    async with serve(gates[0].function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gates[0].entered()
    async with serve(gates[1].function):
        await gates[1].entered()
    async with serve(gates[2].function) as desk:
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert gates[2].executions == 0
        assert page.session.status == "failed"
        assert page.messages[-1].metadata["code"] == "NODE_OUTCOME_UNKNOWN"
        gates[2].opened.set()
        assert (await desk.turn(session_id, "again")).messages[-1].content == "again"


async def test_a_run_that_does_not_react_is_left_behind_and_writes_nothing_more(serve: Any) -> None:
    stubborn = Stubborn()
    flow = document(
        [node("slow.1", "slow"), node("chat_output.1", "chat_output")],
        [edge("slow.1", "result", "chat_output.1", "message")],
        id="stubborn",
    )
    async with serve(stubborn.function, stop_wait=0.01) as desk:
        session_id = await desk.open(flow)
        await desk.say(session_id)
        with anyio.fail_after(DEADLINE):
            await stubborn.reached.wait()
            await desk.host.sessions.stop(session_id, ADA)
        stopped = await desk.page(session_id)
        assert (stopped.session.status, stopped.messages[-1].role) == ("completed", "system")
        await desk.say(session_id, "next")
        stubborn.opened.set()
        await desk.settled(session_id)
        said = await desk.said(session_id)
        assert said[len(stopped.messages) :] == [("user", "next"), ("assistant", "late")]


async def test_cancelling_a_prompt_does_not_stop_the_message_that_follows(serve: Any) -> None:
    stubborn = Stubborn()
    async with serve(ask, stubborn.function) as desk:
        session_id = await desk.open(SLOW_BESIDE_A_PROMPT)
        await desk.say(session_id)
        with anyio.fail_after(DEADLINE):
            await stubborn.reached.wait()
            while not await desk.host.store.interrupts(session_id):
                await anyio.lowlevel.checkpoint()
            prompt = await desk.prompt(session_id)
            async with anyio.create_task_group() as callers:
                callers.start_soon(desk.host.sessions.cancel, prompt.id, ADA)
                while (await desk.session(session_id)).status != "completed":
                    await anyio.lowlevel.checkpoint()
                await desk.say(session_id, "next")
                stubborn.opened.set()
            await desk.settled(session_id)
        assert (await desk.session(session_id)).status == "awaiting_input"
        assert stubborn.executions == 2


async def test_two_posts_with_one_key_at_once_are_one_message(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        answers: list[str] = []

        async def post() -> None:
            sent = await desk.host.sessions.post_message(session_id, "hello", ADA, idempotency_key="once")
            answers.append(sent.id)

        async with anyio.create_task_group() as callers:
            callers.start_soon(post)
            callers.start_soon(post)
        assert len(answers) == 2
        assert len(set(answers)) == 1
        gate.opened.set()
        await desk.settled(session_id)
        assert gate.executions == 1


async def test_a_message_of_a_caller_that_gives_up_once_it_is_durable_is_worked_at(
    serve: Any, store: Store
) -> None:
    gate, watched = Gate(), WrappedStore(store)
    async with serve(gate.function, on=watched) as desk:
        session_id = await desk.open(HELD)
        with anyio.CancelScope() as scope:

            async def give_up() -> None:
                scope.cancel()
                await anyio.lowlevel.checkpoint()

            watched.after_commit, watched.armed = give_up, True
            await desk.say(session_id)
        assert (await desk.session(session_id)).status == "running"
        await gate.entered()
        gate.opened.set()
        await desk.settled(session_id)
        assert (await desk.session(session_id)).status == "completed"


async def test_a_prompt_cannot_pass_for_another_one(serve: Any) -> None:
    flow = document(
        [node("ask.1", "ask", prompt={"type": "confirmation", "message": "Sure?", "interrupt_id": "other"})],
        [],
        id="liar",
    )
    async with serve(ask) as desk:
        session_id = await desk.open(flow)
        page = await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        assert page.messages[-1].metadata["interrupt_id"] == prompt.id
        assert "interrupt_id" not in prompt.config


async def test_a_deleted_session_with_a_stubborn_node_is_gone(serve: Any) -> None:
    stubborn = Stubborn()
    async with serve(stubborn.function, stop_wait=0.01) as desk:
        session_id = await desk.open(document([node("slow.1", "slow")], [], id="stubborn"))
        await desk.say(session_id)
        with anyio.fail_after(DEADLINE):
            await stubborn.reached.wait()
            await desk.host.sessions.delete(session_id, ADA)
        assert await desk.host.store.session(session_id) is None
        stubborn.opened.set()


async def test_an_open_prompt_is_answered_once_when_two_answer_at_once(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        outcomes: list[str] = []

        async def answer(value: str) -> None:
            try:
                await desk.host.sessions.resolve(prompt.id, value, ADA)
                outcomes.append(value)
            except Conflict as refused:
                outcomes.append(refused.code)

        async with anyio.create_task_group() as callers:
            callers.start_soon(answer, "first")
            callers.start_soon(answer, "second")
        assert "INTERRUPT_NOT_PENDING" in outcomes
        (accepted,) = set(outcomes) - {"INTERRUPT_NOT_PENDING"}
        assert (await desk.said(session_id))[-1] == ("assistant", accepted)


async def test_nodes_cannot_read_what_the_host_keeps_to_itself(serve: Any, tmp_path: Any) -> None:
    private = tmp_path / "kept"
    private.mkdir()
    (private / "table.csv").write_text("a\n1\n")
    flow = document([node("read.1", "dataframe_read", path="kept/table.csv")], [], id="nosy")
    async with serve(private=(private,)) as desk:
        page = await desk.turn(await desk.open(flow))
        assert page.messages[-1].metadata["code"] == "FILE_PATH_INVALID"
