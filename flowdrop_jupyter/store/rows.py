"""Rows as frozen JSON: numbered from 1, findable by id, replaced in place and never taken out.

A row is kept as the bytes that go to disk. Reading one decodes it, so every reader has a copy of
its own, and what is in memory cannot differ from what is in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

import msgspec

from ..errors import InvalidInput

R = TypeVar("R", bound=msgspec.Struct)

Batch: TypeAlias = dict[str, dict[int, bytes]]
"""What one commit writes: by table name and row number, the whole new row."""


def freeze(row: msgspec.Struct) -> bytes:
    """Return *row* as the JSON that is stored.

    :raises InvalidInput: code ``NOT_STORABLE`` when JSON cannot carry the row, or when reading it
        back would be refused because a field has another type than declared.
    """
    try:
        raw = msgspec.json.encode(row)
        msgspec.json.decode(raw, type=type(row))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            f"The {type(row).__name__} cannot be stored as JSON: {error}", code="NOT_STORABLE"
        ) from error
    return raw


class Rows(Generic[R]):
    """One table of a session as it was last made durable."""

    def __init__(self, kind: type[R]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._rows: list[bytes] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> R:
        """Return a copy of the row with this *number*, which must exist."""
        return self._decode(self._rows[number - 1])

    def raw(self, number: int) -> bytes:
        """Return the row with this *number*, which must exist, as it is stored."""
        return self._rows[number - 1]

    def between(self, first: int, last: int) -> list[R]:
        """Return copies of the rows *first* to *last*, both included."""
        return [self._decode(raw) for raw in self._rows[max(first, 1) - 1 : max(last, 0)]]

    def all(self) -> list[R]:
        """Return copies of all rows in the order in which they were first put."""
        return self.between(1, len(self))

    def ids(self) -> Iterable[str]:
        """Return the ids of all rows in the order in which they were first put."""
        return self._numbers.keys()

    def number(self, row_id: str) -> int | None:
        """Return the number of the row with this id, or None."""
        return self._numbers.get(row_id)

    def find(self, row_id: str) -> R | None:
        """Return a copy of the row with this id, or None."""
        number = self._numbers.get(row_id)
        return None if number is None else self[number]

    def put(self, number: int, raw: bytes) -> R | None:
        """Replace the row with this *number*, or add it; an added row is returned decoded.

        :raises ValueError: when the number would leave a gap, the id is taken, or *raw* is no such
            row.
        """
        if 1 <= number <= len(self._rows):
            self._rows[number - 1] = raw
            return None
        if number != len(self._rows) + 1:
            raise ValueError(f"row {len(self._rows) + 1} is missing")
        row = self._decode(raw)
        row_id = getattr(row, "id", None)
        if row_id is not None:
            if row_id in self._numbers:
                raise ValueError(f"two rows have the id {row_id}")
            self._numbers[row_id] = number
        self._rows.append(raw)
        return row


class DraftRows(Generic[R]):
    """A table with the puts of one transaction laid over it."""

    def __init__(self, kind: type[R], base: Rows[R]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._base = base
        self._numbers: dict[str, int] = {}
        self._next = len(base) + 1
        self.puts: dict[int, bytes] = {}

    def __getitem__(self, number: int) -> R:
        raw = self.puts.get(number)
        return self._base[number] if raw is None else self._decode(raw)

    def __iter__(self) -> Iterator[R]:
        return (self[number] for number in range(1, self._next))

    @property
    def next_number(self) -> int:
        """The number that the next added row gets."""
        return self._next

    def number(self, row_id: str) -> int | None:
        """Return the number of the row with this id, or None."""
        return self._numbers.get(row_id) or self._base.number(row_id)

    def find(self, row_id: str) -> R | None:
        """Return a copy of the row with this id, the transaction's own puts included, or None."""
        number = self.number(row_id)
        return None if number is None else self[number]

    def put(self, row: R, row_id: str | None) -> int | None:
        """Replace the row with this id, or add it; return the number of an added row."""
        raw = freeze(row)
        known = None if row_id is None else self.number(row_id)
        if known is not None:
            self.puts[known] = raw
            return None
        number = self._next
        self.puts[number] = raw
        if row_id is not None:
            self._numbers[row_id] = number
        self._next += 1
        return number
