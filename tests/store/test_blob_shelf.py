"""A sweep removes nothing that somebody reads, writes or commits at that moment."""

from datetime import UTC, datetime, timedelta

import anyio
import msgspec
import pytest

from flowdrop_jupyter.errors import StoreDamaged, StoreError
from flowdrop_jupyter.store.blob_shelf import BlobShelf
from flowdrop_jupyter.store.blobs import INLINE_BYTES, split_row

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROW = msgspec.json.encode({"text": "x" * INLINE_BYTES})
KEPT, BLOBS = split_row(ROW)
[(NAME, CONTENT)] = BLOBS.items()


class Shop:
    """Blobs in memory behind gates: each operation waits until its gate is open."""

    def __init__(self) -> None:
        self.held = dict(BLOBS)
        self.steps: list[str] = []
        self.gates = {"read": anyio.Event(), "write": anyio.Event(), "remove": anyio.Event()}
        self.shelf = BlobShelf(self._read, self._write, self._remove)

    def open(self, *names: str) -> None:
        for name in names:
            self.gates[name].set()

    async def sweep(self) -> None:
        async with self.shelf.sweep():
            await self.shelf.remove_unused({NAME: len(CONTENT)}, frozenset(), NOW, timedelta())
        self.steps.append("swept")

    async def _pass(self, step: str) -> None:
        self.steps.append(step)
        await self.gates[step].wait()

    async def _read(self, name: str) -> bytes | None:
        await self._pass("read")
        return self.held.get(name)

    async def _write(self, name: str, content: bytes) -> None:
        await self._pass("write")
        self.held[name] = content

    async def _remove(self, name: str) -> None:
        await self._pass("remove")
        del self.held[name]


async def test_what_is_being_read_stays_for_the_next_sweep() -> None:
    shop = Shop()
    read: list[bytes] = []

    async def reader() -> None:
        read.extend(await shop.shelf.whole([KEPT], bytes, {}))

    shop.open("remove")
    async with anyio.create_task_group() as group:
        group.start_soon(reader)
        await anyio.wait_all_tasks_blocked()
        await shop.sweep()
        shop.open("read")
    assert read == [ROW]
    await shop.sweep()
    assert shop.held == {}


async def test_what_an_open_commit_refers_to_stays() -> None:
    shop = Shop()
    shop.open("remove")
    with shop.shelf.commit({"messages": {1: KEPT}}):
        await shop.sweep()
    assert shop.held == BLOBS


async def test_what_was_committed_during_a_sweep_stays() -> None:
    shop = Shop()
    shop.open("remove")
    async with shop.shelf.sweep():
        with shop.shelf.commit({"messages": {1: KEPT}}):
            pass
        await shop.shelf.remove_unused({NAME: len(CONTENT)}, frozenset(), NOW, timedelta())
    assert shop.held == BLOBS


async def test_a_write_waits_for_the_removal_before_it() -> None:
    shop = Shop()
    async with anyio.create_task_group() as group:
        group.start_soon(shop.sweep)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(shop.shelf.write, NAME, CONTENT)
        await anyio.wait_all_tasks_blocked()
        assert shop.steps == ["remove"]
        shop.open("remove", "write")
    assert shop.held == BLOBS


async def test_a_removal_waits_for_the_write_before_it_and_spares_the_blob() -> None:
    shop = Shop()
    shop.open("remove")
    async with anyio.create_task_group() as group:
        group.start_soon(shop.shelf.write, NAME, CONTENT)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(shop.sweep)
        await anyio.wait_all_tasks_blocked()
        shop.open("write")
    assert shop.steps == ["write", "swept"]
    assert shop.held == BLOBS


async def test_a_missing_blob_is_told_as_what_it_is() -> None:
    shop = Shop()
    shop.open("read")
    shop.held.clear()
    with pytest.raises(StoreDamaged, match=NAME):
        await shop.shelf.whole([KEPT], bytes, {})


async def test_a_blob_that_is_not_written_yet_is_not_fetched() -> None:
    shop = Shop()
    assert await shop.shelf.whole([KEPT], bytes, BLOBS) == [ROW]
    assert shop.steps == []


async def test_a_sweep_that_fails_leaves_the_shelf_usable() -> None:
    shop = Shop()
    shop.open("remove")

    async def fail() -> None:
        async with shop.shelf.sweep():
            raise StoreError("The disk is gone.")

    with pytest.raises(StoreError):
        await fail()
    await shop.sweep()
    assert shop.held == {}
