"""What one turn brought: the messages after the user's, the status, and the question if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..client.rows import MessageRow, SessionStatus
from . import transcript
from .prompts import Prompt


@dataclass(frozen=True, slots=True)
class Turn:
    """The end of a turn, or its present state when nobody waited; shows itself in a notebook.

    :param rows: every message after the user's own, logs included.
    :param status: the session's status then.
    :param prompt: the question that waits for an answer, if any.
    """

    rows: tuple[MessageRow, ...]
    status: SessionStatus
    prompt: Prompt | None

    @property
    def messages(self) -> list[MessageRow]:
        """The answers: messages of the assistant and notices, without logs."""
        return [row for row in self.rows if row.get("role") in {"assistant", "system"}]

    @property
    def text(self) -> str:
        """What the assistant said, as Markdown, as it came."""
        said = [row["content"] for row in self.rows if row.get("role") == "assistant"]
        return "\n\n".join(content for content in said if isinstance(content, str))

    def __str__(self) -> str:
        return transcript.to_plain(self.messages)

    def __repr__(self) -> str:
        return f"<Turn {self.status}, {len(self.messages)} messages>"

    def _repr_markdown_(self) -> str:
        return transcript.to_markdown(self.messages)

    def _repr_html_(self) -> str:
        return transcript.to_html(self.messages)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return transcript.mime_bundle(self.messages)
