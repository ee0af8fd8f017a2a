"""The only module of the client that imports httpx (httpx2 is taken first): it sends calls and reads answers.

``transport`` is the seam: pass ``httpx.MockTransport`` or any other httpx transport and nothing else has
to be replaced in a test.
"""

from __future__ import annotations

import ssl
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ..errors import TransportError
from . import answers
from .calls import HELD_SECONDS, Call
from .discovery import is_loopback

if TYPE_CHECKING:
    import httpx
else:
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx

T = TypeVar("T")
SyncTransport: TypeAlias = "httpx.BaseTransport"
AsyncTransport: TypeAlias = "httpx.AsyncBaseTransport"

API_PATH = "/flowdrop/api"


class Sender:
    """Sends calls and waits for them in the calling thread; may be shared by threads.

    :param server: the server's address, without the API's path.
    :param token: sent with every request when there is one.
    :param timeout: seconds for one request; held answers get more.
    :param transport: used instead of the network.
    """

    def __init__(
        self, server: str, token: str | None, timeout: float, transport: SyncTransport | None
    ) -> None:
        self._http = httpx.Client(**_options(server, token, timeout), transport=transport)
        self._timeout = timeout
        self._background = False

    def in_background(self) -> Self:
        """A sender on the same connections whose requests do not count as activity of a person."""
        twin = copy(self)
        twin._background = True
        return twin

    def send(self, call: Call[T]) -> T:
        """Send one call.

        :raises FlowDropError: what the answer stands for; ``TransportError`` when none came.
        """
        try:
            response = self._http.request(**_request(call, self._timeout, self._background))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _result(call, response)

    def close(self) -> None:
        """Close all connections; nothing can be sent afterwards."""
        self._http.close()


class AsyncSender:
    """Sends calls from a coroutine, under asyncio or trio; parameters as for :class:`Sender`."""

    def __init__(
        self, server: str, token: str | None, timeout: float, transport: AsyncTransport | None
    ) -> None:
        self._http = httpx.AsyncClient(**_options(server, token, timeout), transport=transport)
        self._timeout = timeout
        self._background = False

    def in_background(self) -> Self:
        """A sender on the same connections whose requests do not count as activity of a person."""
        twin = copy(self)
        twin._background = True
        return twin

    async def send(self, call: Call[T]) -> T:
        """Send one call.

        :raises FlowDropError: what the answer stands for; ``TransportError`` when none came.
        """
        try:
            response = await self._http.request(**_request(call, self._timeout, self._background))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _result(call, response)

    async def aclose(self) -> None:
        """Close all connections; nothing can be sent afterwards."""
        await self._http.aclose()


def _options(server: str, token: str | None, timeout: float) -> dict[str, Any]:
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"token {token}"
    return {
        "base_url": f"{server.rstrip('/')}{API_PATH}",
        "headers": headers,
        "timeout": httpx.Timeout(timeout),
        "follow_redirects": False,
        # A proxy from the environment cannot reach a server on this very machine.
        "trust_env": not is_loopback(urlsplit(server).hostname or ""),
        # Made here, because without the environment httpx would not look at SSL_CERT_FILE either.
        "verify": httpx.create_ssl_context() if urlsplit(server).scheme == "https" else True,
    }


def _request(call: Call[Any], timeout: float, background: bool) -> dict[str, Any]:
    # Jupyter's own parameter: such a request does not keep an idle server from being shut down.
    untracked = {"no_track_activity": "1"} if background else {}
    return {
        "method": call.method,
        "url": call.path,
        "params": {**call.query, **untracked} or None,
        "json": call.body,
        "headers": dict(call.headers),
        "timeout": httpx.Timeout(timeout, read=max(timeout, HELD_SECONDS)) if call.held else timeout,
    }


def _result(call: Call[T], response: httpx.Response) -> T:
    location = response.headers.get("location", "")
    body = answers.read(
        response.status_code,
        response.content,
        location=location,
        token_sent="authorization" in response.request.headers,
    )
    return call.read(body)


def _unreachable(base_url: httpx.URL, error: httpx.HTTPError) -> TransportError:
    problem = _certificate_problem(error)
    if problem is not None:
        return TransportError(
            f"The certificate of {base_url} cannot be verified ({problem}). If you trust this server, set"
            " SSL_CERT_FILE to the file with its certificate or its authority's, and restart the kernel.",
            code="CERTIFICATE_INVALID",
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TransportError(f"Cannot reach the FlowDrop server at {base_url}: is it running?")
    if isinstance(error, httpx.TimeoutException):
        return TransportError(f"The FlowDrop server at {base_url} did not answer in time.")
    return TransportError(f"The connection to {base_url} broke ({type(error).__name__}).")


def _certificate_problem(error: BaseException) -> str | None:
    """What is wrong with the server's certificate, when that is what the error is about."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return getattr(seen, "verify_message", "") or str(seen)
        seen = seen.__cause__ or seen.__context__
    return "certificate verify failed" if "CERTIFICATE_VERIFY_FAILED" in str(error) else None
