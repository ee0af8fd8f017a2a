"""Bad input: a typed 4xx in the envelope, nothing changed, no traceback in the body (issue 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from contents import everything
from graphs import APPROVAL, ECHO, document, edge, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow.nesting import MAX_CONTAINERS

NOWHERE = "00000000-0000-4000-8000-000000000000"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Scene:
    """A session that never ran, and one that waits for an answer to a prompt."""

    idle: str
    asking: str
    prompt: str
    nowhere: str = NOWHERE

    def path(self, template: str) -> str:
        return template.format(**vars(self))


@pytest.fixture
def scene(api: Api, jp_asyncio_loop: Any) -> Scene:
    async def build() -> Scene:
        idle, asking = await api.open(ECHO), await api.open(APPROVAL)
        await api.turn(asking, "please")
        return Scene(idle, asking, (await api.prompt(asking))["id"])

    return jp_asyncio_loop.run_until_complete(build())


MESSAGES = "playground/sessions/{idle}/messages"
JSON_DOORS = [
    ("POST", "workflows"),
    ("PUT", "workflows/echo"),
    ("POST", "workflows/validate"),
    ("POST", "workflows/echo/playground/sessions"),
    ("POST", MESSAGES),
    ("POST", "interrupts/{prompt}"),
]
GATE = {
    "truncated": (b'{"name": "x"', "BODY_MALFORMED"),
    "text": (b"name=x", "BODY_MALFORMED"),
    "NaN": (b'{"name": NaN}', "BODY_MALFORMED"),
    "Infinity": (b'{"name": -Infinity}', "BODY_MALFORMED"),
    "number too large": (b'{"name": 1e999}', "BODY_MALFORMED"),
    "lone surrogate": (b'{"name": "\\ud800"}', "BODY_MALFORMED"),
    "not utf-8": (b'{"name": "\xff"}', "BODY_MALFORMED"),
    "two values": (b"{} {}", "BODY_MALFORMED"),
    "blanks": (b" \n ", "BODY_MALFORMED"),
    "null": (b"null", "BODY_NOT_AN_OBJECT"),
    "true": (b"true", "BODY_NOT_AN_OBJECT"),
    "number": (b"7", "BODY_NOT_AN_OBJECT"),
    "string": (b'"name"', "BODY_NOT_AN_OBJECT"),
    "list": (b"[]", "BODY_NOT_AN_OBJECT"),
    "64 levels": (b'{"name": ' + b"[" * 63 + b"]" * 63 + b"}", "BODY_TOO_DEEP"),
    "70,000 levels": (b"[" * 70_000, "BODY_TOO_DEEP"),
}


@pytest.mark.rule("STORE-1", "API-1")
@pytest.mark.parametrize("door", JSON_DOORS, ids=lambda door: f"{door[0]} {door[1]}")
async def test_a_body_that_is_no_json_object_is_refused_at_every_door(
    door: tuple[str, str], api: Api, host: Host, scene: Scene
) -> None:
    before = await everything(host.store)
    for raw, code in GATE.values():
        assert_refused(await api(door[0], scene.path(door[1]), raw=raw), 400, code)
    assert await everything(host.store) == before


@pytest.mark.rule("STORE-1", "API-1")
@pytest.mark.parametrize("door", JSON_DOORS, ids=lambda door: f"{door[0]} {door[1]}")
async def test_a_body_over_8_mib_is_refused_at_every_door(
    door: tuple[str, str], api: Api, host: Host, scene: Scene
) -> None:
    before = await everything(host.store)
    raw = b'{"name":"' + b"x" * (8 * MIB - 10) + b'"}'
    assert len(raw) == 8 * MIB + 1
    assert_refused(await api(door[0], scene.path(door[1]), raw=raw), 400, "BODY_TOO_LARGE")
    assert await everything(host.store) == before


@pytest.mark.rule("STORE-1")
@pytest.mark.parametrize(
    "door", [door for door in JSON_DOORS if "sessions" not in door[1] or door[1] == MESSAGES], ids=str
)
async def test_an_empty_body_is_refused_where_one_is_needed(
    door: tuple[str, str], api: Api, scene: Scene
) -> None:
    assert_refused(await api(door[0], scene.path(door[1]), raw=b""), 400, "BODY_EMPTY")


@pytest.mark.rule("STORE-1")
async def test_a_body_of_63_levels_is_taken(api: Api) -> None:
    raw = b'{"name":"deep","metadata":{"x":' + b"[" * 61 + b"]" * 61 + b"}}"
    assert (await api.post("workflows", raw=raw)).status == 201


async def test_a_body_of_very_many_containers_is_refused_before_it_is_read(api: Api) -> None:
    at_most = b'{"name":"x","unknown":[' + b"{}," * (MAX_CONTAINERS - 3) + b"{}"
    assert_refused(await api.post("workflows", raw=at_most + b",[]]}"), 400, "BODY_TOO_COMPLEX")
    assert (await api.get("workflows")).data == []
    assert (await api.post("workflows/validate", raw=at_most + b"]}")).status == 200


@pytest.mark.rule("STORE-1")
async def test_brackets_inside_of_texts_are_no_levels(api: Api) -> None:
    assert (await api.post("workflows", {"name": '[{"\\' * 60})).status == 201


@pytest.mark.rule("STORE-1")
async def test_a_body_of_exactly_8_mib_is_taken(api: Api) -> None:
    raw = b'{"name":"x","unknown":"' + b"y" * (8 * MIB - 25) + b'"}'
    assert len(raw) == 8 * MIB
    assert (await api.post("workflows", raw=raw)).status == 201


@pytest.mark.rule("API-1")
async def test_a_session_is_opened_without_any_body(api: Api) -> None:
    await api.post("workflows", ECHO)
    opened = await api.post("workflows/echo/playground/sessions", raw=b"")
    assert (opened.status, opened.data["name"]) == (201, "Session 1")


FORM = [
    ("POST", "workflows", {}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": ""}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": 5}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": None}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x" * 256}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "id": 5}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "description": []}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "nodes": {}}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "nodes": ["chat_input"]}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "edges": "a-b"}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "metadata": "m"}, "VALIDATION_ERROR"),
    ("POST", "workflows", {"name": "x", "interface": [1]}, "INTERFACE_INVALID"),
    ("PUT", "workflows/echo", {"nodes": []}, "VALIDATION_ERROR"),
    ("PUT", "workflows/echo", {"name": ""}, "VALIDATION_ERROR"),
    ("POST", "workflows/echo/playground/sessions", {"name": ""}, "SESSION_NAME_INVALID"),
    ("POST", "workflows/echo/playground/sessions", {"name": "   "}, "SESSION_NAME_INVALID"),
    ("POST", "workflows/echo/playground/sessions", {"name": "x" * 101}, "SESSION_NAME_INVALID"),
    ("POST", "workflows/echo/playground/sessions", {"name": 7}, "SESSION_NAME_INVALID"),
    ("POST", "workflows/echo/playground/sessions", {"metadata": []}, "SESSION_METADATA_INVALID"),
    ("POST", MESSAGES, {}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": ""}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": " \n\t\u2003"}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": None}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": 5}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": ["hi"]}, "MESSAGE_EMPTY"),
    ("POST", MESSAGES, {"content": "x" * 10_001}, "MESSAGE_TOO_LONG"),
    ("POST", MESSAGES, {"content": "hi", "inputs": []}, "INPUTS_INVALID"),
    ("POST", MESSAGES, {"content": "hi", "inputs": "a=b"}, "INPUTS_INVALID"),
    ("POST", MESSAGES, {"content": "hi", "inputs": {"unknown": 1}}, "INPUT_UNDECLARED"),
    ("POST", MESSAGES, {"content": "hi", "inputs": {"chat_input.1": {"message": "x"}}}, "INPUT_UNDECLARED"),
    ("POST", "interrupts/{prompt}", {}, "VALUE_MISSING"),
    ("POST", "interrupts/{prompt}", {"Value": True}, "VALUE_MISSING"),
    ("POST", "interrupts/{prompt}", {"value": None}, "ANSWER_INVALID"),
    ("POST", "interrupts/{prompt}", {"value": "yes"}, "ANSWER_INVALID"),
    ("POST", "interrupts/{prompt}", {"value": 1}, "ANSWER_INVALID"),
    ("POST", "interrupts/{prompt}", {"value": {"confirmed": True}}, "ANSWER_INVALID"),
    ("POST", "interrupts/{prompt}/cancel", None, "INTERRUPT_NOT_CANCELLABLE"),
]


@pytest.mark.parametrize("door", sorted({case[:2] for case in FORM}), ids=lambda door: f"{door[0]} {door[1]}")
async def test_a_value_of_the_wrong_form_is_refused_with_400(
    door: tuple[str, str], api: Api, host: Host, scene: Scene
) -> None:
    before = await everything(host.store)
    for method, path, body, code in FORM:
        if (method, path) == door:
            assert_refused(await api(method, scene.path(path), body), 400, code)
            assert await everything(host.store) == before, body


@pytest.mark.rule("API-2")
async def test_the_refusal_of_an_undeclared_input_names_it_and_what_is_accepted(api: Api) -> None:
    interface = {
        "inputs": [
            {"id": "city", "bindings": [{"nodeId": "text_input.1", "portId": "data"}]},
            {"id": "day", "bindings": [{"nodeId": "text_input.1", "portId": "data"}]},
        ]
    }
    graph = document([node("text_input.1", "text_input")], [], id="asks", interface=interface)
    session_id = await api.open(graph)
    path = f"playground/sessions/{session_id}/messages"
    refused = assert_refused(
        await api.post(path, {"content": "hi", "inputs": {"town": "x"}}), 400, "INPUT_UNDECLARED"
    )
    assert refused["error"].endswith("city, day.")
    assert refused["details"][0]["locator"] == "inputs.town"


MISSING = [
    ("GET", "workflows/nope", None, "WORKFLOW_NOT_FOUND"),
    ("PUT", "workflows/nope", {"name": "x"}, "WORKFLOW_NOT_FOUND"),
    ("DELETE", "workflows/nope", None, "WORKFLOW_NOT_FOUND"),
    ("GET", "workflows/nope/playground/sessions", None, "WORKFLOW_NOT_FOUND"),
    ("POST", "workflows/nope/playground/sessions", {"name": "x"}, "WORKFLOW_NOT_FOUND"),
    ("GET", "nodes/nope", None, "NODE_TYPE_NOT_FOUND"),
    ("GET", "playground/sessions/{nowhere}", None, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/not-a-uuid", None, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/..%2F..%2Fetc", None, "SESSION_NOT_FOUND"),
    ("DELETE", "playground/sessions/{nowhere}", None, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/{nowhere}/messages", None, "SESSION_NOT_FOUND"),
    ("POST", "playground/sessions/{nowhere}/messages", {"content": "hi"}, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/{nowhere}/interrupts", None, "SESSION_NOT_FOUND"),
    ("POST", "playground/sessions/{nowhere}/stop", None, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/{nowhere}/messages/{nowhere}", None, "SESSION_NOT_FOUND"),
    ("GET", "playground/sessions/{idle}/messages/{nowhere}", None, "MESSAGE_NOT_FOUND"),
    ("GET", "playground/sessions/{idle}/messages/{nowhere}/status", None, "MESSAGE_NOT_FOUND"),
    ("GET", "interrupts/{nowhere}", None, "INTERRUPT_NOT_FOUND"),
    ("POST", "interrupts/{nowhere}", {"value": True}, "INTERRUPT_NOT_FOUND"),
    ("POST", "interrupts/{nowhere}/cancel", None, "INTERRUPT_NOT_FOUND"),
    ("GET", "no/such/route", None, "NOT_FOUND"),
    ("POST", "no/such/route", {}, "NOT_FOUND"),
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_what_does_not_exist_is_refused_with_404(
    method: str, api: Api, host: Host, scene: Scene
) -> None:
    before = await everything(host.store)
    for verb, path, body, code in MISSING:
        if verb == method:
            assert_refused(await api(method, scene.path(path), body), 404, code)
            assert await everything(host.store) == before, path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_method_that_a_route_does_not_take_is_refused_with_405(api: Api, method: str) -> None:
    assert_refused(await api(method, "workflows", {}), 405, "METHOD_NOT_ALLOWED")


async def test_a_broken_path_is_refused_in_the_envelope(
    api: Api, http_server_client: Any, jp_base_url: str
) -> None:
    answer = await http_server_client.fetch(
        f"{jp_base_url}flowdrop/api/playground/sessions/%ff", raise_error=False
    )
    assert (answer.code, answer.body) == (
        400,
        b'{"success":false,"error":"The request is malformed.","code":"BAD_REQUEST",'
        b'"error_code":"BAD_REQUEST","details":[]}',
    )


async def test_a_broken_form_body_is_refused_in_the_envelope(api: Api) -> None:
    form = {"Content-Type": "multipart/form-data"}
    assert_refused(await api.post("workflows", raw=b'{"name":"x"}', headers=form), 400, "BAD_REQUEST")


@pytest.mark.rule("STORE-3")
async def test_creating_a_workflow_under_a_taken_id_is_a_conflict(api: Api, host: Host) -> None:
    await api.post("workflows", ECHO)
    before = await everything(host.store)
    again = await api.post("workflows", {"name": "Other", "id": "echo"})
    assert_refused(again, 409, "WORKFLOW_EXISTS")
    assert await everything(host.store) == before


GRAPHS = {
    "unknown node type": ([node("a", "teleport")], [], "R9_NODE_TYPE_UNKNOWN", "node.a"),
    "a node id twice": (
        [node("a", "chat_input"), node("a", "chat_output")],
        [],
        "R2_NODE_DUPLICATE_ID",
        "node.a",
    ),
    "a node without id": ([{"type": "chat_input"}], [], "R5_NODE_MISSING_ID", "nodes.0"),
    "no source": (
        [node("a", "chat_output")],
        [edge("b", "message", "a", "message")],
        "R8_EDGE_SOURCE_MISSING",
        "edge.0",
    ),
    "no target": (
        [node("a", "chat_input")],
        [edge("a", "message", "b", "message")],
        "R8_EDGE_TARGET_MISSING",
        "edge.0",
    ),
    "to itself": (
        [node("a", "text_input")],
        [edge("a", "text", "a", "data")],
        "R12_EDGE_SELF",
        "edge.0",
    ),
    "a hidden output": (
        [node("a", "chat_input"), node("b", "chat_output")],
        [edge("a", "history", "b", "message")],
        "R7_EDGE_SOURCE_NOT_EXPOSED",
        "edge.0",
    ),
}


@pytest.mark.rule("STORE-5")
@pytest.mark.parametrize("case", GRAPHS.values(), ids=GRAPHS.keys())
@pytest.mark.parametrize("door", [("POST", "workflows"), ("PUT", "workflows/echo")], ids=["create", "update"])
async def test_a_graph_that_does_not_validate_is_refused_with_422(
    door: tuple[str, str], case: tuple[Any, Any, str, str], api: Api, host: Host
) -> None:
    await api.post("workflows", ECHO)
    before = await everything(host.store)
    nodes, edges, code, locator = case
    refused = assert_refused(
        await api(*door, {"name": "Wrong", "nodes": nodes, "edges": edges}), 422, "VALIDATION_ERROR"
    )
    assert [(detail["code"], detail["locator"]) for detail in refused["details"]] == [(code, locator)]
    assert await everything(host.store) == before


@pytest.mark.parametrize("data", [None, [1], "text", 7], ids=str)
async def test_a_node_whose_data_is_no_object_never_fails_the_server(api: Api, data: Any) -> None:
    saved = await api.post(
        "workflows", {"name": "x", "nodes": [{"id": "a", "type": "text_input", "data": data}]}
    )
    assert saved.status in (201, 422)


@pytest.mark.rule("API-5")
@pytest.mark.parametrize("name", ["limit", "offset", "status", "search"])
async def test_a_scalar_parameter_given_twice_is_refused(api: Api, scene: Scene, name: str) -> None:
    path = "workflows/echo/playground/sessions"
    assert_refused(await api.get(path, params=[(name, "1"), (name, "2")]), 400, "PARAMETER_REPEATED")


@pytest.mark.parametrize("name", ["since", "before", "limit"])
async def test_a_parameter_of_the_poll_given_twice_is_refused(api: Api, scene: Scene, name: str) -> None:
    path = scene.path(MESSAGES)
    assert_refused(await api.get(path, params=[(name, "1"), (name, "2")]), 400, "PARAMETER_REPEATED")


CURSORS = [
    "abc",
    "",
    "-1",
    "1.5",
    "\u0661",
    "\0",
    "9" * 400,
    "0001-01-01T00:00:00+05:00",
    "9999-12-31T23:59:59-05:00",
]


@pytest.mark.rule("PLAY-3")
@pytest.mark.parametrize("name", ["since", "before"])
async def test_no_cursor_fails_a_poll(api: Api, scene: Scene, name: str) -> None:
    for cursor in CURSORS:
        assert (await api.get(scene.path(MESSAGES), params={name: cursor})).status == 200, cursor


@pytest.mark.rule("PLAY-3")
async def test_a_cursor_that_is_neither_number_nor_time_is_ignored(api: Api, scene: Scene) -> None:
    plain = await api.messages(scene.asking)
    assert plain["data"]
    assert await api.messages(scene.asking, since="abc", before="xyz") == plain


@pytest.mark.rule("API-6")
@pytest.mark.parametrize(
    ("given", "limit", "offset"),
    [
        ({"limit": "1000"}, 100, 0),
        ({"limit": "0"}, 1, 0),
        ({"limit": "-3"}, 1, 0),
        ({"limit": "5", "offset": "-7"}, 5, 0),
        ({"limit": "5", "offset": "x"}, 5, 0),
        ({"limit": "9" * 400}, 100, 0),
    ],
    ids=str,
)
async def test_a_bad_page_is_corrected(api: Api, given: dict[str, str], limit: int, offset: int) -> None:
    page = (await api.get("nodes", params=given)).body["pagination"]
    assert (page["limit"], page["offset"]) == (limit, offset)


async def test_an_unknown_status_filter_is_refused(api: Api, scene: Scene) -> None:
    path = "workflows/echo/playground/sessions"
    assert_refused(await api.get(path, params={"status": "sleeping"}), 400, "STATUS_UNKNOWN")


async def test_a_second_answer_is_a_conflict(api: Api, host: Host, scene: Scene) -> None:
    path = scene.path("interrupts/{prompt}")
    assert (await api.post(path, {"value": True})).status == 200
    before = await everything(host.store)
    assert_refused(await api.post(path, {"value": False}), 409, "INTERRUPT_NOT_PENDING")
    assert await everything(host.store) == before


async def test_an_answer_to_a_withdrawn_prompt_is_a_conflict(api: Api, scene: Scene) -> None:
    await api.post(scene.path("playground/sessions/{asking}/stop"))
    path = scene.path("interrupts/{prompt}")
    assert_refused(await api.post(path, {"value": True}), 409, "INTERRUPT_NOT_PENDING")
    assert_refused(await api.post(path + "/cancel"), 409, "INTERRUPT_NOT_PENDING")


async def test_stopping_what_does_not_run_is_a_conflict(api: Api, host: Host, scene: Scene) -> None:
    before = await everything(host.store)
    assert_refused(await api.post(scene.path("playground/sessions/{idle}/stop")), 409, "NO_ACTIVE_RUN")
    assert await everything(host.store) == before
