"""SG-5 to SG-10 and SG-16 to SG-20: what a loop runs again, how often, and what its rounds may mix."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engine_nodes import registry
from engine_runs import bench, run_flow
from graphs import edge, node, workflow
from loop_nodes import Rounds, again, simple_loop

from flowdrop_jupyter.engine import compile_workflow
from flowdrop_jupyter.engine.loops import is_behind, restored_rounds
from flowdrop_jupyter.nodes import Branched, NodeContext
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


def loops_of(*edges: tuple[str, str] | dict[str, Any]) -> Any:
    """Return the loops of a graph given by pairs of nodes, and loopback edges as they are."""
    wires = [
        wire if isinstance(wire, dict) else edge(wire[0], "result", wire[1], f"from_{wire[0]}")
        for wire in edges
    ]
    names = sorted({wire[end] for wire in wires for end in ("source", "target")})
    return compile_workflow(workflow([node(name, "emit") for name in names], wires), registry()).loops


def bodies(loops: Any) -> dict[str, list[str]]:
    return {head: sorted(loop.body) for head, loop in loops.by_head.items()}


@pytest.mark.rule("SG-7", "SG-8", "SG-17")
async def test_a_loop_runs_its_body_again_and_nothing_else() -> None:
    rounds = Rounds("again", "again", "done")
    ended = await run_flow(*simple_loop(), *rounds.functions)
    assert ended.outcome.status == "completed"
    assert rounds.seen == [
        ("head", 0),
        ("work", 0),
        ("head", 1),
        ("work", 1),
        ("head", 2),
        ("work", 2),
        ("after", 2),
    ]
    assert ended.sink.times("finished", "start") == 1


@pytest.mark.rule("SG-8")
async def test_later_executions_have_a_number_in_their_key_and_a_higher_order() -> None:
    ended = await run_flow(*simple_loop(), *Rounds("again", "again", "done").functions)
    of_work = [job for job in ended.sink.rows.values() if job.node_id == "work"]
    assert [job.result_key for job in of_work] == ["work", "work:1", "work:2"]
    orders = [job.order for job in of_work]
    assert orders == sorted(set(orders))
    assert len({job.id for job in of_work}) == 3


@pytest.mark.rule("SG-17")
async def test_every_execution_is_stamped_with_the_rounds_of_its_loops() -> None:
    ended = await run_flow(*simple_loop(), *Rounds("again", "done").functions)
    stamps = {job.result_key: job.stamp for job in ended.sink.rows.values()}
    assert stamps == {
        "start": {},
        "head": {"head": 0},
        "work": {"head": 0},
        "turn": {"head": 0},
        "head:1": {"head": 1},
        "work:1": {"head": 1},
        "turn:1": {"head": 1},
        "after": {},
    }


@pytest.mark.rule("SG-7")
@pytest.mark.parametrize(("most", "executions"), [(1, 1), (3, 3), (7, 7)])
async def test_a_loop_ends_when_its_rounds_are_used_up(most: int, executions: int) -> None:
    rounds = Rounds("again")
    ended = await run_flow(*simple_loop(maxIterations=most), *rounds.functions)
    assert ended.outcome.status == "completed"
    assert rounds.executions == executions
    assert ended["after"].status == "skipped"


@pytest.mark.rule("SG-7")
async def test_a_loopback_edge_of_a_branch_that_is_not_taken_leads_nowhere() -> None:
    rounds = Rounds("done")
    ended = await run_flow(*simple_loop(), *rounds.functions)
    assert rounds.executions == 1
    assert ended["after"].status == "completed"


@pytest.mark.rule("SG-7")
async def test_rounds_are_counted_and_not_the_executions_of_a_body_node() -> None:
    """The arm runs in every other round only."""
    rounds = Rounds("again")
    nodes, edges = simple_loop(maxIterations=4)
    nodes += [node("pick", "alternate"), node("arm", "watch", name="arm")]
    edges = [wire for wire in edges if wire["source"] != "head"]
    edges += [
        edge("head", "result", "pick", "value"),
        edge("pick", "yes", "arm", "trigger"),
        edge("arm", "trigger", "turn", "trigger"),
        edge("pick", "result", "work", "a"),
        edge("work", "trigger", "turn", "trigger"),
    ]

    @node_type(
        id="alternate", shape="gateway", branches=[{"name": "yes", "value": 1}, {"name": "no", "value": 0}]
    )
    async def alternate(value: Any = None) -> Branched[Any]:
        """Takes yes on even rounds."""
        return Branched(("no" if value % 2 else "yes",), value)

    ended = await run_flow(nodes, edges, *rounds.functions, alternate)
    assert ended.outcome.status == "completed"
    assert sum(name == "head" for name, _ in rounds.seen) == 4
    assert sum(name == "arm" for name, _ in rounds.seen) == 2


@pytest.mark.rule("SG-7", "SG-17")
async def test_the_bound_spans_a_pause() -> None:
    rounds = Rounds("again")
    nodes, edges = simple_loop(maxIterations=5)
    flow = bench(nodes, edges, *rounds.functions, limits={"max_passes": 7})
    stops = 0
    ended = await flow.execute()
    while ended.outcome.status == "paused":
        stops += 1
        flow.take_up()
        ended = await flow.execute()
    assert stops > 1
    assert ended.outcome.status == "completed"
    assert rounds.executions == 5
    assert [job.result_key for job in ended.sink.rows.values() if job.node_id == "turn"][-1] == "turn:4"


@pytest.mark.rule("SG-7", "SG-17")
def test_counters_are_restored_by_the_newest_stamp_and_not_by_the_highest() -> None:
    loops = loops_of(("start", "reason"), ("reason", "tail"), again("tail", "reason"))
    assert restored_rounds([{"reason": 0}, {"reason": 0}, None, {"reason": 2}, {"reason": 3}], loops) == {
        "reason": 3
    }
    assert restored_rounds([{"reason": 3}, {"reason": 1}], loops) == {"reason": 1}


@pytest.mark.rule("SG-17", "SG-18")
def test_an_outer_round_sets_the_inner_counter_back() -> None:
    loops = loops_of(
        ("start", "outer"),
        ("outer", "inner"),
        ("inner", "tail"),
        ("tail", "end"),
        again("tail", "inner"),
        again("end", "outer"),
    )
    assert list(loops.by_head) == ["outer", "inner"]
    pairs = [(0, 0), (0, 4), (0, 5), (1, None), (1, 0), (1, 1)]
    stamps = [{"outer": o} if i is None else {"outer": o, "inner": i} for o, i in pairs]
    assert restored_rounds(stamps, loops) == {"outer": 1, "inner": 1}
    assert restored_rounds(stamps[:4], loops) == {"outer": 1, "inner": 0}


@pytest.mark.rule("SG-16")
def test_a_body_is_what_lies_between_head_and_tail() -> None:
    loops = loops_of(
        ("start", "head"),
        ("head", "gateway"),
        ("gateway", "tail_a"),
        ("gateway", "tail_b"),
        ("tail_a", "after"),
        ("gateway", "dead_end"),
        again("tail_a", "head"),
        again("tail_b", "head"),
    )
    assert bodies(loops) == {"head": ["gateway", "head", "tail_a", "tail_b"]}


@pytest.mark.rule("SG-16", "SG-18")
def test_a_loopback_edge_that_closes_no_cycle_keeps_its_head_and_is_told() -> None:
    loops = loops_of(("start", "head"), ("start", "other"), again("other", "head"))
    assert bodies(loops) == {"head": ["head"]}
    assert [found["code"] for found in loops.diagnostics] == ["LOOPBACK_WITHOUT_CYCLE"]


@pytest.mark.rule("SG-17")
def test_what_reaches_a_body_node_is_not_limited_to_the_body() -> None:
    loops = loops_of(
        ("start", "head"),
        ("head", "fact_check"),
        ("load_corpus", "fact_check"),
        ("fact_check", "tail"),
        again("tail", "head"),
    )
    assert loops.recorded()["reach"]["fact_check"] == ["fact_check", "head", "load_corpus", "start"]


@pytest.mark.rule("SG-18")
def test_loops_that_share_a_node_without_containment_are_merged() -> None:
    loops = loops_of(
        ("start", "head_a"),
        ("start", "head_b"),
        ("head_a", "shared"),
        ("head_b", "shared"),
        again("shared", "head_a"),
        again("shared", "head_b"),
    )
    assert bodies(loops) == {"head_a": ["head_a", "head_b", "shared"]}
    assert [found["code"] for found in loops.diagnostics] == ["LOOPS_MERGED"]


@pytest.mark.rule("SG-19")
@pytest.mark.parametrize(
    ("source", "consumer", "behind"),
    [
        ({"loop_a": 0}, {"loop_a": 1}, True),
        ({"loop_a": 1}, {"loop_a": 1}, False),
        ({}, {"loop_a": 3}, False),
        ({"outer": 2, "inner": 0}, {"outer": 1, "inner": 5}, False),
        ({"outer": 1, "inner": 0}, {"outer": 1, "inner": 2}, True),
        ({"outer": 0, "inner": 9}, {"outer": 1, "inner": 0}, True),
    ],
)
def test_the_first_difference_of_two_stamps_decides(
    source: dict[str, int], consumer: dict[str, int], behind: bool
) -> None:
    assert is_behind(source, consumer) is behind


@pytest.mark.rule("SG-18", "SG-7")
async def test_an_inner_loop_starts_over_in_each_round_of_the_outer_one() -> None:
    rounds = Rounds("again", "again", "done")
    outer = Rounds("again", "done")

    @node_type(
        id="inner_turn",
        shape="gateway",
        branches=[{"name": "again", "value": 1}, {"name": "done", "value": 2}],
    )
    async def inner_turn(value: Any = None) -> Branched[Any]:
        """Takes two more rounds each time."""
        taken = rounds.taken[rounds.executions % 3]
        rounds.executions += 1
        return Branched((taken,), value)

    nodes = [
        node("start", "emit"),
        node("outer", "count", name="outer"),
        node("inner", "count", name="inner", maxIterations=3),
        node("inner_turn", "inner_turn"),
        node("outer_turn", "turn"),
        node("end", "watch", name="end"),
    ]
    edges = [
        edge("start", "result", "outer", "value"),
        edge("outer", "result", "inner", "value"),
        edge("inner", "result", "inner_turn", "value"),
        again("inner_turn", "inner"),
        edge("inner_turn", "done", "outer_turn", "trigger"),
        again("outer_turn", "outer"),
        edge("outer_turn", "done", "end", "trigger"),
    ]
    ended = await run_flow(nodes, edges, *outer.functions, inner_turn)
    assert ended.outcome.status == "completed"
    stamps = [job.stamp for job in ended.sink.rows.values() if job.node_id == "inner"]
    assert stamps == [
        {"outer": 0, "inner": 0},
        {"outer": 0, "inner": 1},
        {"outer": 0, "inner": 2},
        {"outer": 1, "inner": 0},
        {"outer": 1, "inner": 1},
        {"outer": 1, "inner": 2},
    ]
    assert [list(stamp or {}) for stamp in stamps] == [["outer", "inner"]] * 6
    assert ended.sink.times("finished", "end") == 1


@pytest.mark.rule("SG-6")
async def test_several_edges_into_one_node_run_it_once_per_round() -> None:
    rounds = Rounds("again", "done")
    nodes, edges = simple_loop()
    edges += [edge("head", "trigger", "work", "b"), edge("head", "result", "work", "name2")]
    await run_flow(nodes, edges, *rounds.functions)
    assert sum(name == "work" for name, _ in rounds.seen) == 2


@pytest.mark.rule("SG-6")
async def test_two_tails_that_lead_back_begin_one_round() -> None:
    rounds = Rounds(["again"], ["again"], ["done"])
    nodes = [
        node("start", "emit"),
        node("head", "count", name="head", maxIterations=3),
        node("tail_a", "emit"),
        node("tail_b", "emit_sync"),
    ]
    edges = [
        edge("start", "result", "head", "value"),
        edge("head", "result", "tail_a", "value"),
        edge("head", "result", "tail_b", "value"),
        again("tail_a", "head", "result"),
        again("tail_b", "head", "result"),
    ]
    ended = await run_flow(nodes, edges, *rounds.functions)
    assert [value for _, value in rounds.seen] == [0, 1, 2]
    assert ended.sink.times("finished", "tail_a") == ended.sink.times("finished", "tail_b") == 3


@pytest.mark.rule("SG-9")
async def test_a_condition_on_a_loopback_edge_gates_nothing_and_warns_each_round(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rounds = Rounds("again", "again", "done")
    nodes, edges = simple_loop()
    edges = [
        {**wire, "data": {"condition": "false"}} if "loop_back" in wire["targetHandle"] else wire
        for wire in edges
    ]
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        await run_flow(nodes, edges, *rounds.functions)
    assert rounds.executions == 3
    assert len([found for found in caplog.records if "condition" in found.getMessage()]) == 3


@pytest.mark.rule("SG-10")
async def test_a_loopback_edge_from_the_trigger_port_belongs_to_no_branch() -> None:
    rounds = Rounds("done")
    nodes, edges = simple_loop(maxIterations=3)
    nodes[3]["data"]["config"]["branches"] = [{"name": "trigger", "value": 1}, {"name": "done", "value": 2}]
    edges = [wire for wire in edges if "loop_back" not in wire["targetHandle"]]
    await run_flow(nodes, [*edges, again("turn", "head", "trigger")], *rounds.functions)
    assert rounds.executions == 3


@pytest.mark.rule("SG-5")
async def test_the_value_of_a_loopback_edge_arrives_only_where_it_is_declared() -> None:
    seen: list[Any] = []

    @node_type(id="wants")
    async def wants(value: Any = None, loop_back: Any = None) -> Any:
        """Takes what comes back."""
        seen.append(loop_back)
        return value

    @node_type(id="ignores")
    async def ignores(context: NodeContext, value: Any = None) -> Any:
        """Does not."""
        seen.append(dict(context.dynamic_inputs))
        return value

    for kind, expected in (("wants", [None, 7]), ("ignores", [{}, {}])):
        seen.clear()
        nodes = [node("start", "emit", value=7), node("head", kind), node("turn", "turn")]
        edges = [
            edge("start", "result", "head", "value"),
            edge("head", "result", "turn", "value"),
            again("turn", "head", "result"),
        ]
        nodes[1]["data"]["config"]["maxIterations"] = 2
        await run_flow(nodes, edges, *Rounds("again").functions, wants, ignores)
        assert seen == expected


@pytest.mark.rule("SG-19", "BR-6")
async def test_a_join_waits_for_the_value_of_its_own_round() -> None:
    """The long arm of the join is two nodes behind the short one."""
    rounds = Rounds("again", "again", "done")
    nodes = [
        node("start", "emit"),
        node("head", "count", name="head"),
        node("long", "emit_sync"),
        node("longer", "emit_sync"),
        node("join", "watch", name="join"),
        node("turn", "turn"),
    ]
    edges = [
        edge("start", "result", "head", "value"),
        edge("head", "result", "long", "value"),
        edge("long", "result", "longer", "value"),
        edge("head", "result", "join", "a"),
        edge("longer", "result", "join", "b"),
        edge("join", "result", "turn", "value"),
        again("turn", "head"),
    ]
    await run_flow(nodes, edges, *rounds.functions)
    assert [value for name, value in rounds.seen if name == "join"] == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.rule("SG-19")
async def test_a_source_outside_the_loop_is_never_behind() -> None:
    rounds = Rounds("again", "again", "done")
    nodes, edges = simple_loop()
    nodes.append(node("fixed", "emit", value="outside"))
    edges.append(edge("fixed", "result", "work", "b"))
    await run_flow(nodes, edges, *rounds.functions)
    assert [value for name, value in rounds.seen if name == "work"] == [
        [0, "outside"],
        [1, "outside"],
        [2, "outside"],
    ]


@pytest.mark.rule("SG-19")
async def test_a_branch_of_what_hangs_off_a_loop_joins_values_of_one_round() -> None:
    rounds = Rounds("again", "again", "done")
    nodes, edges = simple_loop()
    nodes += [
        node("x", "emit"),
        node("y", "emit"),
        node("y2", "emit_sync"),
        node("join", "watch", name="join"),
    ]
    edges += [
        edge("work", "result", "x", "value"),
        edge("work", "result", "y", "value"),
        edge("y", "result", "y2", "value"),
        edge("x", "result", "join", "a"),
        edge("y2", "result", "join", "b"),
    ]
    await run_flow(nodes, edges, *rounds.functions)
    assert [value for name, value in rounds.seen if name == "join"] == [[0, 0], [1, 1], [2, 2]]


def planner(*taken: Any, handler: bool = False) -> Any:
    """Return a flow whose planner may turn away from the fact check that the writer needs as well."""
    rounds = Rounds(*taken)
    nodes = [
        node("start", "emit"),
        node("head", "count", name="head"),
        node("planner", "planner"),
        node("fact_check", "emit_sync", value="checked"),
        node("writer", "watch", name="writer"),
        node("tail", "turn"),
    ]
    edges = [
        edge("start", "result", "head", "value"),
        edge("head", "result", "planner", "value"),
        edge("planner", "check", "fact_check", "trigger"),
        edge("fact_check", "result", "writer", "a"),
        edge("head", "result", "writer", "b"),
        edge("writer", "result", "tail", "value"),
        again("tail", "head"),
    ]
    if handler:
        nodes.append(node("handler", "watch", name="handler"))
        edges.append(edge("writer", "error", "handler", "a"))

    @node_type(
        id="planner", shape="gateway", branches=[{"name": "check", "value": 1}, {"name": "skip", "value": 2}]
    )
    async def plan(value: Any = None) -> Branched[Any]:
        """Checks in the first round only."""
        return Branched(("check",) if value == 0 else ("skip",), value)

    return nodes, edges, (*rounds.functions, plan), rounds


@pytest.mark.rule("SG-20")
async def test_a_port_that_can_no_longer_be_filled_fails_its_node_and_says_why() -> None:
    nodes, edges, functions, rounds = planner("again")
    ended = await run_flow(nodes, edges, *functions)
    assert ended.outcome.status == "failed"
    error = ended["writer"].error or {}
    (detail,) = error["details"]
    assert (detail["locator"], detail["round"], detail["source"], detail["gateway"]) == (
        "a",
        1,
        "fact_check",
        "planner",
    )
    assert ended["writer"].result_key == "writer:1"
    assert [value for name, value in rounds.seen if name == "writer"] == [["checked", 0]]


@pytest.mark.rule("SG-20", "ERR-7")
async def test_such_a_failure_takes_the_error_edge_of_its_node() -> None:
    nodes, edges, functions, rounds = planner("again", handler=True)
    ended = await run_flow(nodes, edges, *functions)
    assert ended.outcome.status == "completed"
    assert ended["writer"].error_routed
    assert [name for name, _ in rounds.seen if name == "handler"] == ["handler"]


@pytest.mark.rule("SG-20")
async def test_a_source_that_never_ran_is_an_ordinary_skipped_branch() -> None:
    nodes, edges, functions, _ = planner("done")
    nodes[1]["data"]["config"]["name"] = "other"
    edges = [wire for wire in edges if wire["source"] != "planner"]
    nodes.append(node("closed", "gateway", take=["no"]))
    edges.append(edge("closed", "yes", "fact_check", "trigger"))
    ended = await run_flow(nodes, edges, *functions)
    assert ended.outcome.status == "completed"
    assert (ended["writer"].status, ended["writer"].skip_reason) == ("skipped", "branch_not_active")


@pytest.mark.rule("ERR-10", "ERR-7")
async def test_a_failure_is_handled_in_each_round_it_happens_in() -> None:
    rounds = Rounds("again", "again", "done")
    nodes, edges = simple_loop()
    nodes += [node("may_break", "breaks", on=1), node("handler", "watch", name="handler")]
    edges += [
        edge("head", "result", "may_break", "value"),
        edge("may_break", "error", "handler", "trigger"),
    ]
    ended = await run_flow(nodes, edges, *rounds.functions)
    assert ended.outcome.status == "completed"
    assert [name for name, _ in rounds.seen if name == "handler"] == ["handler"]
    handled = [job.result_key for job in ended.sink.rows.values() if job.error_routed]
    assert handled == ["may_break:1"]


@pytest.mark.rule("DATA-2")
async def test_the_newest_execution_feeds_a_port_and_the_collision_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nodes = [node("one", "emit", value=1), node("two", "emit", value=2), node("end", "see")]
    edges = [
        edge("one", "result", "end", "a"),
        edge("two", "result", "end", "a"),
        edge("one", "trigger", "two", "trigger"),
        edge("two", "result", "end", "b"),
    ]
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        ended = await run_flow(nodes, edges)
    assert ended.result("end") == {"a": 2, "b": 2}
    assert [found for found in caplog.records if "Several values" in found.getMessage()]


@pytest.mark.rule("DATA-5", "CMP-6")
async def test_a_head_needs_an_edge_forward_and_waits_for_it_alone() -> None:
    rounds = Rounds("again", "done")
    ended = await run_flow(*simple_loop(), *rounds.functions)
    assert ended.sink.steps.index(("finished", "start")) < ended.sink.steps.index(("started", "head"))
