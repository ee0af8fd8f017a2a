"""The TinyDB store keeps every promise of the protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from flowdrop_jupyter.clock import Clock
from flowdrop_jupyter.store import Store, TinyDBStore
from flowdrop_jupyter.testing import StoreConformance


class TestTinyDBStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _use_directory(self, directory: Path) -> None:
        self._directory = directory

    @asynccontextmanager
    async def new_store(self, clock: Clock) -> AsyncIterator[Store]:
        yield TinyDBStore(self._directory, clock=clock)
