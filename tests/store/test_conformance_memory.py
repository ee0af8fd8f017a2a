"""The store in memory keeps every promise of the protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flowdrop_jupyter.clock import Clock
from flowdrop_jupyter.store import MemoryStore, Store
from flowdrop_jupyter.testing import StoreConformance


class TestMemoryStore(StoreConformance):
    @asynccontextmanager
    async def new_store(self, clock: Clock) -> AsyncIterator[Store]:
        yield MemoryStore(clock=clock)
