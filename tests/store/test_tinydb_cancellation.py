"""A commit that has begun is finished, so that memory and disk never disagree."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from store_faults import GatedFiles
from store_rows import UNKNOWN, Clockwork, message, new_session, session

from flowdrop_jupyter.store import TinyDBStore

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["before-sync", "after-sync"])
def files(request: pytest.FixtureRequest) -> GatedFiles:
    return GatedFiles(after=request.param)


@pytest.fixture
async def store(directory: Path, clock: Clockwork, files: GatedFiles) -> AsyncIterator[TinyDBStore]:
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    yield store
    files.release()
    await store.close()


async def put(store: TinyDBStore, session_id: str, content: str) -> None:
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, content))


async def contents(store: TinyDBStore, session_id: str) -> list[str]:
    return [row.content for row in (await store.messages(session_id)).messages]


async def test_readers_see_a_commit_only_when_it_is_on_disk(store: TinyDBStore, files: GatedFiles) -> None:
    session_id = await new_session(store, messages=1)
    files.arm()
    async with anyio.create_task_group() as group:
        group.start_soon(put, store, session_id, "2")
        await files.reached.wait()
        assert await contents(store, session_id) == ["1"]
        assert (await store.session(session_id)).last_sequence == 1
        files.release()
    assert await contents(store, session_id) == ["1", "2"]


async def test_a_commit_whose_caller_is_cancelled_is_finished_before_the_next_begins(
    store: TinyDBStore, files: GatedFiles
) -> None:
    session_id = await new_session(store, messages=1)
    outcomes: list[str] = []

    async def put_cancelled() -> None:
        with scope:
            await put(store, session_id, "2")
            outcomes.append("acknowledged")
        outcomes.append("left")

    scope = anyio.CancelScope()
    files.arm()
    async with anyio.create_task_group() as group:
        group.start_soon(put_cancelled)
        await files.reached.wait()
        scope.cancel()
        group.start_soon(put, store, session_id, "3")
        await anyio.wait_all_tasks_blocked()
        assert outcomes == []
        files.release()
    assert outcomes[-1] == "left"
    assert await contents(store, session_id) == ["1", "2", "3"]
    await store.close()
    await store.open()
    assert await contents(store, session_id) == ["1", "2", "3"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_commit_whose_task_is_cancelled_natively_is_finished_too(
    store: TinyDBStore, files: GatedFiles
) -> None:
    session_id = await new_session(store, messages=1)
    files.arm()
    task = asyncio.create_task(put(store, session_id, "2"))
    await files.reached.wait()
    for _ in range(3):
        task.cancel()
        await anyio.wait_all_tasks_blocked()
    assert not task.done()
    files.release()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await contents(store, session_id) == ["1", "2"]
    await put(store, session_id, "3")
    await store.close()
    await store.open()
    assert await contents(store, session_id) == ["1", "2", "3"]


async def test_a_creation_whose_caller_is_cancelled_is_finished(
    store: TinyDBStore, files: GatedFiles
) -> None:
    files.arm()
    async with anyio.create_task_group() as group:
        group.start_soon(store.create_session, session(id=UNKNOWN))
        await files.reached.wait()
        group.cancel_scope.cancel()
        files.release()
    assert (await store.session(UNKNOWN)).id == UNKNOWN
    await put(store, UNKNOWN, "1")
    assert await contents(store, UNKNOWN) == ["1"]


async def test_closing_waits_for_the_commit_under_way(store: TinyDBStore, files: GatedFiles) -> None:
    session_id = await new_session(store, messages=1)
    order: list[str] = []

    async def commit() -> None:
        await put(store, session_id, "2")
        order.append("committed")

    async def close() -> None:
        await store.close()
        order.append("closed")

    files.arm()
    async with anyio.create_task_group() as group:
        group.start_soon(commit)
        await files.reached.wait()
        group.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        assert order == []
        files.release()
    assert sorted(order) == ["closed", "committed"]
    await store.open()
    assert await contents(store, session_id) == ["1", "2"]


async def test_a_cancelled_close_still_releases_the_directory(
    store: TinyDBStore, files: GatedFiles, directory: Path
) -> None:
    await new_session(store)
    files.arm()
    async with anyio.create_task_group() as group:
        group.start_soon(store.close)
        await files.reached.wait()
        group.cancel_scope.cancel()
        files.release()
    other = TinyDBStore(directory)
    await other.open()
    await other.close()
