"""Nodes that tell people something: notes on the canvas, the server's log, the conversation."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final, Literal

import msgspec

from ...expressions import as_text, shortened
from ..api import node
from ..context import NodeContext
from ..signature import Config, Wire

logger = logging.getLogger("flowdrop_jupyter.workflow")

LONGEST_LINE: Final = 2000
"""Characters of a message that are written into the log."""

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_SIGNS: Final = {"status": "", "warning": "**Warning:** ", "error": "**Error:** "}


class Logged(msgspec.Struct):
    """What was logged, and the data that was passed on."""

    message: str
    level: str
    data: Any


class Told(msgspec.Struct):
    """A message to the user, in Markdown."""

    message: str
    type: str


@node(
    category="tools",
    icon="mdi:note-text-outline",
    color="#ca8a04",
    shape="note",
    executable=False,
    start=True,
    terminal=True,
    tags=("documentation",),
)
def notes(
    content: Annotated[str, Config(format="markdown")] = "",
    noteType: Annotated[Literal["info", "warning", "success", "error", "note"], Config()] = "info",
) -> None:
    """Explains something on the canvas, in Markdown; it is not part of the run.

    :param content: what to explain.
    :param noteType: the look of the note.
    """


@node(
    id="logger", category="tools", icon="mdi:text-box-search-outline", color="#65a30d", tags=("debug", "log")
)
def logger_node(
    context: NodeContext,
    message: Any = None,
    data: Annotated[Any, Wire()] = None,
    level: Annotated[Literal["debug", "info", "warning", "error"], Config()] = "info",
) -> Logged:
    """Writes a line into the server's log and passes its data on.

    :param message: what to write; a value that is not a text is written as JSON.
    :param data: written behind the message, and passed on unchanged.
    :param level: how much it matters.
    """
    text = as_text(message)
    shown = " ".join(part for part in (text, as_text(data)) if part)
    # It is one line, so nobody can forge a second one.
    line = shortened(shown, LONGEST_LINE)
    logger.log(_LEVELS[level], "%s of run %s: %s", context.node_id, context.run_id, line)
    return Logged(message=text, level=level, data=data)


@node(
    category="outputs",
    icon="mdi:bullhorn-outline",
    color="#1d4ed8",
    message_output="message",
    tags=("chat", "message"),
)
def messenger(
    message: Any = "",
    type: Annotated[Literal["status", "warning", "error"], Config()] = "status",  # noqa: A002 - documented key
) -> Told:
    """Tells the user something on the way, in the conversation.

    :param message: what to say, in Markdown; a value that is not a text is said as JSON.
    :param type: what kind of message it is; warnings and errors begin with that word.
    """
    return Told(message=f"{_SIGNS[type]}{as_text(message)}", type=type)


NODES = (logger_node, messenger, notes)
