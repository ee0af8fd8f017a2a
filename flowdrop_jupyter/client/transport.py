"""The only module that imports httpx (httpx2 is taken first): it sends calls and reads answers.

``transport`` is the seam: pass ``httpx.MockTransport`` or any other httpx transport and nothing else has
to be replaced in a test.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from ..errors import TransportError
from . import answers
from .calls import HELD_SECONDS, Call

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
    """Sends calls and waits for them in the calling thread; may be shared by threads."""

    def __init__(
        self, server: str, token: str | None, timeout: float, transport: SyncTransport | None
    ) -> None:
        self._http = httpx.Client(**_options(server, token, timeout), transport=transport)
        self._timeout = timeout

    def send(self, call: Call[T]) -> T:
        """Send one call.

        :raises FlowDropError: what the answer stands for; ``TransportError`` when none came.
        """
        try:
            response = self._http.request(**_request(call, self._timeout))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _result(call, response)

    def close(self) -> None:
        self._http.close()


class AsyncSender:
    """Sends calls from a coroutine, under asyncio or trio."""

    def __init__(
        self, server: str, token: str | None, timeout: float, transport: AsyncTransport | None
    ) -> None:
        self._http = httpx.AsyncClient(**_options(server, token, timeout), transport=transport)
        self._timeout = timeout

    async def send(self, call: Call[T]) -> T:
        """Send one call.

        :raises FlowDropError: what the answer stands for; ``TransportError`` when none came.
        """
        try:
            response = await self._http.request(**_request(call, self._timeout))
        except httpx.HTTPError as error:
            raise _unreachable(self._http.base_url, error) from error
        return _result(call, response)

    async def aclose(self) -> None:
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
        "trust_env": not _is_loopback(urlsplit(server).hostname or ""),
    }


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _request(call: Call[Any], timeout: float) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.query) or None,
        "json": call.body,
        "headers": dict(call.headers),
        "timeout": httpx.Timeout(timeout, read=max(timeout, HELD_SECONDS)) if call.held else timeout,
    }


def _result(call: Call[T], response: httpx.Response) -> T:
    location = response.headers.get("location", "")
    return call.read(answers.read(response.status_code, response.content, location=location))


def _unreachable(base_url: httpx.URL, error: httpx.HTTPError) -> TransportError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TransportError(f"Cannot reach the FlowDrop server at {base_url}: is it running?")
    if isinstance(error, httpx.TimeoutException):
        return TransportError(f"The FlowDrop server at {base_url} did not answer in time.")
    return TransportError(f"The connection to {base_url} broke ({type(error).__name__}).")
