"""An export holds everything, and an import brings it back as it was, or nothing."""

import io
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from cli_data import FIRST, LARGE, SECOND, checked, contents, fill, fill_directory, snapshot_path, tree
from tinydb import TinyDB

from flowdrop_jupyter.cli.exporting import export_directory
from flowdrop_jupyter.cli.importing import import_file, make_plan, restore, undo
from flowdrop_jupyter.cli.progress import Progress
from flowdrop_jupyter.clock import system_clock
from flowdrop_jupyter.errors import Conflict, InvalidInput, StoreLocked
from flowdrop_jupyter.store import MemoryStore, SessionFilter, TinyDBStore
from flowdrop_jupyter.store.transfer import Item, PortableStore, export_lines, read_export
from flowdrop_jupyter.testing import message, workflow

pytestmark = pytest.mark.anyio
anyio_backend = pytest.fixture(params=["asyncio", "trio"])(lambda request: request.param)


def quiet() -> Progress:
    return Progress("Working", io.StringIO())


def never(name: str, reason: str) -> None:
    pytest.fail(f"left out {name}: {reason}")


def exported(directory: Path) -> bytes:
    output = io.BytesIO()

    async def work() -> None:
        await export_directory(directory, output, clock=system_clock, progress=quiet(), left_out=never)

    anyio.run(work)
    return output.getvalue()


def imported(content: bytes, directory: Path) -> set[str]:
    return import_file(io.BytesIO(content), directory, clock=system_clock, progress=quiet())


def body(content: bytes) -> bytes:
    """An export without its first line."""
    return content.split(b"\n", 1)[1]


def rows(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.split(b"\n") if line]


@pytest.fixture(params=["memory", "tinydb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PortableStore]:
    made = MemoryStore() if request.param == "memory" else TinyDBStore(tmp_path / "other")
    await made.open()
    yield made
    await made.close()


async def lines_of(store: PortableStore) -> bytes:
    lines = export_lines(store, exported_at="now", left_out=never)
    return b"".join([line async for line in lines])


async def test_any_two_stores_give_the_same_lines(store: PortableStore) -> None:
    origin = MemoryStore()
    await origin.open()
    await fill(origin)
    content = await lines_of(origin)
    await restore(store, read_export(io.BytesIO(content)), quiet())
    assert await lines_of(store) == content
    found = await store.message(FIRST, f"{FIRST}/6")
    assert found is not None
    assert found.content == LARGE


async def test_a_restored_session_goes_on_where_it_was(store: PortableStore) -> None:
    origin = MemoryStore()
    await origin.open()
    await fill(origin)
    await restore(store, read_export(io.BytesIO(await lines_of(origin))), quiet())
    async with store.transaction(FIRST) as transaction:
        added = transaction.put_message(message(FIRST, "next"))
    assert added.sequence_number == 7
    assert (await store.events(FIRST))[-1].seq == 7


async def test_undo_leaves_what_was_changed_since(store: PortableStore) -> None:
    origin = MemoryStore()
    await origin.open()
    await fill(origin)
    content = await lines_of(origin)
    plan, missing = make_plan(read_export(io.BytesIO(content)), quiet())
    assert missing == set()
    await restore(store, read_export(io.BytesIO(content)), quiet())
    async with store.transaction(FIRST) as transaction:
        transaction.put_message(message(FIRST, "new"))
    await store.save_workflow(workflow("b", changed="2027-01-01T00:00:00Z"), new=False)
    await undo(store, plan)
    assert [session.id for session in await store.sessions(SessionFilter())] == [FIRST]
    assert [kept.id for kept in await store.workflows()] == ["b"]
    assert await store.memory_rows() == []


def test_exported_imported_and_exported_again_is_the_same(directory: Path, tmp_path: Path) -> None:
    first = exported(directory)
    assert imported(first, tmp_path / "copy") == set()
    assert body(exported(tmp_path / "copy")) == body(first)
    assert checked(tmp_path / "copy").ok
    assert contents(tmp_path / "copy", FIRST) == contents(directory, FIRST)


def test_an_export_is_plain_json_lines_with_everything(directory: Path) -> None:
    first, *lines, last = rows(exported(directory))
    assert first["flowdrop"] == 1
    assert last["kind"] == "end"
    counts = {kind: sum(line["kind"] == kind for line in lines) for kind in {line["kind"] for line in lines}}
    assert last["counts"] == counts
    assert counts == {
        "workflow": 2,
        "memory": 2,
        "blob": 4,
        "session": 2,
        "message": 12,
        "event": 12,
        "run": 2,
        "job": 2,
        "interrupt": 2,
        "checkpoint": 2,
        "snapshot": 2,
    }


def test_a_blob_comes_once_and_before_the_row_that_needs_it(directory: Path) -> None:
    seen: set[str] = set()
    for line in rows(exported(directory))[1:-1]:
        if line["kind"] == "blob":
            assert line["sha256"] not in seen
            seen.add(line["sha256"])
        else:
            assert set(line["row"].get("blobs", {}).values()) <= seen


def test_rows_that_another_program_has_laid_out_take_one_line_each(directory: Path) -> None:
    with TinyDB(snapshot_path(directory), indent=2) as database:
        database.table("messages").update({"content": "édité"}, doc_ids=[1])
    contents_of_lines = [line["row"].get("content") for line in rows(exported(directory)) if "row" in line]
    assert "édité" in contents_of_lines


def test_an_export_while_a_server_is_at_work_changes_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    before = tree(directory)
    assert rows(exported(directory))[-1]["counts"]["message"] == 12
    assert tree(directory) == before


def test_what_cannot_be_read_is_told_and_the_rest_is_exported(directory: Path) -> None:
    for path in (directory / "sessions").glob(f"{FIRST}*"):
        path.write_bytes(b"[")
    told: list[str] = []
    output = io.BytesIO()

    async def work() -> None:
        await export_directory(
            directory,
            output,
            clock=system_clock,
            progress=quiet(),
            left_out=lambda name, reason: told.append(name),
        )

    anyio.run(work)
    assert told == [f"sessions/{FIRST}.json"]
    assert rows(output.getvalue())[-1]["counts"]["session"] == 1


def test_an_import_joins_a_directory_that_has_nothing_of_it(directory: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"

    async def make() -> None:
        store = TinyDBStore(other)
        await store.open()
        await store.save_workflow(workflow("mine"), new=True)
        await store.close()

    anyio.run(make)
    imported(exported(directory), other)
    report = checked(other)
    assert report.ok
    assert report.counts["workflow"] == 3
    assert contents(other, FIRST) == contents(directory, FIRST)


def test_an_import_into_an_empty_directory_that_exists(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    imported(exported(directory), tmp_path / "empty")
    assert body(exported(tmp_path / "empty")) == body(exported(directory))


def test_what_is_there_already_is_not_replaced(directory: Path) -> None:
    content = exported(directory)
    with pytest.raises(Conflict, match=r"workflow a.* and 1 more"):
        imported(content, directory)
    assert body(exported(directory)) == body(content)


def broken(content: bytes) -> Iterator[tuple[str, bytes]]:
    lines = content.splitlines(keepends=True)
    yield "cut in a line", content[: len(content) // 2]
    yield "cut between lines", b"".join(lines[:-1])
    yield "line lost", b"".join(lines[:10] + lines[11:])
    yield "changed", content.replace(b"content 3", b"content 4", 1)
    yield "blob changed", content.replace(b'"base64":"', b'"base64":"AAAA', 1)
    yield "unknown kind", content.replace(b'"kind":"run"', b'"kind":"rum"', 1)
    yield "doubled", content + content
    yield "later version", content.replace(b'{"flowdrop":1', b'{"flowdrop":2')
    yield "empty", b""
    yield "another file", b"PK\x03\x04\xff\n\n"


@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("exists", [False, True])
def test_an_export_that_is_not_sound_is_not_imported_at_all(
    directory: Path, tmp_path: Path, number: int, exists: bool
) -> None:
    name, content = list(broken(exported(directory)))[number]
    target = tmp_path / "target"
    if exists:
        target.mkdir()
    with pytest.raises(InvalidInput) as refusal:
        imported(content, target)
    assert refusal.value.code == "EXPORT_INVALID", name
    assert list(tmp_path.glob("target*")) == ([target] if exists else [])
    assert not exists or not list(target.iterdir())


class _Fails(Exception):
    pass


@pytest.fixture
def failing_halfway(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have every import fail behind its first session."""

    async def half(store: PortableStore, items: Iterator[Item], progress: Progress) -> None:
        def first_part() -> Iterator[Item]:
            for item in items:
                yield item
                if getattr(getattr(item, "session", None), "id", None) == FIRST:
                    return

        await restore(store, first_part(), progress)
        raise _Fails

    monkeypatch.setattr("flowdrop_jupyter.cli.importing.restore", half)
    return monkeypatch


@pytest.mark.usefixtures("failing_halfway")
def test_a_new_directory_is_not_there_until_the_import_is_done(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(_Fails):
        imported(exported(directory), tmp_path / "target")
    assert list(tmp_path.glob("target*")) == []


@pytest.mark.usefixtures("failing_halfway")
def test_a_failed_import_is_taken_out_of_a_directory_again(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(_Fails):
        imported(exported(directory), target)
    report = checked(target)
    assert kinds_without_blobs(report.counts) == {}
    assert not (target / "import.json").exists()


def kinds_without_blobs(counts: dict[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in counts.items() if number and kind != "blob"}


@pytest.fixture
def half_imported(directory: Path, tmp_path: Path, failing_halfway: pytest.MonkeyPatch) -> Path:
    """A directory in which an import was killed."""

    async def nothing(*arguments: object) -> None:
        pass

    target = tmp_path / "target"
    target.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowdrop_jupyter.cli.importing.undo", nothing)
        patch.setattr("flowdrop_jupyter.cli.importing._unmark", lambda *arguments: None)
        with pytest.raises(_Fails):
            imported(exported(directory), target)
    failing_halfway.undo()
    assert checked(target).counts["session"] == 1
    return target


def test_the_next_import_begins_anew_after_one_that_was_killed(directory: Path, half_imported: Path) -> None:
    imported(exported(directory), half_imported)
    assert body(exported(half_imported)) == body(exported(directory))


def test_the_doctor_finds_and_removes_what_a_killed_import_has_left(half_imported: Path) -> None:
    from flowdrop_jupyter.cli.repair import repair
    from flowdrop_jupyter.ids import new_id

    assert [finding.kind for finding in checked(half_imported).problems] == ["unfinished_import"]
    report = repair(half_imported, clock=system_clock, ids=new_id)
    assert report.ok
    assert kinds_without_blobs(report.counts) == {}


def test_nothing_is_imported_while_a_server_is_at_work(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    fill_directory(target, close=False)
    before = tree(target)
    with pytest.raises(StoreLocked):
        imported(exported(directory), target)
    assert tree(target) == before


def test_sessions_that_a_server_removes_meanwhile_do_not_stop_an_export(directory: Path) -> None:
    output = io.BytesIO()

    class Removing(io.BytesIO):
        def write(self, content: Any) -> int:
            for path in (directory / "sessions").glob(f"{SECOND}*"):
                path.unlink()
            return output.write(content)

    async def work() -> None:
        await export_directory(directory, Removing(), clock=system_clock, progress=quiet(), left_out=never)

    anyio.run(work)
    assert rows(output.getvalue())[-1]["counts"]["session"] == 1


@pytest.mark.parametrize("exists", [False, True])
def test_the_interrupt_key_takes_back_what_was_imported(
    directory: Path, tmp_path: Path, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, target = exported(directory), tmp_path / "target"
    if exists:
        target.mkdir()

    async def interrupted(store: PortableStore, items: Iterator[Item], progress: Progress) -> None:
        await restore(store, items, progress)
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

    with monkeypatch.context() as patch:
        patch.setattr("flowdrop_jupyter.cli.importing.restore", interrupted)
        with pytest.raises(KeyboardInterrupt):
            imported(content, target)
    if exists:
        assert kinds_without_blobs(checked(target).counts) == {}
        assert checked(target).ok
    assert exists or list(tmp_path.glob("target*")) == []
    imported(content, target)
    assert body(exported(target)) == body(content)
