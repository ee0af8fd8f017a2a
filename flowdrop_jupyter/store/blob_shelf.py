"""The blobs of a store: written before the commit that needs them, swept when nothing does.

Nothing is removed that is in use, and what is in use changes all the time. So whoever uses a blob
says so first, without waiting in between: a commit registers its rows before it writes their blobs,
a reader the blobs it is about to fetch. The sweep looks at both right before each removal, and a
removal and a write of the same blob take turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import anyio
from anyio import to_thread

from ..errors import FlowDropError, StoreDamaged
from .blobs import ROW_APART, blob_places, join_row, mentions
from .rows import Batch

R = TypeVar("R")


class BlobShelf:
    """Reads, writes and sweeps the blobs of one open store.

    :param read: returns a blob's bytes, or None when there is none.
    :param write: makes a blob durable; one that is there already may be left alone.
    :param remove: removes a blob.
    """

    def __init__(
        self,
        read: Callable[[str], Awaitable[bytes | None]],
        write: Callable[[str, bytes], Awaitable[None]],
        remove: Callable[[str], Awaitable[None]],
    ) -> None:
        self._read = read
        self._write = write
        self._remove = remove
        self._turns: dict[str, anyio.Lock] = {}
        self._reading: Counter[str] = Counter()
        self._committing: dict[int, Batch] = {}
        self._sweep_turn = anyio.Lock()
        self._sweeping = False
        self._committed: list[Batch] = []
        self._mentioned: set[str] = set()
        self._unused: dict[str, datetime] = {}

    async def whole(
        self, raws: Sequence[bytes], decode: Callable[[bytes], R], fresh: Mapping[str, bytes]
    ) -> list[R]:
        """Return rows with their large values put back.

        :param fresh: blobs that are not written yet.
        :raises StoreDamaged: when a blob is missing or is not what its name says.
        """
        apart = [raw for raw in raws if raw.startswith(ROW_APART)]
        if not apart:
            return [decode(raw) for raw in raws]
        needed = {name for raw in apart for name in blob_places(raw).values()}
        with self._in_use(needed):
            blobs = await self._fetch(needed - fresh.keys())
        return await to_thread.run_sync(_decode_whole, raws, decode, {**fresh, **blobs})

    async def write(self, name: str, content: bytes) -> None:
        """Make one blob durable; it counts as in use from now."""
        async with self._alone(name):
            await self._write(name, content)
            self._unused.pop(name, None)

    async def write_all(self, blobs: Mapping[str, bytes]) -> None:
        """Make blobs durable that a registered commit refers to."""
        for name, content in blobs.items():
            await self.write(name, content)

    def commit(self, batch: Batch) -> _Registered:
        """Register a commit for as long as the block runs."""
        if self._sweeping:
            self._committed.append(batch)
        return _Registered(self._committing, batch)

    @asynccontextmanager
    async def sweep(self) -> AsyncIterator[None]:
        """Take note of every commit from now on; one sweep at a time."""
        async with self._sweep_turn:
            self._sweeping, self._committed = True, list(self._committing.values())
            try:
                yield
            finally:
                self._sweeping, self._committed = False, []
                self._mentioned = set()

    async def remove_unused(
        self, sizes: Mapping[str, int], used: frozenset[str], now: datetime, grace: timedelta
    ) -> dict[str, int]:
        """Remove what was not in use for as long as *grace*; return the sizes by name.

        :param sizes: the blobs that there were when the sweep began.
        :param used: those that rows refer to, as found since then.
        """
        unused = sizes.keys() - used
        self._unused = {name: self._unused.get(name, now) for name in unused}
        removed: dict[str, int] = {}
        for name in sorted(unused):
            async with self._alone(name):
                since = self._unused.get(name)
                if since is None or now - since < grace or self._needed(name):
                    continue
                await self._remove(name)
                del self._unused[name]
                removed[name] = sizes[name]
        return removed

    def _needed(self, name: str) -> bool:
        while self._committed:
            for rows in self._committed.pop().values():
                self._mentioned |= mentions(rows.values())
        return name in self._mentioned or name in self._reading

    async def _fetch(self, names: set[str]) -> dict[str, bytes]:
        blobs: dict[str, bytes] = {}
        errors: list[FlowDropError] = []

        async def fetch(name: str) -> None:
            try:
                content = await self._read(name)
                if content is None:
                    raise StoreDamaged(f"The blob {name} is missing.")
                blobs[name] = content
            except FlowDropError as error:
                errors.append(error)

        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(fetch, name)
        if errors:
            raise errors[0]
        return blobs

    @contextmanager
    def _in_use(self, names: set[str]) -> Iterator[None]:
        self._reading.update(names)
        try:
            yield
        finally:
            self._reading.subtract(names)
            self._reading = +self._reading

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(name, anyio.Lock())
        try:
            async with turn:
                yield
        finally:
            if not turn.locked() and self._turns.get(name) is turn:
                del self._turns[name]


def _decode_whole(raws: Sequence[bytes], decode: Callable[[bytes], R], blobs: Mapping[str, bytes]) -> list[R]:
    return [decode(join_row(raw, blobs)) for raw in raws]


class _Registered:
    """A commit that is under way while the block runs."""

    __slots__ = ("_batch", "_committing")

    def __init__(self, committing: dict[int, Batch], batch: Batch) -> None:
        self._committing = committing
        self._batch = batch

    def __enter__(self) -> None:
        self._committing[id(self._batch)] = self._batch

    def __exit__(self, *_: object) -> None:
        del self._committing[id(self._batch)]
