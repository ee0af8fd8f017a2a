"""What a language model is asked, what it answers, and where it is: the words of the other model modules."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from ..errors import NodeError

OPENAI_URL: Final = "https://api.openai.com/v1"
KEY_VARIABLE: Final = "OPENAI_API_KEY"
URL_VARIABLE: Final = "OPENAI_BASE_URL"

TextListener: TypeAlias = Callable[[str], None]
"""Is told each piece of a text while it is being written."""

Message: TypeAlias = Mapping[str, Any]
"""One entry of a conversation as endpoints take it: ``role``, ``content``, and the keys of tool calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where models are, and how they are asked.

    :param base_url: the address that ``/chat/completions`` and ``/embeddings`` are below; empty for the
        one of the variable ``OPENAI_BASE_URL``, or else OpenAI's own.
    :param api_key: the key itself; when it is empty, the variable named *key_variable* has it, if any.
    :param timeout_seconds: how long one attempt may take from the first byte sent to the last received.
    :param retries: how many attempts may follow the first when the endpoint is busy or out of reach.
    :param streams: whether it can send a text while it is being written.
    :param token_limit: what it calls the limit of tokens in an answer.
    """

    base_url: str = ""
    api_key: str = field(default="", repr=False)
    key_variable: str = KEY_VARIABLE
    timeout_seconds: float = 120.0
    retries: int = 2
    streams: bool = True
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # noqa: S105 - of text

    def address(self) -> str:
        """Return the base address, without a slash at its end."""
        return (self.base_url or os.environ.get(URL_VARIABLE, "") or OPENAI_URL).rstrip("/")

    def key(self) -> str:
        """Return the key, empty for an endpoint that is asked without one."""
        variable = self.key_variable
        return (self.api_key or (os.environ.get(variable, "") if variable else "")).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that a model may ask to be called.

    :param parameters: the JSON Schema of its arguments, an object's.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})

    def described(self) -> dict[str, Any]:
        """Return the tool as endpoints are told of it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that a model asks for.

    :param arguments: the text it wrote, which should be a JSON object and may not be.
    """

    id: str
    name: str
    arguments: str

    def described(self) -> dict[str, Any]:
        """Return the call as a conversation holds it."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool together with what calls it.

    :param call: is given the arguments and returns ``{"success", "data", "error"}`` (RT-TOOL-1).
    """

    tool: Tool
    call: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How many tokens were counted; None where the endpoint did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a model is asked: a conversation, and how to go on with it."""

    model: str
    messages: Sequence[Message]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[Tool] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model answered: a text, calls it asks for, or both.

    :param model: the model that answered, by the name the endpoint gave it.
    :param finish_reason: why it stopped, such as ``stop``, ``length`` or ``tool_calls``.
    """

    text: str
    model: str
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str = ""
    usage: Usage = Usage()

    def message(self) -> dict[str, Any]:
        """Return the answer as the next entry of its conversation."""
        said: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.tool_calls:
            said["tool_calls"] = [call.described() for call in self.tool_calls]
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors, one per text and in their order, all of one length."""

    vectors: Sequence[Sequence[float]]
    model: str
    usage: Usage = Usage()


class ModelTransport(Protocol):
    """What carries requests to models: over HTTP, or to a script."""

    async def chat(
        self, endpoint: Endpoint, request: ChatRequest, on_text: TextListener | None
    ) -> Completion:
        """Return the answer to *request*; *on_text* is told its text piece by piece."""
        ...

    async def embed(self, endpoint: Endpoint, model: str, texts: Sequence[str]) -> Embedded:
        """Return the vectors of *texts*."""
        ...


def failure(status: int, reason: str) -> NodeError:
    """Return the error that an endpoint's answer with an HTTP *status* becomes.

    :param reason: what the endpoint said, without secrets.
    """
    if status in (401, 403):
        # What an endpoint says here may quote the key, or a part of it.
        return NodeError(
            f"The model endpoint did not accept this server's key ({status}).", code="MODEL_UNAUTHORIZED"
        )
    if status == 404:
        return NodeError(f"The endpoint has no such model or address: {reason}", code="MODEL_UNKNOWN")
    if status == 429:
        return NodeError(f"The model is asked too often: {reason}", code="MODEL_BUSY", retryable=True)
    if status >= 500 or status == 408:
        return NodeError(
            f"The model cannot answer now ({status}): {reason}", code="MODEL_UNAVAILABLE", retryable=True
        )
    return NodeError(f"The model endpoint refused the request ({status}): {reason}", code="MODEL_REFUSED")
