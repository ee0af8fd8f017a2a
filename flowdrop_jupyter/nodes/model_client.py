"""The one client for endpoints that speak the OpenAI protocol: chat completions and embeddings over HTTP.

An endpoint that is busy or out of reach is asked again after a while, unless a part of its answer has
been shown already. The key is put into one header, and taken out of whatever the endpoint sends back.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
import anyio.to_thread
import msgspec

from ..clock import Clock, system_clock
from ..errors import NodeError
from ..expressions import shortened
from .model_answers import EventLines, Gathered, completion_of, vectors_of
from .model_types import OPENAI_URL, ChatRequest, Completion, Embedded, Endpoint, TextListener, failure

if TYPE_CHECKING:
    import httpx
else:
    try:
        import httpx2 as httpx
    except ImportError:
        import httpx

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""The largest answer that is read, streamed or not."""
MAX_ERROR_BYTES: Final = 64 * 1024
LONGEST_WAIT: Final = 60.0
"""The longest time an endpoint may ask to be left alone, in seconds; one that asks for more is given up."""
_FIRST_WAIT: Final = 0.5
_LONGEST_OWN_WAIT: Final = 8.0
_LINGER: Final = 0.5

Sleep: TypeAlias = Callable[[float], Awaitable[None]]
Read: TypeAlias = "Callable[[httpx.Response, bytes], Awaitable[Any]]"


class _Busy(Exception):
    """One attempt failed in a way that a later one may not.

    :param wait: the seconds that the endpoint asked to be left alone, if it did.
    """

    def __init__(self, error: NodeError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


class _Listener:
    """Hands the pieces of a text on, and knows whether there was one."""

    def __init__(self, told: TextListener | None) -> None:
        self._told = told
        self.shown = False

    def __call__(self, piece: str) -> None:
        if self._told is not None and piece:
            self.shown = True
            self._told(piece)


class HttpModels:
    """A :class:`~flowdrop_jupyter.nodes.model_types.ModelTransport` over HTTP.

    :param sleep: waits between attempts.
    :param chance: gives numbers from 0 to 1, so that many callers do not come back at once.
    """

    def __init__(
        self,
        *,
        sleep: Sleep = anyio.sleep,
        chance: Callable[[], float] = random.random,
        clock: Clock = system_clock,
    ) -> None:
        self._sleep = sleep
        self._chance = chance
        self._clock = clock

    async def chat(
        self, endpoint: Endpoint, request: ChatRequest, on_text: TextListener | None
    ) -> Completion:
        """Return the answer to *request*.

        :param on_text: told the text piece by piece, if the endpoint streams. Cancelling the caller
            closes the connection.
        :raises NodeError: ``MODEL_KEY_MISSING``, ``MODEL_ENDPOINT_INVALID``, ``MODEL_UNAUTHORIZED``,
            ``MODEL_UNKNOWN``, ``MODEL_REFUSED``; ``MODEL_BUSY``,
            ``MODEL_UNAVAILABLE``, ``MODEL_UNREACHABLE`` and ``MODEL_TIMEOUT`` when every attempt failed;
            ``MODEL_STREAM_BROKEN`` after a part was shown; ``MODEL_ANSWER_INVALID`` and
            ``MODEL_ANSWER_TOO_LARGE``.
        """
        streams = on_text is not None and endpoint.streams
        body: dict[str, Any] = {"model": request.model, "messages": list(request.messages)}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body[endpoint.token_limit] = request.max_tokens
        if request.tools:
            body["tools"] = [tool.described() for tool in request.tools]
        if streams:
            body |= {"stream": True, "stream_options": {"include_usage": True}}

        listener = _Listener(on_text)

        async def read(response: httpx.Response, key: bytes) -> Completion:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if streams and kind != "application/json":
                return await _read_stream(response, key, request.model, listener)
            completion = completion_of(await _read(response, key, MAX_ANSWER_BYTES), request.model)
            listener(completion.text)
            return completion

        answer: Completion = await self._ask(endpoint, "/chat/completions", body, read, listener)
        return answer

    async def embed(self, endpoint: Endpoint, model: str, texts: Sequence[str]) -> Embedded:
        """Return the vectors of *texts*; raises as :meth:`chat` does."""

        async def read(response: httpx.Response, key: bytes) -> Embedded:
            body = await _read(response, key, MAX_ANSWER_BYTES)
            return await anyio.to_thread.run_sync(vectors_of, body, model, len(texts))

        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        answer: Embedded = await self._ask(endpoint, "/embeddings", body, read, _Listener(None))
        return answer

    async def _ask(
        self, endpoint: Endpoint, path: str, body: Mapping[str, Any], read: Read, listener: _Listener
    ) -> Any:
        try:
            content = await anyio.to_thread.run_sync(msgspec.json.encode, body)
        except (TypeError, ValueError, RecursionError) as error:
            raise NodeError("The conversation has no JSON form.", code="MODEL_REQUEST_INVALID") from error
        attempt = 0
        while True:
            try:
                return await self._attempt(endpoint, path, content, read)
            except _Busy as busy:
                if listener.shown:
                    raise NodeError(
                        "The model's answer broke off while it was being written.",
                        code="MODEL_STREAM_BROKEN",
                        retryable=True,
                    ) from None
                wait = self._own_wait(attempt) if busy.wait is None else busy.wait
                if attempt >= endpoint.retries or wait > LONGEST_WAIT:
                    raise busy.error from None
            attempt += 1
            await self._sleep(wait)

    def _own_wait(self, attempt: int) -> float:
        return float(min(_FIRST_WAIT * 2**attempt, _LONGEST_OWN_WAIT) * (0.75 + self._chance() / 4))

    async def _attempt(self, endpoint: Endpoint, path: str, content: bytes, read: Read) -> Any:
        key = endpoint.key().encode("utf-8", "surrogateescape")
        if not key and endpoint.address() == OPENAI_URL:
            # What people write is not sent to somebody whom nobody chose, only to be refused there.
            raise NodeError(
                "No model endpoint is configured (FlowDropModels.base_url), and there is no key for OpenAI.",
                code="MODEL_KEY_MISSING",
            )
        wait: float | None = None
        try:
            with anyio.fail_after(endpoint.timeout_seconds):
                async with _post(endpoint, path, content, key) as response:
                    if response.is_success:
                        return await read(response, key)
                    wait = self._asked_wait(response.headers)
                    said = await _read(response, key, MAX_ERROR_BYTES)
                    raise failure(response.status_code, _reason(said, response.status_code, key))
        except NodeError as error:
            if error.retryable:
                raise _Busy(error, wait) from None
            raise
        except TimeoutError:
            message = f"The model did not answer within {endpoint.timeout_seconds:g} seconds."
            raise _Busy(NodeError(message, code="MODEL_TIMEOUT", retryable=True)) from None
        except httpx.TransportError as error:
            # The words of an exception may quote what was sent; its kind cannot.
            message = f"The exchange with the model endpoint broke off ({type(error).__name__})."
            raise _Busy(NodeError(message, code="MODEL_UNREACHABLE", retryable=True)) from None

    def _asked_wait(self, headers: httpx.Headers) -> float | None:
        """Return the seconds that the endpoint asks to wait, by ``Retry-After``, or None."""
        asked = headers.get("retry-after", "").strip()
        try:
            seconds = float(asked)
        except ValueError:
            try:
                moment = parsedate_to_datetime(asked)
            except (ValueError, TypeError):
                return None
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(0.0, (moment - self._clock()).total_seconds())
        # Not a number, or one that no clock can be set to: as if nothing was asked.
        return seconds if 0 <= seconds < 1e9 else None


@asynccontextmanager
async def _post(endpoint: Endpoint, path: str, content: bytes, key: bytes) -> AsyncIterator[httpx.Response]:
    """Send one request and give its answer, the body unread; the connection is closed at the end."""
    tls = await anyio.to_thread.run_sync(_tls)
    # No redirects: the key is for this address and for no other.
    async with httpx.AsyncClient(verify=tls, follow_redirects=False, timeout=None) as client:  # noqa: S113
        try:
            request = client.build_request(
                "POST", _address(endpoint, path), headers=_headers(key), content=content
            )
            response = await client.send(request, stream=True)
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
            # What the exception says may quote the key.
            raise NodeError(
                "The address or the key of the model endpoint cannot be used in a request.",
                code="MODEL_ENDPOINT_INVALID",
            ) from None
        try:
            yield response
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()


def _address(endpoint: Endpoint, path: str) -> httpx.URL:
    base = httpx.URL(endpoint.address())
    if base.scheme not in ("http", "https") or not base.host or base.userinfo or base.query or base.fragment:
        raise NodeError(
            "The address of the model endpoint has to begin with http:// or https://, name a host, and hold"
            " no password and no query.",
            code="MODEL_ENDPOINT_INVALID",
        )
    return httpx.URL(endpoint.address() + path)


def _headers(key: bytes) -> dict[str, str]:
    headers = {
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "flowdrop-jupyter",
    }
    return {**headers, "authorization": f"Bearer {key.decode('ascii')}"} if key else headers


async def _read(response: httpx.Response, key: bytes, most: int) -> bytes:
    body = bytearray()
    async for chunk in _chunks(response, most):
        body += chunk
    return without_key(bytes(body), key)


async def _chunks(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """Give the body in pieces, as many bytes as may be read.

    :raises NodeError: ``MODEL_ANSWER_TOO_LARGE`` when there are more, unless it only tells of an error.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        # It was not offered; unpacking it could fill the memory.
        raise NodeError("The model endpoint packed its answer unasked.", code="MODEL_ANSWER_INVALID")
    seen = 0
    async for chunk in response.aiter_raw():
        seen += len(chunk)
        if seen > most:
            if not response.is_success:
                return
            raise NodeError(
                f"The model endpoint answered with more than {most:,} bytes.", code="MODEL_ANSWER_TOO_LARGE"
            )
        yield chunk


async def _read_stream(response: httpx.Response, key: bytes, model: str, listener: _Listener) -> Completion:
    """Return the answer that a stream of server-sent events adds up to."""
    gathered, lines = Gathered(model), EventLines()
    with anyio.CancelScope() as lingering:
        async for chunk in _chunks(response, MAX_ANSWER_BYTES):
            for line in lines.feed(chunk) if not gathered.done else ():
                listener(gathered.take(without_key(line, key)))
            if gathered.done:
                # The answer is whole; the stream is given a moment to end in good order.
                lingering.deadline = min(lingering.deadline, anyio.current_time() + _LINGER)
    return gathered.completion()


def without_key(content: bytes, key: bytes) -> bytes:
    """Return what an endpoint sent without this server's key, should it quote it."""
    return content.replace(key, b"***") if key else content


def _reason(body: bytes, status: int, key: bytes) -> str:
    """Return what an endpoint says of its refusal, on one line."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return f"status {status}"
    found = said.get("error", said) if isinstance(said, Mapping) else said
    if isinstance(found, Mapping):
        found = found.get("message") or found.get("detail") or found.get("code")
    if not isinstance(found, str) or not found.strip():
        return f"status {status}"
    # Once more, now that nothing in it is escaped any more.
    return shortened(without_key(found.encode("utf-8", "replace"), key).decode(), 200)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()
