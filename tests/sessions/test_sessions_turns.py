"""A turn from its message to its answer: what is durable when, and in which order it is told."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from contents import everything
from gates import Gate
from graphs import ECHO, document, edge, node
from sessions_desk import ADA, HELD, Desk

from flowdrop_jupyter.errors import Conflict, InvalidInput, NotFound
from flowdrop_jupyter.nodes import NodeContext
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


async def test_a_turn_says_the_answer_and_completes(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        page = await desk.turn(session_id, "hello")
        assert await desk.said(session_id) == [("user", "hello"), ("assistant", "hello")]
        assert page.session.status == "completed"
        assert [said.status for said in page.messages] == ["completed", "completed"]


async def test_a_session_that_never_ran_is_idle(serve: Any) -> None:
    async with serve() as desk:
        session = await desk.session(await desk.open(ECHO))
        assert (session.status, session.executions, session.name) == ("idle", [], "Session 1")


async def test_statuses_at_each_point_of_a_turn(serve: Any) -> None:
    gate, blocker = Gate(), Gate("blocker")
    async with serve(gate.function, blocker.function, concurrency=1) as desk:
        busy = await desk.open(document([node("b", "blocker")], [], id="busy"))
        await desk.say(busy)
        await blocker.entered()
        session_id = await desk.open(HELD)

        async def statuses() -> tuple[str, str, str]:
            session = await desk.session(session_id)
            run = await desk.host.store.run(session_id, session.executions[0])
            assert run is not None
            return session.status, (await desk.page(session_id)).messages[0].status, run.status

        message = await desk.say(session_id)
        assert message.status == "pending"
        assert await statuses() == ("running", "pending", "pending")
        blocker.opened.set()
        await gate.entered()
        assert await statuses() == ("running", "processing", "running")
        gate.opened.set()
        await desk.settled(session_id)
        assert await statuses() == ("completed", "completed", "completed")


async def test_a_message_is_acknowledged_before_its_run_starts(serve: Any) -> None:
    gate, blocker = Gate(), Gate("blocker")
    async with serve(gate.function, blocker.function, concurrency=1) as desk:
        await desk.say(await desk.open(document([node("b", "blocker")], [], id="busy")))
        await blocker.entered()
        session_id = await desk.open(HELD)
        with anyio.fail_after(5):
            await desk.say(session_id)
        assert gate.executions == 0
        assert (await desk.session(session_id)).status == "running"


async def test_the_event_log_has_no_gap_and_tells_a_turn_in_order(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        page = await desk.turn(session_id)
        events = await desk.host.store.events(session_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert page.session.last_event == len(events)
        told = [
            (event.type, event.data.get("status") or event.data.get("sequenceNumber")) for event in events
        ]
        assert told == [
            ("message", 1),
            ("session", "running"),
            ("run", "running"),
            ("message", 1),
            ("node", "running"),
            ("node", "completed"),
            ("node", "running"),
            ("node", "completed"),
            ("message", 2),
            ("message", 1),
            ("run", "completed"),
            ("session", "completed"),
        ]


async def test_turns_go_on_counting_where_the_last_one_ended(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        for content in "abc":
            page = await desk.turn(session_id, content)
        assert [said.sequence_number for said in page.messages] == [1, 2, 3, 4, 5, 6]
        assert len(set(page.session.executions)) == 3
        events = await desk.host.store.events(session_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_node_sees_the_conversation_up_to_its_own_turn(serve: Any) -> None:
    seen: list[Any] = []

    @node_type(id="listener")
    async def listener(context: NodeContext) -> None:
        seen.append((context.turn.message, [dict(said) for said in context.turn.history]))

    graph = document(
        [node("i", "chat_input"), node("o", "chat_output"), node("l", "listener")],
        [edge("i", "message", "o", "message"), edge("o", "trigger", "l", "trigger")],
        id="listens",
    )
    async with serve(listener) as desk:
        session_id = await desk.open(graph)
        await desk.turn(session_id, "one")
        await desk.turn(session_id, "two")
    user_one = {"role": "user", "content": "one"}
    assert seen == [
        ("one", [user_one]),
        ("two", [user_one, {"role": "assistant", "content": "one"}, {"role": "user", "content": "two"}]),
    ]


async def test_a_message_while_a_turn_runs_changes_nothing(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gate.entered()
        before = await everything(desk.host.store)
        with pytest.raises(Conflict) as refused:
            await desk.say(session_id, "again")
        assert refused.value.code == "SESSION_RUNNING"
        assert await everything(desk.host.store) == before


async def test_of_two_messages_at_once_one_is_taken(serve: Any) -> None:
    outcomes: list[str] = []

    async def send(desk: Desk, session_id: str) -> None:
        try:
            await desk.say(session_id)
        except Conflict as error:
            outcomes.append(error.code)
        else:
            outcomes.append("taken")

    async with serve() as desk:
        session_id = await desk.open(ECHO)
        async with anyio.create_task_group() as senders:
            for _ in range(3):
                senders.start_soon(send, desk, session_id)
        assert outcomes.count("taken") >= 1
        await desk.settled(session_id)
        session = await desk.session(session_id)
        assert len(session.executions) == outcomes.count("taken")
        assert set(outcomes) <= {"taken", "SESSION_RUNNING"}
        assert len((await desk.page(session_id)).messages) == 2 * outcomes.count("taken")


@pytest.mark.parametrize(
    "content", ["", " \n", None, 5, "x" * 10_001], ids=["", "blank", "None", "5", "long"]
)
async def test_content_that_is_no_message_changes_nothing(serve: Any, content: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        before = await everything(desk.host.store)
        with pytest.raises(InvalidInput):
            await desk.host.sessions.post_message(session_id, content, ADA)
        assert await everything(desk.host.store) == before


async def test_a_message_of_10000_characters_is_taken(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        page = await desk.turn(session_id, "ä" * 10_000)
        assert page.messages[-1].content == "ä" * 10_000


INTERFACE = {
    "inputs": [
        {
            "id": "greeting",
            "required": True,
            "bindings": [{"nodeId": "text_input.1", "portId": "data"}],
        }
    ]
}
GREETS = document(
    [node("text_input.1", "text_input", defaultValue="unset"), node("chat_output.1", "chat_output")],
    [edge("text_input.1", "text", "chat_output.1", "message")],
    id="greets",
    interface=INTERFACE,
)


@pytest.mark.rule("API-2")
async def test_a_declared_input_reaches_its_port(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(GREETS)
        await desk.host.sessions.post_message(session_id, "hi", ADA, inputs={"greeting": "Salve"})
        await desk.settled(session_id)
        assert (await desk.said(session_id))[-1] == ("assistant", "Salve")


@pytest.mark.rule("API-2")
@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        (None, "INPUT_MISSING"),
        ({}, "INPUT_MISSING"),
        ({"greeting": "x", "other": 1}, "INPUT_UNDECLARED"),
        ({"text_input.1": {"data": "x"}}, "INPUT_UNDECLARED"),
        ([], "INPUTS_INVALID"),
    ],
    ids=str,
)
async def test_inputs_that_do_not_fit_the_contract_change_nothing(serve: Any, inputs: Any, code: str) -> None:
    async with serve() as desk:
        session_id = await desk.open(GREETS)
        before = await everything(desk.host.store)
        with pytest.raises(InvalidInput) as refused:
            await desk.host.sessions.post_message(session_id, "hi", ADA, inputs=inputs)
        assert refused.value.code == code
        assert await everything(desk.host.store) == before


async def test_a_failing_node_fails_the_turn_and_the_next_one_works(serve: Any) -> None:
    wrong = True

    @node_type(id="fragile")
    async def fragile() -> str:
        if wrong:
            raise ValueError("the reason, which is not for everybody")
        return "well"

    graph = document(
        [node("f", "fragile"), node("o", "chat_output")], [edge("f", "result", "o", "message")], id="fragile"
    )
    async with serve(fragile) as desk:
        session_id = await desk.open(graph)
        page = await desk.turn(session_id)
        assert page.session.status == "failed"
        asked, told = page.messages
        assert (asked.status, told.role, told.status) == ("failed", "system", "failed")
        assert (told.metadata["level"], told.metadata["code"]) == ("error", "NODE_FAILED")
        assert told.node_id == "f"
        assert "the reason" not in told.content
        wrong = False
        page = await desk.turn(session_id)
        assert (page.session.status, page.messages[-1].content) == ("completed", "well")


async def test_a_workflow_that_cannot_be_compiled_takes_no_turn(serve: Any) -> None:
    cycle = document(
        [node("a", "text_input"), node("b", "text_input")],
        [edge("a", "text", "b", "data"), edge("b", "text", "a", "data")],
        id="cycle",
    )
    async with serve() as desk:
        session_id = await desk.open(cycle)
        before = await everything(desk.host.store)
        with pytest.raises(Exception, match="wait for each other"):
            await desk.say(session_id)
        assert await everything(desk.host.store) == before


@pytest.mark.rule("API-3")
async def test_a_deleted_workflow_ends_new_turns_but_not_the_one_under_way(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id, "hello")
        await gate.entered()
        await desk.host.workflows.delete("held")
        gate.opened.set()
        await desk.settled(session_id)
        assert (await desk.said(session_id))[-1] == ("assistant", "hello")
        with pytest.raises(Conflict) as refused:
            await desk.say(session_id)
        assert refused.value.code == "SESSION_WORKFLOW_MISSING"
        assert (await desk.session(session_id)).status == "completed"


async def test_a_turn_uses_the_definition_of_the_moment(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        await desk.turn(session_id)
        replaced = document(
            [node("t", "text_input", defaultValue="new"), node("o", "chat_output")],
            [edge("t", "text", "o", "message")],
        )
        await desk.host.workflows.update("echo", replaced)
        page = await desk.turn(session_id)
        assert page.messages[-1].content == "new"


async def test_a_deleted_session_is_gone_with_its_run(serve: Any) -> None:
    gate = Gate()
    async with serve(gate.function) as desk:
        session_id = await desk.open(HELD)
        await desk.say(session_id)
        await gate.entered()
        await desk.host.sessions.delete(session_id, ADA)
        assert gate.cancellations == 1
        with pytest.raises(NotFound):
            await desk.host.sessions.read(session_id, ADA)
        assert desk.host.processor.active_sessions == 0
