"""What a store makes of a directory that a crash, a bad disk or an interrupted compaction left behind."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from anyio import to_thread
from store_faults import CrashingFiles
from store_rows import Clockwork, interrupt, message, new_session, session
from tinydb import TinyDB

from flowdrop_jupyter.errors import Conflict, StoreDamaged, StoreError
from flowdrop_jupyter.store import SessionFilter, TinyDBStore
from flowdrop_jupyter.store.tinydb import Files
from flowdrop_jupyter.store.tinydb import upkeep as upkeep_module
from flowdrop_jupyter.store.tinydb.journal_storage import JournalStorage
from flowdrop_jupyter.store.tinydb.session_files import SessionFiles

pytestmark = pytest.mark.anyio

ADA, BOB, EVE = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "abe")


@pytest.fixture
async def store(directory: Path, clock: Clockwork) -> TinyDBStore:
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    return store


def crash(directory: Path) -> Path:
    """Return a copy of the directory as it is now, as a crash at this moment would leave it."""
    copy = directory.with_name("crashed")
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(directory, copy, ignore=shutil.ignore_patterns(".lock"))


def log_of(directory: Path) -> Path:
    [log] = (directory / "journal").iterdir()
    return log


async def put(store: TinyDBStore, session_id: str, content: str) -> None:
    async with store.transaction(session_id) as transaction:
        transaction.session.metadata["last"] = content
        transaction.put_message(message(session_id, content))


async def contents(store: TinyDBStore, session_id: str) -> list[str]:
    page = await store.messages(session_id)
    assert page is not None
    assert page.session == await store.session(session_id)
    assert page.session.last_sequence == len(page.messages)
    assert len(await store.events(session_id)) == len(page.messages)
    return [row.content for row in page.messages]


async def shown(store: TinyDBStore) -> dict[str, list[str]]:
    listed = await store.sessions(SessionFilter())
    return {record.id: await contents(store, record.id) for record in listed}


async def journaled(store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave ADA with two snapshots and a journal, all in its own files; return its journal."""
    await store.create_session(session(id=ADA))
    for number in "1234":
        await put(store, ADA, number)
        if number in "12":
            await store.close()
            await store.open()
    monkeypatch.setattr(upkeep_module, "_CLOSING_MOST", 0)
    await store.close()
    return directory / "sessions" / f"{ADA}.journal"


# The shared log


async def test_what_was_acknowledged_is_in_the_log_and_read_at_open(
    store: TinyDBStore, directory: Path
) -> None:
    await store.create_session(session(id=ADA))
    await put(store, ADA, "1")
    later = TinyDBStore(crash(directory))
    await store.close()
    await later.open()
    assert await shown(later) == {ADA: ["1"]}
    assert later.recovered == []
    await later.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_log_torn_at_any_byte_of_its_last_line_loses_that_line_only(
    store: TinyDBStore, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create_session(session(id=ADA))
    await put(store, ADA, "1")
    before = len(log_of(directory).read_bytes().rstrip(b"\0"))
    await put(store, ADA, "2")
    copy = crash(directory)
    content = log_of(copy).read_bytes().rstrip(b"\0")
    await store.close()
    for size in range(before, len(content) + 1):
        shutil.rmtree(copy / "sessions")
        (copy / "sessions").mkdir()
        (copy / "index.json").unlink(missing_ok=True)
        for old in (copy / "journal").iterdir():
            old.unlink()
        (copy / "journal" / "00000001.log").write_bytes(content[:size])
        later = TinyDBStore(copy)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await later.open()
        whole = size == len(content)
        assert await shown(later) == {ADA: ["1", "2"] if whole else ["1"]}
        assert later.damaged == []
        told = 0 if whole or size == before or content[before:size].endswith(b"}\n") else 1
        assert [recovery.file for recovery in later.recovered] == ["journal/00000001.log"] * told
        assert caplog.text.count("00000001.log") == told
        await put(later, ADA, "3")
        await later.close()
        await later.open()
        assert await shown(later) == {ADA: ["1", "2", "3"] if whole else ["1", "3"]}
        assert later.recovered == []
        await later.close()


async def test_damage_inside_the_log_hides_the_session_it_is_in_and_no_other(
    store: TinyDBStore, directory: Path
) -> None:
    for session_id in (ADA, BOB):
        await store.create_session(session(id=session_id))
    await put(store, ADA, "damaged")
    await put(store, BOB, "1")
    copy = crash(directory)
    await store.close()
    log = log_of(copy)
    log.write_bytes(log.read_bytes().replace(b'"content":"damaged"', b'"content":"demaged"'))
    for _ in range(2):
        later = TinyDBStore(copy)
        await later.open()
        assert await shown(later) == {BOB: ["1"]}
        assert later.damaged == [("journal/00000001.log", f"commit 2 of the session {ADA} cannot be read")]
        with pytest.raises(Conflict):
            await later.create_session(session(id=ADA))
        await later.close()
    assert log.exists()


async def test_a_commit_missing_from_the_log_is_noticed_by_the_gap(
    store: TinyDBStore, directory: Path
) -> None:
    await store.create_session(session(id=ADA))
    for number in "123":
        await put(store, ADA, number)
    copy = crash(directory)
    await store.close()
    log = log_of(copy)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(line for line in lines if b'"n":3,' not in line))
    later = TinyDBStore(copy)
    await later.open()
    assert later.damaged == [("journal", f"commit 3 is missing of the session {ADA}")]
    assert await shown(later) == {}
    await later.close()


async def test_a_removed_session_stays_removed_and_its_id_can_be_used_again(
    store: TinyDBStore, directory: Path
) -> None:
    for session_id in (ADA, BOB):
        await store.create_session(session(id=session_id))
        await put(store, session_id, "old")
    await store.close()
    await store.open()
    for session_id in (ADA, BOB):
        await store.remove_session(session_id)
    await store.create_session(session(id=BOB))
    await put(store, BOB, "new")
    copies = [crash(directory)]
    await store.close()
    for later in (TinyDBStore(copies[0]), store):
        for _ in range(2):
            await later.open()
            assert await shown(later) == {BOB: ["new"]}
            await later.close()


# A session's own files


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_journal_torn_at_any_byte_of_its_last_line_loses_that_line_only(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    content = journal.read_bytes()
    before = content.rstrip(b"\n").rfind(b"\n") + 1
    for size in range(before + 1, len(content)):
        for ending in (b"", b"\0" * 40):
            (directory / "index.json").unlink(missing_ok=True)
            journal.write_bytes(content[:size] + ending)
            await store.open()
            assert await shown(store) == {ADA: ["1", "2", "3"]}
            assert [recovery.file for recovery in store.recovered] == [f"sessions/{ADA}.journal"]
            assert journal.read_bytes() == content[:before]
            await store.close()


async def test_damage_inside_a_journal_hides_its_session_only(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.create_session(session(id=BOB))
    journal = await journaled(store, directory, monkeypatch)
    journal.write_bytes(journal.read_bytes().replace(b'"content":"3"', b'"content":"!"'))
    await store.open()
    [damage] = store.damaged
    assert damage.file == f"sessions/{ADA}.journal"
    assert "cannot be read" in damage.reason
    assert await shown(store) == {BOB: []}
    await store.close()


@pytest.mark.parametrize("content", [b"", b"{", b'{"meta":{"1":{"schema":2,"commit":3}},"sess', b"\0" * 999])
async def test_a_damaged_snapshot_is_replaced_by_the_backup_and_the_journals(
    store: TinyDBStore,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    snapshot = journal.with_suffix(".json")
    snapshot.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        await store.open()
    assert await shown(store) == {ADA: ["1", "2", "3", "4"]}
    [recovery] = store.recovered
    assert recovery.file == f"sessions/{ADA}.json"
    assert "restored from the backup" in recovery.what
    assert f"sessions/{ADA}.json" in caplog.text
    assert snapshot.with_suffix(".json.damaged").read_bytes() == content
    await put(store, ADA, "5")
    monkeypatch.undo()
    for _ in range(2):
        await store.close()
        await store.open()
        assert await shown(store) == {ADA: ["1", "2", "3", "4", "5"]}
        assert (store.damaged, store.recovered) == ([], [])
    await store.close()


async def test_a_snapshot_damaged_while_its_index_is_valid_is_replaced_at_first_use(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    snapshot = journal.with_suffix(".json")
    status = snapshot.stat()
    snapshot.write_bytes(b"x" * status.st_size)
    os.utime(snapshot, ns=(status.st_mtime_ns, status.st_mtime_ns))
    await store.open()
    assert await shown(store) == {ADA: ["1", "2", "3", "4"]}
    assert len(store.recovered) == 1
    await store.close()


async def test_a_snapshot_whose_backup_does_not_lead_up_to_it_is_damaged(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    journal.with_suffix(".json").write_bytes(b"{")
    older = journal.with_suffix(".journal.bak")
    older.write_bytes(b"")
    await store.open()
    assert await shown(store) == {}
    assert [damage.file for damage in store.damaged] == [f"sessions/{ADA}.json"]
    await store.close()
    assert journal.with_suffix(".json").read_bytes() == b"{"


async def test_a_session_without_snapshot_or_backup_is_never_taken_for_an_empty_one(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    for suffix in (".json", ".json.bak", ".journal.bak"):
        journal.with_suffix(suffix).unlink(missing_ok=True)
    await store.open()
    assert await shown(store) == {}
    assert "missing" in store.damaged[0].reason
    await store.close()


# Crashes between any two changes to the disk


async def history(store: TinyDBStore, acknowledged: dict[str, list[str]], removed: set[str]) -> None:
    """Write, close and open again: every kind of file operation that the store has."""
    for session_id in (ADA, BOB, EVE):
        await store.create_session(session(id=session_id))
        acknowledged[session_id] = []
    for content in ("1", "2"):
        for session_id in (ADA, BOB):
            await put(store, session_id, content)
            acknowledged[session_id].append(content)
        await store.close()
        await store.open()
    del acknowledged[EVE]
    await store.remove_session(EVE)
    removed.add(EVE)
    async with store.transaction(ADA) as transaction:
        transaction.put_interrupt(interrupt(ADA, id="question"))
    await put(store, BOB, "3")
    acknowledged[BOB].append("3")
    await store.close()


async def changes(directory: Path, clock: Clockwork) -> int:
    files = CrashingFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    await history(store, {}, set())
    return files.changes


async def test_a_crash_between_any_two_changes_to_the_disk_loses_nothing_acknowledged(
    tmp_path: Path, clock: Clockwork
) -> None:
    total = await changes(tmp_path / "whole", clock)
    assert total > 40
    for last in range(1, total + 1):
        directory = tmp_path / str(last)
        files = CrashingFiles(last)
        store = TinyDBStore(directory, clock=clock, files=files)
        acknowledged: dict[str, list[str]] = {}
        removed: set[str] = set()
        try:
            await store.open()
            await history(store, acknowledged, removed)
        except StoreError:
            pass
        await store.close()
        files.last = None
        later = TinyDBStore(directory, clock=clock)
        for _ in range(2):
            await later.open()
            assert later.damaged == [], last
            found = await shown(later)
            unknown = found.keys() - acknowledged.keys()
            assert acknowledged.keys() <= found.keys(), last
            assert len(unknown) <= 1, last
            assert not removed & found.keys(), last
            for session_id, expected in acknowledged.items():
                assert found[session_id][: len(expected)] == expected, last
                assert len(found[session_id]) <= len(expected) + 1, last
            for session_id in found:
                await put(later, session_id, "after")
                acknowledged[session_id] = await contents(later, session_id)
            await later.close()


async def test_plain_tinydb_and_the_store_show_the_same_documents(
    store: TinyDBStore, directory: Path
) -> None:
    session_id = await new_session(store, messages=3)
    await store.close()
    with TinyDB(directory / "sessions" / f"{session_id}.json") as plain:
        rows = [dict(row) for row in plain.table("messages")]
    assert [row["content"] for row in rows] == ["1", "2", "3"]


async def test_a_session_that_lost_commits_behind_the_index_is_an_error(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await journaled(store, directory, monkeypatch)
    content, status = journal.read_bytes(), journal.stat()
    journal.write_bytes(content[: content.rstrip(b"\n").rfind(b"\n") + 1].ljust(len(content), b"\0"))
    os.utime(journal, ns=(status.st_mtime_ns, status.st_mtime_ns))
    await store.open()
    with pytest.raises(StoreDamaged, match="lost commits"):
        await store.messages(ADA)
    await store.close()


async def test_a_session_with_its_journal_is_a_tinydb_database(
    store: TinyDBStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journaled(store, directory, monkeypatch)

    def edit() -> None:
        sessions = SessionFiles(directory / "sessions", Files(), print)
        with TinyDB(storage=lambda: JournalStorage(sessions, ADA)) as database:
            messages = database.table("messages")
            assert [row["content"] for row in messages] == ["1", "2", "3", "4"]
            messages.update({"content": "edited"}, doc_ids=[3])
            assert messages.insert({"content": "extra"}) == 5
            messages.remove(doc_ids=[5])

    await to_thread.run_sync(edit)
    await store.open()
    assert await shown(store) == {ADA: ["1", "2", "edited", "4"]}
    assert store.damaged == []
    await store.close()
