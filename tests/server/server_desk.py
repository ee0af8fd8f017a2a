"""How server tests call the API and wait for what they expect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from server_process import TOKEN as TOKEN

from flowdrop_jupyter.server import FlowDropApp

DEADLINE = 10.0


@dataclass(frozen=True)
class Reply:
    """One answer of the server."""

    status: int
    raw: bytes
    headers: Any

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object; every answer has one."""
        assert "Traceback" not in self.text
        assert self.headers["Content-Type"].startswith("application/json")
        body = json.loads(self.raw)
        assert isinstance(body, dict)
        return body

    @property
    def data(self) -> Any:
        assert self.body["success"] is True, self.text
        return self.body["data"]

    @property
    def text(self) -> str:
        return self.raw.decode()


@dataclass
class Api:
    """The API below ``flowdrop/api``; nothing is raised for a refusal."""

    fetch: Callable[..., Awaitable[Any]]
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        params: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        content = raw if raw is not None else None if body is None else msgspec.json.encode(body)
        answer = await self.fetch(
            "flowdrop",
            "api",
            *path.split("/"),
            method=method,
            body=content,
            params=params,
            headers={**self.headers, **(headers or {})},
            raise_error=False,
            allow_nonstandard_methods=True,
            follow_redirects=False,
        )
        return Reply(answer.code, answer.body or b"", answer.headers)

    async def get(self, path: str, **options: Any) -> Reply:
        return await self("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Reply:
        return await self("PUT", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        return await self("DELETE", path, **options)

    async def open(self, workflow: dict[str, Any]) -> str:
        """Save *workflow* unless it is there, open a session on it, and return the session's id."""
        saved = await self.post("workflows", workflow)
        assert saved.status in (201, 409), saved.text
        opened = await self.post(f"workflows/{workflow['id']}/playground/sessions", {"name": "Talk"})
        assert opened.status == 201, opened.text
        session_id: str = opened.data["id"]
        return session_id

    async def say(self, session_id: str, content: str) -> dict[str, Any]:
        """Send a message and return its row."""
        sent = await self.post(f"playground/sessions/{session_id}/messages", {"content": content})
        assert sent.status == 200, sent.text
        row: dict[str, Any] = sent.data
        return row

    async def messages(self, session_id: str, **params: Any) -> dict[str, Any]:
        return (await self.get(f"playground/sessions/{session_id}/messages", params=params)).body

    async def until(self, session_id: str, *statuses: str) -> dict[str, Any]:
        """Poll until the session's status is one of *statuses*; return the whole poll."""
        async with asyncio.timeout(DEADLINE):
            while True:
                page = await self.messages(session_id)
                if page["sessionStatus"] in statuses:
                    return page
                await asyncio.sleep(0.005)

    async def turn(self, session_id: str, content: str) -> dict[str, Any]:
        """Send a message, and return the poll after the run stopped."""
        await self.say(session_id, content)
        return await self.until(session_id, "completed", "failed", "awaiting_input")

    async def prompt(self, session_id: str) -> dict[str, Any]:
        """Return the newest prompt of a session."""
        found: list[dict[str, Any]] = (await self.get(f"playground/sessions/{session_id}/interrupts")).data
        return found[-1]


def extension_of(serverapp: Any) -> FlowDropApp:
    """Return our extension of a server."""
    (app,) = serverapp.extension_manager.extension_apps["flowdrop_jupyter"]
    assert isinstance(app, FlowDropApp)
    return app


def assert_refused(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """Check the whole error envelope, and return its body."""
    assert reply.status == status, reply.text
    body = reply.body
    assert set(body) == {"success", "error", "code", "error_code", "details"}
    assert body["success"] is False
    assert body["error"]
    assert isinstance(body["error"], str)
    assert (body["code"], body["error_code"]) == (code, code)
    assert isinstance(body["details"], list)
    assert all(detail["code"] and detail["message"] for detail in body["details"])
    return body
