"""Nodes that help the author and never run."""

from __future__ import annotations

from typing import Annotated, Literal

from ..api import node
from ..signature import Config


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
    """Explains something on the canvas, in Markdown; it is not part of the run."""


NODES = (notes,)
