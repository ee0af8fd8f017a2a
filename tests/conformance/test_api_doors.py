"""What all doors share: the body gate, envelopes, paging, and how they refuse (API-1 … API-8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contents import everything
from graphs import APPROVAL, ECHO, document, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.server.app import ALL_ROUTES
from flowdrop_jupyter.sessions import Host

NOWHERE = "00000000-0000-4000-8000-000000000000"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

REQUIRED = [
    "POST workflows",
    "PUT workflows/echo",
    "POST workflows/validate",
    "POST playground/sessions/{session}/messages",
]
OPTIONAL = [
    "POST workflows/echo/playground/sessions",
    "POST workflows/echo/execute",
    "POST workflows/echo/contract",
]
BAD_BODIES = [
    (b'{"name": ', "BODY_MALFORMED"),
    (b'"text"', "BODY_NOT_AN_OBJECT"),
    (b"null", "BODY_NOT_AN_OBJECT"),
    (b"[" * 64 + b"]" * 64, "BODY_TOO_DEEP"),
    (b"{}" + b" " * (8 * 1024 * 1024), "BODY_TOO_LARGE"),
]


async def scene(api: Api) -> str:
    """Save the workflow ``echo``, open a session on it, and return its id."""
    return await api.open(ECHO)


@pytest.mark.rule("API-1")
@pytest.mark.parametrize("door", [*REQUIRED, *OPTIONAL])
async def test_one_gate_serves_every_door_that_takes_json(api: Api, host: Host, door: str) -> None:
    session_id = await scene(api)
    before = await everything(host.store)
    method, path = door.format(session=session_id).split()
    for raw, code in BAD_BODIES:
        assert_refused(await api(method, path, raw=raw), 400, code)
    assert await everything(host.store) == before


@pytest.mark.rule("API-1")
@pytest.mark.parametrize("door", REQUIRED)
async def test_a_body_that_has_to_be_there_is_missed(api: Api, door: str) -> None:
    method, path = door.format(session=await scene(api)).split()
    assert_refused(await api(method, path, raw=b""), 400, "BODY_EMPTY")


@pytest.mark.rule("API-1")
@pytest.mark.parametrize("door", OPTIONAL)
async def test_an_optional_body_that_is_absent_is_an_empty_object(api: Api, door: str) -> None:
    await scene(api)
    method, path = door.split()
    absent = await api(method, path, raw=b"")
    empty = await api(method, path, {})
    assert absent.status == empty.status < 300, absent.text


@pytest.mark.rule("API-1")
async def test_a_name_alone_passes_the_gate(api: Api) -> None:
    assert (await api.post("workflows", {"name": "WF"})).status == 201


# A session without a workflow


@pytest.mark.rule("API-3")
@pytest.mark.parametrize(
    "door",
    [
        "GET playground/sessions/{session}",
        "DELETE playground/sessions/{session}",
        "GET playground/sessions/{session}/messages",
        "POST playground/sessions/{session}/messages",
        "GET playground/sessions/{session}/interrupts",
        "POST playground/sessions/{session}/stop",
        "GET playground/sessions/{session}/messages/" + NOWHERE,
        "GET playground/sessions/{session}/messages/" + NOWHERE + "/status",
    ],
)
async def test_every_door_of_a_session_without_a_workflow_is_409(
    api: Api, host: Host, door: str, caplog: pytest.LogCaptureFixture
) -> None:
    session_id = await scene(api)
    async with host.store.transaction(session_id) as tx:
        tx.session.workflow_id = ""
    method, path = door.format(session=session_id).split()
    body = {"content": "hi"} if method == "POST" else None
    refused = assert_refused(await api(method, path, body), 409, "SESSION_WORKFLOW_MISSING")
    assert session_id not in json.dumps(refused)
    assert session_id in caplog.text


@pytest.mark.rule("API-3")
async def test_a_turn_on_a_deleted_workflow_is_the_same_409(api: Api) -> None:
    session_id = await scene(api)
    await api.delete("workflows/echo")
    path = f"playground/sessions/{session_id}/messages"
    assert_refused(await api.post(path, {"content": "hi"}), 409, "SESSION_WORKFLOW_MISSING")


# Envelopes and pages


@pytest.mark.rule("API-5")
async def test_there_are_three_envelopes(api: Api) -> None:
    await scene(api)
    assert set((await api.get("workflows/echo")).body) == {"success", "data"}
    assert list((await api.get("workflows")).body)[:3] == ["success", "data", "pagination"]
    refused = (await api.get("workflows/nope")).body
    assert (refused["success"], type(refused["error"])) == (False, str)
    assert "data" not in refused


LISTS = [
    "workflows",
    "nodes",
    "playground/sessions",
    "workflows/echo/playground/sessions",
    "playground/sessions/{session}/interrupts",
]


@pytest.mark.rule("API-5", "API-6")
@pytest.mark.parametrize("path", LISTS)
async def test_every_page_has_the_block_of_four_keys_with_corrected_values(api: Api, path: str) -> None:
    path = path.format(session=await scene(api))
    for query, limit, offset in (
        ({"limit": "1000", "offset": "-5"}, 100, 0),
        ({"limit": "101"}, 100, 0),
        ({"limit": "2", "offset": "1"}, 2, 1),
        ({"limit": "0"}, 1, 0),
        ({"limit": "-3", "offset": "x"}, 1, 0),
        ({"limit": "100", "offset": "9" * 30}, 100, None),
    ):
        reply = await api.get(path, params=query)
        assert reply.status == 200, reply.text
        block = reply.body["pagination"]
        assert list(block) == ["total", "limit", "offset", "has_more"]
        assert block["limit"] == limit
        assert offset is None or block["offset"] == offset
        assert block["has_more"] is (block["offset"] + block["limit"] < block["total"])
        assert len(reply.data) == max(min(block["limit"], block["total"] - block["offset"]), 0)


@pytest.mark.rule("API-6")
async def test_the_total_is_counted_before_the_page_and_under_every_filter(api: Api) -> None:
    for index in range(5):
        tags = ["odd" if index % 2 else "even"]
        await api.post("workflows", {"name": f"Flow {index}", "metadata": {"tags": tags}})
    await api.post("workflows", {"name": "Other", "tags": ["even"]})
    query = {"search": "flow", "tags": "even", "limit": "1", "offset": "1", "sort": "name", "order": "asc"}
    reply = await api.get("workflows", params=query)
    assert [row["name"] for row in reply.data] == ["Flow 2"]
    assert reply.body["pagination"] == {"total": 3, "limit": 1, "offset": 1, "has_more": True}
    assert reply.headers["X-Total-Count"] == "3"


# Failures


@pytest.mark.rule("API-7")
async def test_a_failure_without_a_known_cause_says_nothing_of_itself(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the password is hunter2")

    texts = set()
    for owner, name, path in (
        (host.workflows, "find", "workflows"),
        (host.workflows, "read", "workflows/x"),
        (host.sessions, "read", f"playground/sessions/{NOWHERE}"),
    ):
        monkeypatch.setattr(owner, name, broken)
        reply = await api.get(path)
        texts.add(assert_refused(reply, 500, "INTERNAL_ERROR")["error"])
        assert "hunter2" not in reply.text
    assert len(texts) == 1
    assert "hunter2" in caplog.text


@pytest.mark.rule("API-7")
async def test_what_can_be_named_is_answered_as_its_class(api: Api) -> None:
    session_id = await scene(api)
    cases = [
        ("POST", "workflows", {}, 400, "VALIDATION_ERROR"),
        ("GET", "workflows/nope", None, 404, "WORKFLOW_NOT_FOUND"),
        ("POST", "workflows", ECHO, 409, "WORKFLOW_EXISTS"),
        ("POST", f"playground/sessions/{session_id}/stop", None, 409, "NO_ACTIVE_RUN"),
        ("POST", "workflows", document([node("a", "no such type")], []), 422, "VALIDATION_ERROR"),
    ]
    for method, path, body, status, code in cases:
        assert_refused(await api(method, path, body), status, code)


@pytest.mark.rule("API-8")
async def test_every_refusal_of_every_route_and_method_has_a_code(api: Api, flowdrop: FlowDropApp) -> None:
    await scene(api)
    seen = set()
    for pattern, *_ in ALL_ROUTES:
        path = pattern
        while "(" in path:
            start = path.index("(")
            path = f"{path[:start]}{NOWHERE}{path[_closing(path, start) + 1 :].lstrip('?*')}"
        for verb in VERBS:
            reply = await api(verb, path, raw=b'{"broken' if verb in ("POST", "PUT", "PATCH") else None)
            if reply.status < 400 or verb == "HEAD":
                continue
            if json.loads(reply.raw) == {"error": "Workflow not found."}:
                continue
            body = assert_refused(reply, reply.status, reply.body["error_code"])
            assert reply.status < 500, (verb, path, body)
            assert body["error_code"].isupper()
            seen.add(reply.status)
    assert {400, 404, 405} <= seen


def _closing(pattern: str, start: int) -> int:
    depth = 0
    for index in range(start, len(pattern)):
        depth += {"(": 1, ")": -1}.get(pattern[index], 0)
        if depth == 0:
            return index
    raise AssertionError(pattern)


@pytest.mark.rule("API-8")
async def test_what_jupyter_itself_refuses_has_a_code_too(api: Api) -> None:
    assert_refused(await api.get("no/such/route"), 404, "NOT_FOUND")
    assert_refused(await api("PATCH", "workflows"), 405, "METHOD_NOT_ALLOWED")
    api.headers["Authorization"] = "token wrong"
    assert_refused(await api.get("workflows"), 401, "UNAUTHORIZED")


@pytest.mark.rule("API-8")
async def test_conflicts_are_told_apart_by_their_codes(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    stop = f"playground/sessions/{session_id}/stop"
    idle = assert_refused(await api.post(stop), 409, "NO_ACTIVE_RUN")
    await api.turn(session_id, "go")
    prompt = await api.prompt(session_id)
    await api.post(f"interrupts/{prompt['id']}", {"value": True})
    await api.until(session_id, "completed")
    again = await api.post(f"interrupts/{prompt['id']}", {"value": True})
    answered = assert_refused(again, 409, "INTERRUPT_NOT_PENDING")
    assert idle["error_code"] != answered["error_code"]
