"""Every test here runs on asyncio and on trio; on asyncio nothing in the package may block the loop."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from store_rows import Clockwork, Reopen

from flowdrop_jupyter.store import MemoryStore, Store, TinyDBStore


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx("flowdrop_jupyter"):
        yield


@pytest.fixture
def clock() -> Clockwork:
    return Clockwork()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=["memory", "tinydb"])
def new_store(request: pytest.FixtureRequest, clock: Clockwork, directory: Path) -> Callable[[], Store]:
    """Return a maker of stores that are not open yet."""
    if request.param == "memory":
        return lambda: MemoryStore(clock=clock)
    return lambda: TinyDBStore(directory, clock=clock)


@pytest.fixture
async def store(new_store: Callable[[], Store]) -> AsyncIterator[Store]:
    """An open store."""
    store = new_store()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def disk_store(directory: Path, clock: Clockwork) -> AsyncIterator[TinyDBStore]:
    """An open store on disk."""
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def reopen() -> Reopen:
    """Return what closes and opens a store."""

    async def close_and_open(store: Store) -> None:
        await store.close()
        await store.open()

    return close_and_open
