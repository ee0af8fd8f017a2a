"""Commits share syncs, and what is done in the background holds none of them up."""

import gc
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from store_faults import FaultyFiles, GatedFiles
from store_rows import Clockwork, message, new_session

from flowdrop_jupyter.store import SessionFilter, TinyDBStore
from flowdrop_jupyter.store.tinydb import upkeep as upkeep_module
from flowdrop_jupyter.store.tinydb.files import Stamp

pytestmark = pytest.mark.anyio


class SlowSnapshots(FaultyFiles):
    """Real files whose new files wait at a gate before their last byte, once it is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()

    def write_new(self, path: Path, chunks: Iterable[bytes]) -> Stamp:
        def held() -> Iterator[bytes]:
            yield from chunks
            if not self.gate.is_set():
                self.reached.set()
                assert self.gate.wait(20)

        return super().write_new(path, held())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checkpoints and compaction happen after a few commits."""
    monkeypatch.setattr(upkeep_module, "LOG_BYTES", 4_000)
    monkeypatch.setattr(upkeep_module, "JOURNAL_BYTES", 2_000)


async def put(store: TinyDBStore, session_id: str, content: str = "hello") -> None:
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, content))


async def contents(store: TinyDBStore, session_id: str) -> list[str]:
    page = await store.messages(session_id)
    assert page is not None
    return [row.content for row in page.messages]


async def test_commits_that_come_while_one_is_being_synced_share_the_next_sync(
    directory: Path, clock: Clockwork
) -> None:
    class Files(GatedFiles, FaultyFiles):
        def __init__(self) -> None:
            FaultyFiles.__init__(self)
            GatedFiles.__init__(self)

    files = Files()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    sessions = [await new_session(store) for _ in range(64)]
    files.arm()
    before = files.syncs
    async with anyio.create_task_group() as group:
        group.start_soon(put, store, sessions[0])
        await files.reached.wait()
        for session_id in sessions[1:]:
            group.start_soon(put, store, session_id)
        await anyio.wait_all_tasks_blocked()
        files.release()
    assert files.syncs - before == 2
    assert [row.last_sequence for row in await store.sessions(SessionFilter())] == [1] * 64
    await store.close()


@pytest.mark.usefixtures("small")
async def test_a_long_log_moves_on_to_the_sessions_and_is_compacted(
    directory: Path, clock: Clockwork
) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    busy, quiet = await new_session(store), await new_session(store, messages=1)
    for number in range(60):
        await put(store, busy, str(number))
    await to_thread.run_sync(files.wait_for, f"{busy}.json")
    assert f"{quiet}.json" not in files.replaced
    await store.close()
    assert list((directory / "journal").iterdir()) == []
    await store.open()
    assert await contents(store, busy) == [str(number) for number in range(60)]
    assert await contents(store, quiet) == ["1"]
    await store.close()


@pytest.mark.usefixtures("small")
async def test_commits_go_on_while_a_snapshot_is_written(directory: Path, clock: Clockwork) -> None:
    files = SlowSnapshots()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    busy, other = await new_session(store), await new_session(store)
    files.gate.clear()
    number = 0
    while not files.reached.is_set():
        await put(store, busy, str(number))
        number += 1
    for session_id in (busy, other):
        await put(store, session_id, "meanwhile")
    assert not files.gate.is_set()
    files.gate.set()
    await store.close()
    await store.open()
    assert await contents(store, busy) == [*map(str, range(number)), "meanwhile"]
    assert await contents(store, other) == ["meanwhile"]
    await store.close()


@pytest.mark.usefixtures("small")
async def test_a_session_that_left_memory_comes_back_with_what_is_only_in_the_log(
    directory: Path, clock: Clockwork
) -> None:
    store = TinyDBStore(directory, clock=clock, max_open=1)
    await store.open()
    sessions = [await new_session(store) for _ in range(3)]
    for number in range(30):
        for session_id in sessions:
            await put(store, session_id, str(number))
            assert (await contents(store, session_id))[-1] == str(number)
    await store.close()
    await store.open()
    for session_id in sessions:
        assert await contents(store, session_id) == [str(number) for number in range(30)]
    await store.close()


@pytest.mark.usefixtures("small")
async def test_sessions_removed_and_created_again_during_checkpoints_do_not_mix(
    directory: Path, clock: Clockwork
) -> None:
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    session_id = await new_session(store)
    other = await new_session(store)
    for generation in range(12):
        for _ in range(8):
            await put(store, session_id, str(generation))
            await put(store, other)
        assert await store.remove_session(session_id)
        await new_session(store, id=session_id)
    await put(store, session_id, "last")
    await store.close()
    await store.open()
    assert await contents(store, session_id) == ["last"]
    assert len(await contents(store, other)) == 96
    await store.close()


async def test_a_store_that_was_never_closed_gives_its_threads_back(directory: Path) -> None:
    def threads() -> int:
        return sum(thread.name.startswith("flowdrop-") for thread in threading.enumerate())

    before = threads()
    store = TinyDBStore(directory)
    await store.open()
    await new_session(store)
    assert threads() == before + 2
    writing = [thread for thread in threading.enumerate() if thread.name.startswith("flowdrop-")]

    def wait() -> None:
        for thread in writing[-2:]:
            while thread.is_alive():
                gc.collect()
                thread.join(0.05)

    del store
    with anyio.fail_after(20):
        await to_thread.run_sync(wait, abandon_on_cancel=True)
    assert threads() == before
