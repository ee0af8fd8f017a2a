"""A write that fails leaves the last durable state in force, in memory and on disk."""

import os
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blockbuster import BlockingError
from store_faults import FaultyFiles
from store_rows import Clockwork, interrupt, message, new_session, session, workflow

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.store import SessionFilter, TinyDBStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
async def store(directory: Path, clock: Clockwork, files: FaultyFiles) -> AsyncIterator[TinyDBStore]:
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    yield store
    await store.close()


async def put(store: TinyDBStore, session_id: str, content: str = "hello") -> None:
    async with store.transaction(session_id) as transaction:
        transaction.session.metadata["last"] = content
        transaction.put_message(message(session_id, content))
        transaction.put_interrupt(interrupt(session_id))


async def contents(store: TinyDBStore, session_id: str) -> list[str]:
    page = await store.messages(session_id)
    assert page is not None
    assert page.session == await store.session(session_id)
    assert len(page.messages) == len(await store.events(session_id))
    return [row.content for row in page.messages]


async def on_disk(directory: Path, session_id: str) -> list[str]:
    """What a copy of the directory shows, as after a crash at this moment."""
    copy = shutil.copytree(directory, directory.with_name("copy"), ignore=shutil.ignore_patterns(".lock"))
    store = TinyDBStore(copy)
    await store.open()
    try:
        return await contents(store, session_id)
    finally:
        await store.close()
        shutil.rmtree(copy)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to make any file of this process larger than *size* bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*.tmp")}


@pytest.mark.parametrize("operation", ["open", "fsync", "replace"])
async def test_a_commit_that_fails_at_any_step_changes_nothing_and_the_next_one_works(
    store: TinyDBStore, directory: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await new_session(store, messages=1)
    before = await store.session(session_id), await store.events(session_id)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, refuse)
        with pytest.raises(StoreError, match="No space left on device"):
            await put(store, session_id, "lost")
    assert (await store.session(session_id), await store.events(session_id)) == before
    assert await store.interrupts(session_id) == []
    assert await on_disk(directory, session_id) == ["1"]
    assert names(directory) == set()
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == await contents(store, session_id) == ["1", "2"]


async def test_a_write_the_system_cuts_short_changes_nothing(store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(store, messages=1)
    with largest_file(100_000), pytest.raises(StoreError, match="File too large"):
        await put(store, session_id, "x" * 200_000)
    assert await on_disk(directory, session_id) == ["1"]
    await put(store, session_id, "2")
    assert await contents(store, session_id) == ["1", "2"]


async def test_a_replacement_whose_name_cannot_be_synced_is_taken_back(
    store: TinyDBStore, directory: Path, files: FaultyFiles
) -> None:
    session_id = await new_session(store, messages=1)
    files.unsynced = 1
    with pytest.raises(StoreError):
        await put(store, session_id, "lost")
    assert await on_disk(directory, session_id) == await contents(store, session_id) == ["1"]
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]


@pytest.mark.parametrize("fault", ["full", "unsynced"])
async def test_a_session_that_could_not_be_created_is_not_there(
    store: TinyDBStore, directory: Path, files: FaultyFiles, fault: str
) -> None:
    record = session()
    setattr(files, fault, 1)
    with pytest.raises(StoreError):
        await store.create_session(record)
    files.full = False
    assert await store.session(record.id) is None
    assert list((directory / "sessions").iterdir()) == []
    await store.create_session(record)
    assert await store.sessions(SessionFilter()) != []


async def test_a_session_whose_removal_failed_is_still_there(
    store: TinyDBStore, directory: Path, files: FaultyFiles
) -> None:
    session_id = await new_session(store, messages=1)
    files.unsynced = 1
    with pytest.raises(StoreError):
        await store.remove_session(session_id)
    assert await on_disk(directory, session_id) == await contents(store, session_id) == ["1"]
    assert await store.remove_session(session_id)


async def test_a_workflow_that_could_not_be_written_is_as_before(
    store: TinyDBStore, files: FaultyFiles
) -> None:
    await store.save_workflow(workflow(), new=True)
    files.full = True
    with pytest.raises(StoreError):
        await store.save_workflow(workflow(name="Lost"), new=False)
    with pytest.raises(StoreError):
        await store.save_workflow(workflow("v"), new=True)
    with pytest.raises(StoreError):
        await store.remove_workflow("w")
    assert await store.workflows() == [workflow()]
    files.full = False
    await store.save_workflow(workflow("v"), new=True)
    await store.close()
    await store.open()
    assert {row.id for row in await store.workflows()} == {"v", "w"}


async def test_an_error_names_the_file_without_telling_where_the_directory_is(
    store: TinyDBStore, directory: Path, files: FaultyFiles
) -> None:
    session_id = await new_session(store)
    files.full = True
    with pytest.raises(StoreError) as refusal:
        await put(store, session_id)
    assert f"sessions/{session_id}.json" in refusal.value.message
    assert str(directory) not in refusal.value.message
    assert refusal.value.details == [{"code": "ENOSPC", "message": "No space left on device"}]


async def test_a_directory_removed_and_given_back_while_running(store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(store, messages=1)
    sessions, away = directory / "sessions", directory / "away"
    os.rename(sessions, away)
    with pytest.raises(StoreError, match="No such file or directory"):
        await put(store, session_id, "lost")
    with pytest.raises(StoreError):
        await store.create_session(session())
    assert await contents(store, session_id) == ["1"]
    os.rename(away, sessions)
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]


async def test_a_commit_brings_back_a_file_that_somebody_removed(store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(store, messages=1)
    os.unlink(directory / "sessions" / f"{session_id}.json")
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]


async def test_a_known_session_that_cannot_be_loaded_is_an_error_not_a_missing_one(
    directory: Path, clock: Clockwork
) -> None:
    store = TinyDBStore(directory, clock=clock, max_open=0)
    await store.open()
    session_id = await new_session(store, messages=1)
    path = directory / "sessions" / f"{session_id}.json"
    hidden = path.with_suffix(".hidden")
    os.rename(path, hidden)
    with pytest.raises(StoreError, match="is gone"):
        await store.messages(session_id)
    os.rename(hidden, path)
    assert await contents(store, session_id) == ["1"]
    await store.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_file_operation_on_the_event_loop_would_be_noticed(directory: Path) -> None:
    with pytest.raises(BlockingError):
        FaultyFiles().stamp(directory)


async def test_a_store_closes_although_its_index_cannot_be_written(
    store: TinyDBStore, files: FaultyFiles
) -> None:
    session_id = await new_session(store, messages=1)
    files.full = True
    await store.close()
    files.full = False
    await store.open()
    assert await contents(store, session_id) == ["1"]
