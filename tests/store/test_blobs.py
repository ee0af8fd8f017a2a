"""Large values leave their rows and come back; on disk they are files that are never half there."""

import errno
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_rows import Clockwork, message, new_session
from tinydb import TinyDB

from flowdrop_jupyter.errors import StoreDamaged, StoreError
from flowdrop_jupyter.store import RetentionPolicy, TinyDBStore, sweep
from flowdrop_jupyter.store.blobs import INLINE_BYTES, blob_places, join_row, mentions, split_row
from flowdrop_jupyter.store.tinydb import Files
from flowdrop_jupyter.store.tinydb.files import Stamp

LARGE = "x" * INLINE_BYTES

names = st.text(st.sampled_from("ab/~01 é"), max_size=4)
sizes = st.sampled_from([0, 1, INLINE_BYTES - 2, INLINE_BYTES - 1])
leaves = st.one_of(
    sizes.map(lambda size: "x" * size), sizes.map(lambda size: [1] * (size // 2)), st.integers(), st.none()
)
fields = leaves | st.dictionaries(names, leaves | st.dictionaries(names, leaves, max_size=1), max_size=3)


@given(row=st.dictionaries(names.filter(lambda name: name not in ("blobs", "mentions")), fields, max_size=4))
def test_a_row_comes_back_byte_for_byte(row: dict[str, Any]) -> None:
    raw = msgspec.json.encode(row)
    kept, blobs = split_row(raw)
    assert set(blob_places(kept).values()) == set(blobs)
    assert join_row(kept, blobs) == raw


def test_a_value_leaves_its_row_when_its_json_is_larger_than_the_limit() -> None:
    at_limit = {"text": "x" * (INLINE_BYTES - 2), "object": {"text": "x" * (INLINE_BYTES - 2)}}
    assert split_row(msgspec.json.encode(at_limit))[1] == {}
    above = msgspec.json.encode({"id": "a", "text": LARGE, "object": {"a": 1, "b": LARGE + "!"}})
    kept, blobs = split_row(above)
    assert list(blob_places(kept)) == ["/text", "/object/b"]
    assert len(blobs) == 2
    assert len(kept) < 300


def test_the_same_value_is_one_blob() -> None:
    assert len(split_row(msgspec.json.encode({"a": LARGE, "b": {"c": LARGE}}))[1]) == 1


def test_what_stays_in_the_row_is_of_the_same_kind() -> None:
    row = {"a": LARGE, "b": [LARGE], "c": {"d": {"e": LARGE}, "f": [LARGE]}}
    kept = msgspec.json.decode(split_row(msgspec.json.encode(row))[0])
    assert {key: kept[key] for key in "abc"} == {"a": "", "b": [], "c": {"d": {}, "f": []}}


def test_names_of_blobs_are_found_wherever_they_stand() -> None:
    one, other = "1" * 64, "a" * 64
    assert mentions([f'{{"x":"{one}"}}'.encode(), f'"/files/{other}?v=1"'.encode()]) == {one, other}
    assert mentions([b"2" * 63, b"3" * 65, b"A" * 64]) == frozenset()


class BlobFaults(Files):
    """Real files whose blobs cannot be written, or not be made durable, while a switch is on."""

    def __init__(self) -> None:
        self.full = False
        self.unsynced = False

    def replace(self, path: Path, content: bytes) -> Stamp:
        if self.full and "blobs" in path.parts:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return super().replace(path, content)

    def sync_directory(self, path: Path) -> None:
        if self.unsynced and path.parent.name == "blobs":
            raise OSError(errno.EIO, "Input/output error", str(path))
        super().sync_directory(path)


def blob_paths(directory: Path) -> list[Path]:
    return [path for path in (directory / "blobs").rglob("*") if path.is_file()]


@pytest.mark.anyio
async def test_a_blob_is_a_file_named_by_its_content(disk_store: TinyDBStore, directory: Path) -> None:
    name = await disk_store.put_blob(b"an attachment")
    path = directory / "blobs" / name[:2] / name
    async with await anyio.open_file(path, "rb") as file:
        assert await file.read() == b"an attachment"
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.anyio
async def test_a_large_value_is_written_once(disk_store: TinyDBStore, directory: Path) -> None:
    session_id = await new_session(disk_store)
    async with disk_store.transaction(session_id) as transaction:
        spoken = transaction.put_message(message(session_id, LARGE, status="pending"))
        transaction.put_message(message(session_id, "other", metadata={"copy": LARGE}))
    [path] = blob_paths(directory)
    written = path.stat().st_mtime_ns
    async with disk_store.transaction(session_id) as transaction:
        row = await transaction.message(spoken.id)
        row.status = "completed"
        transaction.put_message(row)
    [path] = blob_paths(directory)
    assert path.stat().st_mtime_ns == written


@pytest.mark.anyio
async def test_plain_tinydb_sees_where_a_large_value_is(directory: Path, clock: Clockwork) -> None:
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    session_id = await new_session(store)
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, LARGE))
    await store.close()
    with TinyDB(directory / "sessions" / f"{session_id}.json", access_mode="r") as plain:
        [document] = plain.table("messages").all()
    [path] = blob_paths(directory)
    assert (document["content"], document["blobs"]) == ("", {"/content": path.name})


@pytest.mark.parametrize("fault", ["full", "unsynced"])
@pytest.mark.anyio
async def test_a_commit_whose_blob_cannot_be_written_is_none(
    directory: Path, clock: Clockwork, fault: str
) -> None:
    files = BlobFaults()
    store = TinyDBStore(directory, clock=clock, files=files)
    await store.open()
    session_id = await new_session(store)

    async def put() -> None:
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id, LARGE))

    setattr(files, fault, True)
    with pytest.raises(StoreError):
        await put()
    assert await store.events(session_id) == []
    assert blob_paths(directory) == []
    setattr(files, fault, False)
    await put()
    page = await store.messages(session_id)
    assert [row.content for row in page.messages] == [LARGE]
    await store.close()


@pytest.mark.parametrize("content", [None, b"", b'"y"'], ids=["missing", "empty", "changed"])
@pytest.mark.anyio
async def test_a_blob_that_is_not_what_it_was_is_damage(
    disk_store: TinyDBStore, directory: Path, content: bytes | None
) -> None:
    session_id = await new_session(disk_store, messages=1)
    async with disk_store.transaction(session_id) as transaction:
        spoken = transaction.put_message(message(session_id, LARGE))
    [path] = blob_paths(directory)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreDamaged, match=path.name):
        await disk_store.message(session_id, spoken.id)
    page = await disk_store.messages(session_id, before=2)
    assert [row.content for row in page.messages] == ["1"]


@pytest.mark.anyio
async def test_nothing_is_garbage_while_a_session_cannot_be_read(directory: Path, clock: Clockwork) -> None:
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    session_id = await new_session(store)
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message(session_id, LARGE))
    await store.close()
    for path in (directory / "sessions").iterdir():
        path.write_bytes(b"{}")
    (directory / "index.json").unlink()
    await store.open()
    assert store.damaged
    assert await store.collect_garbage(grace_seconds=0) == {}
    assert len(blob_paths(directory)) == 1
    await store.close()


@pytest.mark.anyio
async def test_a_half_written_blob_is_cleared_at_open(directory: Path, clock: Clockwork) -> None:
    leftover = directory / "blobs" / "ab" / ("ab" * 32 + ".tmp")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    assert not leftover.exists()
    assert await store.blob("ab" * 32) is None
    await store.close()


@pytest.mark.anyio
async def test_a_session_found_damaged_later_hides_no_other_from_a_sweep(
    directory: Path, clock: Clockwork
) -> None:
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    damaged, sound = await new_session(store, messages=2), await new_session(store, messages=2)
    name = await store.put_blob(b"unused")
    await store.close()
    await store.open()
    for path in (directory / "sessions").glob(f"{damaged}*"):
        path.write_bytes(b"{}")
    report = await sweep(store, RetentionPolicy(max_messages_per_session=1), clock, blob_grace_seconds=0)
    assert report.messages == {sound: 1}
    assert set(report.failed) == {damaged}
    assert report.blobs == []
    assert await store.blob(name) == b"unused"
    await store.close()
