"""Every test here runs on asyncio and on trio; on asyncio nothing in the package may block the loop."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from store_rows import Clockwork

from flowdrop_jupyter.store import TinyDBStore


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


@pytest.fixture
async def disk_store(directory: Path, clock: Clockwork) -> AsyncIterator[TinyDBStore]:
    """An open store on disk."""
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    yield store
    await store.close()
