"""Which error each kind of answer becomes."""

from __future__ import annotations

import httpx
import pytest
from client_door import Door, ok

from flowdrop_jupyter import errors


def refusal(status: int, **body: object) -> httpx.Response:
    return httpx.Response(status, json={"success": False, **body})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidInput),
        (401, errors.NotAuthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.WorkflowInvalid),
        (503, errors.Unavailable),
        (500, errors.ServerError),
        (502, errors.ServerError),
    ],
)
def test_the_status_decides_the_class_and_the_body_the_rest(
    door: Door, status: int, kind: type[errors.FlowDropError]
) -> None:
    answer = refusal(status, error="No.", code="A", error_code="B", details=[{"code": "C", "message": "m"}])
    with pytest.raises(kind) as caught:
        door(lambda _: answer, lambda c: c.workflows())
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.code) == ("No.", "B")
    assert caught.value.details == [{"code": "C", "message": "m"}]


def test_a_refusal_with_a_success_status_is_still_a_refusal(door: Door) -> None:
    with pytest.raises(errors.ServerError, match="odd"):
        door(lambda _: refusal(200, error="odd"), lambda c: c.workflows())


def test_jupyters_own_forbidden_names_the_token(door: Door) -> None:
    answer = httpx.Response(403, json={"message": "Forbidden", "reason": None})
    with pytest.raises(errors.Forbidden, match="token") as caught:
        door(lambda _: answer, lambda c: c.workflows())
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"message": "Not Found", "reason": None}),
        httpx.Response(404, html="<html>404 : Not Found</html>"),
    ],
)
def test_a_foreign_404_says_that_the_extension_is_not_enabled(door: Door, answer: httpx.Response) -> None:
    with pytest.raises(errors.ServerError, match="does not have the FlowDrop extension enabled"):
        door(lambda _: answer, lambda c: c.workflows())


def test_a_login_page_is_recognised(door: Door) -> None:
    page = httpx.Response(200, html='<html><form action="/login"><input name="password"></form></html>')
    with pytest.raises(errors.ServerError, match="login page"):
        door(lambda _: page, lambda c: c.workflows())


def test_a_redirect_to_the_login_is_not_followed(door: Door) -> None:
    answer = httpx.Response(302, headers={"location": "/login?next=x"})
    with pytest.raises(errors.NotAuthenticated, match="login"):
        door(lambda _: answer, lambda c: c.workflows())
    assert len(door.sent) == 1


@pytest.mark.parametrize("answer", [ok({}), ok(None), httpx.Response(200, text="fine")])
def test_an_answer_of_another_shape_is_a_server_error(door: Door, answer: httpx.Response) -> None:
    with pytest.raises(errors.ServerError):
        door(lambda _: answer, lambda c: c.workflows())


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (httpx.ConnectError("no"), "is it running"),
        (httpx.ReadTimeout("no"), "in time"),
        (httpx.RemoteProtocolError("no"), "broke"),
    ],
)
def test_a_broken_connection_is_a_transport_error(door: Door, failure: Exception, words: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(errors.TransportError, match=words):
        door(fail, lambda c: c.workflows())
