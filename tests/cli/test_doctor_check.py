"""What ``flowdrop doctor`` finds, and that it changes nothing."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_data import (
    FIRST,
    SECOND,
    checked,
    fill_directory,
    flip,
    journal_path,
    kinds,
    snapshot_path,
    tree,
    without_backups,
)

from flowdrop_jupyter.cli import examine as examination
from flowdrop_jupyter.cli import main
from flowdrop_jupyter.cli.report import as_text


def blob_paths(directory: Path) -> list[Path]:
    return sorted(path for path in (directory / "blobs").rglob("*") if path.is_file())


def needed_blob(directory: Path) -> Path:
    """The blob of a large message."""
    return next(path for path in blob_paths(directory) if path.stat().st_size == 100_002)


def test_a_sound_directory_has_no_problems(directory: Path) -> None:
    report = checked(directory)
    assert report.ok
    assert report.holder is None
    assert report.schema == 2
    assert report.counts == {
        "workflow": 2,
        "session": 2,
        "message": 12,
        "event": 12,
        "run": 2,
        "job": 2,
        "interrupt": 2,
        "checkpoint": 2,
        "snapshot": 2,
        "memory": 2,
        "blob": 4,
    }
    assert [note.kind for note in report.notes] == ["unreferenced_blob"]


def truncated_journal(directory: Path) -> None:
    with journal_path(directory).open("ab") as journal:
        journal.write(b"000001f3 5ab1c0de {half")


def broken_snapshot(directory: Path) -> None:
    without_backups(directory)
    snapshot_path(directory).write_bytes(b"[")


def broken_shelf(name: str) -> Callable[[Path], None]:
    return lambda directory: flip(directory / name, 0)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "torn_tail": truncated_journal,
    "damaged_session": broken_snapshot,
    "damaged_file workflows.json": broken_shelf("workflows.json"),
    "damaged_file memory.json": broken_shelf("memory.json"),
    "damaged_file store.json": broken_shelf("store.json"),
    "missing_blob": lambda directory: needed_blob(directory).unlink(),
    "corrupt_blob": lambda directory: flip(needed_blob(directory), 70),
    "index": lambda directory: (directory / "index.json").unlink(),
    "temporary_file": lambda directory: (directory / "sessions" / "x.json.tmp").touch(),
    "unfinished_import": lambda directory: (directory / "import.json").write_bytes(b"{}"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_damage_is_found_and_nothing_is_changed(directory: Path, kind: str) -> None:
    DAMAGE[kind](directory)
    before = tree(directory)
    report = checked(directory)
    assert kind.split()[0] in kinds(report)
    assert tree(directory) == before


def test_a_damaged_session_is_named_with_the_reason(directory: Path) -> None:
    broken_snapshot(directory)
    [finding] = [finding for finding in checked(directory).problems if finding.kind == "damaged_session"]
    assert finding.file == f"sessions/{FIRST}.json"
    assert finding.reason


def test_a_missing_blob_names_who_needs_it(directory: Path) -> None:
    path = needed_blob(directory)
    path.unlink()
    [finding] = checked(directory).problems
    assert finding.file == path.relative_to(directory).as_posix()
    assert FIRST in finding.reason
    assert SECOND in finding.reason


def test_a_stale_index_is_found(directory: Path) -> None:
    for path in (directory / "sessions").glob(f"{SECOND}*"):
        path.unlink()
    assert kinds(checked(directory)) == ["index"]


def test_a_damaged_snapshot_with_a_good_backup_loses_nothing(directory: Path) -> None:
    snapshot_path(directory).write_bytes(b"[")
    report = checked(directory)
    assert "damaged_file" in kinds(report)
    assert report.counts["session"] == 2


def test_an_unreadable_line_in_the_log_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    [log] = (directory / "journal").iterdir()
    (directory / "owner.json").unlink()
    flip(log, log.read_bytes().index(b"content 3"))
    assert "damaged_log" in kinds(checked(directory))


def test_what_a_crash_leaves_in_the_log_is_only_an_index_to_write(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    (directory / "owner.json").unlink()
    report = checked(directory)
    assert kinds(report) == ["index"]
    assert report.counts["message"] == 12


def test_a_server_at_work_is_told_and_its_unfinished_work_is_no_problem(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    (directory / "sessions" / "x.json.tmp").touch()
    [log] = (directory / "journal").iterdir()
    content = log.read_bytes().rstrip(b"\0")
    log.write_bytes(content + b"000001f3 5ab1c0de {half")
    report = checked(directory)
    assert report.ok
    assert report.holder is not None
    assert report.holder.pid == os.getpid()
    assert f"process {os.getpid()}" in as_text(report)


def test_the_report_is_json_on_request(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed_blob(directory).unlink()
    assert main(["doctor", str(directory), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["problems"][0]["kind"] == "missing_blob"


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.touch()])
def test_what_is_no_data_directory_cannot_be_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    path = tmp_path / "other"
    make(path)
    assert main(["doctor", str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_later_version_cannot_be_checked(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "store.json").write_text('{"meta":{"1":{"schema":99}}}')
    assert main(["doctor", str(directory)]) == 2
    assert "99" in capsys.readouterr().err


def test_what_is_gone_at_the_second_look_is_no_problem_while_a_server_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "data"
    fill_directory(directory, close=False)
    blob = needed_blob(directory)
    blob.rename(tmp_path / "away")
    look = examination._look

    def brought_back(*arguments: Any, **options: Any) -> examination.Examination:
        found = look(*arguments, **options)
        blob.write_bytes((tmp_path / "away").read_bytes())
        return found

    monkeypatch.setattr(examination, "_look", brought_back)
    assert checked(directory).ok
