"""The known messages of one session, merged from overlapping reads that may arrive out of order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..client.rows import MessageRow, SessionStatus
from .prompts import Prompt, prompt_of


class Messages:
    """Rows by id, in the order of their sequence numbers. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._rows: dict[str, MessageRow] = {}
        self._ordered: list[MessageRow] = []
        self._read = 0

    def merge(self, rows: Iterable[MessageRow], *, newest: bool) -> list[MessageRow]:
        """Take in rows and return those that are new or different.

        :param newest: this read began after every one merged so far; only then it may change known rows.
        """
        fresh = [
            row for row in rows if row["id"] not in self._rows or (newest and self._rows[row["id"]] != row)
        ]
        for row in fresh:
            self._rows[row["id"]] = row
        if fresh:
            self._ordered = sorted(self._rows.values(), key=lambda row: row["sequenceNumber"])
        return fresh

    def after(self, sequence: int) -> list[MessageRow]:
        """The rows after a sequence number, ascending."""
        return [row for row in self._ordered if row["sequenceNumber"] > sequence]

    @property
    def last(self) -> int:
        """The highest sequence number, 0 without rows."""
        return self._ordered[-1]["sequenceNumber"] if self._ordered else 0

    def read_up_to(self, rows: Sequence[MessageRow]) -> None:
        """These rows follow on :meth:`cursor` without a gap; a row that came in alone may leave one."""
        self._read = max([self._read, *(row["sequenceNumber"] for row in rows)])

    def cursor(self, status: SessionStatus) -> int:
        """Everything up to here is known and final; during a run, unfinished rows are to be read again."""
        if status not in {"running", "awaiting_input"}:
            return self._read
        unfinished = (row["sequenceNumber"] - 1 for row in self._ordered if _may_change(row))
        return min([self._read, *unfinished])

    def open_prompt(self) -> Prompt | None:
        """The oldest question that waits for an answer."""
        prompts = (prompt_of(row) for row in self._ordered)
        return next((prompt for prompt in prompts if prompt and prompt.is_open), None)


def _may_change(row: MessageRow) -> bool:
    if row.get("role") == "user":
        return row.get("status") in {"pending", "processing"}
    prompt = prompt_of(row)
    return prompt is not None and prompt.is_open
