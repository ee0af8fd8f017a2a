"""What a store promises of memory."""

from __future__ import annotations

import pytest

from ...clock import format_time
from ...errors import InvalidInput
from ...store import Store
from ..rows import Clockwork, memory
from .suite import Suite, known, reopen


class MemoryConformance(Suite):
    """What a store promises of memory."""

    async def test_what_is_remembered_is_there_after_reopening(self, store: Store, clock: Clockwork) -> None:
        put = await store.put_memory(memory("k", {"deep": [1, None]}, updated_at="never"))
        assert put == memory("k", {"deep": [1, None]}, updated_at=format_time(clock()))
        await reopen(store)
        assert await store.memory("user", "ada", "k") == put

    async def test_a_key_holds_its_newest_value(self, store: Store, clock: Clockwork) -> None:
        await store.put_memory(memory("k", 1))
        clock.move(seconds=1)
        await store.put_memory(memory("k", 2))
        for _ in range(2):
            [row] = await store.memories("user", "ada")
            assert (row.value, row.updated_at) == (2, format_time(clock()))
            await reopen(store)

    async def test_memory_is_told_apart_by_scope_id_and_key(self, store: Store) -> None:
        await store.put_memory(memory("b", 1))
        await store.put_memory(memory("a", 2))
        await store.put_memory(memory("a", 3, scope_id="bob"))
        await store.put_memory(memory("a", 4, scope="workflow"))
        assert [(row.key, row.value) for row in await store.memories("user", "ada")] == [("a", 2), ("b", 1)]
        assert [row.value for row in await store.memories("user", "bob")] == [3]
        assert known(await store.memory("workflow", "ada", "a")).value == 4
        assert await store.memory("user", "ada", "c") is None
        assert await store.memories("user", "eve") == []

    async def test_forgetting_tells_whether_it_was_there(self, store: Store) -> None:
        await store.put_memory(memory("k", 1))
        await store.put_memory(memory("l", 2))
        assert await store.remove_memory("user", "ada", "k")
        assert not await store.remove_memory("user", "ada", "k")
        await reopen(store)
        assert await store.memory("user", "ada", "k") is None
        await store.put_memory(memory("m", 3))
        await reopen(store)
        assert [row.key for row in await store.memories("user", "ada")] == ["l", "m"]

    async def test_what_is_read_is_a_copy(self, store: Store) -> None:
        put = await store.put_memory(memory("k", {"x": 1}))
        put.value["x"] = 2
        known(await store.memory("user", "ada", "k")).value["x"] = 3
        assert known(await store.memory("user", "ada", "k")).value == {"x": 1}

    async def test_a_value_json_cannot_carry_is_refused(self, store: Store) -> None:
        await store.put_memory(memory("k", 1))
        with pytest.raises(InvalidInput) as refusal:
            await store.put_memory(memory("k", object()))
        assert refusal.value.code == "NOT_STORABLE"
        assert known(await store.memory("user", "ada", "k")).value == 1
