"""Every test here runs in memory on asyncio and on trio, and on disk on asyncio.

On asyncio nothing in the package may block the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from blockbuster import blockbuster_ctx
from sessions_desk import Desk

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import MemoryStore, Store, TinyDBStore


@pytest.fixture(params=[("asyncio", "memory"), ("trio", "memory"), ("asyncio", "tinydb")], ids="-".join)
def stage(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The event loop and the store."""
    return request.param


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx("flowdrop_jupyter"):
        yield


@pytest.fixture
def anyio_backend(stage: tuple[str, str]) -> str:
    return stage[0]


@pytest.fixture
def store(stage: tuple[str, str], tmp_path: Path) -> Store:
    """A store that is not open; the host opens it."""
    return MemoryStore() if stage[1] == "memory" else TinyDBStore(tmp_path / "data")


Serve = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def serve(store: Store, tmp_path: Path) -> Serve:
    """Return what runs a host over the store, or over another one, for the time of a block."""

    @asynccontextmanager
    async def serving(
        *functions: Callable[..., Any], on: Store | None = None, **options: Any
    ) -> AsyncIterator[Desk]:
        host = Host(on or store, NodeRegistry([*NODE_TYPES, *functions]), root=tmp_path, **options)
        async with anyio.create_task_group() as owner:
            await owner.start(host.run)
            try:
                yield Desk(host)
            finally:
                owner.cancel_scope.cancel()

    return serving
