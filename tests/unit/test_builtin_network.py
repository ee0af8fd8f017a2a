"""The nodes that call other hosts, against a real server on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from local_hosts import LocalHost, local_host
from node_runs import REGISTRY, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import World

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def host() -> Iterator[LocalHost]:
    with local_host() as host:
        yield host


@pytest.fixture
def ask(host: LocalHost) -> Ask:
    def asking(type_id: str, path: str, delivered: dict[str, Any] | None = None, **config: Any) -> Any:
        given = {"url": host.url(path), **config}
        world = World(network=host.network())
        return run_node(type_id, delivered, given, world=world).output

    return asking


def refused(ask: Ask, *arguments: Any, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        ask(*arguments, **config)
    return caught.value


def test_a_request_gives_every_part_of_the_answer(ask: Ask, host: LocalHost) -> None:
    given = ask("http_request", "/echo?a=1", headers={"X-Asked": "yes"})

    assert given["status_code"] == 200
    assert given["headers"]["content-type"] == "application/json"
    assert json.loads(given["body"]) == given["json"]
    assert given["json"]["headers"]["x-asked"] == "yes"
    assert given["url"] == host.url("/echo?a=1")
    assert given["method"] == "GET"
    assert 0 < given["request_time"] < 30


def test_what_is_wired_beats_what_is_configured(ask: Ask, host: LocalHost) -> None:
    wired = {"url": host.url("/echo?wired"), "method": "DELETE", "headers": {"X-Wired": "1"}}
    given = ask("http_request", "/echo", wired, method="GET", headers={"X-Own": "1"})

    assert (given["json"]["method"], given["json"]["path"]) == ("DELETE", "/echo?wired")
    assert "x-wired" in given["json"]["headers"]
    assert "x-own" not in given["json"]["headers"]


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ("plain words", "plain words", "text/plain; charset=utf-8"),
        ('{"a": 1}', '{"a": 1}', "application/json"),
        ("[broken", "[broken", "text/plain; charset=utf-8"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}', "application/json"),
        ([1], "[1]", "application/json"),
        (0, "0", "application/json"),
        ("", "", None),
        (None, "", None),
    ],
)
def test_a_body_is_sent_as_text_or_as_json(ask: Ask, body: Any, sent: str, kind: str | None) -> None:
    seen = ask("http_request", "/echo", {"body": body}, method="POST")["json"]

    assert seen["body"] == sent
    assert seen["headers"].get("content-type") == kind


def test_the_author_names_the_content_type(ask: Ask) -> None:
    given = ask("http_request", "/echo", {"body": {"a": 1}}, method="POST", headers={"content-type": "x/y"})

    assert given["json"]["headers"]["content-type"] == "x/y"


def test_a_request_gives_an_answer_that_reports_an_error(ask: Ask) -> None:
    given = ask("http_request", "/status?code=503")

    assert (given["status_code"], given["json"]) == (503, {"problem": True})


def test_an_answer_that_is_no_json_has_none(ask: Ask) -> None:
    given = ask("http_request", "/text")

    assert (given["body"], given["json"]) == ("Grüße", None)


@pytest.mark.parametrize(
    ("delivered", "config", "locator"),
    [
        ({"method": "BREW"}, {}, "method"),
        ({"headers": {"a": 1}}, {}, "headers"),
        ({}, {"timeout": 0}, "timeout"),
        ({}, {"timeout": 301}, "timeout"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(
    ask: Ask, delivered: dict[str, Any], config: dict[str, Any], locator: str
) -> None:
    error = refused(ask, "http_request", "/echo", delivered, **config)

    assert error.code == "PARAMETER_INVALID"
    assert [detail["locator"].partition(".")[0] for detail in error.details] == [locator]


@pytest.mark.parametrize("type_id", ["http_request", "url_fetch", "webhook"])
def test_nothing_on_this_machine_is_called_unless_allowed(host: LocalHost, type_id: str) -> None:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, {}, {"url": f"http://127.0.0.1:{host.port}/echo"})

    assert caught.value.code == "HOST_NOT_ALLOWED"
    assert host.asked == []


@pytest.mark.parametrize("type_id", ["http_request", "url_fetch", "webhook"])
def test_a_configured_timeout_is_kept(ask: Ask, type_id: str) -> None:
    assert refused(ask, type_id, "/slow", timeout=0.2).code == "REQUEST_TIMEOUT"


@pytest.mark.parametrize("type_id", ["url_fetch", "webhook"])
def test_an_address_has_to_be_given(ask: Ask, type_id: str) -> None:
    assert refused(ask, type_id, "", url="").code == "REQUEST_INVALID"


def test_only_what_may_change_the_world_is_never_repeated_silently() -> None:
    changes = {kind.id: kind.side_effects for kind in REGISTRY}

    assert (changes["http_request"], changes["webhook"], changes["url_fetch"]) == (True, True, False)


def test_a_fetch_gives_json_as_data(ask: Ask, host: LocalHost) -> None:
    given = ask("url_fetch", "/redirect?to=/echo", headers={"X-Asked": "yes"})

    assert given["response"]["headers"]["x-asked"] == "yes"
    assert (given["url"], given["method"], given["timeout"]) == (host.url("/echo"), "GET", 30)
    assert given["status_code"] == 200


def test_a_fetch_gives_text_when_asked_to(ask: Ask) -> None:
    assert json.loads(ask("url_fetch", "/echo", parseJson=False)["response"])["method"] == "GET"
    assert ask("url_fetch", "/text")["response"] == "Grüße"


def test_a_fetch_of_the_head_gives_headers_only(ask: Ask) -> None:
    given = ask("url_fetch", "/echo", method="HEAD")

    assert given["response"] == ""
    assert given["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (500, False), (503, True), (429, True)])
def test_a_fetch_of_an_error_is_an_error(ask: Ask, status: int, retryable: bool) -> None:
    error = refused(ask, "url_fetch", f"/status?code={status}")

    assert (error.code, error.retryable) == ("HTTP_STATUS", retryable)
    assert str(status) in error.message


def test_a_fetch_that_may_not_follow_a_redirect_fails(ask: Ask) -> None:
    assert refused(ask, "url_fetch", "/redirect?to=/echo", followRedirects=False).code == "HTTP_STATUS"


def test_a_webhook_is_sent_json(ask: Ask, host: LocalHost) -> None:
    given = ask("webhook", "/echo", {"payload": {"a": 1}}, headers={"Authorization": "Bearer s3cret"})

    assert host.asked[0]["body"] == '{"a":1}'
    assert host.asked[0]["headers"]["authorization"] == "Bearer s3cret"
    assert (given["response"]["method"], given["payload"]) == ("POST", {"a": 1})
    assert (given["method"], given["status_code"], given["url"]) == ("POST", 200, host.url("/echo"))


def test_a_webhook_gives_the_answers_headers_and_not_its_own(ask: Ask) -> None:
    given = ask("webhook", "/text", {"payload": 1}, headers={"Authorization": "Bearer s3cret"})

    assert given["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert "s3cret" not in json.dumps(given)


def test_a_webhook_may_be_called_without_a_body(ask: Ask, host: LocalHost) -> None:
    ask("webhook", "/echo", {"payload": {"a": 1}}, method="GET")

    assert (host.asked[0]["method"], host.asked[0]["body"]) == ("GET", "")


def test_a_webhook_that_answers_with_an_error_fails(ask: Ask) -> None:
    error = refused(ask, "webhook", "/status?code=503", {"payload": 1})

    assert (error.code, error.retryable) == ("HTTP_STATUS", False)
