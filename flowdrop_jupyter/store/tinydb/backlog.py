"""Commits that are durable in the shared log but not yet in the files of their own session.

Belongs to the event loop; nothing here blocks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple


class Waiting(NamedTuple):
    """The lines of one session, and the last commit that its own files have."""

    filed: int
    lines: list[bytes]


class Backlog:
    """What a checkpoint has to file.

    :param found: what was waiting when the store opened.
    """

    def __init__(self, found: Mapping[str, Waiting]) -> None:
        self._waiting: dict[str, Waiting] = dict(found)
        self._taken: dict[str, Waiting] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, session_id: str, number: int, line: bytes) -> None:
        """Take note of a commit that is now durable in the log."""
        waiting = self._waiting.get(session_id)
        if waiting is None:
            waiting = self._waiting[session_id] = Waiting(number - 1, [])
        waiting.lines.append(line)

    def lines(self, session_id: str) -> list[bytes]:
        """Return the lines that the session's files may not have yet, in order."""
        parts = self._taken.get(session_id), self._waiting.get(session_id)
        return [line for part in parts if part is not None for line in part.lines]

    def all_filed(self) -> dict[str, int]:
        """Return for each session that waits the last commit that its files are known to have."""
        return {session_id: part.filed for session_id, part in (self._waiting | self._taken).items()}

    def take(self) -> dict[str, list[bytes]]:
        """Return all lines to file them; :meth:`done` tells how it went."""
        assert not self._taken
        self._taken, self._waiting = self._waiting, {}
        return {session_id: part.lines for session_id, part in self._taken.items()}

    def done(self, failed: Collection[str]) -> None:
        """Forget the lines that were taken, except those of the sessions that *failed*."""
        taken, self._taken = self._taken, {}
        for session_id in failed:
            part, later = taken[session_id], self._waiting.get(session_id)
            self._waiting[session_id] = Waiting(part.filed, part.lines + (later.lines if later else []))
