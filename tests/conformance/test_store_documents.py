"""What is accepted as a workflow, what is kept of it, and how it is given back (STORE-1 … 8, STORE-14)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from contents import everything
from contract_desk import bound, calc, declaring
from graphs import APPROVAL, ECHO, edge, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

KEYS = ["id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid"]
WITH_PORTS = [*KEYS[:6], "interface", *KEYS[6:]]
MIB_8 = 8 * 1024 * 1024
ONE = {"nodes": [node("text_input.1", "text_input")], "edges": []}


def nested(levels: int) -> bytes:
    """Return the body of a workflow that nests to this depth, the body being level 1."""
    lists = levels - 2
    return b'{"name": "deep", "metadata": {"a": ' + b"[" * lists + b"]" * lists + b"}}"


def padded(size: int) -> bytes:
    body = b'{"name": "large"}'
    return body + b" " * (size - len(body))


# The gate


@pytest.mark.rule("STORE-1", "API-1")
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "BODY_EMPTY"),
        (b" ", "BODY_MALFORMED"),
        (b'{"name": "x"', "BODY_MALFORMED"),
        (b'{"name": NaN}', "BODY_MALFORMED"),
        (b'{"name": "x"} {}', "BODY_MALFORMED"),
        (b'{"name": "\xff"}', "BODY_MALFORMED"),
        (b'"text"', "BODY_NOT_AN_OBJECT"),
        (b"1", "BODY_NOT_AN_OBJECT"),
        (b"true", "BODY_NOT_AN_OBJECT"),
        (b"null", "BODY_NOT_AN_OBJECT"),
        (nested(64), "BODY_TOO_DEEP"),
        (b"[" * 100_000, "BODY_TOO_DEEP"),
        (padded(MIB_8 + 1), "BODY_TOO_LARGE"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
@pytest.mark.parametrize("door", ["POST workflows", "PUT workflows/echo"])
async def test_a_body_the_gate_does_not_let_in_is_400_and_writes_nothing(
    api: Api, host: Host, door: str, raw: bytes, code: str
) -> None:
    await api.post("workflows", ECHO)
    before = await everything(host.store)
    method, path = door.split()
    assert_refused(await api(method, path, raw=raw), 400, code)
    assert await everything(host.store) == before


@pytest.mark.rule("STORE-1")
async def test_the_gate_lets_in_63_levels_and_8_mib(api: Api) -> None:
    for raw in (nested(63), padded(MIB_8)):
        reply = await api("POST", "workflows", raw=raw)
        assert reply.status == 201, reply.text[:200]


# Name and id


@pytest.mark.rule("STORE-2")
@pytest.mark.parametrize("name", [None, "", 1, ["x"], "x" * 256, "ü" * 256])
@pytest.mark.parametrize("door", ["POST workflows", "PUT workflows/echo"])
async def test_a_name_that_is_missing_empty_or_too_long_is_400(
    api: Api, host: Host, door: str, name: Any
) -> None:
    await api.post("workflows", ECHO)
    before = await everything(host.store)
    method, path = door.split()
    body = {**ONE, **({} if name is None else {"name": name})}
    assert_refused(await api(method, path, body), 400, "VALIDATION_ERROR")
    assert await everything(host.store) == before


@pytest.mark.rule("STORE-2")
@pytest.mark.parametrize("name", ["x", "é" * 255, "😀" * 255, "e\u0301" * 127])
async def test_a_name_of_1_to_255_code_points_is_kept_as_it_is(api: Api, name: str) -> None:
    created = await api.post("workflows", {"name": name})
    assert created.status == 201
    assert (await api.get(f"workflows/{created.data['id']}")).data["name"] == name


@pytest.mark.rule("STORE-3")
async def test_a_chosen_id_is_honoured_once_and_then_a_conflict(api: Api, host: Host) -> None:
    assert (await api.post("workflows", {"id": "my_flow", "name": "First"})).data["id"] == "my_flow"
    before = await everything(host.store)
    assert_refused(
        await api.post("workflows", {"id": "my_flow", "name": "Second", **ONE}), 409, "WORKFLOW_EXISTS"
    )
    assert await everything(host.store) == before


# Defaults and partial updates


@pytest.mark.rule("STORE-4")
@pytest.mark.parametrize("absent", [{}, {"nodes": None, "edges": None}, {"nodes": [], "metadata": []}])
async def test_a_workflow_of_a_name_alone_is_empty_and_declares_nothing(
    api: Api, absent: dict[str, Any]
) -> None:
    created = (await api.post("workflows", {"name": "Bare", **absent})).data
    assert (created["nodes"], created["edges"]) == ([], [])
    assert "interface" not in created


@pytest.mark.rule("STORE-4")
async def test_an_update_changes_what_it_names_and_nothing_else(api: Api) -> None:
    before = (await api.post("workflows", {**ECHO, "description": "d", "metadata": {"author": "Ada"}})).data
    after = (await api.put("workflows/echo", {"name": "Other"})).data
    changing = {"name", "changed", "metadata"}
    assert {key: after[key] for key in KEYS if key not in changing} == {
        key: before[key] for key in KEYS if key not in changing
    }
    assert (after["name"], after["metadata"]["author"]) == ("Other", "Ada")
    emptied = (await api.put("workflows/echo", {"name": "Other", "edges": []})).data
    assert (emptied["edges"], len(emptied["nodes"])) == ([], 2)


@pytest.mark.rule("STORE-4")
async def test_an_interface_in_an_update_rewrites_both_sides(api: Api, host: Host) -> None:
    host.registry.add(calc)
    await api.post("workflows", declaring(bound("values"), outputs=[bound("total")]))
    kept = (await api.put("workflows/sums", {"name": "x"})).data["interface"]
    assert (len(kept["inputs"]), len(kept["outputs"])) == (1, 1)
    one_side = (await api.put("workflows/sums", {"name": "x", "interface": {"inputs": [bound("mode")]}})).data
    assert [entry["id"] for entry in one_side["interface"]["inputs"]] == ["mode"]
    assert one_side["interface"]["outputs"] == []
    none = (await api.put("workflows/sums", {"name": "x", "interface": {}})).data
    assert list(none) == KEYS
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert (stored.inputs, stored.outputs) == ([], [])


async def test_unknown_keys_are_kept_in_storage_and_not_published(api: Api, host: Host) -> None:
    created = (await api.post("workflows", {**ECHO, "viewport": {"zoom": 2}, "id": "kept"})).data
    assert list(created) == KEYS
    await api.put("workflows/kept", {"name": "x", "other": 1})
    stored = await host.store.workflow("kept")
    assert stored is not None
    assert stored.extra == {"viewport": {"zoom": 2}, "other": 1}


async def test_updates_cannot_make_a_workflow_grow_without_end(api: Api, host: Host) -> None:
    await api.post("workflows", {"id": "grows", "name": "x"})
    for part in range(2):
        assert (await api.put("workflows/grows", {"name": "x", f"k{part}": "x" * 7_000_000})).status == 200
    before = await host.store.workflow("grows")
    refused = await api.put("workflows/grows", {"name": "x", "k2": "x" * 7_000_000})
    assert_refused(refused, 400, "WORKFLOW_TOO_LARGE")
    assert await host.store.workflow("grows") == before


# Validation on save


@pytest.mark.rule("STORE-5", "STORE-10")
@pytest.mark.parametrize("door", ["POST workflows", "PUT workflows/echo"])
async def test_a_workflow_that_does_not_validate_is_422_and_is_not_repaired(
    api: Api, host: Host, door: str
) -> None:
    await api.post("workflows", ECHO)
    before = await everything(host.store)
    joined = edge("a", "text", "b", "message")
    nameless = {key: value for key, value in joined.items() if key != "id"}
    body = {
        "name": "Broken",
        "nodes": [node("a", "text_input"), node("b", "chat_output"), node("b", "chat_output")],
        "edges": [nameless, {**joined, "id": "e", "target": "ghost"}],
    }
    method, path = door.split()
    refused = assert_refused(await api(method, path, body), 422, "VALIDATION_ERROR")
    assert refused["error"].startswith("Workflow validation failed")
    found = {(detail["code"], detail.get("locator")) for detail in refused["details"]}
    assert {("R3_EDGE_MISSING_ID", "edge.0"), ("R8_EDGE_TARGET_MISSING", "edge.1")} <= found
    assert "R2_NODE_DUPLICATE_ID" in {code for code, _ in found}
    assert await everything(host.store) == before


@pytest.mark.rule("STORE-5")
async def test_a_workflow_with_warnings_only_is_stored_as_if_it_were_clean(api: Api) -> None:
    odd = {"name": "Odd", "nodes": [node("a", "text_input", nobodyKnowsThis=1)], "edges": []}
    verdict = (await api.post("workflows/validate", odd)).data
    assert verdict["valid"] is True
    assert verdict["warnings"]
    created = await api.post("workflows", odd)
    assert created.status == 201
    assert set(created.body) == {"success", "data", "message"}
    assert "warning" not in created.text.lower()


# The stored form


@pytest.mark.rule("STORE-6", "STORE-7")
async def test_a_write_keeps_of_a_node_what_the_editor_alone_does_not_need(api: Api, host: Host) -> None:
    kept = {
        "id": "a",
        "measured": {"width": 100, "height": 50},
        "position": {"x": 1.5, "y": -2},
        "style": {"color": "red"},
    }
    data = {
        "label": "A label",
        "config": {"defaultValue": "x", "instanceTitle": "T"},
        "extensions": {"a": [1]},
    }
    sent = {
        **kept,
        "type": "universalNode",
        "selected": True,
        "dragging": False,
        "deletable": True,
        "nodeId": "a",
        "data": {**data, "nodeId": "a", "metadata": {"id": "text_input", "name": "Text", "inputs": []}},
    }
    created = await api.post("workflows", {"id": "w", "name": "x", "nodes": [sent], "edges": []})
    assert created.status == 201, created.text
    stored = await host.store.workflow("w")
    assert stored is not None
    expected = {
        **kept,
        "type": "universalNode",
        "data": {**data, "metadata": {"node_type_id": "text_input"}},
    }
    assert stored.nodes == [expected]
    # What was served goes back into the same form.
    await api.put("workflows/w", created.data)
    again = await host.store.workflow("w")
    assert again is not None
    assert again.nodes == [expected]


@pytest.mark.rule("STORE-6")
async def test_a_node_without_a_type_keeps_its_metadata(api: Api, host: Host) -> None:
    note = {"id": "n", "type": "note", "selected": True, "data": {"metadata": {"color": "yellow"}}}
    created = await api.post("workflows", {"id": "w", "name": "x", "nodes": [note], "edges": []})
    assert created.status == 201, created.text
    stored = await host.store.workflow("w")
    assert stored is not None
    assert stored.nodes == [{"id": "n", "type": "note", "data": {"metadata": {"color": "yellow"}}}]


@pytest.mark.rule("STORE-6")
async def test_a_node_whose_type_went_away_is_served_with_what_was_stored(api: Api, host: Host) -> None:
    await api.post("workflows", {"id": "w", "name": "x"})
    stored = await host.store.workflow("w")
    assert stored is not None
    metadata = {"node_type_id": "gone", "name": "It was here once"}
    stored.nodes = [{"id": "a", "type": "gone", "data": {"metadata": metadata, "config": {}}}]
    await host.store.save_workflow(stored, new=False)
    (served,) = (await api.get("workflows/w")).data["nodes"]
    assert (served["type"], served["data"]["metadata"]) == ("gone", metadata)


@pytest.mark.rule("STORE-8")
async def test_the_contract_version_is_there_before_and_after_a_build(api: Api, host: Host) -> None:
    host.registry.add(calc)
    await api.post("workflows", {"id": "bare", "name": "x"})
    await api.post("workflows", declaring(bound("values")))
    for workflow_id, version in (("bare", "0.0.0"), ("sums", "1.0.0")):
        published = (await api.get(f"workflows/{workflow_id}/schema")).body["schema_version"]
        assert published == version
        assert re.fullmatch(r"\d+\.\d+\.\d+", published)


# The published object


@pytest.mark.rule("STORE-14")
@pytest.mark.parametrize("ports", [False, True])
async def test_create_read_list_and_update_give_one_object(api: Api, host: Host, ports: bool) -> None:
    host.registry.add(calc)
    keys = WITH_PORTS if ports else KEYS
    created = await api.post("workflows", declaring(*([bound("values")] if ports else [])))
    read = await api.get("workflows/sums")
    listed = await api.get("workflows")
    assert list(created.data) == list(read.data) == list(listed.data[0]) == keys
    assert created.data == read.data == listed.data[0]
    updated = await api.put("workflows/sums", {"name": "Other"})
    assert list(updated.data) == keys
    assert updated.data == (await api.get("workflows/sums")).data
    metadata = read.data["nodes"][0]["data"]["metadata"]
    assert (metadata["id"], metadata["name"]) == ("calc", "Calc")
    assert metadata["inputs"]


@pytest.mark.rule("STORE-14")
async def test_an_interface_with_drafts_only_leaves_no_key_behind(api: Api) -> None:
    for interface in ({}, {"inputs": []}, {"inputs": [], "outputs": []}, {"inputs": [{"id": "draft"}]}):
        created = await api.post("workflows", {"name": "x", "interface": interface})
        assert list(created.data) == KEYS


# Spelling


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in _keys(item)}
    return {key for item in value for key in _keys(item)} if isinstance(value, list) else set()


@pytest.mark.rule("STORE-13")
async def test_no_payload_and_no_row_has_a_bare_node_type_key(api: Api, host: Host) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "go")
    run_id = (await api.get(f"playground/sessions/{session_id}")).data["executions"][-1]
    paths = [
        "workflows/approval",
        "nodes",
        f"playground/sessions/{session_id}",
        f"playground/sessions/{session_id}/messages",
        f"playground/sessions/{session_id}/interrupts",
        f"pipeline/{run_id}",
        f"executions/{run_id}",
        f"pipeline/{run_id}/logs",
    ]
    bodies = [json.loads((await api.get(path)).raw) for path in paths]
    rows = await everything(host.store)
    for held in (*bodies, rows):
        assert not {"node_type", "nodeType_id", "nodeTypeId", "processor"} & (_keys(held) - {"nodeType"})
    assert "node_type_id" in _keys(bodies[0])
    assert "node_type_id" in _keys(bodies[5])
    assert "node_type_id" in _keys(rows)
    assert "node_id" in _keys(bodies[5])
