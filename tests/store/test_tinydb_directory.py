"""What is in the data directory, and what a store makes of it at open."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from store_faults import FaultyFiles
from store_rows import UNKNOWN, Clockwork, interrupt, job, message, new_session, run, session, workflow
from tinydb import TinyDB

from flowdrop_jupyter.errors import Conflict, InvalidInput, NotFound, StoreDamaged
from flowdrop_jupyter.ids import is_uuid
from flowdrop_jupyter.store import SessionFilter, TinyDBStore
from flowdrop_jupyter.store.tinydb.index import INDEX_TABLE

pytestmark = pytest.mark.anyio

HOSTILE = [
    "../workflows",
    "../../etc/passwd",
    "/etc/passwd",
    "",
    ".",
    "index",
    UNKNOWN + "/../x",
    UNKNOWN + "\0",
    "{" + UNKNOWN + "}",
    UNKNOWN.replace("-", ""),
    "ABCDEF00-0000-4000-8000-000000000000",
]


def path_of(directory: Path, session_id: str) -> Path:
    return directory / "sessions" / f"{session_id}.json"


def plain(path: Path) -> dict[str, dict[int, dict[str, Any]]]:
    with TinyDB(path) as database:
        return {name: {row.doc_id: dict(row) for row in database.table(name)} for name in database.tables()}


def below(directory: Path) -> list[Path]:
    return list(directory.rglob("*"))


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def snapshots(files: FaultyFiles) -> list[str]:
    """The sessions that were read."""
    ids = [name.removesuffix(".json") for name in files.reads if name.endswith(".json")]
    return [session_id for session_id in ids if is_uuid(session_id)]


def age(path: Path, seconds: float) -> None:
    """Make a file look written that many seconds earlier than it was."""
    status = path.stat()
    moved = int(status.st_mtime_ns - seconds * 1e9)
    os.utime(path, ns=(moved, moved))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_compacted_session_opens_in_plain_tinydb(disk_store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(disk_store, messages=2)
    turn, prompt = run(session_id), interrupt(session_id)
    async with disk_store.transaction(session_id) as transaction:
        transaction.put_run(turn)
        transaction.put_job(job(turn.id, node_id="first"))
        transaction.put_job(job(turn.id, node_id="second"))
        transaction.put_interrupt(prompt)
        transaction.session.status = "running"
    await disk_store.close()
    tables = plain(path_of(directory, session_id))
    assert tables.pop("meta") == {1: {"schema": 2, "commit": 3}}
    assert {name: list(rows) for name, rows in tables.items()} == {
        "session": [1],
        "messages": [1, 2],
        "events": [1, 2, 3],
        "runs": [1],
        "jobs": [1, 2],
        "interrupts": [1],
    }
    assert [row["content"] for row in tables["messages"].values()] == ["1", "2"]
    assert [row["node_id"] for row in tables["jobs"].values()] == ["first", "second"]
    assert tables["events"][3]["data"] == {"status": "running"}
    assert tables["session"][1]["status"] == "running"
    assert tables["runs"][1]["id"] == turn.id


async def test_a_transaction_is_one_write_and_one_sync(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store)
    files.syncs = 0
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id))
        transaction.put_run(run(session_id))
        transaction.put_interrupt(interrupt(session_id))
        transaction.session.status = "running"
    assert files.syncs == 1
    async with store.transaction(session_id) as transaction:
        await transaction.interrupts()
    assert files.syncs == 1
    await store.close()


async def test_workflows_and_index_open_in_plain_tinydb(disk_store: TinyDBStore, directory: Path) -> None:
    await disk_store.save_workflow(workflow("a"), new=True)
    await disk_store.save_workflow(workflow("b"), new=True)
    await disk_store.remove_workflow("a")
    session_id = await new_session(disk_store)
    await disk_store.close()
    assert plain(directory / "workflows.json")["workflows"][2]["id"] == "b"
    assert session_id in str(plain(directory / "index.json")[INDEX_TABLE][1])


async def test_a_file_that_plain_tinydb_wrote_is_read(disk_store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(disk_store, messages=1)
    await disk_store.close()
    with TinyDB(path_of(directory, session_id), indent=2, sort_keys=True) as database:
        database.table("messages").update({"content": "édité"}, doc_ids=[1])
    await disk_store.open()
    async with disk_store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, "2"))
    page = await disk_store.messages(session_id)
    assert [row.content for row in page.messages] == ["édité", "2"]


async def test_everything_is_readable_by_its_owner_only(directory: Path) -> None:
    before = os.umask(0)
    try:
        store = TinyDBStore(directory)
        await store.open()
        await new_session(store, messages=1)
        await store.save_workflow(workflow(), new=True)
        assert {mode(directory), mode(directory / "sessions")} == {0o700}
        assert {mode(path) for path in below(directory) if path.is_file()} == {0o600}
        await store.close()
        assert mode(directory / "index.json") == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("session_id", HOSTILE)
async def test_an_id_that_is_no_uuid_is_unknown_and_touches_no_file(
    disk_store: TinyDBStore, directory: Path, session_id: str
) -> None:
    await disk_store.save_workflow(workflow(), new=True)
    assert await disk_store.session(session_id) is None
    assert await disk_store.messages(session_id) is None
    assert await disk_store.events(session_id) == []
    assert not await disk_store.remove_session(session_id)
    with pytest.raises(NotFound):
        async with disk_store.transaction(session_id):
            pass
    with pytest.raises(InvalidInput):
        await disk_store.create_session(session(id=session_id))
    assert await disk_store.workflow("w") == workflow()
    assert list((directory / "sessions").iterdir()) == []


async def test_half_written_files_are_swept_at_open(disk_store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(disk_store, messages=1)
    await disk_store.close()
    for folder in (directory, directory / "sessions"):
        write(folder / f"{session_id}.json.tmp", b'{"sess')
    await disk_store.open()
    assert [path for path in below(directory) if path.suffix == ".tmp"] == []
    assert len((await disk_store.messages(session_id)).messages) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a database"),
        (b"\0" * 4096, "not a database"),
        (b'{"session": {"1": {"id": "x"', "not a database"),
        (b"[]", "not a database"),
        (b"{}", "session row is missing"),
        (b'{"session": {"one": {}}}', "not a document id"),
        (b'{"session": {"1": {"id": 5}}}', "cannot be read"),
        (b'{"surprise": {"1": {}}}', "surprise"),
    ],
)
async def test_a_damaged_session_is_reported_and_hides_no_other(
    disk_store: TinyDBStore,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    reason: str,
) -> None:
    healthy = await new_session(disk_store, messages=1)
    await disk_store.close()
    write(path_of(directory, UNKNOWN), content)
    with caplog.at_level(logging.WARNING):
        await disk_store.open()
    [(file, told)] = disk_store.damaged
    assert file == f"sessions/{UNKNOWN}.json"
    assert reason in told
    assert file in caplog.text
    assert [row.id for row in await disk_store.sessions(SessionFilter())] == [healthy]
    assert await disk_store.session(UNKNOWN) is None
    with pytest.raises(Conflict):
        await disk_store.create_session(session(id=UNKNOWN))
    assert path_of(directory, UNKNOWN).read_bytes() == content


@pytest.mark.parametrize("table", ["messages", "events"])
async def test_a_session_with_a_gap_is_damaged(disk_store: TinyDBStore, directory: Path, table: str) -> None:
    session_id = await new_session(disk_store, messages=3)
    await disk_store.close()
    for number in (2, 3):
        with TinyDB(path_of(directory, session_id)) as database:
            database.table(table).remove(doc_ids=[number])
        await disk_store.open()
        assert "missing" in disk_store.damaged[0][1]
        await disk_store.close()


async def test_a_file_under_the_name_of_another_session_is_damaged(
    disk_store: TinyDBStore, directory: Path
) -> None:
    session_id = await new_session(disk_store)
    await disk_store.close()
    os.rename(path_of(directory, session_id), path_of(directory, UNKNOWN))
    await disk_store.open()
    assert disk_store.damaged == [(f"sessions/{UNKNOWN}.json", "the file holds another session")]


async def test_damaged_workflows_leave_the_sessions_usable(disk_store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(disk_store)
    await disk_store.close()
    write(directory / "workflows.json", b"{")
    await disk_store.open()
    assert await disk_store.session(session_id) is not None
    assert disk_store.damaged[0][0] == "workflows.json"
    with pytest.raises(StoreDamaged):
        await disk_store.workflows()
    with pytest.raises(StoreDamaged):
        await disk_store.save_workflow(workflow(), new=True)
    assert (directory / "workflows.json").read_bytes() == b"{"


# The index


async def test_a_valid_index_spares_reading_the_sessions(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store, messages=1)
    prompt = interrupt(session_id)
    async with store.transaction(session_id) as transaction:
        transaction.put_interrupt(prompt)
    listed = await store.sessions(SessionFilter())
    await store.close()
    age(directory / "index.json", -1)
    files.reads.clear()
    await store.open()
    assert await store.sessions(SessionFilter()) == listed
    assert snapshots(files) == []
    assert await store.interrupt(prompt.id) == prompt
    await store.close()


async def test_an_index_entry_as_young_as_the_index_is_not_trusted(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store)
    await store.close()
    moment = path_of(directory, session_id).stat().st_mtime_ns
    os.utime(directory / "index.json", ns=(moment, moment))
    files.reads.clear()
    await store.open()
    assert snapshots(files) == [session_id]
    await store.close()


async def test_what_changed_behind_the_index_is_read_again(disk_store: TinyDBStore, directory: Path) -> None:
    changed, gone = await new_session(disk_store), await new_session(disk_store)
    await disk_store.close()
    stale = (directory / "index.json").read_bytes()
    await disk_store.open()
    added = await new_session(disk_store, name="Added")
    prompt = interrupt(changed)
    async with disk_store.transaction(changed) as transaction:
        transaction.session.name = "Changed"
        transaction.put_interrupt(prompt)
    await disk_store.remove_session(gone)
    await disk_store.close()
    write(directory / "index.json", stale)
    age(directory / "index.json", -1)
    await disk_store.open()
    listed = {row.id: row.name for row in await disk_store.sessions(SessionFilter())}
    assert listed == {changed: "Changed", added: "Added"}
    assert await disk_store.interrupt(prompt.id) == prompt


TABLE = INDEX_TABLE.encode()


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b'{"%b": {"1": {"id": 1}}}' % TABLE, b'{"%b": []}' % TABLE]
)
async def test_a_missing_or_damaged_index_is_rebuilt(
    disk_store: TinyDBStore, directory: Path, content: bytes | None
) -> None:
    session_id = await new_session(disk_store, messages=1)
    await disk_store.close()
    if content is None:
        os.unlink(directory / "index.json")
    else:
        write(directory / "index.json", content)
    await disk_store.open()
    assert [row.id for row in await disk_store.sessions(SessionFilter())] == [session_id]
    assert disk_store.damaged == []
    await disk_store.close()
    assert json.loads((directory / "index.json").read_bytes())[INDEX_TABLE]


async def test_an_index_that_was_written_before_the_last_commits_were_filed_is_written_again(
    directory: Path, clock: Clockwork
) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    for _ in range(65):
        await new_session(store)
    await to_thread.run_sync(files.wait_for, "index.json")
    await store.close()
    age(directory / "index.json", -1)
    files.reads.clear()
    await store.open()
    assert [name for name in files.reads if name.endswith((".json", ".journal"))] == [
        "store.json",
        "index.json",
        "workflows.json",
        "memory.json",
    ]
    await store.close()


async def test_the_index_is_written_before_close_when_much_has_changed(
    directory: Path, clock: Clockwork
) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    async with anyio.create_task_group() as group:
        for _ in range(80):
            group.start_soon(new_session, store)
    await to_thread.run_sync(files.wait_for, "index.json")
    await store.close()


# Sessions in memory


async def test_the_least_recently_used_sessions_leave_memory(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, max_open=2, files=files)
    await store.open()
    sessions = [await new_session(store, messages=n) for n in (1, 2, 3)]
    files.reads.clear()
    for session_id in (sessions[1], sessions[2], sessions[0], sessions[2], sessions[1]):
        assert await store.messages(session_id) is not None
    assert snapshots(files) == [sessions[0], sessions[1]]
    await store.close()


async def test_a_session_in_use_does_not_leave_memory(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, max_open=1, files=files)
    await store.open()
    busy, *others = [await new_session(store, messages=1) for _ in range(4)]
    async with store.transaction(busy) as transaction:
        files.reads.clear()
        for session_id in others:
            await store.messages(session_id)
        transaction.put_message(message(busy, "2"))
    assert busy not in snapshots(files)
    assert [row.content for row in (await store.messages(busy)).messages] == ["1", "2"]
    await store.close()


async def test_many_readers_of_one_cold_session_load_it_once(directory: Path, clock: Clockwork) -> None:
    files = FaultyFiles()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store, messages=1)
    await store.close()
    age(directory / "index.json", -1)
    await store.open()
    files.reads.clear()
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(store.messages, session_id)
    assert snapshots(files) == [session_id]
    await store.close()
