"""When a node may start, and which value arrives at its ports."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from engine_nodes import EXTRA, opener
from engine_runs import Documents, run_flow
from gates import DEADLINE, Gate
from graphs import edge, node

from flowdrop_jupyter.store import JobRecord

pytestmark = pytest.mark.anyio


def both(port: str = "a") -> tuple[Documents, Documents]:
    """Return two sources on one port of one node."""
    nodes = [node("one", "emit", value=1), node("two", "emit", value=2), node("end", "see")]
    return nodes, [edge("one", "result", "end", port), edge("two", "result", "end", port)]


@pytest.mark.rule("DATA-1", "DATA-7")
async def test_a_delivered_value_beats_configuration() -> None:
    ended = await run_flow(
        [node("one", "emit", value=1), node("end", "see", a="configured")],
        [edge("one", "result", "end", "a")],
    )
    assert ended.result("end")["a"] == 1


@pytest.mark.rule("DATA-1", "DATA-7")
async def test_a_delivered_null_beats_configuration_and_default() -> None:
    ended = await run_flow(
        [node("one", "give", values={"left": None, "right": None}), node("end", "see", a="configured")],
        [edge("one", "left", "end", "a"), edge("one", "right", "end", "b")],
    )
    assert ended.result("end") == {"a": None, "b": None}


@pytest.mark.rule("DATA-1", "DATA-7")
async def test_a_missing_key_falls_back_to_configuration_and_then_to_the_default() -> None:
    ended = await run_flow(
        [node("one", "give", values={}), node("end", "see", a="configured")],
        [edge("one", "left", "end", "a"), edge("one", "right", "end", "b")],
    )
    assert ended.result("end") == {"a": "configured", "b": "default b"}


@pytest.mark.rule("DATA-7")
async def test_a_configured_null_beats_the_default() -> None:
    ended = await run_flow([node("end", "see", a=None)], [])
    assert ended.result("end") == {"a": None, "b": "default b"}


@pytest.mark.rule("DATA-1")
@pytest.mark.parametrize("missing", ["sourceHandle", "targetHandle"])
async def test_an_edge_that_names_no_port_delivers_nothing(missing: str) -> None:
    wire = edge("one", "result", "end", "a")
    del wire[missing]
    ended = await run_flow([node("one", "emit", value=1), node("end", "see")], [wire])
    assert ended.outcome.status == "completed"
    assert ended.result("end")["a"] == "default a"


@pytest.mark.rule("DATA-2")
async def test_of_two_values_the_one_that_finished_last_arrives() -> None:
    gate = Gate()
    ended = await run_flow(
        [
            node("start", "emit", value="late"),
            node("z_early", "emit", value="early"),
            node("a_late", "gate"),
            node("opener", "open"),
            node("end", "see"),
        ],
        [
            edge("start", "result", "a_late", "data"),
            edge("z_early", "trigger", "opener", "trigger"),
            edge("a_late", "result", "end", "a"),
            edge("z_early", "result", "end", "a"),
            edge("a_late", "result", "end", "b"),
        ],
        gate.function,
        opener(gate),
    )
    assert ended["z_early"].order < ended["a_late"].order
    assert ended.result("end")["a"] == "late"


@pytest.mark.rule("DATA-2")
@pytest.mark.parametrize(
    ("orders", "winner"),
    [((1, 2), 2), ((2, 1), 1), ((0, 1), 2), ((1, 0), 1), ((0, 0), 2)],
)
async def test_the_later_execution_wins_and_without_one_the_later_id(
    orders: tuple[int, int], winner: int
) -> None:
    nodes, edges = both()
    kept = {
        name: JobRecord(
            id=name,
            run_id="run",
            node_id=name,
            node_type_id="emit",
            status="completed",
            order=order,
            output={"result": value},
        )
        for (name, value), order in zip((("one", 1), ("two", 2)), orders, strict=True)
    }
    ended = await run_flow(nodes, edges, kept=kept)
    assert ended.result("end")["a"] == winner


@pytest.mark.rule("DATA-2")
async def test_a_port_with_two_sources_gets_one_value_and_never_a_list() -> None:
    nodes, edges = both()
    ended = await run_flow(nodes, edges)
    assert ended.result("end")["a"] in (1, 2)


@pytest.mark.rule("DATA-3")
async def test_a_trigger_edge_delivers_no_value() -> None:
    ended = await run_flow(
        [node("one", "give", values={"left": 1, "trigger": 2}), node("end", "dynamic", dynamicInputs=EXTRA)],
        [edge("one", "trigger", "end", "trigger"), edge("one", "left", "end", "extra")],
    )
    assert ended.result("end") == {"extra": 1}


async def test_what_arrives_at_a_declared_port_is_no_dynamic_input() -> None:
    ended = await run_flow(
        [node("one", "emit", value=1), node("end", "dynamic", dynamicInputs=EXTRA)],
        [edge("one", "result", "end", "declared"), edge("one", "result", "end", "extra")],
    )
    assert ended.result("end") == {"extra": 1}


@pytest.mark.rule("DATA-4")
async def test_every_connected_port_is_waited_for() -> None:
    gate = Gate()
    nodes = [node("slow", "gate"), node("fast", "emit", value=2), node("end", "see"), node("opener", "open")]
    edges = [edge("slow", "result", "end", "a"), edge("fast", "result", "end", "b")]
    edges.append(edge("fast", "trigger", "opener", "trigger"))

    ended = await run_flow(nodes, edges, gate.function, opener(gate))
    assert ended.sink.steps.index(("finished", "slow")) < ended.sink.steps.index(("started", "end"))
    assert ended.result("end") == {"a": None, "b": 2}


@pytest.mark.rule("DATA-4", "CMP-7")
async def test_with_a_trigger_data_is_not_waited_for() -> None:
    """The slow node is let go only by what runs after the triggered one, so waiting would hang."""
    gate = Gate()
    nodes = [node("slow", "gate"), node("first", "emit"), node("end", "see"), node("opener", "open")]
    edges = [
        edge("slow", "result", "end", "a"),
        edge("first", "trigger", "end", "trigger"),
        edge("end", "trigger", "opener", "trigger"),
    ]

    with anyio.fail_after(DEADLINE):
        ended = await run_flow(nodes, edges, gate.function, opener(gate))
    assert ended.result("end")["a"] == "default a"
    assert ended.sink.steps.index(("finished", "end")) < ended.sink.steps.index(("finished", "slow"))


@pytest.mark.rule("DATA-4", "CMP-7")
async def test_a_trigger_that_is_not_satisfied_outweighs_data_that_is_there() -> None:
    ended = await run_flow(
        [node("gate", "gateway", take=["no"]), node("one", "emit", value=1), node("end", "see")],
        [edge("gate", "yes", "end", "trigger"), edge("one", "result", "end", "a")],
    )
    assert ended["end"].status == "skipped"


@pytest.mark.rule("DATA-4")
async def test_data_that_is_there_is_delivered_to_a_triggered_node() -> None:
    ended = await run_flow(
        [node("one", "emit", value=1), node("end", "see")],
        [edge("one", "trigger", "end", "trigger"), edge("one", "result", "end", "a")],
    )
    assert ended.result("end")["a"] == 1


@pytest.mark.rule("DATA-5")
async def test_a_tool_provider_is_not_waited_for() -> None:
    wire = {**edge("tool", "tool", "end", "tool"), "data": {"metadata": {"edgeType": "tool"}}}
    ended = await run_flow([node("tool", "crash"), node("end", "see")], [wire])
    assert ended.statuses == {"end": "completed"}


@pytest.mark.rule("DATA-6")
async def test_values_given_at_launch_sit_below_delivered_ones_and_above_configuration() -> None:
    ended = await run_flow(
        [node("one", "give", values={"left": None}), node("end", "see", b="configured")],
        [edge("one", "left", "end", "a")],
        initial={"end": {"a": "launched a", "b": "launched b"}},
    )
    assert ended.result("end") == {"a": None, "b": "launched b"}


@pytest.mark.rule("DATA-6")
@pytest.mark.parametrize("broken", [None, "text", 7, ["a", 1]])
async def test_what_is_no_map_of_ports_is_ignored(broken: Any) -> None:
    ended = await run_flow([node("end", "see")], [], initial={"end": broken, "stranger": {"a": 1}})
    assert ended.result("end") == {"a": "default a", "b": "default b"}


@pytest.mark.rule("DATA-8")
async def test_nothing_is_delivered_to_a_hidden_input() -> None:
    ended = await run_flow(
        [node("one", "emit", value=1), node("end", "hidden_input")], [edge("one", "result", "end", "value")]
    )
    assert ended.result("end") == "kept out"


async def test_an_author_may_show_a_hidden_input_on_one_node() -> None:
    shown = node("end", "hidden_input", ports={"inputs": {"value": {"exposed": True}}})
    ended = await run_flow([node("one", "emit", value=1), shown], [edge("one", "result", "end", "value")])
    assert ended.result("end") == 1


async def test_a_diamond_runs_each_node_once() -> None:
    ended = await run_flow(
        [node("top", "emit", value=1), node("l", "emit"), node("r", "emit_sync"), node("end", "see")],
        [
            edge("top", "result", "l", "value"),
            edge("top", "result", "r", "value"),
            edge("l", "result", "end", "a"),
            edge("r", "result", "end", "b"),
        ],
    )
    assert sorted(ended.sink.of("started")) == ["end", "l", "r", "top"]
    assert ended.result("end") == {"a": 1, "b": 1}
    assert sorted(job.order for job in ended.sink.kept.values()) == [1, 2, 3, 4]


async def test_finished_jobs_carry_their_order_times_and_attempt() -> None:
    ended = await run_flow(
        [node("one", "emit"), node("two", "emit")], [edge("one", "trigger", "two", "trigger")]
    )
    one, two = ended["one"], ended["two"]
    assert (one.order, two.order, one.attempt, two.attempt) == (1, 2, 1, 1)
    assert (one.started_at, one.completed_at) == (
        "2026-01-01T00:00:01.000000Z",
        "2026-01-01T00:00:02.000000Z",
    )
    assert one.duration_us == 1_000_000
