"""Everything that a test of a specification rule may drive: the HTTP API, a host, the engine.

A test marked ``anyio`` runs on asyncio and on trio, where nothing may block the loop; any other async
test runs on the loop of the Jupyter server that the fixture ``api`` talks to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import anyio
import pytest
from blockbuster import blockbuster_ctx
from pytest_jupyter.jupyter_core import pytest_pycollect_makeitem as collected_on_the_servers_loop
from pytest_jupyter.jupyter_core import pytest_pyfunc_call as called_on_the_servers_loop
from server_fixtures import *  # noqa: F403
from sessions_desk import Desk

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import MemoryStore, Store


def _runs_under_anyio(collector: Any, function: Any) -> bool:
    marks = [mark.name for mark in getattr(function, "pytestmark", ())]
    return "anyio" in marks or collector.get_closest_marker("anyio") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    if iscoroutinefunction(obj) and not _runs_under_anyio(collector, obj):
        return collected_on_the_servers_loop(collector, name, obj)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Any:
    if iscoroutinefunction(pyfuncitem.obj) and not _runs_under_anyio(pyfuncitem, pyfuncitem.obj):
        return called_on_the_servers_loop(pyfuncitem)
    return None


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def _nothing_blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("anyio") is None:
        yield
        return
    with blockbuster_ctx("flowdrop_jupyter"):
        yield


@pytest.fixture
def registry() -> NodeRegistry:
    """The built-in node types."""
    return NodeRegistry(NODE_TYPES)


Serve = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Return what runs a host in memory, or over another store, for the time of a block."""

    @asynccontextmanager
    async def serving(
        *functions: Callable[..., Any], on: Store | None = None, **options: Any
    ) -> AsyncIterator[Desk]:
        store = on or MemoryStore()
        host = Host(store, NodeRegistry([*NODE_TYPES, *functions]), root=tmp_path, **options)
        async with anyio.create_task_group() as owner:
            await owner.start(host.run)
            try:
                yield Desk(host)
            finally:
                owner.cancel_scope.cancel()

    return serving
