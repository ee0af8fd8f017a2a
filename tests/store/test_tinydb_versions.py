"""Directories that an earlier or a later version of this program wrote."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from store_faults import CrashingFiles
from store_rows import Clockwork, message, session, workflow
from tinydb import TinyDB

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.store import EventRecord, SessionFilter, TinyDBStore

pytestmark = pytest.mark.anyio

ADA, BOB = (f"00000000-0000-4000-8000-00000000000{letter}" for letter in "ab")
NOW = "2026-01-01T00:00:00.000000Z"


def first_version(directory: Path) -> dict[str, bytes]:
    """Write a directory as version 1 did: no version, no journals, no commit numbers."""
    (directory / "sessions").mkdir(parents=True)
    written = {}
    for session_id in (ADA, BOB):
        row = session(id=session_id, created_at=NOW, updated_at=NOW, last_sequence=1, last_event=1)
        tables: dict[str, list[Any]] = {
            "session": [row],
            "messages": [message(session_id, "old", sequence_number=1, timestamp=NOW)],
            "events": [EventRecord(type="message", data={}, seq=1, at=NOW)],
        }
        content = {
            name: {str(number): row for number, row in enumerate(rows, start=1)}
            for name, rows in tables.items()
        }
        path = directory / "sessions" / f"{session_id}.json"
        path.write_bytes(msgspec.json.encode(content))
        written[path.name] = path.read_bytes()
    (directory / "workflows.json").write_bytes(msgspec.json.encode({"workflows": {"1": workflow()}}))
    (directory / "index.json").write_bytes(b'{"sessions":{"1":{"id":"x"}}}')
    return written


async def check(store: TinyDBStore) -> None:
    assert {row.id for row in await store.sessions(SessionFilter())} == {ADA, BOB}
    assert store.damaged == []
    for session_id in (ADA, BOB):
        page = await store.messages(session_id)
        assert page is not None
        assert page.messages[0].content == "old"
    assert await store.workflow("w") == workflow()


async def test_a_directory_of_the_first_version_is_brought_up_to_date(
    directory: Path, clock: Clockwork
) -> None:
    before = first_version(directory)
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    await check(store)
    async with store.transaction(ADA) as transaction:
        transaction.put_message(message(ADA, "new"))
    await store.close()
    backup = directory / "backup-1" / "sessions"
    assert {path.name: path.read_bytes() for path in backup.iterdir()} == before
    assert json.loads((directory / "store.json").read_bytes()) == {"meta": {"1": {"schema": 2}}}
    with TinyDB(directory / "sessions" / f"{ADA}.json") as plain:
        assert [dict(row) for row in plain.table("meta")] == [{"schema": 2, "commit": 1}]
        assert [row["content"] for row in plain.table("messages")] == ["old", "new"]
    await store.open()
    await check(store)
    await store.close()


async def test_an_interrupted_migration_goes_on_where_it_was(tmp_path: Path, clock: Clockwork) -> None:
    for last in range(1, 14):
        directory = tmp_path / str(last)
        before = first_version(directory)
        store = TinyDBStore(directory, clock=clock, files=CrashingFiles(last))
        try:
            await store.open()
        except StoreError:
            pass
        else:
            await store.close()
        later = TinyDBStore(directory, clock=clock)
        await later.open()
        await check(later)
        backup = directory / "backup-1" / "sessions"
        assert {path.name: path.read_bytes() for path in backup.glob("*.json")} == before
        await later.close()


async def test_a_damaged_session_of_the_first_version_is_left_alone(
    directory: Path, clock: Clockwork
) -> None:
    first_version(directory)
    damaged = directory / "sessions" / f"{BOB}.json"
    damaged.write_bytes(b"{")
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    assert [row.id for row in await store.sessions(SessionFilter())] == [ADA]
    assert store.damaged[0].file == f"sessions/{BOB}.json"
    await store.close()
    assert damaged.read_bytes() == b"{"


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_directory_of_a_later_version_is_refused_and_not_touched(
    directory: Path, read_only: bool
) -> None:
    os.mkdir(directory)
    (directory / "store.json").write_bytes(b'{"meta": {"1": {"schema": 3}}}')
    with pytest.raises(StoreError) as refusal:
        await TinyDBStore(directory, read_only=read_only).open()
    assert refusal.value.code == "STORE_TOO_NEW"
    assert set(os.listdir(directory)) <= {"store.json", ".lock"}


async def test_a_session_file_of_a_later_version_hides_no_other(
    disk_store: TinyDBStore, directory: Path
) -> None:
    await disk_store.create_session(session(id=ADA))
    await disk_store.close()
    (directory / "sessions" / f"{BOB}.json").write_bytes(b'{"meta":{"1":{"schema":3,"commit":1}}}')
    await disk_store.open()
    assert [row.id for row in await disk_store.sessions(SessionFilter())] == [ADA]
    assert "newer" in disk_store.damaged[0].reason
