"""A directory can be read while another store owns it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from store_faults import FaultyFiles
from store_rows import Clockwork, interrupt, message, new_session, session, workflow

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.store import MemoryRecord, SessionFilter, TinyDBStore
from flowdrop_jupyter.store.tinydb.files import Files, Stamp

pytestmark = pytest.mark.anyio


def content_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


async def put(store: TinyDBStore, session_id: str, content: str) -> None:
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, content))


async def contents(store: TinyDBStore, session_id: str) -> list[str]:
    page = await store.messages(session_id)
    assert page is not None
    assert page.session == await store.session(session_id)
    return [row.content for row in page.messages]


@pytest.fixture
async def reader(disk_store: TinyDBStore, directory: Path) -> AsyncIterator[TinyDBStore]:
    store = TinyDBStore(directory, read_only=True)
    yield store
    await store.close()


async def test_a_reader_sees_what_was_acknowledged_and_writes_nothing(
    disk_store: TinyDBStore, reader: TinyDBStore, directory: Path
) -> None:
    filed = await new_session(disk_store, messages=2)
    await disk_store.save_workflow(workflow(), new=True)
    await disk_store.close()
    await disk_store.open()
    await put(disk_store, filed, "3")
    logged = await new_session(disk_store, messages=1)
    prompt = interrupt(logged)
    async with disk_store.transaction(logged) as transaction:
        transaction.put_interrupt(prompt)
    before = content_of(directory)
    await reader.open()
    assert await contents(reader, filed) == ["1", "2", "3"]
    assert await contents(reader, logged) == ["1"]
    assert await reader.interrupt(prompt.id) == prompt
    assert await reader.workflows() == [workflow()]
    assert len(await reader.sessions(SessionFilter())) == 2
    await reader.close()
    assert content_of(directory) == before


async def test_a_reader_shows_the_directory_as_it_was_when_it_was_opened(
    disk_store: TinyDBStore, reader: TinyDBStore
) -> None:
    session_id = await new_session(disk_store, messages=1)
    await reader.open()
    await put(disk_store, session_id, "2")
    added = await new_session(disk_store)
    assert await contents(reader, session_id) == ["1"]
    assert await reader.session(added) is None
    await reader.close()
    await reader.open()
    assert await contents(reader, session_id) == ["1", "2"]


async def test_a_reader_goes_on_when_the_owner_has_compacted(
    disk_store: TinyDBStore, reader: TinyDBStore
) -> None:
    session_id = await new_session(disk_store, messages=1)
    await disk_store.close()
    await disk_store.open()
    await reader.open()
    await put(disk_store, session_id, "2")
    await disk_store.close()
    assert await contents(reader, session_id) in (["1"], ["1", "2"])
    await disk_store.open()


async def test_everything_that_writes_is_refused(disk_store: TinyDBStore, reader: TinyDBStore) -> None:
    session_id = await new_session(disk_store, messages=1)
    await disk_store.save_workflow(workflow(), new=True)
    await reader.open()
    calls = {
        "create": lambda: reader.create_session(session()),
        "put": lambda: put(reader, session_id, "2"),
        "remove": lambda: reader.remove_session(session_id),
        "save": lambda: reader.save_workflow(workflow("v"), new=True),
        "erase": lambda: reader.remove_workflow("w"),
        "blob": lambda: reader.put_blob(b"x"),
        "memory": lambda: reader.put_memory(MemoryRecord(scope="s", scope_id="i", key="k", value=1)),
        "trim": lambda: reader.trim_messages(session_id, 1),
    }
    refused = []
    for name, call in calls.items():
        try:
            await call()
        except StoreError as error:
            refused.append((name, error.code))
    assert refused == [(name, "STORE_READ_ONLY") for name in calls]
    assert await contents(reader, session_id) == ["1"]


async def test_a_reader_leaves_an_unfinished_write_alone(directory: Path, clock: Clockwork) -> None:
    store = TinyDBStore(directory, clock=clock, files=FaultyFiles())
    await store.open()
    session_id = await new_session(store, messages=1)
    [log] = (directory / "journal").iterdir()
    whole = log.read_bytes().rstrip(b"\0")
    with log.open("r+b") as file:
        file.seek(len(whole))
        file.write(b"00000040 1234")
    reader = TinyDBStore(directory, read_only=True)
    await reader.open()
    assert await contents(reader, session_id) == ["1"]
    assert reader.recovered == reader.damaged == []
    await reader.close()
    assert log.read_bytes().startswith(whole + b"00000040 1234")
    await store.close()


async def test_a_directory_that_is_not_there_is_an_error_and_is_not_created(directory: Path) -> None:
    with pytest.raises(StoreError):
        await TinyDBStore(directory, read_only=True).open()
    assert directory.name not in os.listdir(directory.parent)


class RemovedMeanwhile(Files):
    """The owner removes a session right after a reader has listed the files, once."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._removed = False

    def scan(self, path: Path) -> dict[str, Stamp]:
        found = super().scan(path)
        if path.name == "sessions" and not self._removed:
            self._removed = True
            for file in path.glob(f"{self._session_id}.*"):
                file.unlink()
        return found


async def test_a_session_that_is_removed_while_a_reader_looks_is_gone_and_not_damaged(
    disk_store: TinyDBStore, directory: Path
) -> None:
    stays, goes = await new_session(disk_store, messages=1), await new_session(disk_store, messages=1)
    await disk_store.close()
    (directory / "index.json").unlink()
    reader = TinyDBStore(directory, read_only=True, files=RemovedMeanwhile(goes))
    await reader.open()
    assert reader.damaged == []
    assert await reader.session(goes) is None
    assert await contents(reader, stays) == ["1"]
    await reader.close()
