"""What an edge says by the names of its two ends and by its declared type (EDGE-1 … EDGE-5, EDGE-9)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import ECHO, document, edge, node
from server_desk import Api
from validation_desk import faults

from flowdrop_jupyter.workflow import read_edge

HIDDEN = [("R7_EDGE_TARGET_NOT_EXPOSED", "edge.0")]
LOOPING = {"ports": {"inputs": {"loop_back": {"exposed": True}}}}


def joined(target_handle: str, source_handle: str = "a-output-text", **keys: Any) -> dict[str, Any]:
    """Return an edge from a to b with these handles."""
    ends = {"id": "e", "source": "a", "target": "b"}
    return {**ends, "sourceHandle": source_handle, "targetHandle": target_handle, **keys}


async def closes_a_cycle(api: Api, handle: str, **keys: Any) -> bool:
    """Tell whether an edge from the second of two nodes back to the first is one that nodes wait for."""
    nodes = [node("one", "prompt_template", **LOOPING), node("two", "prompt_template")]
    back = {"id": "back", "source": "two", "target": "one", "targetHandle": handle, **keys}
    back.setdefault("sourceHandle", "two-output-prompt")
    saved = await api.post("workflows", document(nodes, [edge("one", "prompt", "two", "data"), back]))
    assert saved.status == 201, saved.text
    launched = await api.post(f"workflows/{saved.data['id']}/execute", {})
    codes = [detail["code"] for detail in launched.body.get("details", [])]
    return "WORKFLOW_CYCLE" in codes


@pytest.mark.rule("EDGE-1")
@pytest.mark.parametrize(
    ("handle", "port"),
    [
        ("b-input-data", "data"),
        ("other-input-data", "data"),
        ("b-input-x-input-data", "x-input-data"),
        ("b-input-x-output-data", "x-output-data"),
        ("other-output-x-input-data", "x-input-data"),
        ("data", "data"),
    ],
)
async def test_the_port_is_all_that_follows_the_first_marker(api: Api, handle: str, port: str) -> None:
    nodes = [node("a", "text_input"), node("b", "prompt_template")]
    served = (await api.post("workflows", document(nodes, [joined(handle)]))).data
    assert served["edges"][0]["targetHandle"] == f"b-input-{port}"


@pytest.mark.rule("EDGE-1")
@pytest.mark.parametrize(
    ("handle", "hidden"),
    [
        ("b-input-loop_back", True),
        ("other-input-loop_back", True),
        ("other-output-loop_back", True),
        ("b-input-x-input-loop_back", False),
        ("b-input-loop_back-x", False),
    ],
)
async def test_the_port_that_is_judged_is_the_one_after_the_first_marker(
    api: Api, handle: str, hidden: bool
) -> None:
    nodes = [node("a", "text_input"), node("b", "prompt_template")]
    assert await faults(api, nodes, [joined(handle)]) == (HIDDEN if hidden else [])


@pytest.mark.rule("EDGE-1", "EDGE-3", "EDGE-4")
@pytest.mark.parametrize(
    ("handle", "kind"),
    [
        ("b-input-trigger", "trigger"),
        ("b-input-x-input-trigger", "trigger"),
        ("b-input-trigger-x", "data"),
        ("b-input-my_trigger", "data"),
        ("b-output-trigger-input-data", "data"),
        ("b-input-loop_back", "loopback"),
        ("b-input-x-input-loop_back", "loopback"),
        ("b-input-loopback", "data"),
        ("b-input-loop_back-x", "data"),
        ("b-output-trigger", "data"),
        ("b-output-loop_back", "data"),
    ],
)
def test_the_kind_follows_from_the_end_of_the_handle_alone(handle: str, kind: str) -> None:
    for declared in (None, "", "data", "trigger", 7):
        assert read_edge(joined(handle, data={"edgeType": declared})).kind == kind


@pytest.mark.rule("EDGE-3")
async def test_a_value_does_not_travel_over_a_trigger_edge(api: Api) -> None:
    nodes = [
        node("chat_input.1", "chat_input"),
        node("text.1", "text_input", defaultValue="configured"),
        node("chat_output.1", "chat_output"),
    ]
    over = edge("chat_input.1", "message", "text.1", "trigger")
    edges = [over, edge("text.1", "text", "chat_output.1", "message")]
    session_id = await api.open(document(nodes, edges, id="w"))
    said = (await api.turn(session_id, "from the user"))["data"]
    assert [row["content"] for row in said if row["role"] == "assistant"] == ["configured"]


@pytest.mark.rule("EDGE-4")
async def test_only_the_loop_back_suffix_lets_an_edge_close_a_cycle(api: Api) -> None:
    assert not await closes_a_cycle(api, "one-input-loop_back")
    assert await closes_a_cycle(api, "one-input-loopback")
    assert await closes_a_cycle(api, "one-input-trigger")


@pytest.mark.rule("EDGE-5")
@pytest.mark.parametrize(
    ("handle", "data", "is_tool"),
    [
        ("one-input-tool", {}, True),
        ("one-input-tool", {"edgeType": ""}, True),
        ("one-input-tool", {"edgeType": None}, True),
        ("one-input-tool", {"edgeType": ["data"]}, True),
        ("one-input-tool", {"edgeType": "data"}, False),
        ("one-input-tool", {"edgeType": "trigger"}, False),
        ("one-input-data", {"edgeType": "tool_availability"}, True),
        ("one-input-trigger", {"edgeType": "tool_availability"}, True),
        ("one-input-data", {}, False),
        ("one-input-my-tool", {}, False),
        ("one-output-tool", {}, False),
    ],
)
async def test_a_declared_type_decides_in_both_ways_and_else_the_handle(
    api: Api, handle: str, data: dict[str, Any], is_tool: bool
) -> None:
    # Nodes do not wait for their tools, so that only these edges may lead back.
    assert await closes_a_cycle(api, handle, data=data) is not is_tool


@pytest.mark.rule("EDGE-2")
@pytest.mark.parametrize("raw", [{}, {"source": 7, "target": None, "sourceHandle": [], "data": "x"}])
def test_an_edge_that_says_nothing_reads_as_empty_texts(raw: dict[str, Any]) -> None:
    read = read_edge(raw)
    assert (read.id, read.source, read.target, read.source_port, read.target_port) == ("",) * 5
    assert read.kind == "data"


@pytest.mark.rule("EDGE-9")
async def test_edges_in_the_form_of_execution_records_are_not_understood(api: Api) -> None:
    record = {"id": "e", "source": "a", "target": "b", "source_handle": "a-output-error"}
    record |= {"target_handle": "b-input-loop_back", "is_trigger": True, "is_tool": True}
    nodes = [node("a", "text_input"), node("b", "prompt_template")]
    # Both ports are hidden: an edge that named them would be refused.
    assert await faults(api, nodes, [record]) == []
    assert read_edge(record).kind == "data"


@pytest.mark.rule("EDGE-9")
async def test_workflows_and_runs_are_served_without_any_key_of_execution_records(api: Api) -> None:
    session_id = await api.open(ECHO)
    run_id = (await api.turn(session_id, "x"))["data"][0]["executionId"]
    served = await api.get("workflows/echo")
    run = await api.get(f"executions/{run_id}")
    assert run.status == 200
    texts = [served.text, run.text]
    assert {"source", "target", "sourceHandle", "targetHandle"} <= set(served.data["edges"][0])
    keys = ("source_handle", "target_handle", "is_trigger", "is_loopback", "is_tool", "edge_id")
    assert not [key for key in keys for text in texts if f'"{key}"' in text]
