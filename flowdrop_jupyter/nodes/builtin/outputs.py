"""Nodes whose output is said to the user."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from ...clock import format_time
from ...expressions import as_text
from ..api import node
from ..context import NodeContext
from ..signature import Config
from .refusals import refused


class ChatMessage(msgspec.Struct):
    """A message of the assistant, what it is, and when it was said."""

    message: str
    format: str
    timestamp: str


class LimitedText(msgspec.Struct):
    """A text and its length in characters."""

    text: str
    length: int


@node(
    category="outputs",
    icon="mdi:message-reply-text-outline",
    color="#1d4ed8",
    message_output="message",
    tags=("chat", "session"),
)
def chat_output(
    context: NodeContext,
    message: Any = "",
    format: Annotated[Literal["text", "markdown", "html"], Config()] = "text",  # noqa: A002 - documented key
    showTimestamp: Annotated[bool, Config()] = False,
) -> ChatMessage:
    """Answers the user with a message; the conversation shows it as Markdown.

    :param message: what to say; a value that is not a text is shown as a block of JSON.
    :param format: what the message is; it is not converted.
    :param showTimestamp: end the message with the time.
    """
    if message is None:
        raise refused("Chat output needs a value for 'Message'.", "PARAMETER_MISSING", "message")
    said = message if isinstance(message, str) else _json_block(message)
    now = context.clock()
    if showTimestamp:
        said = f"{said}\n\n_{now:%Y-%m-%d %H:%M:%S} UTC_"
    return ChatMessage(message=said, format=format, timestamp=format_time(now))


@node(
    category="outputs",
    icon="mdi:text-box-outline",
    color="#1d4ed8",
    shape="simple",
    shapes=("default",),
    message_output="text",
    tags=("text",),
)
def text_output(
    text: Any,
    maxLength: Annotated[int, Config(), msgspec.Meta(title="Longest text", ge=1)] = 1000,
    format: Annotated[Literal["plain", "html", "markdown"], Config()] = "plain",  # noqa: A002 - documented key
) -> LimitedText:
    """Shows a text, cut to a greatest length.

    :param text: what to show; a value that is not a text is shown as JSON.
    :param maxLength: characters to show; a longer text is cut and ends in an ellipsis.
    :param format: what the text is; it is not converted.
    """
    shown = as_text(text)
    if len(shown) > maxLength:
        shown = shown[: maxLength - 1] + "…"
    return LimitedText(text=shown, length=len(shown))


def _json_block(value: Any) -> str:
    shown = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return f"```json\n{shown}\n```"


NODES = (chat_output, text_output)
