"""What a failing node does to its job, to its error edge and to the run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from engine_nodes import Flaky
from engine_runs import Documents, RecordingSink, bench, run_flow
from gates import Gate
from graphs import edge, node

from flowdrop_jupyter.errors import Conflict, InvalidInput, StoreError
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.store import JobRecord

pytestmark = pytest.mark.anyio

SECRET = "hunter2"


def handled(failing: dict[str, Any]) -> tuple[Documents, Documents]:
    """Return *failing* with a node behind its success and one behind its error edge."""
    return (
        [failing, node("next", "see"), node("handler", "see")],
        [edge(failing["id"], "result", "next", "a"), edge(failing["id"], "error", "handler", "a")],
    )


@pytest.mark.rule("ERR-7", "ERR-9", "ERR-10")
async def test_a_failure_with_an_error_edge_goes_to_its_handler_and_nowhere_else() -> None:
    ended = await run_flow(*handled(node("bad", "fail")))
    assert ended.outcome.status == "completed"
    assert ended.outcome.error is None
    assert ended.statuses == {"bad": "failed", "handler": "completed", "next": "skipped"}
    assert ended["bad"].error_routed is True


@pytest.mark.rule("ERR-7")
async def test_the_handler_gets_the_envelope_without_details_when_there_are_none() -> None:
    ended = await run_flow(*handled(node("bad", "fail", code="TOO_HOT")))
    envelope = {"message": "It broke.", "code": "TOO_HOT", "node_id": "bad", "retryable": False}
    assert ended.result("handler")["a"] == envelope
    assert ended["bad"].output == {"error": envelope}
    assert ended["bad"].error == envelope


@pytest.mark.rule("ERR-7")
async def test_structured_details_are_in_the_envelope_when_there_are_some() -> None:
    details = [{"code": "HOT", "message": "Too hot.", "locator": "stove"}]
    ended = await run_flow(*handled(node("bad", "fail", details=details)))
    assert ended.result("handler")["a"]["details"] == details


@pytest.mark.rule("ERR-8", "ERR-9")
async def test_a_failure_without_an_error_edge_fails_the_run() -> None:
    ended = await run_flow([node("bad", "fail"), node("next", "see")], [edge("bad", "result", "next", "a")])
    assert ended.outcome.status == "failed"
    assert ended.outcome.error == {
        "message": "It broke.",
        "code": "BROKEN",
        "node_id": "bad",
        "retryable": False,
    }
    assert (ended["bad"].status, ended["bad"].error_routed, ended["bad"].output) == ("failed", False, None)
    assert (ended["next"].status, ended["next"].skip_reason) == ("skipped", "run_failed")


@pytest.mark.rule("ERR-9")
async def test_one_unhandled_failure_beside_a_handled_one_fails_the_run() -> None:
    nodes, edges = handled(node("bad", "fail"))
    nodes.append(node("worse", "fail", code="WORSE"))
    edges.append(edge("handler", "trigger", "worse", "trigger"))
    ended = await run_flow(nodes, edges)
    assert ended.outcome.status == "failed"
    assert ended.outcome.error is not None
    assert ended.outcome.error["node_id"] == "worse"


@pytest.mark.rule("ERR-7")
async def test_an_error_edge_to_a_node_that_does_not_run_handles_nothing() -> None:
    ended = await run_flow([node("bad", "fail"), node("n", "note")], [edge("bad", "error", "n", "trigger")])
    assert ended.outcome.status == "failed"


@pytest.mark.rule("ERR-10")
async def test_without_a_failure_the_handler_is_skipped() -> None:
    ended = await run_flow(*handled(node("good", "emit")))
    assert ended.statuses == {"good": "completed", "handler": "skipped", "next": "completed"}


@pytest.mark.rule("ERR-10")
@pytest.mark.parametrize("port", ["trigger", "a"])
async def test_one_failure_of_two_is_enough_for_their_handler(port: str) -> None:
    ended = await run_flow(
        [node("bad", "fail"), node("good", "emit"), node("handler", "see")],
        [edge("bad", "error", "handler", port), edge("good", "error", "handler", port)],
    )
    assert ended["handler"].status == "completed"


@pytest.mark.rule("ERR-10")
async def test_a_handler_does_not_wait_for_its_other_ports() -> None:
    """The slow node is let go only by what runs behind the handler, so waiting would hang."""
    gate = Gate()

    @node_type(id="let_go")
    async def let_go() -> None:
        """Lets the gate's node go on."""
        gate.opened.set()

    ended = await run_flow(
        [node("bad", "fail"), node("slow", "gate"), node("handler", "see"), node("after", "let_go")],
        [
            edge("bad", "error", "handler", "a"),
            edge("slow", "result", "handler", "b"),
            edge("handler", "trigger", "after", "trigger"),
        ],
        gate.function,
        let_go,
    )
    assert ended.result("handler")["b"] == "default b"


@pytest.mark.rule("ERR-10")
@pytest.mark.parametrize(("port", "target"), [("trigger", "trigger"), ("result", "value"), ("new", "value")])
async def test_a_routed_failure_satisfies_nothing_but_error_edges(port: str, target: str) -> None:
    nodes, edges = handled(node("bad", "fail"))
    ended = await run_flow([*nodes, node("behind", "emit")], [*edges, edge("bad", port, "behind", target)])
    assert ended["behind"].status == "skipped"


@pytest.mark.rule("ERR-1")
async def test_a_node_failure_is_never_raised_at_the_caller() -> None:
    ended = await run_flow([node("bad", "fail")], [])
    assert ended.sink.steps == [("started", "bad"), ("finished", "bad")]


@pytest.mark.rule("ERR-1")
@pytest.mark.parametrize("error", [InvalidInput("Bad page."), Conflict("Taken.", code="TAKEN")])
async def test_any_deliberate_error_keeps_its_code_and_message(error: Any) -> None:
    @node_type(id="deliberate")
    async def deliberate() -> None:
        """Fails."""
        raise error

    ended = await run_flow([node("bad", "deliberate")], [], deliberate)
    assert ended["bad"].error is not None
    assert (ended["bad"].error["code"], ended["bad"].error["message"]) == (error.code, error.message)


@pytest.mark.rule("ERR-1", "ERR-7")
async def test_an_unexpected_exception_is_a_node_failure_that_tells_no_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = await run_flow(*handled(node("bad", "crash", secret=SECRET)))
    assert ended.outcome.status == "completed"
    envelope = ended.result("handler")["a"]
    assert (envelope["code"], envelope["retryable"]) == ("NODE_FAILED", False)
    assert "RuntimeError" in envelope["message"]
    assert SECRET not in str(ended["bad"])
    assert SECRET in caplog.text


@pytest.mark.parametrize("kind", [SystemExit, StopIteration, RecursionError, ExceptionGroup])
@pytest.mark.parametrize("threaded", [False, True])
async def test_no_exception_of_a_node_ends_the_run_loop(kind: Any, threaded: bool) -> None:
    def fails() -> None:
        raise kind(SECRET, [ValueError("one")]) if kind is ExceptionGroup else kind(SECRET)

    @node_type(id="on_the_loop")
    async def on_the_loop() -> None:
        """Fails on the loop."""
        fails()

    @node_type(id="in_a_thread")
    def in_a_thread() -> None:
        """Fails in a thread."""
        fails()

    chosen = "in_a_thread" if threaded else "on_the_loop"
    ended = await run_flow(*handled(node("bad", chosen)), on_the_loop, in_a_thread)
    assert ended.outcome.status == "completed"
    assert ended.result("handler")["a"]["code"] == "NODE_FAILED"
    assert SECRET not in str(ended["bad"].error)


async def test_a_node_that_runs_out_of_its_own_time_fails() -> None:
    @node_type(id="impatient")
    async def impatient() -> None:
        """Gives up at once."""
        with anyio.fail_after(0):
            await anyio.Event().wait()

    ended = await run_flow([node("bad", "impatient")], [], impatient)
    assert ended["bad"].error is not None
    assert ended["bad"].error["code"] == "NODE_FAILED"


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_node_that_awaits_something_cancelled_fails_and_the_run_goes_on() -> None:
    @node_type(id="orphan")
    async def orphan() -> None:
        """Awaits what nobody will ever finish."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    ended = await run_flow(*handled(node("bad", "orphan")), orphan)
    assert ended.outcome.status == "completed"
    assert ended.result("handler")["a"]["code"] == "NODE_FAILED"


@pytest.mark.rule("ERR-1")
@pytest.mark.parametrize(
    ("config", "code"), [({}, "PARAMETER_MISSING"), ({"number": "seven"}, "PARAMETER_INVALID")]
)
async def test_a_missing_or_wrong_parameter_fails_its_node_only(config: dict[str, Any], code: str) -> None:
    @node_type(id="strict")
    async def strict(number: int) -> int:
        """Wants a number."""
        return number

    ended = await run_flow(*handled(node("bad", "strict", **config)), strict)
    assert ended.outcome.status == "completed"
    assert ended.result("handler")["a"]["code"] == code


@pytest.mark.rule("ERR-2", "ERR-11")
async def test_a_retryable_failure_is_tried_again_in_place() -> None:
    flaky = Flaky(failures=2)
    ended = await run_flow(*handled(node("bad", "flaky", maxRetries=2)), flaky.function)
    assert (flaky.executions, ended["bad"].attempt, ended["bad"].status) == (3, 3, "completed")
    assert ended.sink.times("started", "bad") == ended.sink.times("finished", "bad") == 1
    assert (ended["bad"].error, ended["bad"].error_routed) == (None, False)


@pytest.mark.rule("ERR-11")
@pytest.mark.parametrize(
    ("configured", "executions"),
    [({}, 1), ({"maxRetries": 0}, 1), ({"maxRetries": 1}, 2), ({"maxRetries": 3}, 4)],
)
async def test_a_maximum_of_n_is_n_retries_after_the_first_attempt(
    configured: dict[str, Any], executions: int
) -> None:
    flaky = Flaky(failures=9)
    ended = await run_flow(*handled(node("bad", "flaky", **configured)), flaky.function)
    assert flaky.executions == executions
    assert ended.result("handler")["a"]["retryable"] is True


@pytest.mark.rule("ERR-11")
@pytest.mark.parametrize("configured", [-1, "3", 2.0, True, None, [3]])
async def test_a_maximum_that_is_no_positive_whole_number_is_none(configured: Any) -> None:
    flaky = Flaky(failures=9)
    await run_flow([node("bad", "flaky", maxRetries=configured)], [], flaky.function)
    assert flaky.executions == 1


@pytest.mark.rule("ERR-2", "ERR-11")
@pytest.mark.parametrize("retryable", [False, None, 0, 1, "true"])
async def test_only_a_failure_that_says_true_is_retried(retryable: Any) -> None:
    flaky = Flaky(failures=1, retryable=retryable)
    ended = await run_flow([node("bad", "flaky", maxRetries=3)], [], flaky.function)
    assert flaky.executions == 1
    assert ended["bad"].error is not None
    assert ended["bad"].error["retryable"] is False


@pytest.mark.rule("ERR-11")
async def test_an_unexpected_exception_is_not_retried() -> None:
    executions: list[int] = []

    @node_type(id="crashing")
    async def crashing() -> None:
        """Crashes."""
        executions.append(1)
        raise RuntimeError

    await run_flow([node("bad", "crashing", maxRetries=3)], [], crashing)
    assert executions == [1]


@pytest.mark.rule("ERR-11")
async def test_attempts_of_an_earlier_process_count() -> None:
    flaky = Flaky(failures=9)
    prepared = bench([node("bad", "flaky", maxRetries=2)], [], flaky.function)
    prepared.kept["bad"] = JobRecord(
        id="bad", run_id="run", node_id="bad", node_type_id="flaky", status="pending", attempt=1
    )
    ended = await prepared.execute()
    assert (flaky.executions, ended["bad"].attempt) == (2, 3)


@pytest.mark.rule("ERR-8")
async def test_a_failing_run_cancels_the_nodes_at_work_and_skips_the_rest() -> None:
    gate = Gate()

    @node_type(id="fail_beside")
    async def fail_beside() -> None:
        """Fails once the other node is at work."""
        await gate.entered()
        raise InvalidInput("No.")

    ended = await run_flow(
        [node("bad", "fail_beside"), node("busy", "gate"), node("after", "see")],
        [edge("busy", "result", "after", "a")],
        gate.function,
        fail_beside,
    )
    assert gate.cancellations == 1
    assert ended.outcome.status == "failed"
    assert {name: (job.status, job.skip_reason) for name, job in ended.sink.kept.items()} == {
        "bad": ("failed", None),
        "busy": ("cancelled", "run_failed"),
        "after": ("skipped", "run_failed"),
    }


async def test_a_failing_run_leaves_finished_and_skipped_nodes_as_they_are() -> None:
    ended = await run_flow(
        [
            node("gate", "gateway", take=["no"]),
            node("closed", "emit"),
            node("done", "emit"),
            node("bad", "fail"),
        ],
        [
            edge("gate", "yes", "closed", "trigger"),
            edge("gate", "no", "done", "trigger"),
            edge("done", "trigger", "bad", "trigger"),
        ],
    )
    assert ended["closed"].skip_reason == "branch_not_active"
    assert ended.statuses == {"bad": "failed", "closed": "skipped", "done": "completed", "gate": "completed"}


@pytest.mark.parametrize("step", ["started", "finished", "skipped"])
async def test_a_sink_that_cannot_keep_a_step_stops_the_run(step: str) -> None:
    class Full(RecordingSink):
        async def _keep(self, name: str, jobs: Sequence[JobRecord]) -> None:
            if name == step:
                raise StoreError("The disk is full.")
            await super()._keep(name, jobs)

    prepared = bench(
        [node("gate", "gateway", take=["no"]), node("closed", "emit"), node("other", "emit")],
        [edge("gate", "yes", "closed", "trigger"), edge("gate", "no", "other", "trigger")],
        sink=Full(),
    )
    with pytest.raises((StoreError, ExceptionGroup)) as caught:
        await prepared.execute()
    assert "disk is full" in repr(caught.value)
    assert "other" not in prepared.sink.of("finished")
