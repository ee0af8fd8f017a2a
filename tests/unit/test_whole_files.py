"""A file is written whole, or not at all."""

import os
from pathlib import Path

import pytest

from flowdrop_jupyter.nodes.whole_files import write_whole


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    file.chmod(0o640)
    write_whole(file, b"new", overwrite=True)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_whole(file, b"new", overwrite=False)
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_system_without_links_refuses_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_links(self: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", without_links)
    file = tmp_path / "a"
    write_whole(file, b"new", overwrite=False)
    with pytest.raises(FileExistsError):
        write_whole(file, b"newer", overwrite=False)
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_the_last_look_is_taken_when_all_is_ready_and_can_end_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    seen: list[list[bytes]] = []

    def unless() -> None:
        seen.append(sorted(path.read_bytes() for path in tmp_path.iterdir()))
        raise RuntimeError("changed")

    with pytest.raises(RuntimeError, match="changed"):
        write_whole(file, b"new", overwrite=True, unless=unless)
    assert seen == [[b"new", b"old"]]
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
