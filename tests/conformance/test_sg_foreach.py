"""SG-4: a list is gone through one item per round, and its results are given at the end."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import Documents, bench, run_flow
from graphs import edge, node
from loop_nodes import Rounds, again

from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


@node_type(id="double")
async def double(value: Any = None) -> Any:
    """Gives twice its value."""
    return value * 2


@node_type(id="see_results")
async def see_results(a: Any = None, b: Any = None) -> Any:
    """Passes the first value on."""
    return a


def each(items: Any, work: str = "double", **config: Any) -> tuple[Documents, Documents]:
    """Return a workflow that does the same work to every item, and shows the results afterwards."""
    return (
        [
            node("list", "emit", value=items),
            node("each", "foreach", **config),
            node("work", work),
            node("after", "watch", name="after"),
        ],
        [
            edge("list", "result", "each", "items"),
            edge("each", "item", "work", "value"),
            again("work", "each", "result"),
            edge("each", "collected_results", "after", "a"),
        ],
    )


@pytest.mark.rule("SG-4", "SG-5")
async def test_every_item_is_worked_on_and_the_results_come_in_order() -> None:
    rounds = Rounds()
    ended = await run_flow(*each([1, 2, 3]), *rounds.functions, double)
    assert ended.outcome.status == "completed"
    assert rounds.seen == [("after", [2, 4, 6])]
    assert ended.sink.times("finished", "work") == 3
    assert ended.sink.times("finished", "each") == 4


@pytest.mark.rule("SG-4")
async def test_each_round_tells_its_item_and_where_it_stands() -> None:
    ended = await run_flow(*each(["a", "b"]), *Rounds().functions, double)
    told = [job.output or {} for job in ended.sink.rows.values() if job.node_id == "each"]
    keys = ("current_item", "current_index", "total_count", "is_first", "is_last", "loop_active")
    assert [tuple(output[key] for key in keys) for output in told] == [
        ("a", 0, 2, True, False, True),
        ("b", 1, 2, False, True, True),
        (None, None, 2, False, False, False),
    ]
    assert told[-1]["collected_results"] == ["aa", "bb"]


@pytest.mark.rule("SG-4")
async def test_an_empty_list_enters_no_round() -> None:
    rounds = Rounds()
    ended = await run_flow(*each([]), *rounds.functions, double)
    assert ended.outcome.status == "completed"
    assert rounds.seen == [("after", [])]
    assert ended["work"].status == "skipped"


@pytest.mark.rule("SG-4")
async def test_the_list_may_be_longer_than_the_rounds_that_are_left() -> None:
    rounds = Rounds()
    await run_flow(*each([1] * 6, maxIterations=2), *rounds.functions, double)
    assert rounds.seen == [("after", [2] * 6)]


@pytest.mark.rule("SG-4", "SG-18")
@pytest.mark.parametrize("passing", [True, False], ids=["merged", "nested"])
async def test_an_inner_list_begins_anew_for_each_item_of_the_outer_one(passing: bool) -> None:
    """Where nothing leads on from the inner body, the two loops count as one (SG-18)."""
    rounds = Rounds()
    nodes = [
        node("list", "emit", value=[[1, 2], [], [3]]),
        node("outer", "foreach"),
        node("inner", "foreach"),
        node("work", "double"),
        node("after", "watch", name="after"),
    ]
    edges = [
        edge("list", "result", "outer", "items"),
        edge("outer", "item", "inner", "items"),
        edge("inner", "item", "work", "value"),
        again("work", "inner", "result"),
        again("inner", "outer", "collected_results"),
        edge("outer", "collected_results", "after", "a"),
    ]
    if not passing:
        edges.append(edge("work", "result", "inner_done", "b"))
        edges[4] = again("inner_done", "outer", "result")
        edges.append(edge("inner", "collected_results", "inner_done", "a"))
        edges.append(edge("inner", "completed", "inner_done", "trigger"))
        nodes.append(node("inner_done", "see_results"))
    ended = await run_flow(nodes, edges, *rounds.functions, double, see_results)
    assert ended.outcome.status == "completed"
    assert rounds.seen == [("after", [[2, 4], [], [6]])]


@pytest.mark.rule("SG-4")
async def test_an_item_that_fails_stops_the_list_unless_its_error_may_be_its_result() -> None:
    nodes, edges = each([1, 2, 3], "breaks")
    nodes[2] = node("work", "breaks", on=2)
    edges.append(again("work", "each", "error"))
    ended = await run_flow(nodes, edges, *Rounds().functions)
    assert ended.outcome.status == "failed"
    assert (ended["each"].error or {})["code"] == "FOREACH_ITEM_FAILED"

    rounds = Rounds()
    nodes[1] = node("each", "foreach", continueOnError=True)
    ended = await run_flow(nodes, edges, *rounds.functions)
    assert ended.outcome.status == "completed"
    ((_, results),) = rounds.seen
    assert (results[0], results[1]["code"], results[2]) == (1, "BROKEN", 3)


@pytest.mark.rule("SG-4", "SG-11", "SG-17")
async def test_a_list_goes_on_in_a_later_process_where_it_stopped() -> None:
    """Every item asks, so every round ends in a pause."""
    rounds = Rounds()
    nodes, edges = each(["a", "b", "c"], "ask")
    nodes[2] = node("work", "ask")
    edges[1] = edge("each", "item", "work", "data")
    flow = bench(nodes, edges, *rounds.functions)
    ended = await flow.execute()
    for answer in ("x", "y", "z"):
        assert ended.outcome.status == "paused"
        flow.answer("work", answer)
        ended = await flow.execute()
    assert ended.outcome.status == "completed"
    assert rounds.seen == [("after", ["x", "y", "z"])]
    assert ended.sink.times("finished", "list") == 1
