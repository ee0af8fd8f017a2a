"""Which files nodes may touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / ".hidden root"
    for folder in ("data", ".secret/inner", "state"):
        (root / folder).mkdir(parents=True)
    for name in ("data/a.csv", "data/.env", ".secret/key", ".secret/inner/x", "state/session.json"):
        (root / name).write_text("content")
    return root


def code(files: Files, path: str) -> str:
    with pytest.raises(NodeError) as caught:
        files.resolve(path, must_exist=True)
    assert len(caught.value.message) < 400
    return caught.value.code


def test_a_root_may_lie_in_a_hidden_folder(root: Path) -> None:
    files = Files(root)

    assert files.resolve("data/a.csv", must_exist=True) == root / "data" / "a.csv"
    assert files.resolve(".secret/../data/./a.csv", must_exist=True) == root / "data" / "a.csv"
    assert files.resolve(str(root / "data" / "a.csv"), must_exist=True) == root / "data" / "a.csv"


@pytest.mark.parametrize(
    "path",
    [".secret/key", "data/.env", "data/../.secret/key", ".secret/gone", ".new", "data/.new/x.csv", "..."],
)
def test_hidden_files_are_refused_whether_there_or_not(root: Path, path: str) -> None:
    assert code(Files(root), path) == "FILE_PATH_INVALID"


def test_a_link_cannot_lead_to_a_hidden_file(root: Path) -> None:
    (root / "data" / "link").symlink_to(root / ".secret")
    (root / ".alias").symlink_to(root / "data")

    assert code(Files(root), "data/link/key") == "FILE_PATH_INVALID"
    assert code(Files(root), ".alias/a.csv") == "FILE_PATH_INVALID"


def test_a_notebook_in_a_hidden_folder_may_use_its_own_files_only(root: Path) -> None:
    files = Files(root, ".secret")

    assert files.resolve("key", must_exist=True).name == "key"
    assert files.resolve("inner/x", must_exist=True).name == "x"
    assert files.resolve("../data/a.csv", must_exist=True).name == "a.csv"
    assert code(files, ".other") == "FILE_PATH_INVALID"
    assert code(files, "../data/.env") == "FILE_PATH_INVALID"
    assert code(Files(root, ".secret/inner"), "../key") == "FILE_PATH_INVALID"


@pytest.mark.parametrize(
    "path", ["state", "state/session.json", "state/gone/x", "data/../state/session.json", "link/session.json"]
)
def test_a_forbidden_folder_is_refused(root: Path, path: str) -> None:
    (root / "link").symlink_to(root / "state")
    files = Files(root, "", [root / "state", root / "elsewhere"])

    assert code(files, path) == "FILE_PATH_INVALID"
    assert files.resolve("data/a.csv", must_exist=True).name == "a.csv"


def test_a_forbidden_folder_is_refused_from_inside_too(root: Path) -> None:
    assert code(Files(root, "state", [root / "state"]), "session.json") == "FILE_PATH_INVALID"


@pytest.mark.parametrize("path", ["", " ", "a\0b", "../x", "\ud800", "x" * 9999, "/" * 9999 + "etc"])
def test_an_unusable_path_is_a_node_error_and_shortly_said(root: Path, path: str) -> None:
    assert code(Files(root), path) in ("FILE_PATH_INVALID", "FILE_NOT_FOUND")


def test_what_is_offered_is_what_resolves(root: Path) -> None:
    (root / "data" / "link").symlink_to(root / ".secret")
    files = Files(root, "", [root / "state"])

    assert files.offers(root / "data" / "a.csv")
    assert files.offers(root / "data")
    for path in ("data/.env", ".secret/key", "data/link/key", "state/session.json", "..", "../x"):
        assert not files.offers(root / path)


@pytest.mark.parametrize("base", ["", "data", "data/deep"])
def test_a_path_as_it_is_written_resolves_again(root: Path, base: str) -> None:
    files = Files(root, base)
    file = root / "data" / "a.csv"

    assert files.resolve(files.as_written(file), must_exist=True) == file
