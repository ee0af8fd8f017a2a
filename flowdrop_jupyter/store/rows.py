"""Rows as frozen JSON: numbered from 1, findable by id, replaced in place and never taken out.

A row is kept as the bytes that go to disk. Reading one decodes it, so every reader has a copy of
its own, and what is in memory cannot differ from what is in the file. Large values are kept apart
from the rows (:mod:`.blobs`); whoever reads a whole row puts them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Generic, TypeAlias, TypeVar

import msgspec

from ..errors import InvalidInput
from .blobs import INLINE_BYTES, split_row

R = TypeVar("R", bound=msgspec.Struct)

Batch: TypeAlias = dict[str, dict[int, bytes]]
"""What one commit writes: by table name and row number, the whole new row."""


_encode = msgspec.json.Encoder().encode


@cache
def decoder(kind: type[R]) -> Callable[[bytes], R]:
    """Return what reads rows of one kind; all tables of the kind share it."""
    return msgspec.json.Decoder(kind).decode


def freeze(row: msgspec.Struct) -> bytes:
    """Return *row* as the JSON that is stored.

    :raises InvalidInput: code ``NOT_STORABLE`` when JSON cannot carry the row, or when reading it
        back would be refused because a field has another type than declared.
    """
    try:
        raw = _encode(row)
        decoder(type(row))(raw)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            f"The {type(row).__name__} cannot be stored as JSON: {error}", code="NOT_STORABLE"
        ) from error
    return raw


class Rows(Generic[R]):
    """One table of a session as it was last made durable."""

    def __init__(self, kind: type[R]) -> None:
        self.decode: Callable[[bytes], R] = decoder(kind)
        self._have_ids = "id" in kind.__struct_fields__
        self._rows: list[bytes] = []
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> R:
        """Return the row with this *number*, which must exist, with its large values left empty."""
        return self.decode(self._rows[number - 1])

    def raw(self, number: int) -> bytes:
        """Return the row with this *number*, which must exist, as it is stored."""
        return self._rows[number - 1]

    def raws(self, first: int = 1, last: int | None = None) -> list[bytes]:
        """Return the rows *first* to *last*, both included, as they are stored; all by default."""
        return self._rows[max(first, 1) - 1 : None if last is None else max(last, 0)]

    def ids(self) -> Iterable[str]:
        """Return the ids of all rows in the order in which they were first put."""
        return self._numbers.keys()

    def number(self, row_id: str) -> int | None:
        """Return the number of the row with this id, or None."""
        return self._numbers.get(row_id)

    def put(self, number: int, raw: bytes) -> R | None:
        """Replace the row with this *number*, or add it; an added row that has an id is returned decoded.

        :raises ValueError: when the number would leave a gap, the id is taken, or *raw* should have an
            id and is no such row.
        """
        if 1 <= number <= len(self._rows):
            self._rows[number - 1] = raw
            return None
        if number != len(self._rows) + 1:
            raise ValueError(f"row {len(self._rows) + 1} is missing")
        if not self._have_ids:
            self._rows.append(raw)
            return None
        row = self.decode(raw)
        row_id: str = row.id  # type: ignore[attr-defined]
        if row_id in self._numbers:
            raise ValueError(f"two rows have the id {row_id}")
        self._numbers[row_id] = number
        self._rows.append(raw)
        return row

    def check(self) -> None:
        """Read every row; the first that is no such row raises ``msgspec.MsgspecError``."""
        for raw in self._rows:
            self.decode(raw)


class DraftRows(Generic[R]):
    """A table with the puts of one transaction laid over it.

    :param blobs: takes the large values of the puts, by their hashes.
    """

    def __init__(self, base: Rows[R], blobs: dict[str, bytes]) -> None:
        self.decode = base.decode
        self.puts: dict[int, bytes] = {}
        self._base = base
        self._blobs = blobs
        self._numbers: dict[str, int] = {}
        self._next = len(base) + 1

    def __getitem__(self, number: int) -> R:
        """Return the row with this *number*, which must exist, with its large values left empty."""
        return self.decode(self.raw(number))

    def raw(self, number: int) -> bytes:
        """Return the row with this *number*, which must exist, as it is or will be stored."""
        return self.puts.get(number) or self._base.raw(number)

    def raws(self) -> list[bytes]:
        """Return all rows in the order in which they were first put."""
        return [self.raw(number) for number in range(1, self._next)]

    @property
    def next_number(self) -> int:
        """The number that the next added row gets."""
        return self._next

    def number(self, row_id: str) -> int | None:
        """Return the number of the row with this id, or None."""
        return self._numbers.get(row_id) or self._base.number(row_id)

    def put(self, row: R, row_id: str | None) -> int | None:
        """Replace the row with this id, or add it; return the number of an added row."""
        known = None if row_id is None else self.number(row_id)
        if known is None:
            return self.add(row, row_id)
        self.replace(known, row)
        return None

    def add(self, row: R, row_id: str | None) -> int:
        """Add a row whose id, if it has one, is not taken; return its number."""
        number = self._next
        self.replace(number, row)
        if row_id is not None:
            self._numbers[row_id] = number
        self._next += 1
        return number

    def replace(self, number: int, row: R) -> None:
        """Put a row at this *number*."""
        raw = freeze(row)
        if len(raw) > INLINE_BYTES:
            raw, blobs = split_row(raw)
            self._blobs.update(blobs)
        self.puts[number] = raw
