"""EDGE-6 to EDGE-8: what error edges, tool edges and old conditions do to a run."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engine_nodes import registry
from engine_runs import run_flow
from graphs import document, edge, node, workflow
from server_desk import Api

from flowdrop_jupyter.engine import compile_workflow


def typed(made: dict[str, Any], edge_type: str) -> dict[str, Any]:
    """Return an edge that declares its kind."""
    return {**made, "data": {"edgeType": edge_type}}


def conditional(made: dict[str, Any], condition: Any) -> dict[str, Any]:
    """Return an edge with a condition of the removed kind."""
    return {**made, "data": {"condition": condition}}


@pytest.mark.rule("EDGE-6")
@pytest.mark.anyio
async def test_a_failure_is_routed_over_the_error_edge() -> None:
    ended = await run_flow(
        [node("bad", "fail", code="BROKEN", retryable=True), node("handler", "see"), node("next", "emit")],
        [edge("bad", "error", "handler", "a"), edge("bad", "trigger", "next", "trigger")],
    )
    job = ended["bad"]
    envelope = {"message": "It broke.", "code": "BROKEN", "node_id": "bad", "retryable": True}
    assert (job.status, job.error_routed) == ("failed", True)
    assert job.output == {"error": envelope}
    assert ended.result("handler")["a"] == envelope
    assert ended["next"].status == "skipped"
    assert ended.outcome.status == "completed"


@pytest.mark.rule("EDGE-6")
@pytest.mark.anyio
@pytest.mark.parametrize("port", ["errors", "error2", "my-output-error-log", "Error"])
async def test_a_port_of_a_similar_name_routes_nothing(port: str) -> None:
    ended = await run_flow([node("bad", "fail"), node("handler", "see")], [edge("bad", port, "handler", "a")])
    assert (ended["bad"].status, ended["bad"].error_routed) == ("failed", False)
    assert ended.outcome.status == "failed"


@pytest.mark.rule("EDGE-6")
@pytest.mark.anyio
async def test_a_node_that_succeeds_leaves_its_error_edge_alone() -> None:
    ended = await run_flow(
        [node("good", "emit"), node("handler", "see")], [edge("good", "error", "handler", "a")]
    )
    assert ended["handler"].status == "skipped"


@pytest.mark.rule("EDGE-7")
@pytest.mark.anyio
@pytest.mark.parametrize(
    "edges",
    [
        [edge("a", "tool", "agent", "tool")],
        [typed(edge("a", "result", "agent", "a"), "tool_availability")],
        [edge("a", "tool", "agent", "tool"), typed(edge("a", "result", "b", "a"), "tool_availability")],
    ],
    ids=["by its handle", "by its type", "two"],
)
async def test_a_node_with_tool_edges_only_is_left_out(edges: list[dict[str, Any]]) -> None:
    nodes = [node("a", "emit", value=1), node("agent", "see"), node("b", "see")]
    plan = compile_workflow(workflow(nodes, edges), registry())
    assert plan.excluded == {"a": "tool_only"}
    ended = await run_flow(nodes, edges)
    assert "a" not in ended.sink.kept
    assert ended["agent"].status == "completed"


@pytest.mark.rule("EDGE-7")
@pytest.mark.anyio
@pytest.mark.parametrize(
    "edges",
    [
        [],
        [edge("a", "result", "agent", "a")],
        [edge("a", "tool", "agent", "tool"), edge("a", "result", "b", "a")],
        [edge("a", "tool", "agent", "tool"), edge("a", "trigger", "b", "trigger")],
        [typed(edge("a", "tool", "agent", "tool"), "data")],
    ],
    ids=["no edge", "a data edge", "data too", "trigger too", "declared as data"],
)
async def test_any_other_node_gets_a_job(edges: list[dict[str, Any]]) -> None:
    nodes = [node("a", "emit", value=1), node("agent", "see"), node("b", "see")]
    assert "a" not in compile_workflow(workflow(nodes, edges), registry()).excluded
    assert (await run_flow(nodes, edges))["a"].status == "completed"


@pytest.mark.rule("EDGE-8")
@pytest.mark.anyio
@pytest.mark.parametrize("condition", ["false", "1 == 2", " "])
async def test_a_condition_gates_nothing_and_is_warned_of(
    condition: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        ended = await run_flow(
            [node("a", "emit", value=1), node("b", "see")],
            [conditional(edge("a", "result", "b", "a"), condition)],
        )
    assert ended.result("b")["a"] == 1
    (warning,) = caplog.records
    assert "a.result>b.a" in warning.getMessage()


@pytest.mark.rule("EDGE-8")
@pytest.mark.anyio
@pytest.mark.parametrize("condition", ["", None, 7, "absent"])
async def test_an_empty_condition_is_silent(condition: Any, caplog: pytest.LogCaptureFixture) -> None:
    made = edge("a", "result", "b", "a")
    made = made if condition == "absent" else conditional(made, condition)
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        await run_flow([node("a", "emit", value=1), node("b", "see")], [made])
    assert caplog.records == []


@pytest.mark.rule("EDGE-8")
@pytest.mark.anyio
async def test_the_warning_comes_each_time_the_edges_are_followed(caplog: pytest.LogCaptureFixture) -> None:
    nodes = [node("a", "emit"), node("b", "see")]
    edges = [conditional(edge("a", "result", "b", "a"), "x")]
    with caplog.at_level(logging.WARNING, "flowdrop_jupyter.engine"):
        await run_flow(nodes, edges)
        await run_flow(nodes, edges)
    assert len(caplog.records) == 2


@pytest.mark.rule("EDGE-8")
async def test_a_condition_is_kept_as_it_is(api: Api) -> None:
    made = conditional(edge("a", "text", "b", "message"), "input.x > 1")
    body = document([node("a", "text_input"), node("b", "chat_output")], [made], id="conditional")
    assert (await api.post("workflows", body)).status == 201
    (kept,) = (await api.get("workflows/conditional")).data["edges"]
    assert kept["data"] == made["data"]
