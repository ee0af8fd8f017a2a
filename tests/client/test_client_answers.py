"""Which error each kind of answer becomes."""

from __future__ import annotations

import ssl
from pathlib import Path

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
    "answer",
    [
        refusal(401, error="You are not logged in."),
        httpx.Response(403, json={"message": "Forbidden", "reason": None}),
        httpx.Response(302, headers={"location": "/login?next=x"}),
    ],
)
def test_a_refusal_of_a_request_without_a_token_says_how_to_get_one(
    door: Door, answer: httpx.Response, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FLOWDROP_TOKEN", raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(errors.FlowDropError, match=r"IdentityProvider\.token") as caught:
        door(lambda _: answer, lambda c: c.workflows(), token=None)
    assert "token=…" in str(caught.value)
    with pytest.raises(errors.FlowDropError) as with_token:
        door(lambda _: answer, lambda c: c.workflows())
    assert "IdentityProvider" not in str(with_token.value)


def unverified(cause: BaseException | None) -> httpx.ConnectError:
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")
    between = OSError("broken")
    between.__context__ = cause
    error.__cause__ = between
    return error


@pytest.mark.parametrize(
    "cause", [ssl.SSLCertVerificationError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), None]
)
def test_a_certificate_that_cannot_be_verified_is_named_with_its_remedy(
    door: Door, cause: BaseException | None
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise unverified(cause)

    with pytest.raises(errors.TransportError, match="certificate") as caught:
        door(fail, lambda c: c.workflows())
    assert "SSL_CERT_FILE" in str(caught.value)
    assert "is it running" not in str(caught.value)
    assert caught.value.code == "CERTIFICATE_INVALID"


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
