"""A write that fails leaves the last durable state in force, in memory and on disk."""

import contextlib
import errno
import os
import resource
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockingError
from store_faults import FailingFiles, FaultyFiles
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


COMMIT = ["create", "write", "sync", "identity", "sync_directory"]


@pytest.mark.parametrize("after", [False, True], ids=["instead", "after"])
@pytest.mark.parametrize("operation", COMMIT)
async def test_a_commit_that_fails_at_any_step_changes_nothing_and_the_next_one_works(
    directory: Path, clock: Clockwork, operation: str, after: bool
) -> None:
    files = FailingFiles(operation, errno.ENOSPC, after=after)
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store, messages=1)
    await store.close()
    await store.open()
    before = await store.session(session_id), await store.events(session_id)
    files.armed = True
    with pytest.raises(StoreError, match="No space left on device") as refusal:
        await put(store, session_id, "lost")
    assert refusal.value.details[0]["code"] == "ENOSPC"
    assert (await store.session(session_id), await store.events(session_id)) == before
    assert await store.interrupts(session_id) == []
    assert await on_disk(directory, session_id) == ["1"]
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == await contents(store, session_id) == ["1", "2"]
    await store.close()


@pytest.mark.parametrize("operation", ["write", "sync"])
async def test_what_cannot_be_cut_off_again_does_not_count(
    directory: Path, clock: Clockwork, operation: str
) -> None:
    files = FailingFiles(operation, after=True)
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store, messages=1)
    files.armed, cut = True, files.cut

    def refuse(descriptor: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    files.cut = refuse  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await put(store, session_id, "lost")
    files.cut = cut  # type: ignore[method-assign]
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]
    await store.close()
    await store.open()
    assert await contents(store, session_id) == ["1", "2"]
    await store.close()


async def test_a_failed_write_fails_all_that_share_it_and_nobody_else(
    directory: Path, clock: Clockwork
) -> None:
    files = FailingFiles("sync")
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    sessions = [await new_session(store) for _ in range(8)]
    files.armed = True
    outcomes: list[str] = []

    async def try_to_put(session_id: str) -> None:
        try:
            await put(store, session_id, "1")
            outcomes.append("done")
        except StoreError as error:
            outcomes.append(error.message)

    async with anyio.create_task_group() as group:
        for session_id in sessions:
            group.start_soon(try_to_put, session_id)
    kept = [session_id for session_id in sessions if await contents(store, session_id)]
    failures = [outcome for outcome in outcomes if outcome != "done"]
    assert failures != []
    assert all("journal/00000001.log" in failure for failure in failures)
    assert len(kept) == outcomes.count("done")
    await store.close()
    await store.open()
    assert [session_id for session_id in sessions if await contents(store, session_id)] == kept
    await store.close()


async def test_a_write_the_system_cuts_short_changes_nothing(store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(store, messages=1)
    with largest_file(20_000), pytest.raises(StoreError, match="File too large"):
        await put(store, session_id, "x" * 60_000)
    assert await on_disk(directory, session_id) == ["1"]
    await put(store, session_id, "2")
    assert await contents(store, session_id) == ["1", "2"]


async def test_a_session_that_could_not_be_created_is_not_there(
    store: TinyDBStore, directory: Path, files: FaultyFiles
) -> None:
    record = session()
    files.full = True
    with pytest.raises(StoreError):
        await store.create_session(record)
    files.full = False
    assert await store.session(record.id) is None
    await store.close()
    await store.open()
    assert await store.session(record.id) is None
    await store.create_session(record)
    assert await store.sessions(SessionFilter()) != []


async def test_a_session_whose_removal_failed_is_still_there(
    store: TinyDBStore, directory: Path, files: FaultyFiles
) -> None:
    session_id = await new_session(store, messages=1)
    files.full = True
    with pytest.raises(StoreError):
        await store.remove_session(session_id)
    files.full = False
    assert await on_disk(directory, session_id) == await contents(store, session_id) == ["1"]
    assert await store.remove_session(session_id)
    await store.close()
    await store.open()
    assert await store.session(session_id) is None
    assert list((directory / "sessions").iterdir()) == []


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
    assert "journal/00000001.log" in refusal.value.message
    assert str(directory) not in refusal.value.message
    assert refusal.value.details == [{"code": "ENOSPC", "message": "No space left on device"}]


async def test_a_journal_removed_while_running_is_made_again_with_all_that_was_in_it(
    store: TinyDBStore, directory: Path
) -> None:
    session_id = await new_session(store, messages=1)
    shutil.rmtree(directory / "journal")
    with pytest.raises(StoreError, match="No such file or directory"):
        await put(store, session_id, "lost")
    assert await contents(store, session_id) == ["1"]
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]


async def test_a_journal_moved_away_and_given_back_while_running(store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(store, messages=1)
    os.rename(directory / "journal", directory / "away")
    with pytest.raises(StoreError, match="No such file or directory"):
        await put(store, session_id, "lost")
    os.rename(directory / "away", directory / "journal")
    await put(store, session_id, "2")
    assert await on_disk(directory, session_id) == ["1", "2"]


async def test_sessions_in_memory_outlive_the_removal_of_the_whole_directory(
    store: TinyDBStore, directory: Path
) -> None:
    first, second = await new_session(store, messages=1), await new_session(store, messages=2)
    await store.close()
    await store.open()
    for session_id in (first, second):
        assert await contents(store, session_id)
    shutil.rmtree(directory)
    with contextlib.suppress(StoreError):
        await put(store, first, "2")
    if await contents(store, first) == ["1"]:
        await put(store, first, "2")
    await store.close()
    await store.open()
    assert await contents(store, first) == ["1", "2"]
    assert await contents(store, second) == ["1", "2"]


async def test_a_journal_that_cannot_be_written_stays_in_the_log(directory: Path, clock: Clockwork) -> None:
    files = FailingFiles("append", errno.EACCES, times=1_000)
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store, messages=2)
    files.armed = True
    await store.close()
    assert list((directory / "sessions").iterdir()) == []
    await store.open()
    assert await contents(store, session_id) == ["1", "2"]
    files.armed = False
    await store.close()
    assert list((directory / "journal").iterdir()) == []
    await store.open()
    assert await contents(store, session_id) == ["1", "2"]
    await store.close()


async def test_a_known_session_that_cannot_be_loaded_is_an_error_not_a_missing_one(
    directory: Path, clock: Clockwork
) -> None:
    store = TinyDBStore(directory, clock=clock, max_open=0)
    await store.open()
    session_id = await new_session(store, messages=1)
    await store.close()
    await store.open()
    hidden = directory / "hidden"
    os.rename(directory / "sessions", hidden)
    with pytest.raises(StoreError, match="is gone"):
        await store.messages(session_id)
    os.rename(hidden, directory / "sessions")
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
