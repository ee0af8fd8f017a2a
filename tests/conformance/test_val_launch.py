"""Launch judges the stored definition as a save does, before anything happens (VAL-LAUNCH)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import ECHO, edge, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store.records import SessionFilter


async def break_stored(host: Host) -> list[tuple[str, str]]:
    """Store what no save would accept, as an older version or another program did, and say what is wrong."""
    record = await host.store.workflow("echo")
    assert record is not None
    record.nodes = [*record.nodes, node("x", "teleport"), node("y", "text_input")]
    record.edges = [*record.edges, edge("y", "error", "nobody", "data")]
    record.inputs = [{"name": "Wrong", "node_id": "y", "port": "data"}]
    await host.store.save_workflow(record, new=False)
    return [
        ("R9_NODE_TYPE_UNKNOWN", "node.x"),
        ("R8_EDGE_TARGET_MISSING", "edge.1"),
        ("R7_EDGE_SOURCE_NOT_EXPOSED", "edge.1"),
        ("R4_NAME_FORMAT", "schema.input.0"),
    ]


def found_in(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(detail["code"], detail["locator"]) for detail in body["details"]]


@pytest.mark.rule("VAL-LAUNCH")
async def test_a_turn_of_a_workflow_that_does_not_validate_changes_nothing(api: Api, host: Host) -> None:
    session_id = await api.open(ECHO)
    await api.turn(session_id, "before")
    wrong = await break_stored(host)
    path = f"playground/sessions/{session_id}"
    before = [(await api.get(path)).body, await api.messages(session_id)]
    events = await host.store.events(session_id)

    refused = await api.post(f"{path}/messages", {"content": "after"})

    assert found_in(assert_refused(refused, 422, "VALIDATION_ERROR")) == wrong
    assert [(await api.get(path)).body, await api.messages(session_id)] == before
    assert await host.store.events(session_id) == events


@pytest.mark.rule("VAL-LAUNCH")
async def test_a_run_of_a_workflow_that_does_not_validate_is_never_made(api: Api, host: Host) -> None:
    await api.post("workflows", ECHO)
    wrong = await break_stored(host)
    refused = await api.post("workflows/echo/execute", {})
    assert found_in(assert_refused(refused, 422, "VALIDATION_ERROR")) == wrong
    assert await host.store.sessions(SessionFilter()) == []


@pytest.mark.rule("VAL-LAUNCH", "STORE-5")
async def test_save_and_launch_refuse_one_document_in_the_same_words(api: Api, host: Host) -> None:
    session_id = await api.open(ECHO)
    await break_stored(host)
    record = await host.store.workflow("echo")
    assert record is not None
    document = {"name": "Same", "nodes": record.nodes, "edges": record.edges}
    document["interface"] = {"inputs": [{"id": "Wrong", "bindings": [{"nodeId": "y", "portId": "data"}]}]}
    saved = await api.post("workflows", document)
    updated = await api.put("workflows/echo", document)
    sent = await api.post(f"playground/sessions/{session_id}/messages", {"content": "x"})
    assert saved.body == updated.body == sent.body
