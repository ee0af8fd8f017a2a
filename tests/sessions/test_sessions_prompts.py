"""Prompts: asked in the middle of a run, answered, refused, withdrawn."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from contents import everything
from gates import Gate, ask
from graphs import APPROVAL, document, edge, node
from sessions_desk import ADA, ASKS, WrappedStore

from flowdrop_jupyter.errors import Conflict, InvalidInput
from flowdrop_jupyter.store import Store

pytestmark = pytest.mark.anyio


@pytest.mark.rule("INT-1")
async def test_a_prompt_pauses_the_run_and_waits_for_the_user(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        page = await desk.turn(session_id)
        run = await desk.host.store.run(session_id, page.session.executions[0])
        jobs = {job.node_id: job for job in await desk.host.store.jobs(session_id, run.id)}
        prompt = await desk.prompt(session_id)
        assert (page.session.status, run.status) == ("awaiting_input", "paused")
        assert (jobs["ask.1"].status, jobs["ask.1"].interrupt_id) == ("interrupted", prompt.id)
        assert (prompt.status, prompt.job_id) == ("pending", jobs["ask.1"].id)
        asked = page.messages[-1]
        assert (asked.role, asked.status, asked.content) == ("assistant", "pending", "And?")
        assert asked.metadata["interrupt_id"] == prompt.id


@pytest.mark.rule("INT-3")
async def test_an_answer_continues_the_run(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        answered = await desk.host.sessions.resolve(prompt.id, "so", ADA)
        assert (answered.status, answered.response, answered.resolved_by) == ("resolved", "so", ADA.owner)
        page = await desk.page(session_id)
        assert (page.session.status, page.messages[-1].content) == ("completed", "so")
        shown = page.messages[1]
        assert (shown.status, shown.metadata["response_value"]) == ("completed", "so")
        assert len(page.session.executions) == 1


@pytest.mark.parametrize(("value", "said"), [(True, "Done."), (False, "Left as it is.")])
async def test_the_answer_decides_the_branch(serve: Any, value: bool, said: str) -> None:
    async with serve() as desk:
        session_id = await desk.open(APPROVAL)
        await desk.turn(session_id)
        await desk.host.sessions.resolve((await desk.prompt(session_id)).id, value, ADA)
        assert (await desk.said(session_id))[2:] == [("assistant", said)]


async def test_a_node_that_asks_several_times_gets_its_answers_in_order(serve: Any) -> None:
    graph = document(
        [node("a", "ask", times=3), node("o", "chat_output")], [edge("a", "result", "o", "message")], id="x"
    )
    async with serve(ask) as desk:
        session_id = await desk.open(graph)
        await desk.turn(session_id)
        for answer in ("one", "two", "three"):
            assert (await desk.session(session_id)).status == "awaiting_input"
            await desk.host.sessions.resolve((await desk.prompt(session_id)).id, answer, ADA)
        assert (await desk.said(session_id))[-1] == ("assistant", "three")
        assert len(await desk.host.store.interrupts(session_id)) == 3


async def test_two_prompts_of_one_run_are_answered_by_their_ids(serve: Any) -> None:
    graph = document(
        [
            node("a", "ask"),
            node("b", "ask"),
            node("oa", "chat_output"),
            node("ob", "chat_output"),
        ],
        [edge("a", "result", "oa", "message"), edge("b", "result", "ob", "message")],
        id="two",
    )
    async with serve(ask) as desk:
        session_id = await desk.open(graph)
        await desk.turn(session_id)
        first, second = await desk.host.store.interrupts(session_id)
        await desk.host.sessions.resolve(second.id, "for " + second.node_id, ADA)
        assert (await desk.session(session_id)).status == "awaiting_input"
        await desk.host.sessions.resolve(first.id, "for " + first.node_id, ADA)
        page = await desk.page(session_id)
        assert page.session.status == "completed"
        said = {message.node_id: message.content for message in page.messages}
        assert (said["oa"], said["ob"]) == ("for a", "for b")


async def test_an_answer_while_another_branch_is_at_work_is_not_lost(serve: Any) -> None:
    gate = Gate()
    graph = document(
        [node("a", "ask"), node("g", "gate"), node("o", "chat_output")],
        [edge("a", "result", "o", "message")],
        id="both",
    )
    async with serve(ask, gate.function, answer_wait=0) as desk:
        session_id = await desk.open(graph)
        await desk.say(session_id)
        await gate.entered()
        with anyio.fail_after(10):
            while not await desk.host.store.interrupts(session_id):
                await anyio.lowlevel.checkpoint()
        assert (await desk.session(session_id)).status == "running"
        await desk.host.sessions.resolve((await desk.prompt(session_id)).id, "early", ADA)
        gate.opened.set()
        await desk.settled(session_id)
        page = await desk.page(session_id)
        assert (page.session.status, page.messages[-1].content) == ("completed", "early")
        assert gate.executions == 1


async def test_a_second_answer_changes_nothing(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        await desk.host.sessions.resolve(prompt.id, "first", ADA)
        before = await everything(desk.host.store)
        for late in (
            desk.host.sessions.resolve(prompt.id, "second", ADA),
            desk.host.sessions.cancel(prompt.id, ADA),
        ):
            with pytest.raises(Conflict) as refused:
                await late
            assert refused.value.code == "INTERRUPT_NOT_PENDING"
        assert await everything(desk.host.store) == before


PROMPTS = {
    "confirmation": ({"type": "confirmation", "message": "?"}, [True, False], [None, "true", 1, []]),
    "text": (
        {"type": "text", "message": "?", "min_length": 2, "max_length": 3},
        ["ab", "abc"],
        ["a", "abcd", None, 22],
    ),
    "any text": ({"type": "text", "message": "?"}, [""], [None, 0]),
    "choice": (
        {"type": "choice", "message": "?", "options": [{"value": "a"}, {"value": "b"}]},
        ["a", "b"],
        ["c", "", None, ["a"], 0],
    ),
    "choices": (
        {
            "type": "choice",
            "message": "?",
            "multiple": True,
            "max_selections": 2,
            "options": [{"value": "a"}, {"value": "b"}, {"value": "c"}],
        },
        [[], ["a"], ["c", "a"]],
        ["a", ["a", "b", "c"], ["a", "a"], ["x"], None, [1]],
    ),
    "form": ({"type": "form", "message": "?"}, [{}, {"a": 1}], [[], "x", None]),
    "review": (
        {"type": "review", "message": "?"},
        [{"decisions": {}}],
        [{}, {"decisions": []}, None],
    ),
}


@pytest.mark.parametrize("kind", PROMPTS)
async def test_a_prompt_takes_only_answers_a_person_could_give(serve: Any, kind: str) -> None:
    prompt, right, wrong = PROMPTS[kind]
    async with serve(ask) as desk:
        session_id = await desk.open(document([node("a", "ask", prompt=prompt)], [], id="x"))
        for answer in right:
            await desk.turn(session_id)
            asked = await desk.prompt(session_id)
            before = await everything(desk.host.store)
            for refused in wrong:
                with pytest.raises(InvalidInput) as error:
                    await desk.host.sessions.resolve(asked.id, refused, ADA)
                assert error.value.code == "ANSWER_INVALID"
            assert await everything(desk.host.store) == before
            assert (await desk.host.sessions.resolve(asked.id, answer, ADA)).response == answer
            assert (await desk.session(session_id)).status == "completed"


UNASKABLE: list[dict[str, Any]] = [
    {"type": "poem", "message": "?"},
    {"type": "text", "message": " "},
    {"type": "text", "message": "?", "max_length": "9"},
    {"type": "choice", "message": "?"},
    {"type": "choice", "message": "?", "options": []},
    {"type": "choice", "message": "?", "options": ["a", "b"]},
    {"type": "choice", "message": "?", "options": 5},
    {"type": "choice", "message": "?", "options": [{"value": "a"}], "min_selections": "1"},
]


@pytest.mark.parametrize("prompt", UNASKABLE, ids=str)
async def test_a_prompt_that_cannot_be_asked_fails_its_node(serve: Any, prompt: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(document([node("a", "ask", prompt=prompt)], [], id="x"))
        page = await desk.turn(session_id)
        assert page.session.status == "failed"
        assert page.messages[-1].metadata["code"] == "PROMPT_INVALID"
        assert await desk.host.store.interrupts(session_id) == []


async def test_a_cancelled_prompt_cancels_its_run(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        cancelled = await desk.host.sessions.cancel((await desk.prompt(session_id)).id, ADA)
        assert (cancelled.status, cancelled.resolved_by) == ("cancelled", ADA.owner)
        page = await desk.page(session_id)
        run = await desk.host.store.run(session_id, page.session.executions[0])
        assert (page.session.status, run.status) == ("completed", "cancelled")
        asked, shown, told = page.messages
        assert (asked.status, shown.status, told.role) == ("completed", "completed", "system")
        assert shown.metadata["response_value"] is None


async def test_a_prompt_that_must_be_answered_is_not_cancelled(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(APPROVAL)
        await desk.turn(session_id)
        before = await everything(desk.host.store)
        with pytest.raises(InvalidInput) as refused:
            await desk.host.sessions.cancel((await desk.prompt(session_id)).id, ADA)
        assert refused.value.code == "INTERRUPT_NOT_CANCELLABLE"
        assert await everything(desk.host.store) == before


async def test_a_message_withdraws_the_open_prompt(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        old = await desk.prompt(session_id)
        page = await desk.turn(session_id, "something else")
        withdrawn = await desk.host.store.interrupt(old.id)
        runs = [await desk.host.store.run(session_id, run_id) for run_id in page.session.executions]
        assert (withdrawn.status, withdrawn.reason) == ("cancelled", "superseded")
        assert [run.status for run in runs] == ["cancelled", "paused"]
        assert page.session.status == "awaiting_input"
        assert [said.role for said in page.messages] == ["user", "assistant", "system", "user", "assistant"]


async def test_a_paused_run_goes_on_with_the_workflow_it_began_with(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)
        await desk.host.workflows.update("asks", document([node("t", "text_input")], []))
        await desk.host.sessions.resolve((await desk.prompt(session_id)).id, "so", ADA)
        assert (await desk.said(session_id))[-1] == ("assistant", "so")


async def test_a_cancel_does_not_stop_the_turn_that_follows_it(serve: Any, store: Store) -> None:
    wrapped = WrappedStore(store)
    async with serve(ask, on=wrapped) as desk:
        session_id = await desk.open(ASKS)
        await desk.turn(session_id)

        async def next_turn() -> None:
            await desk.say(session_id, "next")

        wrapped.after_commit, wrapped.armed = next_turn, True
        await desk.host.sessions.cancel((await desk.prompt(session_id)).id, ADA)
        await desk.settled(session_id)
        session = await desk.session(session_id)
        newest = await desk.host.store.run(session_id, session.executions[-1])
        assert len(session.executions) == 2
        assert (session.status, newest.status) == ("awaiting_input", "paused")
