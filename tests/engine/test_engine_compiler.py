"""What the compiler refuses, and which nodes are in the plan."""

from __future__ import annotations

from typing import Any

import pytest
from engine_nodes import registry
from engine_runs import Documents, run_flow
from graphs import edge, node, workflow

from flowdrop_jupyter.engine import Plan, compile_workflow
from flowdrop_jupyter.errors import CompileError

PREFIX = "The workflow cannot run: "

CYCLE = [edge("a", "result", "b", "value"), edge("b", "result", "a", "value")]


def plan(nodes: Documents, edges: Documents, **fields: Any) -> Plan:
    return compile_workflow(workflow(nodes, edges, **fields), registry())


def refusal(nodes: Documents, edges: Documents, **fields: Any) -> CompileError:
    with pytest.raises(CompileError) as caught:
        plan(nodes, edges, **fields)
    return caught.value


def typed(raw: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the edge *raw* with the edge type that the editor writes."""
    return {**raw, "data": {"metadata": {"edgeType": kind}}}


def loop(source: str, target: str) -> dict[str, Any]:
    return edge(source, "result", target, "loop_back")


def tool(source: str, target: str) -> dict[str, Any]:
    return typed(edge(source, "tool", target, "tool"), "tool")


@pytest.mark.rule("CMP-3")
@pytest.mark.parametrize(
    ("nodes", "edges", "fields", "code", "locator"),
    [
        pytest.param([], [], {"id": ""}, "WORKFLOW_WITHOUT_ID", "id", id="no workflow id, before no nodes"),
        pytest.param([], [], {}, "WORKFLOW_WITHOUT_NODES", "nodes", id="no nodes"),
        pytest.param(
            [node("a", "emit"), node("", "emit"), {"type": "emit"}],
            [],
            {},
            "NODE_WITHOUT_ID",
            "nodes.1",
            id="the first node without an id",
        ),
        pytest.param([{"id": 7, "type": "emit"}], [], {}, "NODE_WITHOUT_ID", "nodes.0", id="a number as id"),
    ],
)
def test_structure_is_checked_first_and_in_order(
    nodes: Documents, edges: Documents, fields: dict[str, Any], code: str, locator: str
) -> None:
    (detail,) = refusal(nodes, edges, **fields).details
    assert (detail["code"], detail["locator"]) == (code, locator)


@pytest.mark.rule("CMP-1")
@pytest.mark.parametrize(
    ("nodes", "edges", "code"),
    [
        pytest.param(
            [node("a", "emit"), node("b", "unheard_of"), node("", "emit")],
            [*CYCLE, loop("b", "a")],
            "NODE_WITHOUT_ID",
            id="structure before cycles",
        ),
        pytest.param(
            [node("a", "emit"), node("b", "unheard_of")],
            [*CYCLE, loop("b", "a")],
            "WORKFLOW_CYCLE",
            id="cycles before node types",
        ),
        pytest.param(
            [node("a", "emit"), node("b", "unheard_of"), node("c", "emit")],
            [edge("c", "result", "a", "value"), loop("b", "a")],
            "R9_NODE_TYPE_UNKNOWN",
            id="node types before loops",
        ),
    ],
)
def test_the_earliest_stage_that_refuses_decides(nodes: Documents, edges: Documents, code: str) -> None:
    assert refusal(nodes, edges).details[0]["code"] == code


@pytest.mark.rule("CMP-1")
@pytest.mark.parametrize(
    ("nodes", "edges", "code"),
    [
        ([], [], "WORKFLOW_WITHOUT_NODES"),
        ([node("", "emit")], [], "NODE_WITHOUT_ID"),
        ([node("a", "emit"), node("b", "emit")], CYCLE, "WORKFLOW_CYCLE"),
        ([node("a", "unheard_of")], [], "R9_NODE_TYPE_UNKNOWN"),
    ],
)
def test_every_stage_refuses_in_one_way_with_one_prefix(
    nodes: Documents, edges: Documents, code: str
) -> None:
    error = refusal(nodes, edges)
    (detail,) = error.details
    assert (type(error), error.code, detail["code"]) == (CompileError, "COMPILE_FAILED", code)
    assert error.message == PREFIX + detail["message"]
    assert error.message.count(PREFIX) == 1


@pytest.mark.rule("CMP-1", "CMP-5")
def test_a_cycle_is_named_node_by_node_and_its_cause_is_kept() -> None:
    error = refusal([node("a", "emit"), node("b", "emit"), node("far", "emit")], CYCLE)
    path = error.details[0]["locator"].split(" → ")
    assert path[0] == path[-1]
    assert set(path) == {"a", "b"}
    assert error.__cause__ is not None


@pytest.mark.rule("CMP-5")
@pytest.mark.parametrize(
    "closing",
    [
        pytest.param(edge("b", "result", "a", "value"), id="data"),
        pytest.param(edge("b", "trigger", "a", "trigger"), id="trigger"),
        pytest.param(edge("b", "error", "a", "trigger"), id="error"),
        pytest.param({"id": "x", "source": "b", "target": "a"}, id="without ports"),
    ],
)
def test_ordinary_edges_may_not_close_a_cycle(closing: dict[str, Any]) -> None:
    error = refusal([node("a", "emit"), node("b", "emit")], [edge("a", "result", "b", "value"), closing])
    assert error.details[0]["code"] == "WORKFLOW_CYCLE"


@pytest.mark.rule("CMP-5")
def test_tool_wiring_may_close_a_cycle() -> None:
    made = plan(
        [node("a", "emit"), node("b", "emit"), node("c", "emit")],
        [edge("a", "result", "b", "value"), edge("b", "result", "c", "value"), tool("b", "a")],
    )
    assert list(made.nodes) == ["a", "b", "c"]


def test_a_node_that_waits_for_itself_is_refused() -> None:
    error = refusal([node("a", "emit")], [edge("a", "result", "a", "value")])
    assert error.details[0]["code"] == "WORKFLOW_CYCLE"


@pytest.mark.rule("CMP-5")
def test_a_loopback_edge_may_close_a_cycle() -> None:
    made = plan(
        [node("start", "emit"), node("a", "emit"), node("b", "emit")],
        [edge("start", "result", "a", "value"), edge("a", "result", "b", "value"), loop("b", "a")],
    )
    assert list(made.nodes) == ["start", "a", "b"]


@pytest.mark.rule("CMP-6")
def test_an_unknown_type_is_named_with_its_node() -> None:
    (detail,) = refusal([node("a", "emit"), node("b", "unheard_of")], []).details
    assert (detail["code"], detail["locator"]) == ("R9_NODE_TYPE_UNKNOWN", "b")
    assert "unheard_of" in detail["message"]


@pytest.mark.rule("CMP-6")
def test_decoration_tool_providers_and_loop_only_nodes_stay_out() -> None:
    made = plan(
        [
            node("note", "note"),
            node("provider", "emit"),
            node("loop_only", "emit"),
            node("consumer", "emit"),
            node("alone", "emit"),
        ],
        [tool("provider", "consumer"), loop("consumer", "loop_only")],
    )
    assert sorted(made.nodes) == ["alone", "consumer"]


@pytest.mark.rule("CMP-6")
def test_a_provider_that_is_wired_for_something_else_too_runs() -> None:
    made = plan(
        [node("provider", "emit"), node("consumer", "emit")],
        [tool("provider", "consumer"), edge("provider", "result", "consumer", "value")],
    )
    assert sorted(made.nodes) == ["consumer", "provider"]


@pytest.mark.rule("CMP-6")
def test_a_node_that_does_not_run_is_not_waited_for() -> None:
    made = plan(
        [node("provider", "emit"), node("a", "emit"), node("note", "note"), node("b", "emit")],
        [tool("provider", "a"), edge("note", "result", "b", "value"), edge("a", "result", "b", "value")],
    )
    assert [found.source for found in made.nodes["b"].incoming] == ["a"]
    assert made.nodes["a"].incoming == ()


def test_an_edge_to_a_node_that_is_not_there_is_left_out() -> None:
    made = plan([node("a", "emit")], [edge("a", "result", "gone", "value"), edge("gone", "x", "a", "value")])
    assert (made.nodes["a"].incoming, made.nodes["a"].outgoing) == ((), ())


@pytest.mark.rule("CMP-2")
def test_the_live_node_type_beats_what_is_stored_on_the_node() -> None:
    stored = node("a", "give", values={"left": 1})
    stored["data"]["metadata"] |= {"executor": "crash", "type": "note", "outputs": [], "inputs": []}
    made = plan([stored], [])
    live = registry().executor("give")
    assert made.nodes["a"].executor.node_type is not None
    assert live is not None
    assert made.nodes["a"].executor.node_type == live.node_type


@pytest.mark.rule("CMP-2")
@pytest.mark.anyio
async def test_stored_metadata_cannot_uncover_a_hidden_output() -> None:
    stored = node("a", "give", values={"left": 1, "hidden": 2})
    stored["data"]["metadata"]["outputs"] = [{"id": "hidden", "exposedByDefault": True}]
    ended = await run_flow([stored], [])
    assert ended["a"].output == {"left": 1}


@pytest.mark.rule("CMP-8")
def test_the_plan_is_in_topological_order_whatever_the_definition_order() -> None:
    names = ["d", "b", "a", "c"]
    made = plan(
        [node(name, "see") for name in names],
        [
            edge("a", "result", "b", "a"),
            edge("b", "result", "d", "a"),
            edge("c", "result", "d", "b"),
            edge("a", "trigger", "c", "trigger"),
        ],
    )
    order = list(made.nodes)
    assert order[0] == "a"
    assert order[-1] == "d"


def test_labels_are_for_people() -> None:
    titled = node("b", "emit", instanceTitle="The second")
    labelled = node("a", "emit")
    labelled["data"]["label"] = "The first"
    bare = {"id": "c", "type": "emit"}
    made = plan([labelled, titled, bare], [])
    assert {planned.id: planned.label for planned in made.nodes.values()} == {
        "a": "The first",
        "b": "The second",
        "c": "c",
    }
