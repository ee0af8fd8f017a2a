"""What nodes remember, kept in the store."""

from __future__ import annotations

from typing import Any

from ..nodes import Turns
from ..store.protocol import Store
from ..store.records import MemoryRecord


class StoredMemory:
    """A :class:`~flowdrop_jupyter.nodes.Memory` over the store's memory shelf."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = Turns()

    @property
    def turns(self) -> Turns:
        """The order of those who change one place; callers of other processes are not in it (MEM-12)."""
        return self._turns

    async def read(self, scope: str, scope_id: str, key: str) -> tuple[bool, Any]:
        """Tell whether a key is there, and return its value."""
        found = await self._store.memory(scope, scope_id, key)
        return (False, None) if found is None else (True, found.value)

    async def write(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Put a value in place of what the key held.

        :raises InvalidInput: ``NOT_STORABLE`` for a value that has no JSON form.
        """
        await self._store.put_memory(MemoryRecord(scope=scope, scope_id=scope_id, key=key, value=value))

    async def remove(self, scope: str, scope_id: str, key: str) -> bool:
        """Forget a key; tell whether it was there."""
        return await self._store.remove_memory(scope, scope_id, key)
