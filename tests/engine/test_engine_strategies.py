"""What every strategy has to do alike: errors, branches, delivery, readiness, prompts and endings."""

from __future__ import annotations

from typing import Any

import pytest
from engine_nodes import Flaky
from engine_runs import Ended, bench
from graphs import edge, node
from loop_nodes import Rounds, simple_loop

from flowdrop_jupyter.engine.strategies import STRATEGIES, Strategy
from flowdrop_jupyter.errors import EndRun
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


@pytest.fixture(params=list(STRATEGIES.values()), ids=list(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return request.param


async def run(strategy: Strategy, *given: Any, **fields: Any) -> Ended:
    return await bench(*given, strategy=strategy, **fields).execute()


@pytest.mark.rule("ERR-13", "ERR-7", "ERR-9", "ERR-10")
async def test_a_failure_takes_its_error_edge(strategy: Strategy) -> None:
    nodes = [node("bad", "fail", code="HOT"), node("next", "see"), node("handler", "see")]
    edges = [edge("bad", "result", "next", "a"), edge("bad", "error", "handler", "a")]
    ended = await run(strategy, nodes, edges)
    assert ended.outcome.status == "completed"
    assert ended.statuses == {"bad": "failed", "handler": "completed", "next": "skipped"}
    envelope = {"message": "It broke.", "code": "HOT", "node_id": "bad", "retryable": False}
    assert ended["bad"].output == {"error": envelope}
    assert ended.result("handler")["a"] == envelope


@pytest.mark.rule("ERR-13", "ERR-8")
async def test_without_an_error_edge_the_run_fails(strategy: Strategy) -> None:
    ended = await run(strategy, [node("bad", "fail"), node("n", "see")], [edge("bad", "result", "n", "a")])
    assert ended.outcome.status == "failed"
    assert (ended["bad"].error_routed, ended["n"].skip_reason) == (False, "run_failed")


@pytest.mark.rule("ERR-11")
async def test_a_retryable_failure_is_tried_again(strategy: Strategy) -> None:
    flaky = Flaky(failures=2)
    ended = await run(strategy, [node("n", "flaky", maxRetries=2)], [], flaky.function)
    assert (flaky.executions, ended["n"].status) == (3, "completed")


@pytest.mark.rule("ERR-5", "SG-8")
async def test_a_node_may_end_the_run_as_a_success(strategy: Strategy) -> None:
    @node_type(id="enough")
    async def enough(value: Any = None) -> Any:
        """Ends the run."""
        raise EndRun({"result": value})

    nodes = [node("a", "enough", value=7), node("handler", "see"), node("behind", "see")]
    edges = [edge("a", "error", "handler", "a"), edge("a", "result", "behind", "a")]
    ended = await run(strategy, nodes, edges, enough)
    assert (ended.outcome.status, ended.outcome.error) == ("completed", None)
    assert (ended["a"].status, ended["a"].output, ended["a"].error) == ("completed", {"result": 7}, None)
    assert ended.statuses == {"a": "completed", "behind": "skipped", "handler": "skipped"}


@pytest.mark.rule("BR-1", "BR-7")
async def test_only_the_branch_that_is_taken_runs(strategy: Strategy) -> None:
    nodes = [node("gate", "gateway", take=[" YES "]), node("y", "emit"), node("n", "emit"), node("m", "emit")]
    edges = [
        edge("gate", "yes", "y", "trigger"),
        edge("gate", "no", "n", "trigger"),
        edge("n", "result", "m", "value"),
    ]
    ended = await run(strategy, nodes, edges)
    assert ended.statuses == {"gate": "completed", "m": "skipped", "n": "skipped", "y": "completed"}
    assert {ended["n"].skip_reason, ended["m"].skip_reason} == {"branch_not_active"}


@pytest.mark.rule("BR-5")
async def test_a_gated_data_edge_is_gated_too(strategy: Strategy) -> None:
    ended = await run(
        strategy,
        [node("gate", "gateway", take=["no"]), node("end", "see")],
        [edge("gate", "yes", "end", "a")],
    )
    assert ended["end"].status == "skipped"


@pytest.mark.rule("DATA-1", "DATA-4", "DATA-7")
async def test_a_join_gets_a_value_at_each_port(strategy: Strategy) -> None:
    nodes = [node("one", "emit", value=1), node("two", "emit_sync"), node("end", "see", b="configured")]
    edges = [edge("one", "result", "end", "a"), edge("two", "result", "end", "b")]
    ended = await run(strategy, nodes, edges)
    assert ended.result("end") == {"a": 1, "b": None}


@pytest.mark.rule("DATA-6")
async def test_launch_values_sit_below_what_edges_deliver(strategy: Strategy) -> None:
    nodes = [node("one", "emit", value=1), node("end", "see")]
    given = {"end": {"a": "launched", "b": "launched"}}
    ended = await run(strategy, nodes, [edge("one", "result", "end", "a")], initial=given)
    assert ended.result("end") == {"a": 1, "b": "launched"}


@pytest.mark.rule("ERR-4", "ORC-11")
async def test_a_question_pauses_the_run_and_its_answer_goes_on(strategy: Strategy) -> None:
    flow = bench(
        [node("q", "ask"), node("handler", "see"), node("end", "see")],
        [edge("q", "error", "handler", "a"), edge("q", "result", "end", "a")],
        strategy=strategy,
    )
    ended = await flow.execute()
    assert (ended.outcome.status, ended.outcome.paused_reason) == ("paused", None)
    flow.answer("q", "yes")
    ended = await flow.execute()
    assert ended.outcome.status == "completed"
    assert ended.result("end")["a"] == "yes"
    assert ended.statuses["handler"] == "skipped"


@pytest.mark.rule("CMP-8", "ORC-7")
async def test_nothing_runs_before_what_it_depends_on(strategy: Strategy) -> None:
    names = ["d", "b", "a", "c"]
    edges = [edge("a", "result", "b", "a"), edge("b", "result", "d", "a"), edge("c", "result", "d", "b")]
    ended = await run(strategy, [node(name, "see") for name in names], edges)
    started = ended.sink.of("started")
    assert started.index("a") < started.index("b") < started.index("d")
    assert started.index("c") < started.index("d")
    assert sorted(started) == sorted(names)


@pytest.mark.rule("SG-7", "SG-8", "SG-17")
async def test_a_loop_runs_wherever_a_strategy_can_iterate(strategy: Strategy) -> None:
    if not strategy.iterates:
        pytest.skip("it refuses loops")
    rounds = Rounds("again", "again", "done")
    ended = await run(strategy, *simple_loop(), *rounds.functions)
    assert ended.outcome.status == "completed"
    assert rounds.seen[-1] == ("after", 2)
    assert rounds.executions == 3


@pytest.mark.rule("SG-4", "SG-17")
async def test_a_list_goes_on_after_a_pause(strategy: Strategy) -> None:
    if not strategy.iterates:
        pytest.skip("it refuses loops")
    rounds = Rounds()
    nodes = [
        node("list", "emit", value=["a", "b"]),
        node("each", "foreach"),
        node("q", "ask"),
        node("after", "watch", name="after"),
    ]
    edges = [
        edge("list", "result", "each", "items"),
        edge("each", "item", "q", "prompt_for"),
        edge("q", "result", "each", "loop_back"),
        edge("each", "collected_results", "after", "a"),
    ]
    flow = bench(nodes, edges, *rounds.functions, strategy=strategy)
    ended = await flow.execute()
    for answer in ("x", "y"):
        assert ended.outcome.status == "paused"
        flow.answer("q", answer)
        ended = await flow.execute()
    assert rounds.seen == [("after", ["x", "y"])]


@pytest.mark.rule("ORC-5", "SG-11")
async def test_checkpoints_are_written_by_what_declares_itself_stateful(strategy: Strategy) -> None:
    ended = await run(strategy, [node("a", "emit")], [])
    assert bool(ended.sink.checkpoints) is strategy.is_stateful
