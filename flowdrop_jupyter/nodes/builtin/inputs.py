"""Nodes that begin a turn or bring a fixed value into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from ...expressions import as_text
from ..api import node
from ..context import NodeContext
from ..signature import Config, Lane, Wire


class ChatTurn(msgspec.Struct):
    """What a turn of the conversation begins with (decision 12)."""

    message: str
    history: Annotated[Sequence[Mapping[str, str]], Lane("array", exposed=False)]
    inputs: Annotated[Mapping[str, Any], Lane("json", exposed=False)]


class Text(msgspec.Struct):
    """One text."""

    text: str


@node(
    category="inputs", icon="mdi:message-text-outline", color="#0f766e", start=True, tags=("chat", "session")
)
async def chat_input(context: NodeContext) -> ChatTurn:
    """Begins a turn: gives the message that the user sent."""
    turn = context.turn
    return ChatTurn(message=turn.message, history=turn.history, inputs=turn.inputs)


@node(
    category="inputs",
    icon="mdi:form-textbox",
    color="#0f766e",
    shape="simple",
    shapes=("default",),
    tags=("text", "constant"),
)
def text_input(
    data: Annotated[Any, Wire()] = None,
    defaultValue: Annotated[str, Config(format="multiline"), msgspec.Meta(title="Text")] = "",
    placeholder: Annotated[str, Config()] = "",
) -> Text:
    """Gives a text: the one it was configured with, or the one that arrives.

    :param data: replaces the configured text when something arrives.
    :param defaultValue: the text to give when nothing arrives.
    :param placeholder: shown in the empty field while editing.
    """
    return Text(text=defaultValue if data is None else as_text(data))


NODES = (chat_input, text_input)
