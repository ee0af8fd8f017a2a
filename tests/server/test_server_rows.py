"""What the routes answer: exact keys in order, one envelope, one block for pages."""

from __future__ import annotations

from typing import Any

import pytest
from gates import ask
from graphs import APPROVAL, ECHO, document, edge, node
from server_desk import Api, Reply

from flowdrop_jupyter.clock import format_time, parse_time
from flowdrop_jupyter.sessions import Host

SESSION = [
    "id",
    "workflowId",
    "name",
    "status",
    "createdAt",
    "updatedAt",
    "metadata",
    "executions",
    "owner",
]
MESSAGE = [
    "id",
    "sessionId",
    "role",
    "content",
    "timestamp",
    "status",
    "sequenceNumber",
    "nodeId",
    "metadata",
]
WORKFLOW = ["id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid"]
INTERRUPT = [
    "id",
    "type",
    "status",
    "message",
    "nodeId",
    "workflowId",
    "pipelineId",
    "sessionId",
    "schema",
    "options",
    "context",
    "defaultValue",
    "responseData",
    "createdAt",
    "expiresAt",
    "scheduledAt",
    "resolvedAt",
    "resolvedBy",
    "direction",
    "jobId",
    "targetPipelineId",
    "initiatorUid",
    "reason",
    "linkedInterruptId",
]


def is_published_time(text: str) -> bool:
    moment = parse_time(text)
    return moment is not None and format_time(moment) == text and len(text) == 27


@pytest.mark.rule("PLAY-2")
async def test_a_session_row_has_exactly_its_keys_in_order_everywhere(api: Api) -> None:
    await api.post("workflows", ECHO)
    path = "workflows/echo/playground/sessions"
    created = await api.post(path, {"name": "Talk", "metadata": {"x": 1}})
    row = created.data
    assert created.status == 201
    assert list(row) == SESSION
    assert (row["name"], row["workflowId"], row["status"]) == ("Talk", "echo", "idle")
    assert (row["metadata"], row["executions"]) == ({"x": 1}, [])
    assert list(row["owner"]) == ["id", "name"]
    assert is_published_time(row["createdAt"])
    assert is_published_time(row["updatedAt"])
    assert (await api.get(f"playground/sessions/{row['id']}")).data == row
    assert (await api.get(path)).data == [row]
    assert (await api.get("playground/sessions")).data == [row]


async def test_a_session_lists_its_runs_oldest_first_as_texts(api: Api) -> None:
    session_id = await api.open(ECHO)
    for content in "ab":
        await api.turn(session_id, content)
    asked = [row for row in (await api.messages(session_id))["data"] if row["role"] == "user"]
    row = (await api.get(f"playground/sessions/{session_id}")).data
    assert row["executions"] == [message["executionId"] for message in asked]


@pytest.mark.rule("PLAY-4")
async def test_a_message_row_is_the_same_in_the_acknowledgement_the_list_and_the_single_read(
    api: Api,
) -> None:
    session_id = await api.open(ECHO)
    sent = await api.say(session_id, "hello")
    listed = (await api.until(session_id, "completed"))["data"]
    assert list(sent) == [*MESSAGE, "executionId"]
    assert listed[0] == {**sent, "status": "completed"}
    assert list(listed[1]) == [*MESSAGE, "parentMessageId", "executionId"]
    for row in listed:
        assert (await api.get(f"playground/sessions/{session_id}/messages/{row['id']}")).data == row


async def test_a_turn_is_a_user_message_and_its_answer(api: Api) -> None:
    session_id = await api.open(ECHO)
    asked, answered = (await api.turn(session_id, "hello"))["data"]
    assert (asked["role"], asked["content"], asked["sequenceNumber"]) == ("user", "hello", 1)
    assert (answered["role"], answered["content"], answered["sequenceNumber"]) == ("assistant", "hello", 2)
    assert answered["parentMessageId"] == asked["id"]
    assert answered["nodeId"] == "chat_output.1"
    assert isinstance(answered["metadata"], dict)


@pytest.mark.rule("PLAY-4")
async def test_the_light_status_document_has_exactly_four_keys(api: Api) -> None:
    session_id = await api.open(ECHO)
    row = (await api.turn(session_id, "hello"))["data"][0]
    status = (await api.get(f"playground/sessions/{session_id}/messages/{row['id']}/status")).data
    assert list(status.items()) == [
        ("id", row["id"]),
        ("status", "completed"),
        ("sequenceNumber", 1),
        ("timestamp", row["timestamp"]),
    ]


@pytest.mark.rule("PLAY-3")
async def test_the_poll_of_an_empty_session_is_exactly_the_envelope(api: Api) -> None:
    session_id = await api.open(ECHO)
    reply = await api.get(f"playground/sessions/{session_id}/messages")
    assert list(reply.body.items()) == [
        ("success", True),
        ("data", []),
        ("hasMore", False),
        ("hasOlder", False),
        ("sessionStatus", "idle"),
    ]


@pytest.mark.rule("PLAY-3")
async def test_the_poll_tells_fullness_and_whether_something_older_exists(api: Api) -> None:
    session_id = await api.open(ECHO)
    for content in "abc":
        await api.turn(session_id, content)

    async def window(**params: Any) -> tuple[list[int], bool, bool]:
        page = await api.messages(session_id, **params)
        return [row["sequenceNumber"] for row in page["data"]], page["hasMore"], page["hasOlder"]

    assert await window() == ([1, 2, 3, 4, 5, 6], False, False)
    assert await window(limit=6) == ([1, 2, 3, 4, 5, 6], True, False)
    assert await window(limit=2) == ([5, 6], True, True)
    assert await window(limit=2, before=3) == ([1, 2], True, False)
    assert await window(limit=3, since=2) == ([3, 4, 5], True, True)
    assert await window(since=6) == ([], False, True)


def block(reply: Reply) -> list[tuple[str, Any]]:
    assert list(reply.body)[:3] == ["success", "data", "pagination"]
    return list(reply.body["pagination"].items())


@pytest.mark.rule("API-5", "API-6")
async def test_every_list_has_the_same_block_for_its_page(api: Api) -> None:
    for number in range(3):
        await api.post("workflows", {"name": f"W{number}", "id": f"w{number}"})
        await api.post("workflows/w0/playground/sessions", {})
    expected = [("total", 3), ("limit", 2), ("offset", 0), ("has_more", True)]
    page = {"limit": "2", "offset": "0"}
    assert block(await api.get("workflows", params=page)) == expected
    assert block(await api.get("workflows/w0/playground/sessions", params=page)) == expected
    assert block(await api.get("playground/sessions", params=page)) == expected
    assert [key for key, _ in block(await api.get("nodes", params=page))] == [key for key, _ in expected]


@pytest.mark.rule("API-5", "API-6")
async def test_the_last_page_says_that_there_is_no_more(api: Api) -> None:
    for number in range(3):
        await api.post("workflows", {"name": f"W{number}"})
    reply = await api.get("workflows", params={"limit": "2", "offset": "1"})
    assert len(reply.data) == 2
    assert dict(block(reply)) == {"total": 3, "limit": 2, "offset": 1, "has_more": False}


async def test_lists_of_nodes_and_workflows_carry_their_headers(api: Api) -> None:
    await api.post("workflows", ECHO)
    reply = await api.get("workflows", params={"limit": "7", "offset": "1"})
    names = ("X-Total-Count", "X-Page-Size", "X-Page-Offset")
    assert [reply.headers[name] for name in names] == ["1", "7", "1"]
    nodes = await api.get("nodes")
    assert nodes.headers["X-Total-Count"] == str(len(nodes.data))


async def test_more_than_twenty_sessions_are_all_listed(api: Api) -> None:
    await api.post("workflows", ECHO)
    path = "workflows/echo/playground/sessions"
    opened = [(await api.post(path, {"name": f"S{number}"})).data["id"] for number in range(23)]
    assert [row["id"] for row in (await api.get(path)).data] == opened[::-1]


async def test_sessions_are_listed_by_their_newest_activity(api: Api) -> None:
    first, second = await api.open(ECHO), await api.open(ECHO)
    await api.turn(first, "hello")
    listed = (await api.get("workflows/echo/playground/sessions")).data
    assert [row["id"] for row in listed] == [first, second]


@pytest.mark.rule("STORE-14")
async def test_a_workflow_is_one_object_in_create_read_list_and_update(api: Api) -> None:
    created = await api.post("workflows", ECHO)
    assert created.status == 201
    assert list(created.data) == WORKFLOW
    assert (await api.get("workflows/echo")).data == created.data
    assert (await api.get("workflows")).data == [created.data]
    updated = (await api.put("workflows/echo", {"name": "Other"})).data
    assert list(updated) == WORKFLOW
    assert updated == (await api.get("workflows/echo")).data


@pytest.mark.rule("STORE-14")
async def test_the_interface_stands_behind_the_metadata_only_when_it_has_a_port(api: Api) -> None:
    port = {"id": "city", "bindings": [{"nodeId": "chat_output.1", "portId": "message"}]}
    with_port = await api.post("workflows", {**ECHO, "interface": {"inputs": [port]}})
    assert list(with_port.data) == [*WORKFLOW[:6], "interface", *WORKFLOW[6:]]
    emptied = await api.put("workflows/echo", {"name": "x", "interface": {"inputs": [], "outputs": []}})
    assert list(emptied.data) == WORKFLOW


@pytest.mark.rule("INT-22")
async def test_an_interrupt_has_the_same_24_keys_in_order_at_every_door(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "please")
    (listed,) = (await api.get(f"playground/sessions/{session_id}/interrupts")).data
    read = (await api.get(f"interrupts/{listed['id']}")).data
    assert list(read)[:24] == INTERRUPT
    assert read == listed
    assert (read["type"], read["status"], read["direction"]) == ("confirmation", "pending", "outward")
    assert (read["nodeId"], read["workflowId"], read["sessionId"]) == (
        "confirmation.1",
        "approval",
        session_id,
    )
    assert is_published_time(read["createdAt"])
    assert (read["resolvedAt"], read["responseData"], read["expiresAt"]) == (None, None, None)
    resolved = (await api.post(f"interrupts/{listed['id']}", {"value": True})).data
    assert list(resolved) == [*read, "response_time", "user_id"]
    assert (resolved["status"], resolved["responseData"], resolved["responseValue"]) == (
        "resolved",
        True,
        True,
    )
    assert is_published_time(resolved["resolvedAt"])
    assert resolved["resolvedBy"]


async def test_the_interrupts_of_a_session_are_filtered_by_status(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    path = f"playground/sessions/{session_id}/interrupts"
    await api.turn(session_id, "please")
    assert len((await api.get(path, params={"status": "pending"})).data) == 1
    assert (await api.get(path, params={"status": "resolved"})).data == []


ASKS = document([node("ask.1", "ask", prompt={"type": "text", "message": "And?"})], [], id="asks")


async def test_cancelling_a_prompt_answers_with_the_prompt(api: Api, host: Host) -> None:
    host.registry.add(ask)
    session_id = await api.open(ASKS)
    await api.turn(session_id, "hello")
    prompt = await api.prompt(session_id)
    reply = await api.post(f"interrupts/{prompt['id']}/cancel")
    assert reply.status == 200
    assert reply.data["id"] == prompt["id"]
    assert reply.data["status"] == "cancelled"
    assert reply.body["message"]


@pytest.mark.parametrize("what", ["playground/sessions/{session}", "workflows/approval"])
async def test_deleting_answers_with_json(api: Api, what: str) -> None:
    session_id = await api.open(APPROVAL)
    reply = await api.delete(what.format(session=session_id))
    assert (reply.status, list(reply.body)) == (200, ["success", "message"])
    assert reply.body["success"] is True


async def test_stopping_answers_with_json(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "please")
    reply = await api.post(f"playground/sessions/{session_id}/stop")
    assert (reply.status, list(reply.body)) == (200, ["success", "message"])
    assert reply.body["success"] is True


async def test_health_answers_in_both_spellings(api: Api) -> None:
    body = (await api.get("health")).body
    assert body["success"] is True
    for held in (body, body["data"]):
        assert held["status"] == "healthy"
        assert held["service"] == "flowdrop-jupyter"
        assert held["version"]
        assert held["uptime"] >= 0
    assert is_published_time(body["timestamp"])
    assert isinstance(body["data"]["timestamp"], int)


async def test_every_category_has_a_name_and_a_label(api: Api) -> None:
    categories = (await api.get("categories")).data
    assert len({category["name"] for category in categories}) == len(categories) == 17
    assert all(category["label"] for category in categories)


async def test_every_category_of_a_node_type_is_listed(api: Api) -> None:
    categories = {category["name"] for category in (await api.get("categories")).data}
    assert {kind["category"] for kind in (await api.get("nodes")).data} <= categories


async def test_the_port_configuration_has_types_and_rules_between_them(api: Api) -> None:
    ports = (await api.get("port-config")).data
    known = {kind["id"] for kind in ports["dataTypes"]}
    assert ports["defaultDataType"] in known
    assert all(kind["name"] and kind["color"] for kind in ports["dataTypes"])
    assert ports["compatibilityRules"]
    assert {rule[end] for rule in ports["compatibilityRules"] for end in ("from", "to")} <= known


async def test_every_node_type_can_be_drawn(api: Api) -> None:
    kinds = (await api.get("nodes")).data
    lanes = {kind["id"] for kind in (await api.get("port-config")).data["dataTypes"]}
    assert len({kind["id"] for kind in kinds}) == len(kinds)
    for kind in kinds:
        texts = ("id", "name", "description", "category", "version", "type")
        assert all(isinstance(kind[key], str) and kind[key] for key in texts), kind
        ports = [*kind["inputs"], *kind["outputs"]]
        assert {port["dataType"] for port in ports} <= lanes
        assert all(port["id"] and port["name"] for port in ports)


async def test_one_node_type_is_read_under_both_addresses(api: Api) -> None:
    listed = {kind["id"]: kind for kind in (await api.get("nodes")).data}
    for path in ("nodes/chat_input", "nodes/chat_input/metadata"):
        assert (await api.get(path)).data == listed["chat_input"]


async def test_node_types_are_found_by_category_and_by_text(api: Api) -> None:
    logic = (await api.get("nodes", params={"category": "logic"})).data
    assert {kind["category"] for kind in logic} == {"logic"}
    found = (await api.get("nodes", params={"search": "CHAT_INPUT"})).data
    assert found == []
    found = (await api.get("nodes", params={"search": "BEGINS A TURN"})).data
    assert [kind["id"] for kind in found] == ["chat_input"]


async def test_validating_saves_nothing_and_says_what_a_save_would_say(api: Api) -> None:
    good = (await api.post("workflows/validate", ECHO)).data
    assert (good["valid"], good["errors"]) == (True, [])
    bad = (await api.post("workflows/validate", document([node("a", "teleport")], []))).data
    assert bad["valid"] is False
    assert [detail["code"] for detail in bad["details"]] == ["R9_NODE_TYPE_UNKNOWN"]
    assert len(bad["errors"]) == 1
    assert (await api.get("workflows")).data == []


# Saving from the editor


async def test_a_save_of_the_editor_comes_back_as_it_can_be_drawn(api: Api) -> None:
    kinds = {kind["id"]: kind for kind in (await api.get("nodes")).data}
    sent = {
        "id": "edited",
        "name": "Edited",
        "description": "By hand",
        "nodes": [
            {
                "id": "chat_input.1",
                "type": "universalNode",
                "position": {"x": 10, "y": 20},
                "measured": {"width": 288, "height": 90},
                "selected": True,
                "dragging": False,
                "data": {
                    "label": "Begin",
                    "config": {"instanceTitle": "Start here"},
                    "metadata": kinds["chat_input"],
                    "nodeId": "chat_input.1",
                },
            },
            node("chat_output.1", "chat_output"),
        ],
        "edges": [
            {
                **edge("chat_input.1", "message", "chat_output.1", "message"),
                "style": "stroke: red",
                "data": {"metadata": {"edgeType": "data", "sourcePortDataType": "string"}},
            }
        ],
        "metadata": {"version": "1.2.0", "mine": {"kept": True}},
    }
    served = (await api.post("workflows", sent)).data
    first, second = served["nodes"]
    for drawn in (first, second):
        assert drawn["type"] == "universalNode"
        assert drawn["data"]["nodeId"] == drawn["id"]
        assert drawn["data"]["metadata"] == kinds[drawn["data"]["metadata"]["id"]]
    assert first["position"] == {"x": 10, "y": 20}
    assert first["measured"] == {"width": 288, "height": 90}
    assert first["data"]["label"] == "Begin"
    assert first["data"]["config"] == {"instanceTitle": "Start here"}
    assert served["edges"] == sent["edges"]
    assert served["metadata"]["mine"] == {"kept": True}
    again = (await api.put("workflows/edited", served)).data
    assert {**again, "changed": "", "metadata": ""} == {**served, "changed": "", "metadata": ""}


@pytest.mark.rule("STORE-6")
async def test_state_of_the_editor_is_not_kept(api: Api, host: Host) -> None:
    state = {"selected": True, "dragging": True, "deletable": False, "nodeId": "x"}
    drawn = {**node("a", "chat_input"), **state}
    drawn["data"]["nodeId"] = "a"
    await api.post("workflows", document([drawn], [], id="w"))
    stored = await host.store.workflow("w")
    assert stored is not None
    (kept,) = stored.nodes
    assert not set(kept) & set(state)
    assert "nodeId" not in kept["data"]
    assert kept["data"]["metadata"] == {"node_type_id": "chat_input"}


async def test_short_handles_are_served_composite(api: Api) -> None:
    wire = {**edge("a", "message", "b", "message"), "sourceHandle": "message", "targetHandle": "message"}
    graph = document([node("a", "chat_input"), node("b", "chat_output")], [wire], id="short")
    (served,) = (await api.post("workflows", graph)).data["edges"]
    assert served["sourceHandle"] == "a-output-message"
    assert served["targetHandle"] == "b-input-message"


async def test_a_node_whose_type_is_written_in_type_is_served_as_a_universal_node(api: Api) -> None:
    (served,) = (
        await api.post("workflows", {"name": "x", "nodes": [{"id": "a", "type": "chat_input"}]})
    ).data["nodes"]
    assert served["type"] == "universalNode"
    assert served["data"]["nodeId"] == "a"
    assert served["data"]["metadata"]["id"] == "chat_input"
    assert served["position"] == {"x": 0, "y": 0}


@pytest.mark.rule("STORE-4")
async def test_an_update_keeps_what_it_does_not_name(api: Api) -> None:
    await api.post("workflows", {**ECHO, "description": "Says it", "metadata": {"author": "Ada", "a": 1}})
    before = (await api.get("workflows/echo")).data
    after = (await api.put("workflows/echo", {"name": "Renamed", "metadata": {"a": 2}})).data
    assert after["name"] == "Renamed"
    assert after["description"] == "Says it"
    assert (after["nodes"], after["edges"]) == (before["nodes"], before["edges"])
    assert (after["metadata"]["author"], after["metadata"]["a"]) == ("Ada", 2)
    assert after["created"] == before["created"]
    assert after["changed"] > before["changed"]


@pytest.mark.rule("STORE-4")
async def test_a_workflow_of_a_name_alone_is_complete(api: Api) -> None:
    created = (await api.post("workflows", {"name": "Bare"})).data
    assert (created["nodes"], created["edges"], created["description"]) == ([], [], "")
    assert "interface" not in created


@pytest.mark.rule("STORE-2")
async def test_a_name_of_255_characters_is_taken_whatever_its_bytes(api: Api) -> None:
    assert (await api.post("workflows", {"name": "😀" * 255})).status == 201


@pytest.mark.rule("STORE-15")
async def test_workflows_are_found_by_any_part_of_their_name(api: Api) -> None:
    for name in ("100% sure", "Unsure", "0"):
        await api.post("workflows", {"name": name})
    for search, names in {
        "SURE": {"100% sure", "Unsure"},
        "%": {"100% sure"},
        "0": {"100% sure", "0"},
        "_": set(),
    }.items():
        reply = await api.get("workflows", params={"search": search})
        assert {row["name"] for row in reply.data} == names
        assert reply.body["pagination"]["total"] == len(names)
