"""What each operation puts on the wire."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from client_door import Door, ok

from flowdrop_jupyter.client import AsyncFlowDropClient, FlowDropClient
from flowdrop_jupyter.errors import InvalidInput

PAGE: dict[str, Any] = {"hasMore": False, "hasOlder": False, "sessionStatus": "idle"}
CASES: list[tuple[Callable[[Any], Any], str, str, Any]] = [
    (lambda c: c.health(), "GET", "/health", {}),
    (lambda c: c.node_types(), "GET", "/nodes", []),
    (lambda c: c.categories(), "GET", "/categories", []),
    (lambda c: c.workflows(), "GET", "/workflows", []),
    (lambda c: c.workflows("a b"), "GET", "/workflows?search=a+b", []),
    (lambda c: c.workflow("w"), "GET", "/workflows/w", {}),
    (lambda c: c.create_workflow({"name": "n"}), "POST", "/workflows", {}),
    (lambda c: c.update_workflow("w", {"name": "n"}), "PUT", "/workflows/w", {}),
    (lambda c: c.delete_workflow("w"), "DELETE", "/workflows/w", None),
    (lambda c: c.sessions(), "GET", "/playground/sessions", []),
    (lambda c: c.sessions("w"), "GET", "/workflows/w/playground/sessions", []),
    (lambda c: c.create_session("w", "n"), "POST", "/workflows/w/playground/sessions", {}),
    (lambda c: c.session("s"), "GET", "/playground/sessions/s", {}),
    (lambda c: c.delete_session("s"), "DELETE", "/playground/sessions/s", None),
    (lambda c: c.post_message("s", "hi"), "POST", "/playground/sessions/s/messages", {}),
    (
        lambda c: c.messages("s", since=3, before=9, limit=5),
        "GET",
        "/playground/sessions/s/messages?since=3&before=9&limit=5",
        [],
    ),
    (lambda c: c.message("s", "m"), "GET", "/playground/sessions/s/messages/m", {}),
    (lambda c: c.message_status("s", "m"), "GET", "/playground/sessions/s/messages/m/status", {}),
    (lambda c: c.stop("s"), "POST", "/playground/sessions/s/stop", None),
    (lambda c: c.interrupts("s", "pending"), "GET", "/playground/sessions/s/interrupts?status=pending", []),
    (lambda c: c.interrupt("i"), "GET", "/interrupts/i", {}),
    (lambda c: c.resolve_interrupt("i", False), "POST", "/interrupts/i", {}),
    (lambda c: c.cancel_interrupt("i"), "POST", "/interrupts/i/cancel", {}),
]


@pytest.mark.parametrize(("operation", "method", "path", "data"), CASES)
def test_each_operation_has_its_method_and_path(
    door: Door, operation: Callable[[Any], Any], method: str, path: str, data: Any
) -> None:
    door(lambda _: ok(data, **PAGE), operation)
    [request] = door.sent
    assert request.method == method
    assert request.url.raw_path.decode() == f"/base/flowdrop/api{path}"


def test_path_parameters_are_quoted(door: Door) -> None:
    door(lambda _: ok({}), lambda c: c.session("a/b ?ü%2F"))
    assert door.sent[0].url.raw_path == b"/base/flowdrop/api/playground/sessions/a%2Fb%20%3F%C3%BC%252F"


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_refused(door: Door, bad: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be an id"):
        door(lambda _: ok({}), lambda c: c.session(bad))
    assert door.sent == []


def test_the_token_travels_in_the_authorization_header(door: Door) -> None:
    door(lambda _: ok([]), lambda c: c.workflows())
    assert door.sent[0].headers["authorization"] == "token s3cret"


def test_the_repr_hides_the_token(door: Door) -> None:
    assert "s3cret" not in door(lambda _: ok([]), repr)


def test_a_message_is_posted_with_inputs_and_idempotency_key(door: Door) -> None:
    door(lambda _: ok({}), lambda c: c.post_message("s", "hi", {"a": 1}, "key-1"))
    assert json.loads(door.sent[0].content) == {"content": "hi", "inputs": {"a": 1}}
    assert door.sent[0].headers["idempotency-key"] == "key-1"


def test_a_false_answer_is_sent_as_false(door: Door) -> None:
    door(lambda _: ok({}), lambda c: c.resolve_interrupt("i", False))
    assert json.loads(door.sent[0].content) == {"value": False}


def test_a_held_reply_gets_more_time_than_an_ordinary_one(door: Door) -> None:
    door(lambda _: ok({}), lambda c: c.interrupt("i"))
    door(lambda _: ok({}), lambda c: c.resolve_interrupt("i", 1))
    ordinary, held = (request.extensions["timeout"]["read"] for request in door.sent)
    assert ordinary == 30.0
    assert held > 60.0


def test_a_read_in_the_background_does_not_count_as_activity(door: Door) -> None:
    door(lambda _: ok([], **PAGE), lambda c: c.in_background().messages("s", since=3))
    door(lambda _: ok([], **PAGE), lambda c: c.in_background().newer("s", 3))
    door(lambda _: ok([], **PAGE), lambda c: c.messages("s", since=3))
    background, driven, asked_for = (dict(request.url.params) for request in door.sent)
    assert background == {"since": "3", "no_track_activity": "1"}
    assert driven["no_track_activity"] == "1"
    assert asked_for == {"since": "3"}


def test_a_client_in_the_background_leaves_the_other_as_it_was(door: Door) -> None:
    def both(client: Any) -> Any:
        client.in_background()
        return client.workflows()

    door(lambda _: ok([]), both)
    assert "no_track_activity" not in door.sent[0].url.params


def test_creating_a_session_sends_only_what_is_given(door: Door) -> None:
    door(lambda _: ok({}), lambda c: c.create_session("w"))
    door(lambda _: ok({}), lambda c: c.create_session("w", "n", {"k": 1}))
    bodies = [json.loads(request.content) for request in door.sent]
    assert bodies == [{}, {"name": "n", "metadata": {"k": 1}}]


def test_the_twins_have_the_same_operations() -> None:
    def operations(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if not name.startswith("_") and name not in {"close", "aclose", "base_url"}
        }

    assert operations(FlowDropClient) == operations(AsyncFlowDropClient)


def test_the_health_answer_is_read_bare_or_wrapped(door: Door) -> None:
    bare = httpx.Response(200, json={"status": "healthy", "success": True, "data": {"timestamp": 1}})
    assert door(lambda _: bare, lambda c: c.health()) == {"status": "healthy"}
    wrapped = ok({"status": "healthy"})
    assert door(lambda _: wrapped, lambda c: c.health()) == {"status": "healthy"}
