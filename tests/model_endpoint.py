"""A real server on this machine that speaks the OpenAI protocol, well and badly, as tests script it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from flowdrop_jupyter.nodes import Endpoint

SECRET = "sk-sentinel-4711-never-to-be-seen"


@dataclass
class Reply:
    """One scripted answer.

    :param body: sent as JSON unless it is bytes; *pieces* are sent in its place, one write each.
    :param hold: wait for the test after the last piece, then hang up.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] | None = None
    hold: bool = False
    length: int | None = None


@dataclass
class ModelEndpoint:
    """The server: where it is, what it was asked, and what it answers next; the last answer stays."""

    port: int = 0
    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def endpoint(self, **fields: Any) -> Endpoint:
        return Endpoint(**{"base_url": self.url, "api_key": SECRET, **fields})

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(asked["body"]) for asked in self.asked]


def said(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """An answer as endpoints spell it."""
    return {
        "id": "1",
        "model": "tiny-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **fields,
    }


def called(name: str, arguments: str, call_id: str = "c1") -> dict[str, Any]:
    """An answer that asks for a call."""
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return said(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}])


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


def delta(finish: str | None = None, **fields: Any) -> bytes:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return event({"model": "tiny-1", "choices": [choice]})


DONE = event(b"[DONE]")
STREAM = {"Content-Type": "text/event-stream"}


def streamed(*pieces: bytes, **fields: Any) -> Reply:
    return Reply(pieces=list(pieces), headers=dict(STREAM), **fields)


class _Handler(BaseHTTPRequestHandler):
    host: ModelEndpoint

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own word
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.host.asked.append({"path": self.path, "headers": headers, "body": body.decode()})
        replies = self.host.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self.host.arrived.set()
        try:
            self._answer(reply)
        except OSError:
            self.host.hung_up.set()
        self.close_connection = True

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        if reply.pieces is None:
            self.send_header("Content-Length", str(len(content) if reply.length is None else reply.length))
        self.end_headers()
        for piece in [content] if reply.pieces is None else reply.pieces:
            self.wfile.write(piece)
            self.wfile.flush()
        if reply.hold:
            self._hold()

    def _hold(self) -> None:
        """Wait until the test lets go or the caller hangs up."""
        self.connection.settimeout(0.02)
        while not self.host.released.is_set():
            try:
                if not self.connection.recv(1):
                    self.host.hung_up.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                self.host.hung_up.set()
                return


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up."""


@contextmanager
def model_endpoint(*replies: Reply) -> Iterator[ModelEndpoint]:
    """Serve for the time of a block."""
    host = ModelEndpoint(replies=list(replies) or [Reply(said())])
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
