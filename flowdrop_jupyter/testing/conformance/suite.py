"""What all parts of the conformance suite share: the store under test, a clock, and two shorthands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import pytest

from ...clock import Clock
from ...store import Store
from ..rows import Clockwork

T = TypeVar("T")


@pytest.mark.anyio
class Suite:
    """Tests of one store, in whichever async library the fixture ``anyio_backend`` names."""

    def new_store(self, clock: Clock) -> AbstractAsyncContextManager[Store]:
        """Return a context that makes an empty store, not open yet, and cleans up behind it.

        :param clock: tells the time that the store must use.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clockwork:
        """The clock of the store under test; it stands still until it is moved."""
        return Clockwork()

    @pytest.fixture
    async def closed_store(self, clock: Clockwork) -> AsyncIterator[Store]:
        """A store that was not opened yet."""
        async with self.new_store(clock) as store:
            yield store

    @pytest.fixture
    async def store(self, closed_store: Store) -> AsyncIterator[Store]:
        """An open, empty store."""
        await closed_store.open()
        yield closed_store
        await closed_store.close()


def known(found: T | None) -> T:
    """Return what a store has found, which must not be None."""
    assert found is not None
    return found


async def reopen(store: Store) -> None:
    """Close a store and open it again."""
    await store.close()
    await store.open()
