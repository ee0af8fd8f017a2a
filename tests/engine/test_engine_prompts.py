"""How a run stops at a question, and how a later process goes on from the kept jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
import pytest
from engine_nodes import opener
from engine_runs import Documents, RecordingSink, bench
from gates import Gate
from graphs import edge, node

from flowdrop_jupyter.engine import PlannedNode
from flowdrop_jupyter.errors import InterruptRequired, NodeError
from flowdrop_jupyter.nodes import NodeContext
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.store import JobRecord

pytestmark = pytest.mark.anyio

NAME = {"type": "text", "message": "Your name?"}


def asking() -> tuple[Documents, Documents]:
    """Return a node before a question, the question, and a node behind each of its ends."""
    return (
        [
            node("before", "emit", value=1),
            node("ask", "ask", prompt=NAME),
            node("after", "see"),
            node("handler", "see"),
        ],
        [
            edge("before", "trigger", "ask", "trigger"),
            edge("ask", "result", "after", "a"),
            edge("before", "result", "after", "b"),
            edge("ask", "error", "handler", "a"),
        ],
    )


@pytest.mark.rule("ERR-4", "INT-1")
async def test_a_question_pauses_the_run_and_takes_no_error_edge() -> None:
    ended = await bench(*asking()).execute()
    assert (ended.outcome.status, ended.outcome.error) == ("paused", None)
    assert ended.statuses == {"ask": "interrupted", "before": "completed"}
    assert ended.sink.prompts == [("ask", NAME)]
    assert ended["ask"].interrupt_id == "interrupt 1"
    assert (ended["ask"].error, ended["ask"].output, ended["ask"].order) == (None, None, 0)


@pytest.mark.rule("INT-1", "INT-3")
async def test_a_later_process_goes_on_from_the_kept_jobs() -> None:
    prepared = bench(*asking())
    await prepared.execute()
    prepared.answer("ask", "Ada")
    ended = await prepared.execute()
    assert ended.outcome.status == "completed"
    assert ended.result("after") == {"a": "Ada", "b": 1}
    assert ended.statuses == {
        "after": "completed",
        "ask": "completed",
        "before": "completed",
        "handler": "skipped",
    }
    assert ended.sink.times("started", "before") == 1
    assert (ended["before"].order, ended["ask"].order, ended["after"].order) == (1, 2, 3)
    assert len(ended.sink.prompts) == 1


@pytest.mark.rule("INT-3")
async def test_a_run_whose_question_is_still_open_pauses_again_and_asks_nothing_twice() -> None:
    prepared = bench(*asking())
    await prepared.execute()
    prepared.take_up()
    ended = await prepared.execute()
    assert ended.outcome.status == "paused"
    assert ended.sink.times("started", "ask") == 1
    assert len(ended.sink.prompts) == 1


async def test_an_answer_that_is_null_or_false_is_an_answer() -> None:
    for value in (None, False, ""):
        prepared = bench(*asking())
        await prepared.execute()
        prepared.answer("ask", value)
        ended = await prepared.execute()
        assert ended.result("ask") == value


async def test_two_questions_of_one_node_are_asked_and_answered_in_order() -> None:
    @node_type(id="twice")
    async def twice(context: NodeContext) -> list[Any]:
        """Asks for two names."""
        first = await context.ask({"type": "text", "message": "First name?"})
        last = await context.ask({"type": "text", "message": f"{first.value}, your last name?"})
        return [first.value, last.value]

    prepared = bench([node("n", "twice")], [], twice)
    assert (await prepared.execute()).outcome.status == "paused"
    prepared.answer("n", "Ada")
    assert (await prepared.execute()).outcome.status == "paused"
    prepared.answer("n", "Lovelace")
    ended = await prepared.execute()
    assert [prompt["message"] for _, prompt in ended.sink.prompts] == ["First name?", "Ada, your last name?"]
    assert ended.result("n") == ["Ada", "Lovelace"]


@pytest.mark.rule("INT-3")
async def test_two_nodes_may_ask_at_once_and_be_answered_one_after_the_other() -> None:
    prepared = bench(
        [node("one", "ask"), node("two", "ask"), node("end", "see")],
        [edge("one", "result", "end", "a"), edge("two", "result", "end", "b")],
    )
    ended = await prepared.execute()
    assert sorted(name for name, _ in ended.sink.prompts) == ["one", "two"]
    prepared.answer("two", "second")
    ended = await prepared.execute()
    assert ended.outcome.status == "paused"
    assert ended.statuses == {"one": "interrupted", "two": "completed"}
    prepared.answer("one", "first")
    ended = await prepared.execute()
    assert ended.outcome.status == "completed"
    assert ended.result("end") == {"a": "first", "b": "second"}
    assert ended.sink.times("started", "two") == 2
    assert len(ended.sink.prompts) == 2


async def test_answers_go_to_the_job_that_asked() -> None:
    prepared = bench([node("one", "ask"), node("two", "ask")], [])
    await prepared.execute()
    prepared.answer("one", "first")
    prepared.answer("two", "second")
    ended = await prepared.execute()
    assert (ended.result("one"), ended.result("two")) == ("first", "second")


async def test_a_question_lets_the_nodes_beside_it_finish() -> None:
    gate = Gate()
    asked = anyio.Event()

    class Telling(RecordingSink):
        async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
            await super().interrupted(job, node, prompt)
            asked.set()

    @node_type(id="open_late")
    async def open_late() -> None:
        """Lets the other node go on after the question was asked."""
        await asked.wait()
        gate.opened.set()

    prepared = bench(
        [node("ask", "ask"), node("busy", "gate"), node("after", "emit"), node("late", "open_late")],
        [edge("busy", "trigger", "after", "trigger")],
        gate.function,
        open_late,
        sink=Telling(),
    )
    ended = await prepared.execute()
    assert ended.outcome.status == "paused"
    assert ended.statuses == {
        "after": "completed",
        "ask": "interrupted",
        "busy": "completed",
        "late": "completed",
    }


@pytest.mark.rule("ERR-4")
@pytest.mark.parametrize("way", ["swallowed", "wrapped", "grouped"])
async def test_a_node_cannot_lose_its_question(way: str) -> None:
    executions: list[str] = []

    @node_type(id="careless")
    async def careless(context: NodeContext) -> Any:
        """Asks, and handles the exception that pauses it in its own way."""
        executions.append(way)
        if way == "grouped":
            answers: list[Any] = []

            async def ask() -> None:
                answers.append((await context.ask(NAME)).value)

            async with anyio.create_task_group() as group:
                group.start_soon(ask)
            return answers[0]
        try:
            return (await context.ask(NAME)).value
        except Exception as error:
            if way == "swallowed":
                return "nobody"
            raise ValueError("Nobody answers.") from error

    prepared = bench(
        [node("n", "careless"), node("handler", "see")], [edge("n", "error", "handler", "a")], careless
    )
    ended = await prepared.execute()
    assert ended.outcome.status == "paused"
    assert ended.statuses == {"n": "interrupted"}
    assert ended.sink.prompts == [("n", NAME)]
    prepared.answer("n", "Ada")
    ended = await prepared.execute()
    assert ended.result("n") == "Ada"
    assert len(executions) == 2


@pytest.mark.rule("ERR-4")
async def test_a_synchronous_node_may_raise_its_question() -> None:
    @node_type(id="raising")
    def raising() -> None:
        """Asks from a thread."""
        raise InterruptRequired(NAME)

    ended = await bench([node("n", "raising")], [], raising).execute()
    assert ended.outcome.status == "paused"
    assert ended.sink.prompts == [("n", NAME)]


class Strict(RecordingSink):
    """A sink that asks nothing without a message, as a session's sink does."""

    async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
        """Refuse a prompt without a message."""
        if not prompt.get("message"):
            raise NodeError("A prompt needs a message.", code="PROMPT_INVALID")
        await super().interrupted(job, node, prompt)


async def test_a_question_that_cannot_be_asked_fails_its_node() -> None:
    ended = await bench([node("n", "ask", prompt={"type": "text"})], [], sink=Strict()).execute()
    assert ended.outcome.status == "failed"
    assert ended.outcome.error is not None
    assert ended.outcome.error["code"] == "PROMPT_INVALID"
    assert ended["n"].status == "failed"
    assert ended.sink.steps == [("started", "n"), ("finished", "n")]


@pytest.mark.rule("ERR-7")
async def test_a_question_that_cannot_be_asked_takes_the_error_edge() -> None:
    ended = await bench(
        [node("n", "ask", prompt={"type": "text"}), node("handler", "see")],
        [edge("n", "error", "handler", "a")],
        sink=Strict(),
    ).execute()
    assert ended.outcome.status == "completed"
    assert ended.result("handler")["a"]["code"] == "PROMPT_INVALID"


@pytest.mark.rule("ORC-11")
async def test_a_failure_outweighs_an_open_question() -> None:
    gate = Gate()
    asked = anyio.Event()

    class Telling(RecordingSink):
        async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
            await super().interrupted(job, node, prompt)
            asked.set()

    @node_type(id="fail_late")
    async def fail_late() -> None:
        """Fails after the question was asked."""
        await asked.wait()
        raise NodeError("No.")

    ended = await bench(
        [node("ask", "ask"), node("bad", "fail_late"), node("after", "see")],
        [edge("ask", "result", "after", "a")],
        gate.function,
        fail_late,
        sink=Telling(),
    ).execute()
    assert ended.outcome.status == "failed"
    assert ended.statuses == {"after": "skipped", "ask": "interrupted", "bad": "failed"}
    assert ended["after"].skip_reason == "run_failed"


@pytest.mark.rule("ERR-11")
async def test_a_node_may_be_retried_after_its_answer() -> None:
    executions: list[int] = []

    @node_type(id="ask_and_fail")
    async def ask_and_fail(context: NodeContext) -> str:
        """Fails once after it was answered."""
        executions.append(1)
        answer = await context.ask(NAME)
        if len(executions) == 2:
            raise NodeError("Once more.", retryable=True)
        return str(answer.value)

    prepared = bench([node("n", "ask_and_fail", maxRetries=2)], [], ask_and_fail)
    await prepared.execute()
    prepared.answer("n", "Ada")
    ended = await prepared.execute()
    assert ended.result("n") == "Ada"
    assert len(executions) == 3


async def test_a_run_that_died_at_work_goes_on_without_repeating_what_finished() -> None:
    gate = Gate()
    prepared = bench(
        [node("before", "emit", value=7), node("busy", "gate"), node("after", "see")],
        [edge("before", "result", "busy", "data"), edge("busy", "result", "after", "a")],
        gate.function,
    )
    async with anyio.create_task_group() as process:
        process.start_soon(prepared.execute)
        await gate.entered()
        process.cancel_scope.cancel()
    prepared.take_up()
    gate.opened.set()
    ended = await prepared.execute()
    assert ended.outcome.status == "completed"
    assert ended.result("after")["a"] == 7
    assert ended.sink.times("started", "before") == 1
    assert ended["busy"].attempt == 2


async def test_a_finished_run_that_is_taken_up_again_does_nothing() -> None:
    gate = Gate()
    prepared = bench([node("one", "gate"), node("two", "open")], [], gate.function, opener(gate))
    await prepared.execute()
    steps = list(prepared.sink.steps)
    prepared.take_up()
    ended = await prepared.execute()
    assert ended.outcome.status == "completed"
    assert ended.sink.steps == steps
