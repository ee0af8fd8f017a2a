"""Who may call: credentials, XSRF, origins, the authorizer, and whose sessions are whose."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from graphs import APPROVAL, ECHO
from jupyter_server.auth import IdentityProvider, User
from server_desk import TOKEN, Api, Reply, assert_refused

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import Host

NOWHERE = "00000000-0000-4000-8000-000000000000"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN = {("GET", "health"), ("GET", "categories"), ("GET", "port-config")}
ORIGIN = "http://lab.example"


def routes(flowdrop: FlowDropApp) -> list[str]:
    """Return a path below the base for every route that the extension serves."""
    paths = []
    for pattern, *_ in flowdrop.handlers:
        path = pattern.replace("api(?:/.*)?", "api/no/such/route").partition("flowdrop/api/")[2]
        path = path.removesuffix("/?").replace("(?:/metadata)?", "").replace("\\.", ".")
        path = re.sub(r"\(\[\^/\]\+\??\)", NOWHERE, path)
        either = re.match(r"\(\?:([^()]+)\)", path)
        words = either[1].split("|") if either else [""]
        for word in words:
            spelled = word + path[either.end() :] if either else path
            assert spelled, pattern
            assert not set(spelled) & set("()[]+?*\\"), pattern
            paths.append(spelled)
    return paths


# Credentials


async def test_the_route_table_is_walked(flowdrop: FlowDropApp) -> None:
    walked = routes(flowdrop)
    assert len(walked) > 15
    assert f"playground/sessions/{NOWHERE}/messages" in walked
    assert "no/such/route" in walked


@pytest.mark.parametrize("credentials", ["", "token wrong", "Bearer wrong", f"Basic {TOKEN}"])
async def test_without_credentials_every_route_but_the_open_ones_is_401(
    api: Api, flowdrop: FlowDropApp, credentials: str
) -> None:
    api.headers["Authorization"] = credentials
    for path in routes(flowdrop):
        for verb in VERBS:
            reply = await api(verb, path, {"name": "x", "content": "x", "value": True})
            if (verb, path) in OPEN:
                assert reply.status == 200, path
            else:
                assert_refused(reply, 401, "UNAUTHORIZED")


async def test_without_credentials_nothing_is_told_about_what_exists(api: Api) -> None:
    session_id = await api.open(ECHO)
    known = await api.get(f"playground/sessions/{session_id}", headers={"Authorization": ""})
    unknown = await api.get(f"playground/sessions/{NOWHERE}", headers={"Authorization": ""})
    assert (known.status, known.raw) == (unknown.status, unknown.raw)


@pytest.mark.parametrize("scheme", ["token", "Bearer"])
async def test_both_spellings_of_a_token_are_taken(api: Api, scheme: str) -> None:
    reply = await api.get("workflows", headers={"Authorization": f"{scheme} {TOKEN}"})
    assert reply.status == 200


async def test_requests_with_the_token_are_one_owner_although_their_users_differ(
    api: Api, jp_fetch: Callable[..., Awaitable[Any]]
) -> None:
    users = [json.loads((await jp_fetch("api", "me")).body)["identity"]["username"] for _ in range(2)]
    assert users[0] != users[1]
    session_id = await api.open(ECHO)
    await api.turn(session_id, "hello")
    (row,) = (await api.get("workflows/echo/playground/sessions")).data
    assert row["id"] == session_id
    assert row["owner"]["id"] == "local"
    assert users[0] not in json.dumps(row)


# XSRF


@pytest.fixture
def browser(api: Api, jp_asyncio_loop: Any) -> dict[str, str]:
    """The cookies of a browser that saw the login page and then logged in with the token."""

    async def log_in() -> dict[str, str]:
        cookies: SimpleCookie = SimpleCookie()
        for page, credentials in (("login", ""), ("flowdrop/api/workflows", f"token {TOKEN}")):
            answer = await api.fetch(page, headers={"Authorization": credentials})
            for line in answer.headers.get_list("Set-Cookie"):
                cookies.load(line)
        return {name: item.value for name, item in cookies.items()}

    return jp_asyncio_loop.run_until_complete(log_in())


def cookie_headers(browser: dict[str, str]) -> dict[str, str]:
    return {"Authorization": "", "Cookie": "; ".join(f"{name}={text}" for name, text in browser.items())}


async def test_a_cookie_reads_without_xsrf_token(api: Api, browser: dict[str, str]) -> None:
    assert (await api.get("workflows", headers=cookie_headers(browser))).status == 200


async def test_a_cookie_writes_only_with_the_xsrf_token(api: Api, browser: dict[str, str]) -> None:
    headers = cookie_headers(browser)
    assert_refused(await api.post("workflows", ECHO, headers=headers), 403, "FORBIDDEN")
    assert (await api.get("workflows")).data == []
    headers["X-XSRFToken"] = browser["_xsrf"]
    assert (await api.post("workflows", ECHO, headers=headers)).status == 201


async def test_a_token_writes_without_xsrf_token(api: Api) -> None:
    assert (await api.post("workflows", ECHO)).status == 201


# Other origins


@pytest.mark.parametrize("server_config", [{"allow_origin": ORIGIN}])
async def test_a_page_of_an_allowed_origin_can_read_refusals_too(api: Api) -> None:
    asked = {
        200: api.get("workflows", headers={"Origin": ORIGIN}),
        400: api.post("workflows", raw=b"{", headers={"Origin": ORIGIN}),
        401: api.get("workflows", headers={"Origin": ORIGIN, "Authorization": "token wrong"}),
        404: api.get("workflows/nope", headers={"Origin": ORIGIN}),
        405: api.put("workflows", {}, headers={"Origin": ORIGIN}),
        422: api.post(
            "workflows",
            {"name": "x", "nodes": [{"id": "a"}, {"id": "a"}]},
            headers={"Origin": ORIGIN},
        ),
    }
    for status, request in asked.items():
        reply = await request
        assert reply.status == status
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("server_config", [{"allow_origin": ORIGIN}])
async def test_a_preflight_allows_all_headers_that_the_clients_send(api: Api, flowdrop: FlowDropApp) -> None:
    for path in routes(flowdrop):
        reply = await api(
            "OPTIONS",
            path,
            headers={
                "Authorization": "",
                "Origin": ORIGIN,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert (reply.status, reply.raw) == (204, b"")
        allowed = {name.strip() for name in reply.headers["Access-Control-Allow-Headers"].split(",")}
        assert {"Content-Type", "Authorization", "X-API-Key", "X-XSRFToken"} <= allowed
        methods = {name.strip() for name in reply.headers["Access-Control-Allow-Methods"].split(",")}
        assert set(VERBS) <= methods
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_page_of_another_origin_is_not_allowed_in(api: Api) -> None:
    reply = await api("OPTIONS", "workflows", headers={"Authorization": "", "Origin": "http://evil.example"})
    assert reply.headers.get("Access-Control-Allow-Origin", "") == ""


# The authorizer

SESSION, MESSAGE, WORKFLOW = "flowdrop_session", "flowdrop_session_message", "flowdrop_workflow"


@pytest.fixture
def jp_server_auth_resources(jp_server_auth_core_resources: dict[str, str]) -> dict[str, str]:
    one, base = r"[^/]+", r"/flowdrop/api/"
    return {
        **jp_server_auth_core_resources,
        base + r"openapi\.json": WORKFLOW,
        base + r"(system/(config|version)|users/preferences|files/suggest)": WORKFLOW,
        base + r"node-execution-counts": SESSION,
        base + rf"nodes(/{one})?(/metadata|/schema|/config)?": WORKFLOW,
        base + rf"variables(/{one}/{one})?": WORKFLOW,
        base + r"workflows": WORKFLOW,
        base + rf"workflows/{one}(/(export|bundle|schema|contract|triggers))?": WORKFLOW,
        base + rf"workflows/{one}/execute": SESSION,
        base + rf"triggers/{one}(/(report|fire))?": WORKFLOW,
        base + rf"workflow/{one}/pipelines": SESSION,
        base + r"executions": SESSION,
        base + rf"(pipeline|executions)/{one}(/logs)?": MESSAGE,
        base + rf"(pipeline|executions)/{one}/(status|execute|stop|cancel)": SESSION,
        base + rf"executions/{one}/(trace|checkpoints)": MESSAGE,
        base + rf"executions/{one}/rerun": SESSION,
        base + rf"(pipeline/{one}/jobs|job/{one})": MESSAGE,
        base + rf"pipelines/{one}/interrupts": SESSION,
        base + rf"snapshots(/{one})?": SESSION,
        base + rf"workflows/{one}/playground/sessions": SESSION,
        base + r"playground/sessions": SESSION,
        base + rf"playground/sessions/{one}": SESSION,
        base + rf"playground/sessions/{one}/(stop|interrupts)": SESSION,
        base + rf"playground/sessions/{one}/messages(/{one}(/status)?)?": MESSAGE,
        base + rf"interrupts/{one}(/cancel)?": SESSION,
    }


@pytest.fixture
def server_config_of_authorizer(jp_server_authorizer: Any) -> dict[str, Any]:
    return {"authorizer_class": jp_server_authorizer}


class TestAuthorizer:
    """pytest-jupyter's authorizer fails a request that asks for another resource or action than mapped."""

    @pytest.fixture
    def server_config(self, server_config_of_authorizer: dict[str, Any]) -> dict[str, Any]:
        return server_config_of_authorizer

    @staticmethod
    def allow(jp_server_authorizer: Any, actions: list[str], resources: list[str]) -> None:
        jp_server_authorizer.permissions = {"actions": actions, "resources": resources}

    @pytest.mark.parametrize("backwards", [False, True])
    async def test_every_route_asks_for_its_own_resource_and_action(
        self, api: Api, flowdrop: FlowDropApp, jp_server_authorizer: Any, backwards: bool
    ) -> None:
        self.allow(jp_server_authorizer, ["read", "write"], [SESSION, MESSAGE, WORKFLOW])
        walked = [path for path in routes(flowdrop) if ("GET", path) not in OPEN and "no/such" not in path]
        for path in walked[::-1] if backwards else walked:
            for verb in VERBS:
                assert (await api(verb, path, {})).status in (200, 400, 404, 405, 422), (verb, path)

    async def test_who_may_only_read_can_write_nowhere(
        self, api: Api, flowdrop: FlowDropApp, jp_server_authorizer: Any
    ) -> None:
        self.allow(jp_server_authorizer, ["read"], [SESSION, MESSAGE, WORKFLOW])
        assert (await api.get("workflows")).status == 200
        for path in routes(flowdrop):
            for verb in VERBS[1:]:
                status = (await api(verb, path, ECHO)).status
                assert status in ((404,) if path == "no/such/route" else (403, 405)), (verb, path)
        assert (await api.get("workflows")).data == []

    async def test_who_may_only_write_can_read_nowhere(
        self, api: Api, flowdrop: FlowDropApp, jp_server_authorizer: Any
    ) -> None:
        self.allow(jp_server_authorizer, ["write"], [SESSION, MESSAGE, WORKFLOW])
        for path in routes(flowdrop):
            if ("GET", path) not in OPEN and path != "no/such/route":
                assert (await api.get(path)).status in (403, 405), path

    async def test_who_may_not_touch_messages_still_sees_sessions(
        self, api: Api, jp_server_authorizer: Any
    ) -> None:
        self.allow(jp_server_authorizer, ["read", "write"], [SESSION, WORKFLOW])
        session_id = await api.open(ECHO)
        path = f"playground/sessions/{session_id}"
        assert (await api.get(path)).status == 200
        assert_refused(await api.get(path + "/messages"), 403, "FORBIDDEN")
        assert_refused(await api.post(path + "/messages", {"content": "hi"}), 403, "FORBIDDEN")
        assert (await api.get(path)).data["status"] == "idle"


# Owners


class NamedUsers(IdentityProvider):
    """Everybody is who they say they are."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(name, display_name=name.capitalize()) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        return True


class TestNamedUsers:
    """With a real identity provider sessions belong to those who opened them."""

    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"identity_provider_class": NamedUsers}

    @staticmethod
    def as_user(api: Api, name: str) -> Api:
        return Api(api.fetch, {"X-User": name})

    async def test_a_session_belongs_to_the_user_who_opened_it(self, api: Api) -> None:
        ada = self.as_user(api, "ada")
        session_id = await ada.open(ECHO)
        row = (await ada.get(f"playground/sessions/{session_id}")).data
        assert row["owner"] == {"id": "ada", "name": "Ada"}

    @pytest.mark.rule("PLAY-5")
    async def test_lists_show_own_sessions_only_and_count_no_others(self, api: Api) -> None:
        ada, bob = self.as_user(api, "ada"), self.as_user(api, "bob")
        await ada.open(ECHO)
        mine = await bob.open(ECHO)
        reply = await bob.get("workflows/echo/playground/sessions")
        assert [row["id"] for row in reply.data] == [mine]
        assert reply.body["pagination"]["total"] == 1

    async def test_the_session_of_somebody_else_does_not_exist(self, api: Api) -> None:
        ada, bob = self.as_user(api, "ada"), self.as_user(api, "bob")
        session_id = await ada.open(APPROVAL)
        page = await ada.turn(session_id, "please")
        prompt = (await ada.prompt(session_id))["id"]
        base = f"playground/sessions/{session_id}"
        attempts: list[Reply] = [
            await bob.get(base),
            await bob.delete(base),
            await bob.get(base + "/messages"),
            await bob.post(base + "/messages", {"content": "hi"}),
            await bob.get(f"{base}/messages/{page['data'][0]['id']}"),
            await bob.get(f"{base}/messages/{page['data'][0]['id']}/status"),
            await bob.post(base + "/stop"),
            await bob.get(base + "/interrupts"),
        ]
        for reply in attempts:
            assert_refused(reply, 404, "SESSION_NOT_FOUND")
        for reply in (
            await bob.get(f"interrupts/{prompt}"),
            await bob.post(f"interrupts/{prompt}", {"value": True}),
            await bob.post(f"interrupts/{prompt}/cancel"),
        ):
            assert_refused(reply, 404, "INTERRUPT_NOT_FOUND")
        assert await ada.messages(session_id) == page

    @pytest.mark.parametrize("flowdrop_config", [{"owner_policy": "local"}])
    async def test_the_local_policy_makes_everybody_one_owner(self, api: Api) -> None:
        session_id = await self.as_user(api, "ada").open(ECHO)
        assert (await self.as_user(api, "bob").get(f"playground/sessions/{session_id}")).status == 200


# Secrets


async def test_the_token_is_in_no_answer_and_in_no_log(
    api: Api, host: Host, flowdrop: FlowDropApp, jp_serverapp: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await jp_serverapp.extension_manager.start_all_extensions()
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "please")
    replies = [
        await api(verb, path, {"value": 1, "content": "", "name": 1}, params={"token": TOKEN})
        for path in [*routes(flowdrop), f"playground/sessions/{session_id}/messages"]
        for verb in VERBS
    ]
    for reply in replies:
        assert TOKEN not in reply.text
        assert TOKEN not in str(reply.headers)
    assert "flowdrop/api" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.rule("API-7")
async def test_a_failure_of_the_server_is_told_without_its_cause(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_search: str | None = None) -> list[Any]:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(host.workflows, "find", fail)
    body = assert_refused(await api.get("workflows"), 500, "INTERNAL_ERROR")
    assert "secret" not in json.dumps(body)
