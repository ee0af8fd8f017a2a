"""ORC: which strategy a run takes, what direct execution refuses, and how a run ends or pauses."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engine_runs import bench, run_flow
from gates import Gate
from graphs import document, edge, node
from loop_nodes import Rounds, again, simple_loop
from sessions_desk import ADA

from flowdrop_jupyter.engine.strategies import (
    ASYNCHRONOUS,
    STATEGRAPH,
    STRATEGIES,
    SYNCHRONOUS,
    SYNCHRONOUS_PIPELINE,
    Strategy,
    background_strategy,
    interactive_strategy,
    strategy_or_default,
)
from flowdrop_jupyter.errors import CompileError, InvalidInput
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


@pytest.mark.rule("ORC-1")
def test_there_are_four_strategies_by_their_ids() -> None:
    assert list(STRATEGIES) == [
        "flowdrop_runtime:synchronous",
        "flowdrop_runtime:synchronous_pipeline",
        "flowdrop_runtime:asynchronous",
        "flowdrop_stategraph:stategraph",
    ]


@pytest.mark.rule("ORC-2", "ORC-4")
@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ({}, ASYNCHRONOUS),
        ({"before_save": True, "trigger": STATEGRAPH.id}, SYNCHRONOUS),
        ({"trigger": STATEGRAPH.id, "configured": SYNCHRONOUS.id}, STATEGRAPH),
        ({"trigger": "default", "configured": SYNCHRONOUS_PIPELINE.id}, SYNCHRONOUS_PIPELINE),
        ({"trigger": "unheard:of", "configured": SYNCHRONOUS.id}, SYNCHRONOUS),
        ({"trigger": 7, "configured": ["x"]}, ASYNCHRONOUS),
    ],
)
def test_the_first_usable_one_that_is_named_runs_in_the_background(named: Any, chosen: Strategy) -> None:
    assert background_strategy(**named) is chosen


@pytest.mark.rule("ORC-4")
@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ({}, STATEGRAPH),
        ({"workflow": ASYNCHRONOUS.id}, ASYNCHRONOUS),
        ({"session": SYNCHRONOUS.id, "workflow": ASYNCHRONOUS.id}, SYNCHRONOUS),
        ({"session": "gone"}, STATEGRAPH),
    ],
)
def test_a_session_takes_the_state_graph_unless_something_else_is_named(named: Any, chosen: Strategy) -> None:
    assert interactive_strategy(**named) is chosen


@pytest.mark.rule("ORC-3")
def test_an_unknown_strategy_becomes_the_default_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        assert strategy_or_default("gone") is ASYNCHRONOUS
    assert "gone" in caplog.text
    with pytest.raises(InvalidInput) as caught:
        strategy_or_default("gone", None)
    assert caught.value.code == "STRATEGY_UNKNOWN"


@pytest.mark.rule("ORC-5")
def test_what_is_declared_alone_decides_what_a_strategy_is() -> None:
    assert {found.id for found in STRATEGIES.values() if found.is_stateful} == {STATEGRAPH.id}
    assert [found.is_synchronous for found in STRATEGIES.values()] == [True, True, False, False]
    both = Strategy(id="x", label="x", capabilities=frozenset({"stateful", "synchronous_execution"}))
    assert (both.is_stateful, both.is_synchronous) == (True, False)


@pytest.mark.rule("ORC-7")
async def test_direct_execution_refuses_a_loop_before_its_first_node() -> None:
    rounds = Rounds("again")
    flow = bench(*simple_loop(), *rounds.functions, strategy=SYNCHRONOUS)
    with pytest.raises(CompileError) as caught:
        await flow.execute()
    assert caught.value.code == "LOOPBACK_UNSUPPORTED"
    (detail,) = caught.value.details
    assert (detail["locator"], detail["nodes"]) == ("turn.again>head.loop_back", ["turn", "head"])
    able = [SYNCHRONOUS_PIPELINE.id, ASYNCHRONOUS.id, STATEGRAPH.id]
    assert detail["strategies"] == able
    assert flow.sink.steps == []
    assert rounds.seen == []


@pytest.mark.rule("ORC-7")
async def test_direct_execution_is_one_pass_in_the_compiled_order() -> None:
    nodes = [node(f"n{index}", "emit") for index in (3, 1, 2, 0)]
    flow = bench(nodes, [edge("n3", "result", "n0", "value")], strategy=SYNCHRONOUS)
    ended = await flow.execute()
    steps = [f"{step} {name}" for name in flow.plan.nodes for step in ("started", "finished")]
    assert [f"{step} {name}" for step, name in ended.sink.steps] == steps


@pytest.mark.rule("ORC-8")
@pytest.mark.parametrize(
    ("initial", "run"),
    [
        ({}, ["n", "one", "two"]),
        ({"one": {}}, ["n", "one"]),
        ({"n": {"value": 1}}, ["n", "one", "two"]),
    ],
)
async def test_the_trigger_that_is_named_runs_without_the_others(initial: Any, run: list[str]) -> None:
    @node_type(id="on_event", category="triggers", start=True)
    async def on_event() -> str:
        """Begins."""
        return "event"

    nodes = [node("one", "on_event"), node("two", "on_event"), node("n", "emit")]
    ended = await bench(nodes, [], on_event, strategy=SYNCHRONOUS, initial=initial).execute()
    assert sorted(ended.sink.of("started")) == run


CHAIN = (
    [node(f"n{index}", "emit", value=index) for index in range(5)],
    [edge(f"n{index}", "trigger", f"n{index + 1}", "trigger") for index in range(4)],
)


@pytest.mark.rule("ORC-10", "ORC-11")
async def test_a_run_that_used_up_its_passes_pauses_with_the_reason_and_goes_on_later() -> None:
    flow = bench(*CHAIN, limits={"max_passes": 2})
    ended = await flow.execute()
    assert (ended.outcome.status, ended.outcome.paused_reason) == ("paused", "max_passes_reached")
    assert ended.outcome.error is None
    assert ended.statuses == {"n0": "completed", "n1": "completed", "n2": "pending"}
    flow.take_up()
    ended = await flow.execute()
    assert ended.statuses == {f"n{i}": "completed" for i in range(4)} | {"n4": "pending"}
    flow.take_up()
    ended = await flow.execute()
    assert (ended.outcome.status, ended.outcome.paused_reason) == ("completed", None)
    assert [ended.sink.times("finished", f"n{index}") for index in range(5)] == [1] * 5


@pytest.mark.rule("ORC-10")
async def test_a_run_that_used_up_its_time_pauses_with_the_reason() -> None:
    ended = await bench(*CHAIN, limits={"max_seconds": 0.0}).execute()
    assert (ended.outcome.status, ended.outcome.paused_reason) == ("paused", "max_execution_time_reached")


@pytest.mark.rule("ORC-10")
@pytest.mark.parametrize("strategy", [SYNCHRONOUS_PIPELINE, ASYNCHRONOUS], ids=lambda found: found.id)
async def test_a_pipeline_pauses_after_a_hundred_passes(strategy: Strategy) -> None:
    nodes = [node(f"n{index:03}", "emit") for index in range(101)]
    edges = [edge(f"n{index:03}", "trigger", f"n{index + 1:03}", "trigger") for index in range(100)]
    ended = await bench(nodes, edges, strategy=strategy).execute()
    assert ended.outcome.paused_reason == "max_passes_reached"
    assert len(ended.sink.of("finished")) == 100
    assert strategy.max_seconds == 300


@pytest.mark.rule("ORC-11")
async def test_a_failure_beats_a_question_and_a_question_beats_a_limit() -> None:
    ended = await run_flow([node("q", "ask"), node("bad", "fail")], [])
    assert ended.outcome.status == "failed"
    nodes = [node("q", "ask"), *CHAIN[0]]
    ended = await run_flow(nodes, CHAIN[1], limits={"max_passes": 2})
    assert (ended.outcome.status, ended.outcome.paused_reason) == ("paused", None)


async def test_one_after_the_other_follows_the_compiled_order() -> None:
    flow = bench([node(name, "emit") for name in "cab"], [], strategy=SYNCHRONOUS_PIPELINE)
    ended = await flow.execute()
    assert ended.sink.of("started") == list(flow.plan.nodes)


@pytest.mark.rule("ORC-10")
async def test_a_session_run_that_a_limit_paused_is_resumed(serve: Any) -> None:
    nodes = [node(f"n{index:03}", "text_input", defaultValue=str(index)) for index in range(120)]
    edges = [edge(f"n{index:03}", "trigger", f"n{index + 1:03}", "trigger") for index in range(119)]
    async with serve() as desk:
        await desk.host.workflows.create(document(nodes, edges, id="long"), ADA)
        run = await desk.host.runs.launch("long", ADA)
        assert run.strategy == ASYNCHRONOUS.id
        await desk.settled(run.session_id)
        paused = (await desk.host.runs.read(run.id, ADA)).run
        assert (paused.status, paused.paused_reason) == ("paused", "max_passes_reached")
        await desk.host.runs.resubmit(run.id, ADA)
        await desk.settled(run.session_id)
        view = await desk.host.runs.read(run.id, ADA)
    assert (view.run.status, view.run.paused_reason) == ("completed", None)
    assert len(view.jobs) == 120
    assert {job.attempt for job in view.jobs} == {1}


@pytest.mark.rule("ORC-4")
async def test_the_workflow_of_a_session_may_name_its_strategy(serve: Any) -> None:
    body = document([node("in", "chat_input"), node("out", "chat_output")], [], id="w")
    body["metadata"] = {"orchestrator": SYNCHRONOUS_PIPELINE.id}
    async with serve() as desk:
        session_id = await desk.open(body, ADA)
        await desk.turn(session_id)
        (run_id,) = (await desk.session(session_id)).executions
        run = await desk.host.store.run(session_id, run_id)
    assert run.strategy == SYNCHRONOUS_PIPELINE.id


async def test_a_launch_answers_before_any_node_runs(serve: Any) -> None:
    gate = Gate()
    body = document([node("g", "gate")], [], id="w")
    async with serve(gate.function) as desk:
        await desk.host.workflows.create(body, ADA)
        run = await desk.host.runs.launch("w", ADA)
        assert (run.status, gate.executions) == ("pending", 0)
        gate.opened.set()
        await desk.settled(run.session_id)
    assert gate.executions == 1


@pytest.mark.rule("SG-7", "ORC-10")
async def test_every_round_costs_passes_of_the_one_budget() -> None:
    rounds = Rounds("again")
    nodes, edges = simple_loop(maxIterations=1000)
    flow = bench(nodes, edges, *rounds.functions, strategy=ASYNCHRONOUS)
    ended = await flow.execute()
    assert ended.outcome.paused_reason == "max_passes_reached"
    assert rounds.executions == 33
    assert again("turn", "head")["id"] == "turn.again>head.loop_back"
