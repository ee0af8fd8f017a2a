"""SG-1 to SG-3, SG-11 and SG-14: the state that nodes share, its checkpoints, and the iteration limit."""

from __future__ import annotations

import copy
from typing import Any, TypedDict

import pytest
from engine_runs import bench, run_flow
from graphs import document, edge, node
from loop_nodes import Rounds, again, simple_loop
from sessions_desk import ADA

from flowdrop_jupyter.engine.state import fresh_state, reduced, state_at
from flowdrop_jupyter.nodes import NodeContext
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


class Update(TypedDict, total=False):
    """An output, and a change of the state."""

    result: Any
    state_update: Any


@node_type(id="updates")
async def updates(update: Any = None, after: Any = None) -> Update:
    """Changes the state as it is told to."""
    return {"result": after, "state_update": update}


@node_type(id="looks")
async def looks(
    after: Any = None, __state__: Any = None, __messages__: Any = None, __data__: Any = None
) -> Any:
    """Tells the state it sees."""
    return {"state": __state__, "messages": __messages__, "data": __data__}


@node_type(id="looks_at_item")
async def looks_at_item(value: Any = None, __iterator__: Any = None, __current_item__: Any = "none") -> Any:
    """Tells the item it sees."""
    return [__current_item__, __iterator__ and __iterator__["index"]]


FUNCTIONS = (updates, looks, looks_at_item)


@pytest.mark.rule("SG-1")
def test_data_is_merged_other_fields_are_replaced_and_the_old_state_stays() -> None:
    old = {"data": {"existing": "value"}, "currentNodeId": ""}
    new = reduced(old, {"data": {"new": "data"}, "currentNodeId": "node_2"})
    assert new == {"data": {"existing": "value", "new": "data"}, "currentNodeId": "node_2"}
    assert old == {"data": {"existing": "value"}, "currentNodeId": ""}


@pytest.mark.rule("SG-1")
def test_messages_are_appended_and_what_is_left_out_keeps_its_value() -> None:
    old = {**fresh_state("t"), "messages": [1], "metadata": {"a": {"x": 1}}, "custom": [1]}
    before = copy.deepcopy(old)
    new = reduced(old, {"messages": [2, 3], "metadata": {"a": {"y": 2}}, "custom": [2]})
    assert (new["messages"], new["metadata"], new["custom"]) == ([1, 2, 3], {"a": {"y": 2}}, [2])
    assert new["threadId"] == "t"
    assert old == before


@pytest.mark.rule("SG-2", "SG-3")
async def test_an_update_is_seen_by_the_nodes_after_it_that_declare_to_look() -> None:
    update = {"data": {"x": 1}, "messages": [{"role": "user"}], "topic": "weather"}
    ended = await run_flow(
        [node("a", "updates", update=update), node("b", "looks")],
        [edge("a", "result", "b", "after")],
        *FUNCTIONS,
    )
    seen = ended.result("b")
    assert (seen["data"], seen["messages"]) == ({"x": 1}, [{"role": "user"}])
    assert (seen["state"]["topic"], seen["state"]["currentNodeId"]) == ("weather", "a")


@pytest.mark.rule("SG-3")
async def test_exposure_never_removes_an_update() -> None:
    ports = {"outputs": {"state_update": {"exposed": False}}}
    ended = await run_flow(
        [node("a", "updates", update={"data": {"x": 1}}, ports=ports), node("b", "looks")],
        [edge("a", "result", "b", "after")],
        *FUNCTIONS,
    )
    assert ended.result("b")["data"] == {"x": 1}


@pytest.mark.rule("SG-2")
async def test_a_reserved_input_takes_the_runtime_value_whatever_else_is_given() -> None:
    wire = edge("a", "result", "b", "__data__")
    ended = await run_flow(
        [node("a", "emit", value={"forged": 1}), node("b", "looks", __data__={"forged": 2})],
        [wire],
        *FUNCTIONS,
        initial={"b": {"__data__": {"forged": 3}}},
    )
    assert ended.result("b")["data"] == {}


@pytest.mark.rule("SG-2")
async def test_the_item_is_there_while_the_state_has_an_iterator() -> None:
    rounds = Rounds()
    nodes = [node("list", "emit", value=["x", "y"]), node("each", "foreach"), node("look", "looks_at_item")]
    nodes.append(node("after", "watch", name="after"))
    edges = [
        edge("list", "result", "each", "items"),
        edge("each", "item", "look", "value"),
        again("look", "each", "result"),
        edge("each", "collected_results", "after", "a"),
    ]
    await run_flow(nodes, edges, *rounds.functions, *FUNCTIONS)
    assert rounds.seen == [("after", [["x", 0], ["y", 1]])]
    ended = await run_flow([node("look", "looks_at_item")], [], *FUNCTIONS)
    assert ended.result("look") == ["none", None]


@pytest.mark.rule("SG-2")
async def test_what_the_state_does_not_have_cannot_be_given_from_outside() -> None:
    forged = {"__current_item__": "forged", "input": {"__current_item__": "forged too"}}
    ended = await run_flow(
        [node("a", "emit", value="forged as well"), node("look", "looks_at_item")],
        [edge("a", "result", "look", "__current_item__")],
        *FUNCTIONS,
        initial={"look": forged},
    )
    assert ended.result("look") == ["none", None]


@pytest.mark.rule("SG-2")
@pytest.mark.parametrize("aware", [True, False])
async def test_the_live_state_goes_to_types_that_declare_themselves_aware(aware: bool) -> None:
    @node_type(id="aware", state_aware=aware)
    async def looks_live(context: NodeContext) -> Any:
        """Tells whether it sees the state."""
        return context.state is not None

    assert (await run_flow([node("n", "aware")], [], looks_live)).result("n") is aware


@pytest.mark.rule("SG-2")
async def test_a_resumed_node_is_told_the_prompt_it_goes_on_from() -> None:
    seen: list[Any] = []

    @node_type(id="asks_twice")
    async def asks(context: NodeContext, __interrupt_id__: Any = None) -> Any:
        """Asks."""
        seen.append(__interrupt_id__)
        return (await context.ask({"type": "text", "message": "?"})).value

    flow = bench([node("n", "asks_twice")], [], asks)
    await flow.execute()
    flow.answer("n", "yes")
    await flow.execute()
    assert seen == [None, "interrupt 1"]


@pytest.mark.rule("SG-2")
async def test_nothing_reserved_is_kept_with_the_execution() -> None:
    ended = await run_flow([node("b", "looks_at_item")], [], *FUNCTIONS)
    assert "__" not in str(ended["b"])


@pytest.mark.rule("SG-11")
async def test_every_node_leaves_a_checkpoint_that_follows_the_one_before() -> None:
    ended = await run_flow(*simple_loop(), *Rounds("again", "done").functions)
    kept = [*ended.sink.checkpoints, ended.outcome.checkpoint]
    names = [checkpoint.name for checkpoint in kept if checkpoint]
    assert names == ["start", "head", "work", "turn", "head", "work", "turn", "after", "workflow_end"]
    parents = [checkpoint.parent_id for checkpoint in kept if checkpoint]
    assert parents == [None, *(checkpoint.id for checkpoint in kept[:-1] if checkpoint)]


@pytest.mark.rule("SG-11")
async def test_the_state_at_any_checkpoint_can_be_looked_at() -> None:
    nodes = [node(f"n{index}", "updates", update={"messages": [index]}) for index in range(3)]
    edges = [edge("n0", "result", "n1", "after"), edge("n1", "result", "n2", "after")]
    ended = await run_flow(nodes, edges, *FUNCTIONS)
    kept = ended.sink.checkpoints
    states = [state_at(kept, checkpoint.id) or {} for checkpoint in kept]
    assert [state["messages"] for state in states] == [[0], [0, 1], [0, 1, 2]]
    assert [state["currentNodeId"] for state in states] == ["n0", "n1", "n2"]


@pytest.mark.rule("SG-11")
async def test_a_checkpoint_is_as_small_as_what_its_node_changed() -> None:
    nodes = [
        node("n0", "updates", update={"data": {"large": "x" * 10_000}}),
        node("n1", "updates", update={}),
    ]
    ended = await run_flow(nodes, [edge("n0", "result", "n1", "after")], *FUNCTIONS)
    assert len(str(ended.sink.checkpoints[1])) < 1_000


@pytest.mark.rule("SG-11", "SG-1")
async def test_a_later_process_goes_on_with_the_state_as_it_was() -> None:
    flow = bench(
        [node("a", "updates", update={"data": {"x": 1}}), node("q", "ask"), node("b", "looks")],
        [edge("a", "result", "q", "prompt"), edge("q", "result", "b", "after")],
        *FUNCTIONS,
    )
    await flow.execute()
    flow.answer("q", "go on")
    ended = await flow.execute()
    assert ended.result("b")["data"] == {"x": 1}
    assert [kept.parent_id for kept in ended.sink.checkpoints][1] == ended.sink.checkpoints[0].id


@pytest.mark.rule("SG-14")
@pytest.mark.parametrize(("most", "status"), [(2, "completed"), (1, "max_iterations_exceeded")])
async def test_one_iteration_more_than_allowed_ends_the_run(most: int, status: str) -> None:
    rounds = Rounds("again", "again", "done")
    ended = await run_flow(*simple_loop(), *rounds.functions, limits={"max_iterations": most})
    assert ended.outcome.status == status
    if status != "completed":
        error = ended.outcome.error or {}
        assert (error["max_iterations"], error["current_iterations"], error["node_id"]) == (1, 2, "head")
        assert ended["after"].status == "skipped"


@pytest.mark.rule("SG-14", "SG-3")
async def test_an_update_of_the_count_above_the_limit_ends_the_run() -> None:
    nodes = [node("loop_node", "updates", update={"iterationCount": 999}), node("b", "looks")]
    ended = await run_flow(
        nodes, [edge("loop_node", "result", "b", "after")], *FUNCTIONS, limits={"max_iterations": 5}
    )
    assert ended.outcome.status == "max_iterations_exceeded"
    error = ended.outcome.error or {}
    assert (error["max_iterations"], error["current_iterations"], error["node_id"]) == (5, 999, "loop_node")
    assert ended["b"].status == "skipped"


@pytest.mark.rule("SG-3")
@pytest.mark.parametrize("update", [{"messages": "one"}, {"data": []}, {"iterationCount": "x"}])
async def test_an_update_that_no_reducer_takes_fails_its_node(update: Any) -> None:
    ended = await run_flow([node("a", "updates", update=update)], [], *FUNCTIONS)
    assert ended.outcome.status == "failed"
    assert (ended["a"].error or {})["code"] == "STATE_UPDATE_INVALID"


@pytest.mark.rule("SG-11")
async def test_a_session_keeps_the_checkpoints_of_its_runs(serve: Any) -> None:
    made = document(
        [node("in", "chat_input"), node("out", "chat_output")],
        [edge("in", "message", "out", "message")],
        id="w",
    )
    async with serve() as desk:
        session_id = await desk.open(made, ADA)
        await desk.turn(session_id)
        (run_id,) = (await desk.session(session_id)).executions
        kept = await desk.host.store.checkpoints(session_id, run_id)
    assert [checkpoint.name for checkpoint in kept] == ["in", "out", "workflow_end"]
    assert [checkpoint.parent_id for checkpoint in kept] == [None, kept[0].id, kept[1].id]
