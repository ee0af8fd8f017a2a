"""Rows that are found by a key of their own: workflows by id, memories by scope and key."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

import msgspec

from .records import MemoryRecord

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=msgspec.Struct)


class Shelf(Generic[K, R]):
    """Rows in memory, as they were last made durable; each has a number for as long as it exists.

    :param kind: the type of the rows.
    :param key: returns what a row is found by.
    """

    def __init__(self, kind: type[R], key: Callable[[R], K]) -> None:
        self.decode = msgspec.json.Decoder(kind).decode
        self._key = key
        self._rows: dict[K, tuple[int, bytes]] = {}
        self._highest = 0

    def load(self, rows: dict[int, bytes]) -> None:
        """Take over all rows of a file; one of another kind raises ``msgspec.MsgspecError``."""
        for number, raw in rows.items():
            self._load(number, raw, self.decode(raw))

    def _load(self, number: int, raw: bytes, row: R) -> None:
        self.put(self._key(row), number, raw)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def raw(self, key: K) -> bytes | None:
        """Return one row as it is stored, or None."""
        row = self._rows.get(key)
        return None if row is None else row[1]

    def raws(self) -> list[bytes]:
        """Return all rows as they are stored."""
        return [raw for _, raw in self._rows.values()]

    def number(self, key: K) -> int | None:
        """Return the number of a row, or None."""
        row = self._rows.get(key)
        return None if row is None else row[0]

    @property
    def free_number(self) -> int:
        """The lowest number above all that were given out."""
        return self._highest + 1

    def next_number(self, key: K) -> int:
        """Return the number to write a row to: its own, or a new one."""
        return self.number(key) or self.free_number

    def put(self, key: K, number: int, raw: bytes | None) -> None:
        """Take over a row that is now durable, or its removal when *raw* is None."""
        if raw is None:
            del self._rows[key]
        else:
            self._rows[key] = (number, raw)
            self._highest = max(self._highest, number)


class MemoryShelf(Shelf[tuple[str, str, str], MemoryRecord]):
    """What is remembered, by scope, the scope's id and key."""

    def __init__(self) -> None:
        super().__init__(MemoryRecord, lambda memory: (memory.scope, memory.scope_id, memory.key))
