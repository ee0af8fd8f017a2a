"""A real HTTP server on this machine that answers well and badly, and a network that reaches it."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flowdrop_jupyter.nodes import Network

CHUNK = b"x" * 65536


@dataclass
class LocalHost:
    """The server: where it is, what it was asked, and when its slow answers may go on."""

    port: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    resolved: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "one.test", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def network(self, *allowed: str, **fields: Any) -> Network:
        """A network in which every name is this machine's; *allowed* are its allowed hosts."""

        async def resolve(host: str, _port: int) -> Sequence[str]:
            self.resolved.append(host)
            return ["127.0.0.1"]

        return Network(allowed_hosts=allowed or ("127.0.0.1",), resolver=resolve, **fields)


class _Handler(BaseHTTPRequestHandler):
    host: LocalHost

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own word
        """Say nothing."""

    def answer(self) -> None:
        where = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(where.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
        }
        self.host.asked.append(seen)
        getattr(self, "to_" + where.path.strip("/").replace("-", "_"))(query, seen)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def to_echo(self, _query: dict[str, str], seen: dict[str, Any]) -> None:
        self.reply(json.dumps(seen).encode(), Content_Type="application/json")

    def to_text(self, query: dict[str, str], _seen: dict[str, Any]) -> None:
        charset = query.get("charset", "utf-8")
        self.reply("Grüße".encode(charset), Content_Type=f"text/plain; charset={charset}")

    def to_status(self, query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(b'{"problem": true}', int(query["code"]), Content_Type="application/problem+json")

    def to_redirect(self, query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(b"moved", int(query.get("status", "302")), Location=query["to"])

    def to_circle(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(b"", 302, Location="/circle")

    def to_slow(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.host.released.wait(30)

    def to_drip(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"x")
        self.host.released.wait(30)

    def to_endless(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(CHUNK)

    def to_bomb(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")

    def to_packed(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(gzip.compress(b"unpacked"), Content_Encoding="gzip")

    def to_packed_half(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(gzip.compress(b"unpacked")[:-4], Content_Encoding="gzip")

    def to_packed_badly(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(b"this is not gzip", Content_Encoding="gzip")

    def to_packed_oddly(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.reply(b"", Content_Encoding="br")

    def to_cut_short(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")

    def to_garbage(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")

    def to_silence(self, _query: dict[str, str], _seen: dict[str, Any]) -> None:
        self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up."""


@contextmanager
def local_host(tls: ssl.SSLContext | None = None) -> Iterator[LocalHost]:
    """Serve for the time of a block."""
    host = LocalHost()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": host}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
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
