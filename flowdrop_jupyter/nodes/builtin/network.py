"""Nodes that call other hosts over HTTP, guarded by :mod:`flowdrop_jupyter.nodes.outbound`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import as_text
from ..api import node
from ..context import NodeContext
from ..outbound import Call, Reply, fetch
from ..signature import Config, Lane, Wire

MAX_TIMEOUT: Final = 300.0
"""The longest time an author may give a request, in seconds."""

_COLOR: Final = "#7c3aed"

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
Headers: TypeAlias = Mapping[str, str]
Seconds: TypeAlias = Annotated[float, Config(), msgspec.Meta(gt=0, le=MAX_TIMEOUT)]


class HttpAnswer(msgspec.Struct):
    """What a host answered, whatever its status."""

    status_code: int
    headers: Annotated[Headers, Lane("json")]
    body: str
    json: Annotated[Any, Lane("mixed")]
    url: str
    method: str
    request_time: float


class Fetched(msgspec.Struct):
    """What an address holds, and how it was asked for."""

    response: Annotated[Any, Lane("mixed")]
    url: str
    method: str
    timeout: float
    status_code: int
    headers: Annotated[Headers, Lane("json")]


class Delivered(msgspec.Struct):
    """What was sent to a webhook, and what it answered."""

    response: Annotated[Any, Lane("mixed")]
    url: str
    method: str
    payload: Annotated[Any, Lane("mixed")]
    headers: Annotated[Headers, Lane("json")]
    status_code: int


@node(
    name="HTTP request",
    category="tools",
    icon="mdi:web",
    color=_COLOR,
    side_effects=True,
    tags=("http", "api", "network"),
)
async def http_request(
    context: NodeContext,
    url: Annotated[str, msgspec.Meta(title="URL")],
    method: Method = "GET",
    headers: Headers = {},  # noqa: B006 - never changed, and shown as the default
    body: Any = None,
    timeout: Seconds = 30,  # noqa: ASYNC109 - documented key; the guard enforces it
    follow_redirects: Annotated[bool, Config()] = True,
) -> HttpAnswer:
    """Sends an HTTP request and gives the answer, also one that reports an error.

    :param url: where to send it, beginning with http:// or https://.
    :param method: the HTTP method.
    :param headers: names and values; secrets among them are not sent on to another host.
    :param body: what to send; anything but a text is sent as JSON.
    :param timeout: seconds until the request is given up.
    :param follow_redirects: go where the answer points, up to five times.
    """
    content, kind = _body(body)
    reply = await fetch(
        Call(
            method=method,
            url=url,
            headers=_with_content_type(headers, kind),
            body=content,
            timeout=timeout,
            follow_redirects=follow_redirects,
        ),
        context.world.network,
    )
    return HttpAnswer(
        status_code=reply.status,
        headers=reply.headers,
        body=reply.text,
        json=_json(reply),
        url=reply.url,
        method=method,
        request_time=reply.seconds,
    )


@node(
    name="Fetch URL",
    category="inputs",
    icon="mdi:cloud-download-outline",
    color=_COLOR,
    tags=("http", "network", "input"),
)
async def url_fetch(
    context: NodeContext,
    url: Annotated[str, msgspec.Meta(title="URL")],
    method: Annotated[Literal["GET", "HEAD"], Config()] = "GET",
    headers: Annotated[Headers, Config()] = {},  # noqa: B006 - never changed, and shown as the default
    timeout: Seconds = 30,  # noqa: ASYNC109 - documented key; the guard enforces it
    followRedirects: Annotated[bool, Config()] = True,
    parseJson: Annotated[bool, Config(), msgspec.Meta(title="Parse JSON")] = True,
) -> Fetched:
    """Reads what an address on the web holds; an answer that reports an error is an error.

    :param url: what to read, beginning with http:// or https://.
    :param method: how to ask; other methods change things and belong to the HTTP request.
    :param headers: names and values; secrets among them are not sent on to another host.
    :param timeout: seconds until the request is given up.
    :param followRedirects: go where the answer points, up to five times.
    :param parseJson: give an answer that is JSON as data and not as text.
    """
    reply = await fetch(
        Call(method=method, url=url, headers=headers, timeout=timeout, follow_redirects=followRedirects),
        context.world.network,
    )
    _require_success(reply, method)
    return Fetched(
        response=_content(reply, parse=parseJson),
        url=reply.url,
        method=method,
        timeout=timeout,
        status_code=reply.status,
        headers=reply.headers,
    )


@node(category="inputs", icon="mdi:webhook", color=_COLOR, side_effects=True, tags=("http", "network", "api"))
async def webhook(
    context: NodeContext,
    payload: Annotated[Any, Wire()] = None,
    url: Annotated[str, Config(), msgspec.Meta(title="URL")] = "",
    method: Annotated[Literal["POST", "PUT", "PATCH", "DELETE", "GET"], Config()] = "POST",
    headers: Annotated[Headers, Config()] = {},  # noqa: B006 - never changed, and shown as the default
    timeout: Seconds = 30,  # noqa: ASYNC109 - documented key; the guard enforces it
) -> Delivered:
    """Sends what arrives to a webhook as JSON; an answer that reports an error is an error.

    :param payload: what to send; with GET nothing is sent.
    :param url: the webhook's address, beginning with http:// or https://.
    :param method: the HTTP method.
    :param headers: names and values; secrets among them are not sent on to another host.
    :param timeout: seconds until the request is given up.
    """
    content = b"" if method == "GET" else _encoded(payload)
    kind = "application/json" if content else None
    reply = await fetch(
        Call(
            method=method,
            url=url,
            headers=_with_content_type(headers, kind),
            body=content,
            timeout=timeout,
        ),
        context.world.network,
    )
    _require_success(reply, method)
    return Delivered(
        response=_content(reply, parse=True),
        url=reply.url,
        method=method,
        payload=payload,
        headers=reply.headers,
        status_code=reply.status,
    )


def _body(value: Any) -> tuple[bytes, str | None]:
    if value is None or value == "":
        return b"", None
    if isinstance(value, str):
        text = as_text(value)
        return _utf8(text), "application/json" if _is_json(text) else "text/plain; charset=utf-8"
    return _encoded(value), "application/json"


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise NodeError("What is to be sent has no JSON form.", code="REQUEST_INVALID") from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeError as error:
        raise NodeError("What is to be sent is not text.", code="REQUEST_INVALID") from error


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


def _with_content_type(headers: Headers, kind: str | None) -> Headers:
    if kind is None or any(name.strip().lower() == "content-type" for name in headers):
        return headers
    return {**headers, "Content-Type": kind}


def _content(reply: Reply, *, parse: bool) -> Any:
    found = _json(reply) if parse else None
    return reply.text if found is None else found


def _json(reply: Reply) -> Any:
    """Return what the body is as JSON, or None when it is none."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json") and kind != "text/json":
        return None
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _require_success(reply: Reply, method: str) -> None:
    if 200 <= reply.status < 300:
        return
    raise NodeError(
        f"The host answered {method} with the status {reply.status}.",
        code="HTTP_STATUS",
        details=[{"code": "HTTP_STATUS", "message": str(reply.status), "locator": "url"}],
        retryable=reply.status in (429, 502, 503, 504) and method in ("GET", "HEAD"),
    )


NODES = (http_request, url_fetch, webhook)
