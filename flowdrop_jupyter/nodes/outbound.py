"""Calls to other hosts on behalf of a workflow, which must not reach what only this machine can reach.

A host name is resolved once, every address is checked, and the connection goes to an address that was
checked, so that a name cannot mean one thing to the check and another to the connection. Redirects are
followed one by one, each checked anew, and take nothing secret to another host.
"""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread

from ..errors import NodeError
from ..expressions import quoted, shortened
from .addresses import is_allowed_address, names_host
from .context import Network

if TYPE_CHECKING:
    import httpx
else:
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx

MAX_REDIRECTS: Final = 5
MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the largest body that is sent or received, after unpacking."""
MAX_HEADERS: Final = 100
_MAX_URL: Final = 8192
_MAX_ADDRESSES: Final = 4
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REPEATABLE_METHODS: Final = _SAFE_METHODS | {"PUT", "DELETE"}
_OWN_HEADERS: Final = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PUBLIC_HEADERS: Final = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
_BODY_HEADERS: Final = frozenset({"content-encoding", "content-language", "content-type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to be made.

    :param timeout: seconds for everything together, redirects and body included.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0
    follow_redirects: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered.

    :param url: where the answer came from, after redirects.
    :param headers: names in lower case; several values of a name are joined by commas.
    :param seconds: how long it took.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    encoding: str
    seconds: float

    @property
    def text(self) -> str:
        """The body as text; bytes that are none in its encoding are replaced."""
        return self.body.decode(self.encoding, errors="replace")


async def fetch(call: Call, network: Network) -> Reply:
    """Make *call* and return the answer, whatever its status.

    :raises NodeError: ``REQUEST_INVALID`` for a request that cannot be sent; ``HOST_NOT_ALLOWED``
        and ``HOST_UNKNOWN``; ``REQUEST_TIMEOUT``, ``HOST_UNREACHABLE`` and ``RESPONSE_BROKEN``;
        ``RESPONSE_TOO_LARGE``; ``REDIRECT_REFUSED``. No message holds a header or a query.
    """
    began = time.perf_counter()
    url = _checked_url(call.url)
    headers = _checked_headers(call.headers)
    if len(call.body) > MAX_BODY_BYTES:
        raise NodeError(f"A request carries at most {MAX_BODY_BYTES:,} bytes.", code="REQUEST_INVALID")
    method = call.method.upper()
    repeatable = method in _REPEATABLE_METHODS
    try:
        with anyio.fail_after(call.timeout):
            tls = await anyio.to_thread.run_sync(_tls)
            reply = await _follow(method, url, headers, call, network, tls)
    except TimeoutError as error:
        raise NodeError(
            f"{_shown(url)} did not answer within {call.timeout:g} seconds.",
            code="REQUEST_TIMEOUT",
            retryable=repeatable,
        ) from error
    status, final, answered, body = reply
    return Reply(
        status=status,
        url=str(final),
        headers=_joined(answered),
        body=body,
        encoding=_encoding(answered),
        seconds=round(time.perf_counter() - began, 6),
    )


_Exchanged = tuple[int, "httpx.URL", "httpx.Headers", bytes]


async def _follow(
    method: str,
    url: httpx.URL,
    headers: httpx.Headers,
    call: Call,
    network: Network,
    tls: ssl.SSLContext,
) -> _Exchanged:
    body = call.body
    for _ in range(MAX_REDIRECTS + 1):
        async with _exchange(method, url, headers, body, network, tls) as response:
            target = _redirect_target(response, url) if call.follow_redirects else None
            if target is None:
                return response.status_code, url, response.headers, await _read(response, method, url)
            status = response.status_code
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, body = ("HEAD" if method == "HEAD" else "GET"), b""
            headers = _without(headers, _BODY_HEADERS)
        if not _same_place(url, target):
            if body:
                raise NodeError(
                    f"{_shown(url)} redirects to another host; a request body is not sent there.",
                    code="REDIRECT_REFUSED",
                )
            headers = _only(headers, _PUBLIC_HEADERS)
        url = target
    raise NodeError(
        f"More than {MAX_REDIRECTS} redirects; the last led to {_shown(url)}.", code="REDIRECT_REFUSED"
    )


@asynccontextmanager
async def _exchange(
    method: str, url: httpx.URL, headers: httpx.Headers, body: bytes, network: Network, tls: ssl.SSLContext
) -> AsyncIterator[httpx.Response]:
    """Send one request to a checked address of its host and give the answer, its body unread."""
    addresses = await checked_addresses(url.host, _port(url), network)
    failure: Exception | None = None
    for address in addresses[:_MAX_ADDRESSES]:
        # A transport and not a client: a client logs every address with its query. One transport per
        # request: a connection that was made for one host name is never used for another.
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)
        async with transport:
            try:
                request = httpx.Request(method, url, headers=headers, content=body or None)
                request.url = url.copy_with(host=address)
                request.extensions = {"sni_hostname": url.raw_host.decode("ascii")}
                response = await transport.handle_async_request(request)
            except httpx.ConnectError as error:
                failure = error
                continue
            except (httpx.LocalProtocolError, httpx.InvalidURL, ValueError) as error:
                raise NodeError("The request cannot be sent as it is.", code="REQUEST_INVALID") from error
            except httpx.TransportError as error:
                raise _broken(error, method, url) from error
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
            return
    raise NodeError(
        f"{_shown(url)} cannot be reached: {_reason(failure)}", code="HOST_UNREACHABLE", retryable=True
    ) from failure


async def checked_addresses(host: str, port: int, network: Network) -> Sequence[str]:
    """Return the addresses of *host*, all of which may be called.

    :raises NodeError: ``HOST_UNKNOWN`` when it has none; ``HOST_NOT_ALLOWED`` when one of them may
        not be called.
    """
    try:
        addresses = await (network.resolver or _resolve)(host, port)
    except (OSError, UnicodeError) as error:
        raise NodeError(f"There is no host {quoted(host)}.", code="HOST_UNKNOWN", retryable=True) from error
    if not addresses:
        raise NodeError(f"There is no host {quoted(host)}.", code="HOST_UNKNOWN", retryable=True)
    if names_host(network.allowed_hosts, host, port):
        return addresses
    if not all(is_allowed_address(address, network) for address in addresses):
        # The address itself is not told: it would map the network for whoever wrote the workflow.
        raise NodeError(
            f"Workflows may not call {quoted(host)}: it is not on the public internet, and this server's"
            " allowed hosts do not name it.",
            code="HOST_NOT_ALLOWED",
        )
    return addresses


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


async def _read(response: httpx.Response, method: str, url: httpx.URL) -> bytes:
    """Return the body, unpacked; no more than the limit is ever held."""
    if method == "HEAD":
        return b""
    stream = _unpacker(response.headers.get("content-encoding", ""), url)
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            # What the limit keeps back in the stream is never asked for: the answer is refused by then.
            body += chunk if stream is None else stream.decompress(chunk, MAX_BODY_BYTES + 1 - len(body))
            if len(body) > MAX_BODY_BYTES:
                raise NodeError(
                    f"{_shown(url)} answered with more than {MAX_BODY_BYTES:,} bytes.",
                    code="RESPONSE_TOO_LARGE",
                )
    except (httpx.TransportError, zlib.error) as error:
        raise _broken(error, method, url) from error
    if stream is not None and body and not stream.eof:
        raise NodeError(f"{_shown(url)} sent a packed body without its end.", code="RESPONSE_BROKEN")
    return bytes(body)


def _unpacker(coding: str, url: httpx.URL) -> zlib._Decompress | None:
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise NodeError(
            f"{_shown(url)} answered in the coding {quoted(coding, 40)}, which is not read.",
            code="RESPONSE_BROKEN",
        )
    return zlib.decompressobj(wbits=47)  # a gzip or a zlib header


def _redirect_target(response: httpx.Response, url: httpx.URL) -> httpx.URL | None:
    if response.status_code not in (301, 302, 303, 307, 308) or "location" not in response.headers:
        return None
    try:
        target = url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError) as error:
        raise NodeError(f"{_shown(url)} redirects to no address.", code="REDIRECT_REFUSED") from error
    return _checked_url(str(target).partition("#")[0], redirected=True)


def _checked_url(text: str, *, redirected: bool = False) -> httpx.URL:
    """Return the address *text* spells.

    :raises NodeError: ``REQUEST_INVALID``, or ``REDIRECT_REFUSED`` when a redirect spelled it.
    """
    code = "REDIRECT_REFUSED" if redirected else "REQUEST_INVALID"
    if not text.strip():
        raise NodeError("An address (URL) is needed.", code=code)
    try:
        if len(text) > _MAX_URL:
            raise ValueError("it is too long")
        url = httpx.URL(text.strip())
        port = url.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise NodeError("The address (URL) cannot be read.", code=code) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise NodeError("An address (URL) has to begin with http:// or https:// and name a host.", code=code)
    if url.userinfo:
        raise NodeError(
            "An address (URL) must not hold a user name or password; send an Authorization header.", code=code
        )
    if port == 0:
        raise NodeError("The address (URL) names the port 0.", code=code)
    return url


def _checked_headers(given: Mapping[str, str]) -> httpx.Headers:
    headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "flowdrop-jupyter"}
    if len(given) > MAX_HEADERS:
        raise NodeError(f"A request has at most {MAX_HEADERS} headers.", code="REQUEST_INVALID")
    for name, value in given.items():
        lower = name.strip().lower()
        if lower in _OWN_HEADERS:
            raise NodeError(f"The header {quoted(name, 60)} cannot be set.", code="REQUEST_INVALID")
        if not lower or not lower.isascii() or any(sign in "\r\n\0" for sign in name + value):
            raise NodeError(f"The header {quoted(name, 60)} is not a valid header.", code="REQUEST_INVALID")
        headers[lower] = value.strip()
    try:
        return httpx.Headers({name: value.encode("utf-8") for name, value in headers.items()})  # type: ignore[arg-type]
    except UnicodeError as error:
        raise NodeError("A header's value is not text.", code="REQUEST_INVALID") from error


def _same_place(one: httpx.URL, other: httpx.URL) -> bool:
    """Tell whether what is sent to *one* may be sent to *other*: the same origin, or its encrypted twin."""
    if one.host != other.host:
        return False
    if (one.scheme, _port(one)) == (other.scheme, _port(other)):
        return True
    return (one.scheme, _port(one), other.scheme, _port(other)) == ("http", 80, "https", 443)


def _without(headers: httpx.Headers, names: frozenset[str]) -> httpx.Headers:
    return httpx.Headers([(name, value) for name, value in headers.items() if name not in names])


def _only(headers: httpx.Headers, names: frozenset[str]) -> httpx.Headers:
    return httpx.Headers([(name, value) for name, value in headers.items() if name in names])


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _shown(url: httpx.URL) -> str:
    """Return *url* for a message: without its path and query, where secrets may be."""
    return shortened(f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}")


def _broken(error: Exception, method: str, url: httpx.URL) -> NodeError:
    return NodeError(
        f"The exchange with {_shown(url)} broke off: {_reason(error)}",
        code="RESPONSE_BROKEN",
        retryable=method in _REPEATABLE_METHODS,
    )


def _reason(error: Exception | None) -> str:
    """Return what went wrong by kind; the words of an exception may quote what was sent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({shortened(cause.verify_message, 80)})."
        if isinstance(cause, OSError) and cause.strerror:
            return f"{shortened(cause.strerror, 80)}."
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}."


def _joined(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _encoding(headers: httpx.Headers) -> str:
    found: Any = httpx.Response(
        200, headers={"content-type": headers.get("content-type", "")}
    ).charset_encoding
    try:
        return str(found) if found and "".encode(found) == b"" else "utf-8"
    except (LookupError, ValueError):
        return "utf-8"


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
