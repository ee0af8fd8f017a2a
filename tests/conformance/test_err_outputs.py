"""ERR-2, ERR-5, ERR-6 and ERR-11: what an error says, and what ends a run or a retry."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from engine_nodes import Flaky
from engine_runs import run_flow
from gates import Gate
from graphs import edge, node
from loop_nodes import Rounds, again

from flowdrop_jupyter.errors import EndRun, NodeError
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


class Parts(TypedDict):
    """One output."""

    data: Any


@pytest.mark.rule("ERR-2")
@pytest.mark.parametrize(("retryable", "told"), [(True, {"error_retryable": True}), (False, {})])
async def test_only_a_retryable_failure_says_so(retryable: bool, told: dict[str, Any]) -> None:
    ended = await run_flow([node("bad", "fail", retryable=retryable)], [])
    error = ended["bad"].error or {}
    assert {key: value for key, value in error.items() if key == "error_retryable"} == told


@pytest.mark.rule("ERR-6")
@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        ({"items": [1, {"deep": object()}]}, "data.items.1.deep", "object"),
        (float, "data", "type"),
        ({"a": {"b": 1j}}, "data.a.b", "complex"),
    ],
)
async def test_what_is_no_json_is_named_by_its_path_and_type(value: Any, path: str, kind: str) -> None:
    @node_type(id="odd")
    async def odd() -> Parts:
        """Gives it."""
        return {"data": value}

    nodes = [node("bad", "odd", maxRetries=3), node("handler", "see")]
    ended = await run_flow(nodes, [edge("bad", "error", "handler", "a")], odd)
    envelope = ended.result("handler")["a"]
    (detail,) = envelope["details"]
    assert (detail["locator"], detail["type"]) == (path, kind)
    assert (detail["node_id"], detail["node_type_id"]) == ("bad", "odd")
    assert (envelope["retryable"], ended["bad"].attempt) == (False, 1)


@pytest.mark.rule("ERR-5")
async def test_the_end_of_a_run_drops_what_is_at_work() -> None:
    gate = Gate()

    @node_type(id="enough")
    async def enough() -> Any:
        """Ends the run once the other is at work."""
        await gate.entered()
        raise EndRun({"result": "enough"})

    ended = await run_flow(
        [node("end", "enough"), node("busy", "gate"), node("after", "see")],
        [edge("busy", "result", "after", "a")],
        gate.function,
        enough,
    )
    assert ended.outcome.status == "completed"
    assert ended["end"].output == {"result": "enough"}
    assert ended.statuses == {"after": "skipped", "busy": "cancelled", "end": "completed"}
    assert gate.cancellations == 1


@pytest.mark.rule("ERR-5", "SG-8")
async def test_the_end_of_a_run_in_a_later_round_has_the_key_of_that_round() -> None:
    @node_type(id="ends_on")
    async def ends_on(value: Any = None) -> Any:
        """Ends the run on the second round."""
        if value == 1:
            raise EndRun({"result": "stop"})
        return value

    rounds = Rounds("again")
    nodes = [node("s", "emit"), node("head", "count", name="head"), node("e", "ends_on")]
    edges = [
        edge("s", "result", "head", "value"),
        edge("head", "result", "e", "value"),
        again("e", "head", "result"),
    ]
    ended = await run_flow(nodes, edges, *rounds.functions, ends_on)
    assert ended.outcome.status == "completed"
    results = {job.result_key: job.output for job in ended.sink.rows.values() if job.node_id == "e"}
    assert results == {"e": {"result": 0}, "e:1": {"result": "stop"}}


@pytest.mark.rule("ERR-11")
async def test_retries_are_counted_over_the_whole_run() -> None:
    """It fails once in each round, and may be tried again twice."""
    executions: list[int] = []

    @node_type(id="every_other")
    async def every_other(value: Any = None) -> Any:
        """Fails on every first attempt."""
        executions.append(1)
        if len(executions) % 2:
            raise NodeError("Not yet.", retryable=True)
        return value

    rounds = Rounds("again")
    nodes = [
        node("s", "emit"),
        node("head", "count", name="head", maxIterations=9),
        node("e", "every_other", maxRetries=2),
    ]
    edges = [
        edge("s", "result", "head", "value"),
        edge("head", "result", "e", "value"),
        again("e", "head", "result"),
    ]
    ended = await run_flow(nodes, edges, *rounds.functions, every_other)
    assert ended.outcome.status == "failed"
    assert len(executions) == 5
    assert ended["e"].result_key == "e:2"


@pytest.mark.rule("ERR-11")
async def test_a_failure_that_passes_leaves_no_trace() -> None:
    flaky = Flaky(failures=1)
    ended = await run_flow([node("n", "flaky", maxRetries=1)], [], flaky.function)
    assert (ended["n"].status, ended["n"].error) == ("completed", None)
