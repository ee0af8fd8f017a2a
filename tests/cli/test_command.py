"""The command itself, as a program of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_data import checked, fill_directory, tree, without_backups

from flowdrop_jupyter.cli import main

HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), str(HERE)])}
COMMAND = [sys.executable, "-m", "flowdrop_jupyter.cli"]


def flowdrop(*arguments: object, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*COMMAND, *map(str, arguments)], capture_output=True, env=ENVIRONMENT, timeout=50, **options
    )


def test_the_whole_way(directory: Path, tmp_path: Path) -> None:
    checked_first = flowdrop("doctor", directory)
    assert (checked_first.returncode, checked_first.stderr) == (0, b"")
    assert b"No problems." in checked_first.stdout
    exported = flowdrop("export", directory, "-")
    assert exported.returncode == 0
    assert b"Exported" in exported.stderr
    imported = flowdrop("import", "-", tmp_path / "copy", input=exported.stdout)
    assert imported.returncode == 0
    again = flowdrop("export", tmp_path / "copy", tmp_path / "again.jsonl")
    assert again.returncode == 0
    assert (tmp_path / "again.jsonl").read_bytes().split(b"\n", 1)[1] == exported.stdout.split(b"\n", 1)[1]


def test_a_directory_in_use_is_checked_and_exported_but_not_repaired(directory: Path, tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, str(HERE / "holder.py"), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        checked_meanwhile = flowdrop("doctor", directory)
        assert checked_meanwhile.returncode == 0
        assert f"process {holder.pid}".encode() in checked_meanwhile.stdout
        assert b"13 messages" in checked_meanwhile.stdout
        exported = flowdrop("export", directory, tmp_path / "meanwhile.jsonl")
        assert exported.returncode == 0
        assert b"while it is open" in (tmp_path / "meanwhile.jsonl").read_bytes()
        refused = flowdrop("doctor", directory, "--repair")
        assert refused.returncode == 2
        assert f"process {holder.pid}".encode() in refused.stderr
    finally:
        holder.communicate(b"", timeout=30)
    assert holder.returncode == 0
    assert checked(directory).ok


def test_a_killed_server_leaves_a_directory_that_is_repaired(directory: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, str(HERE / "holder.py"), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    holder.stdout.readline()
    holder.send_signal(signal.SIGKILL)
    holder.wait(30)
    holder.stdin.close()
    holder.stdout.close()
    report = checked(directory)
    assert report.holder is None
    assert report.counts["message"] == 13
    assert main(["doctor", str(directory), "--repair"]) == 0
    assert main(["doctor", str(directory)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "{missing}", "-"], "no directory"),
        (["export", "{data}", "{data}/nowhere/file"], "No such file"),
        (["export", "{data}", "{file}"], "--force"),
        (["import", "{missing}", "{data}"], "no file"),
        (["import", "{data}", "{missing}"], "is a directory"),
        (["import", "{file}", "{missing}"], "not an export"),
        (["import", "{file}", "{foreign}"], "not a data directory"),
        (["doctor", "{missing}", "--repair"], "no directory"),
    ],
)
def test_mistakes_are_told_in_one_line(
    directory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    file = tmp_path / "file"
    file.write_text("hello\n")
    places = {"missing": tmp_path / "missing", "data": directory, "file": file, "foreign": foreign}
    before = tree(tmp_path)
    assert main([argument.format(**places) for argument in arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert re.fullmatch(r"flowdrop: .*\n", told)
    assert tree(tmp_path) == before


def test_an_export_replaces_a_file_only_when_asked_to(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("hello")
    assert main(["export", str(directory), str(file), "--force"]) == 0
    assert file.read_bytes().startswith(b'{"flowdrop":1')
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_that_is_not_whole_says_so(directory: Path, tmp_path: Path) -> None:
    without_backups(directory)
    next((directory / "sessions").glob("*.json")).write_bytes(b"[")
    assert main(["export", str(directory), str(tmp_path / "file")]) == 1
    assert main(["import", str(tmp_path / "file"), str(tmp_path / "copy")]) == 0


def test_a_failed_export_leaves_no_file(tmp_path: Path) -> None:
    assert main(["export", str(tmp_path / "missing"), str(tmp_path / "file")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    fill_directory(tmp_path / "data")
    export = subprocess.Popen(
        [*COMMAND, "export", str(tmp_path / "data"), "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert export.stdout is not None
    assert export.stderr is not None
    export.stdout.read(10)
    export.stdout.close()
    said = export.stderr.read()
    export.stderr.close()
    assert export.wait(30) == 2
    assert b"Traceback" not in said
