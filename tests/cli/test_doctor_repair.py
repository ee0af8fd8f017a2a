"""What ``flowdrop doctor --repair`` makes of a damaged directory."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from cli_data import (
    FIRST,
    LARGE,
    SECOND,
    checked,
    contents,
    fill_directory,
    flip,
    journal_path,
    kinds,
    snapshot_path,
    tree,
    without_backups,
)
from test_doctor_check import DAMAGE, needed_blob

from flowdrop_jupyter.cli import main
from flowdrop_jupyter.cli.repair import repair
from flowdrop_jupyter.cli.report import Report
from flowdrop_jupyter.clock import system_clock
from flowdrop_jupyter.errors import StoreLocked
from flowdrop_jupyter.ids import new_id
from flowdrop_jupyter.store import TinyDBStore
from flowdrop_jupyter.store.tinydb.files import Files
from flowdrop_jupyter.testing import message


def repaired(directory: Path) -> Report:
    return repair(directory, clock=system_clock, ids=new_id)


def break_row(directory: Path, text: bytes, session_id: str = FIRST) -> None:
    """Make the JSON around *text* unreadable, in the only file of a session."""
    without_backups(directory)
    path = snapshot_path(directory, session_id)
    flip(path, path.read_bytes().index(text) - 2)


def crashed(directory: Path) -> Path:
    """A directory as a killed server leaves it; return its log."""
    fill_directory(directory, close=False)
    (directory / "owner.json").unlink()
    copy = directory.with_name("crashed")
    shutil.copytree(directory, copy)
    [log] = (copy / "journal").iterdir()
    return log


@pytest.mark.parametrize("kind", DAMAGE)
def test_after_a_repair_there_is_nothing_left_to_find(directory: Path, kind: str) -> None:
    DAMAGE[kind](directory)
    report = repaired(directory)
    assert report.actions
    assert report.ok
    before = tree(directory)
    again = repaired(directory)
    assert again.actions == []
    assert again.backup is None
    assert {name for name in tree(directory) if name != "owner.json"} == before.keys()


@pytest.mark.parametrize("kind", DAMAGE)
def test_every_changed_file_is_in_the_backup(directory: Path, kind: str) -> None:
    DAMAGE[kind](directory)
    before = tree(directory)
    report = repaired(directory)
    assert report.backup is not None
    after, kept = tree(directory), tree(directory / report.backup)
    changed = {name for name, (content, _) in before.items() if after.get(name, ("",))[0] != content}
    assert changed - kept.keys() == set()
    assert all(kept[name][0] == before[name][0] for name in changed)


def test_a_sound_directory_is_left_alone(directory: Path) -> None:
    before = tree(directory)
    assert repaired(directory).actions == []
    assert tree(directory) == before


def test_a_torn_tail_is_cut_and_what_was_before_it_stays(directory: Path) -> None:
    before = contents(directory, FIRST)
    DAMAGE["torn_tail"](directory)
    [action, *_] = repaired(directory).actions
    assert action.file == f"sessions/{FIRST}.journal"
    assert contents(directory, FIRST) == before
    assert b"half" not in (journal_path(directory).read_bytes() if journal_path(directory).exists() else b"")


def test_a_lost_message_leaves_an_empty_one_with_its_id_and_number(directory: Path) -> None:
    before = contents(directory, FIRST)
    break_row(directory, b'"content 3')
    repaired(directory)
    after = contents(directory, FIRST)
    assert [row.id for row in after.messages] == [row.id for row in before.messages]
    assert [row.sequence_number for row in after.messages] == [1, 2, 3, 4, 5, 6]
    assert after.messages[2].metadata == {"lost": True}
    assert after.messages[2].role == "log"
    assert [row for row in after.messages if row.sequence_number != 3] == [
        row for row in before.messages if row.sequence_number != 3
    ]
    assert after.events == before.events
    assert after.jobs == before.jobs
    times = [row.timestamp for row in after.messages]
    assert times == sorted(times)


def test_the_other_sessions_are_not_touched(directory: Path) -> None:
    before = {name: content for name, content in tree(directory).items() if SECOND in name}
    break_row(directory, b'"content 3')
    without_second = {name: content for name, content in before.items() if not name.endswith(".bak")}
    repaired(directory)
    after = tree(directory)
    assert {name: after[name] for name in without_second} == without_second


def test_a_cut_off_snapshot_keeps_the_numbers_that_were_given_out(directory: Path) -> None:
    without_backups(directory)
    path = snapshot_path(directory)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b'"content 4')])
    report = repaired(directory)
    after = contents(directory, FIRST)
    assert [row.metadata.get("lost", False) for row in after.messages] == [False] * 3 + [True] * 3
    assert len(after.events) == 6
    assert "3 of 6 messages" in report.actions[0].what


def test_the_damaged_file_is_moved_aside(directory: Path) -> None:
    break_row(directory, b'"content 3')
    content = snapshot_path(directory).read_bytes()
    repaired(directory)
    assert (directory / "damaged" / "sessions" / f"{FIRST}.json").read_bytes() == content


def test_a_session_without_its_own_row_is_taken_from_the_index(directory: Path) -> None:
    before = contents(directory, FIRST)
    break_row(directory, b'"name":"Talk 1111"')
    repaired(directory)
    assert contents(directory, FIRST) == before


def test_a_session_that_nobody_can_be_told_the_owner_of_is_only_moved_aside(directory: Path) -> None:
    (directory / "index.json").unlink()
    DAMAGE["damaged_session"](directory)
    report = repaired(directory)
    assert report.ok
    assert report.counts["session"] == 1
    assert (directory / "damaged" / "sessions" / f"{FIRST}.json").read_bytes() == b"["


def test_a_renamed_table_is_recognised(directory: Path) -> None:
    before = contents(directory, FIRST)
    without_backups(directory)
    path = snapshot_path(directory)
    path.write_bytes(path.read_bytes().replace(b'"messages":{', b'"messagas":{'))
    repaired(directory)
    assert contents(directory, FIRST) == before


def test_a_damaged_snapshot_is_restored_from_its_backup(directory: Path) -> None:
    before = contents(directory, FIRST)
    snapshot_path(directory).write_bytes(b"[")
    assert repaired(directory).ok
    assert contents(directory, FIRST) == before
    assert not list((directory / "sessions").glob("*.damaged"))


def test_a_turn_that_was_under_way_in_a_damaged_session_is_ended(directory: Path) -> None:
    without_backups(directory)
    path = snapshot_path(directory)
    raw = path.read_bytes()
    run_id = raw[raw.index(b'"runs":{"1":{"id":"') + 19 :][:36]
    raw = raw.replace(b'"status":"idle"', b'"status":"running"').replace(
        b'"active_run":null', b'"active_run":"' + run_id + b'"'
    )
    path.write_bytes(raw.replace(b'"content 3', b"content 3"))
    repaired(directory)
    found: Any = contents(directory, FIRST).session
    assert found.status == "failed"
    assert found.active_run is None


def test_an_unreadable_commit_in_the_log_costs_only_the_rows_that_cannot_be_read(tmp_path: Path) -> None:
    log = crashed(tmp_path / "data")
    directory = log.parent.parent
    before = contents(directory, FIRST)
    flip(log, log.read_bytes().index(f'"{FIRST}/3"'.encode()))
    report = repaired(directory)
    assert report.ok
    after = contents(directory, FIRST)
    assert [row.metadata.get("lost", False) for row in after.messages] == [False] * 2 + [True] + [False] * 3
    assert [row.id for row in after.messages] == [row.id for row in before.messages]
    assert after.messages[5].content == LARGE
    assert contents(directory, SECOND).messages[2].content == before.messages[2].content
    assert (directory / "damaged" / "journal" / log.name).exists()


def test_a_commit_of_which_nothing_is_left_leaves_the_later_ones(tmp_path: Path) -> None:
    log = crashed(tmp_path / "data")
    directory = log.parent.parent
    content = log.read_bytes()
    start = content.index(b'"rows":', content.index(f'{{"s":"{FIRST}","n":2'.encode()))
    end = content.index(b"\n", start)
    log.write_bytes(content[:start] + b"x" * (end - start) + content[end:])
    assert repaired(directory).ok
    messages = contents(directory, FIRST).messages
    assert [row.metadata.get("lost", False) for row in messages] == [True] * 5 + [False]
    assert messages[5].content == LARGE


def test_commits_behind_a_damaged_snapshot_count(directory: Path, tmp_path: Path) -> None:
    async def go_on() -> None:
        store = TinyDBStore(directory)
        await store.open()
        async with store.transaction(FIRST) as transaction:
            transaction.put_message(message(FIRST, "later"))
            changed = await transaction.message(f"{FIRST}/1")
            assert changed is not None
            changed.content = "changed"
            transaction.put_message(changed)
        shutil.copytree(directory, tmp_path / "crashed")
        await store.close()

    anyio.run(go_on)
    copy = tmp_path / "crashed"
    break_row(copy, b'"content 3')
    assert repaired(copy).ok
    after = contents(copy, FIRST).messages
    assert after[0].content == "changed"
    assert after[6].content == "later"
    assert [row.metadata.get("lost", False) for row in after] == [False, False, True] + [False] * 4


def test_a_torn_log_is_cut(tmp_path: Path) -> None:
    log = crashed(tmp_path / "data")
    directory = log.parent.parent
    content = log.read_bytes().rstrip(b"\0")
    log.write_bytes(content[:-10])
    assert "torn_tail" in kinds(checked(directory))
    assert repaired(directory).ok
    assert len(contents(directory, FIRST).messages) == 5


@pytest.mark.parametrize("damage", ["missing_blob", "corrupt_blob"])
def test_a_message_whose_blob_is_gone_is_trimmed(directory: Path, damage: str) -> None:
    before = contents(directory, FIRST)
    DAMAGE[damage](directory)
    assert repaired(directory).ok
    after = contents(directory, FIRST)
    assert after.messages[5].content == ""
    assert after.messages[5].metadata == {"trimmed": True}
    assert after.messages[:5] == before.messages[:5]
    assert after.session == before.session


def test_an_output_whose_blob_is_gone_is_emptied(directory: Path) -> None:
    before = contents(directory, FIRST)
    sizes = {path: path.stat().st_size for path in (directory / "blobs").rglob("*") if path.is_file()}
    next(path for path, size in sizes.items() if size == 80_001).unlink()
    assert repaired(directory).ok
    after = contents(directory, FIRST)
    assert after.jobs[0].output == {"list": []}
    assert after.messages == before.messages


def test_the_rows_of_a_damaged_shelf_that_can_be_read_stay(directory: Path) -> None:
    path = directory / "workflows.json"
    flip(path, path.read_bytes().index(b'"Greeter"') - 2)
    assert repaired(directory).ok
    assert b"Gr\xc3\xbc\xc3\x9fe" in path.read_bytes()
    assert checked(directory).counts["workflow"] == 1


def test_a_repair_needs_the_lock(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    before = tree(directory)
    with pytest.raises(StoreLocked):
        repaired(directory)
    assert tree(directory) == before


def test_every_flipped_byte_is_survived(directory: Path) -> None:
    without_backups(directory)
    path = snapshot_path(directory)
    sound = path.read_bytes()
    for place in range(0, len(sound), 397):
        path.write_bytes(sound)
        flip(path, place)
        assert repaired(directory).ok, place
        assert len(contents(directory, SECOND).messages) == 6


class _Interrupting(Files):
    """Ends the program at the n-th change to a file."""

    def __init__(self, changes: int) -> None:
        self.left = changes

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def write_new(self, path: Path, chunks: Any) -> Any:
        self._step()
        return super().write_new(path, chunks)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def discard(self, path: Path) -> None:
        self._step()
        super().discard(path)


@pytest.fixture
def interrupt_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], _Interrupting]]:
    def arrange(changes: int) -> _Interrupting:
        files = _Interrupting(changes)
        monkeypatch.setattr("flowdrop_jupyter.cli.repair.Files", lambda: files)
        return files

    yield arrange
    monkeypatch.undo()


def test_a_repair_that_was_interrupted_anywhere_is_finished_by_the_next(
    directory: Path, tmp_path: Path, interrupt_after: Callable[[int], _Interrupting]
) -> None:
    break_row(directory, b'"content 3')
    needed_blob(directory).unlink()
    (directory / "index.json").touch()
    for changes in range(60):
        copy = tmp_path / f"copy-{changes}"
        shutil.copytree(directory, copy)
        interrupt_after(changes)
        try:
            repaired(copy)
        except KeyboardInterrupt:
            interrupt_after(10_000)
            assert repaired(copy).ok
            assert [row.metadata for row in contents(copy, FIRST).messages][2:] == [
                {"lost": True},
                {},
                {},
                {"trimmed": True},
            ]
        else:
            assert changes > 5
            return
    pytest.fail("the repair does not end")


def test_interruption_is_told_without_a_traceback(
    directory: Path, capsys: pytest.CaptureFixture[str], interrupt_after: Callable[[int], _Interrupting]
) -> None:
    break_row(directory, b'"content 3')
    interrupt_after(1)
    assert main(["doctor", str(directory), "--repair"]) == 130
    assert "interrupted" in capsys.readouterr().err
