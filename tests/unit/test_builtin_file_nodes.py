"""The nodes that read, write and find files."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from node_runs import REGISTRY, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin import file_search

DAY = 86_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    files = {
        "notes.md": "# Notes\n",
        "data/a.csv": "name,size\nada,1\nbob,2\n",
        "data/b.tsv": "name\tsize\nada\t1\n",
        "data/c.json": '{"a": [1, null]}',
        "data/deep/d.csv": "x\n",
        "data/deep/book.ipynb": "{}",
        ".hidden/e.csv": "x\n",
        "data/.env": "SECRET=1\n",
    }
    for position, (name, text) in enumerate(files.items()):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (position * DAY, position * DAY))
    (root / "data" / "image.png").write_bytes(b"\x89PNG\0\xff")
    (root / "data" / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (tmp_path / "outside.txt").write_text("outside")
    return root


def outputs(root: Path, type_id: str, config: dict[str, Any], delivered: Mapping[str, Any] = {}) -> Any:
    return run_node(type_id, delivered, config, root=root).output


def code(root: Path, type_id: str, config: dict[str, Any], delivered: Mapping[str, Any] = {}) -> str:
    with pytest.raises(NodeError) as caught:
        outputs(root, type_id, config, delivered)
    assert str(root) not in caught.value.message
    return caught.value.code


# Loading


@pytest.mark.parametrize(
    ("path", "format", "data"),
    [
        ("notes.md", "markdown", None),
        ("data/a.csv", "csv", [{"name": "ada", "size": "1"}, {"name": "bob", "size": "2"}]),
        ("data/b.tsv", "csv", [{"name": "ada", "size": "1"}]),
        ("data/c.json", "json", {"a": [1, None]}),
    ],
)
def test_a_file_is_loaded_as_its_ending_says(root: Path, path: str, format: str, data: Any) -> None:  # noqa: A002
    given = outputs(root, "content_loader", {"path": path})

    assert given["content"] == (root / path).read_text()
    assert (given["format"], given["data"]) == (format, data)
    assert (given["path"], given["name"]) == (path, Path(path).name)
    assert given["size"] == (root / path).stat().st_size


def test_a_chosen_format_beats_the_ending(root: Path) -> None:
    assert outputs(root, "content_loader", {"path": "data/c.json", "format": "text"})["data"] is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.json", b"{"),
        ("deep.json", b"[" * 100_000),
        ("ragged.csv", b"a,b\n1,2,3\n"),
        ("twice.csv", b"a,a\n1,2\n"),
        ("open.csv", b'a\n"never closed'),
        ("latin.md", "ü".encode("latin-1")),
        ("nul.txt", b"a\0b"),
    ],
)
def test_a_file_that_is_not_in_its_format_cannot_be_loaded(root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(content)

    assert code(root, "content_loader", {"path": name}) == "FILE_UNREADABLE"


def test_a_byte_order_mark_and_missing_values_are_no_obstacle(root: Path) -> None:
    (root / "short.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1\r\n\r\n")

    assert outputs(root, "content_loader", {"path": "short.csv"})["data"] == [{"a": "1", "b": None}]


def test_a_file_too_large_is_not_loaded(root: Path) -> None:
    with (root / "large.txt").open("wb") as stream:
        stream.truncate(8 * 1024 * 1024 + 1)

    assert code(root, "content_loader", {"path": "large.txt"}) == "FILE_TOO_LARGE"


@pytest.mark.parametrize("type_id", ["content_loader", "file_context"])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gone.md", "FILE_NOT_FOUND"),
        ("data", "FILE_NOT_FOUND"),
        ("../outside.txt", "FILE_PATH_INVALID"),
        (".hidden/e.csv", "FILE_PATH_INVALID"),
        ("data/.env", "FILE_PATH_INVALID"),
        ("", "FILE_PATH_INVALID"),
    ],
)
def test_only_files_that_are_offered_can_be_read(root: Path, type_id: str, path: str, expected: str) -> None:
    assert code(root, type_id, {"path": path}) == expected


# Saving


def save(root: Path, content: Any, **config: Any) -> dict[str, Any]:
    given: dict[str, Any] = outputs(root, "save_to_file", config, {"content": content})
    return given


def test_a_saved_file_is_told_of(root: Path) -> None:
    given = save(root, "Grüße", filename="hello", directory="new/deep")

    assert given == {
        "success": True,
        "filename": "hello.txt",
        "filepath": "new/deep/hello.txt",
        "bytes_written": 7,
        "format": "text",
        "size": 7,
    }
    assert (root / "new" / "deep" / "hello.txt").read_text() == "Grüße"


@pytest.mark.parametrize(
    ("filename", "content", "text"),
    [
        ("a.txt", "plain", "plain"),
        ("a.txt", {"a": 1}, '{"a":1}'),
        ("a.md", "# Title", "# Title"),
        ("a.json", {"a": [1]}, '{\n  "a": [\n    1\n  ]\n}\n'),
        ("a.json", '{"a":1}', '{\n  "a": 1\n}\n'),
        ("a.json", "words", '"words"\n'),
        ("a.csv", [{"a": 1, "b": "x,y"}, {"a": None, "c": True}], 'a,b,c\n1,"x,y",\n,,true\n'),
        ("a.csv", [["a", "b"], [1, 2]], "a,b\n1,2\n"),
        ("a.csv", {"columns": [{"name": "n"}], "rows": [[1], [2]]}, "n\n1\n2\n"),
        ("a.csv", "ready,made\n", "ready,made\n"),
        ("a.tsv", [{"a": 1, "b": 2}], "a\tb\n1\t2\n"),
    ],
)
def test_a_value_is_written_as_the_ending_says(root: Path, filename: str, content: Any, text: str) -> None:
    save(root, content, filename=filename)

    assert (root / filename).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("content", [5, "a", [1, {"a": 1}], {"columns": 1, "rows": 2}])
def test_what_is_no_table_does_not_become_csv(root: Path, content: Any) -> None:
    if isinstance(content, str):
        content = [content]
    assert code(root, "save_to_file", {"filename": "a.csv"}, {"content": content}) == "FILE_NOT_WRITTEN"
    assert not (root / "a.csv").exists()


def test_a_file_that_is_there_is_left_alone_unless_replacing_it_is_asked_for(root: Path) -> None:
    assert code(root, "save_to_file", {"filename": "notes.md"}, {"content": "x"}) == "FILE_EXISTS"
    assert (root / "notes.md").read_text() == "# Notes\n"

    save(root, "x", filename="notes.md", overwrite=True)
    assert (root / "notes.md").read_text() == "x"


@pytest.mark.parametrize(
    ("filename", "before", "content", "after"),
    [
        ("a.txt", None, "one", "one"),
        ("a.txt", "one", "two", "one\ntwo"),
        ("a.txt", "one\n", "two", "one\ntwo"),
        ("a.txt", "", "two", "two"),
        ("a.json", "[1]", {"a": 2}, [1, {"a": 2}]),
        ("a.json", "[1]", [2, 3], [1, 2, 3]),
        ("a.csv", "a,b\n1,2\n", [{"a": 3, "b": 4}], "a,b\n1,2\n3,4\n"),
        ("a.csv", "a,b\n1,2", [[3, 4]], "a,b\n1,2\n3,4\n"),
    ],
)
def test_content_is_added_in_the_way_of_the_format(
    root: Path, filename: str, before: str | None, content: Any, after: Any
) -> None:
    if before is not None:
        (root / filename).write_text(before)

    save(root, content, filename=filename, append=True)

    text = (root / filename).read_text()
    assert (json.loads(text) if filename.endswith("json") else text) == after


def test_adding_tells_what_was_added_and_the_size_now(root: Path) -> None:
    given = save(root, "more", filename="notes.md", append=True)

    assert (given["bytes_written"], given["size"]) == (4, 12)


@pytest.mark.parametrize(
    ("filename", "before", "content", "expected"),
    [
        ("a.json", '{"a": 1}', 2, "FILE_UNREADABLE"),
        ("a.json", "{", 2, "FILE_UNREADABLE"),
        ("a.csv", "a,b\n", [{"a": 1, "c": 2}], "FILE_NOT_WRITTEN"),
        ("a.txt", "\0", "x", "FILE_UNREADABLE"),
    ],
)
def test_nothing_is_added_where_it_does_not_fit(
    root: Path, filename: str, before: str, content: Any, expected: str
) -> None:
    (root / filename).write_text(before)

    assert (
        code(root, "save_to_file", {"filename": filename, "append": True}, {"content": content}) == expected
    )
    assert (root / filename).read_text() == before


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"filename": "../x.txt"}, "FILE_PATH_INVALID"),
        ({"filename": "a/b.txt"}, "FILE_PATH_INVALID"),
        ({"filename": "a\\b.txt"}, "FILE_PATH_INVALID"),
        ({"filename": ""}, "FILE_PATH_INVALID"),
        ({"filename": "."}, "FILE_PATH_INVALID"),
        ({"filename": ".bashrc", "allowedExtensions": []}, "FILE_PATH_INVALID"),
        ({"filename": "x.txt", "directory": ".."}, "FILE_PATH_INVALID"),
        ({"filename": "x.txt", "directory": "/etc"}, "FILE_PATH_INVALID"),
        ({"filename": "x.txt", "directory": ".hidden"}, "FILE_PATH_INVALID"),
        ({"filename": "x.txt", "directory": "notes.md"}, "FILE_NOT_WRITTEN"),
        ({"filename": "x.py"}, "FILE_EXTENSION_NOT_ALLOWED"),
        ({"filename": "x.txt", "allowedExtensions": [".MD"]}, "FILE_EXTENSION_NOT_ALLOWED"),
        ({"filename": "x.txt", "maxFileSize": 3}, "FILE_TOO_LARGE"),
        ({"filename": "x" * 300 + ".txt"}, "FILE_PATH_INVALID"),
    ],
)
def test_a_file_goes_only_where_it_may(root: Path, config: dict[str, Any], expected: str) -> None:
    before = sorted(root.rglob("*"))

    assert code(root, "save_to_file", config, {"content": "text"}) == expected
    assert sorted(root.rglob("*")) == before


def test_a_link_cannot_lead_a_file_outside(root: Path) -> None:
    (root / "link.txt").symlink_to(root.parent / "outside.txt")
    config = {"filename": "link.txt", "overwrite": True}

    assert code(root, "save_to_file", config, {"content": "x"}) == "FILE_PATH_INVALID"
    assert (root.parent / "outside.txt").read_text() == "outside"


def test_a_folder_is_not_replaced(root: Path) -> None:
    config = {"filename": "data", "overwrite": True, "allowedExtensions": []}
    (root / "data.txt").mkdir()

    assert code(root, "save_to_file", config, {"content": "x"}) == "FILE_PATH_INVALID"


def test_writing_is_never_repeated_silently() -> None:
    assert {kind.id for kind in REGISTRY if kind.side_effects} >= {"save_to_file", "file_upload"}


# Uploading


def test_files_are_kept_from_text_bytes_and_data_urls(root: Path) -> None:
    packed = base64.b64encode(b"\0\1").decode()
    files = [
        {"name": "a.txt", "content": "text"},
        {"name": "b.bin", "base64": packed},
        {"name": "c.png", "url": f"data:image/png;base64,{packed}"},
        {"name": "d.txt", "url": "data:,a%20b"},
    ]
    given = outputs(root, "file_upload", {}, {"files": files})

    contents = {file["name"]: (root / file["path"]).read_bytes() for file in given["uploaded_files"]}
    assert contents == {"a.txt": b"text", "b.bin": b"\0\1", "c.png": b"\0\1", "d.txt": b"a b"}
    assert given["uploaded_files"][2] == {
        "name": "c.png",
        "path": "uploads/c.png",
        "size": 2,
        "mime_type": "image/png",
    }
    assert (given["directory"], given["total_files"], given["total_errors"]) == ("uploads", 4, 0)


@pytest.mark.parametrize(
    ("file", "config", "expected"),
    [
        ({"name": "a.txt"}, {}, "FILE_INVALID"),
        ({"content": "x"}, {}, "FILE_INVALID"),
        ("a.txt", {}, "FILE_INVALID"),
        (None, {}, "FILE_INVALID"),
        ({"name": "a.txt", "base64": "%%%"}, {}, "FILE_INVALID"),
        ({"name": "a.txt", "url": "http://example.org/a.txt"}, {}, "FILE_INVALID"),
        ({"name": "a.txt", "url": "data:nothing"}, {}, "FILE_INVALID"),
        ({"name": "a.txt", "content": "\ud800"}, {}, "FILE_INVALID"),
        ({"name": "../a.txt", "content": "x"}, {}, "FILE_PATH_INVALID"),
        ({"name": ".profile", "content": "x"}, {}, "FILE_PATH_INVALID"),
        ({"name": "a.exe", "content": "x"}, {"allowedExtensions": ["txt"]}, "FILE_EXTENSION_NOT_ALLOWED"),
        ({"name": "a.txt", "content": "long"}, {"maxFileSize": 3}, "FILE_TOO_LARGE"),
        ({"name": "there.txt", "content": "x"}, {}, "FILE_EXISTS"),
    ],
)
def test_a_file_that_cannot_be_kept_does_not_stop_the_others(
    root: Path, file: Any, config: dict[str, Any], expected: str
) -> None:
    (root / "uploads").mkdir()
    (root / "uploads" / "there.txt").write_text("there")
    good = {"name": "good.txt", "content": "ok"}

    given = outputs(root, "file_upload", config, {"files": [file, good]})

    assert [error["code"] for error in given["errors"]] == [expected]
    assert (given["total_files"], given["total_errors"]) == (1, 1)
    assert sorted(path.name for path in (root / "uploads").iterdir()) == ["good.txt", "there.txt"]
    assert (root / "uploads" / "there.txt").read_text() == "there"


def test_one_file_needs_no_list(root: Path) -> None:
    given = outputs(root, "file_upload", {"overwrite": True}, {"files": {"name": "a.txt", "content": "x"}})

    assert given["total_files"] == 1


def test_too_many_files_are_refused_at_once(root: Path) -> None:
    files = [{"name": f"{number}.txt", "content": "x"} for number in range(101)]

    assert code(root, "file_upload", {}, {"files": files}) == "TOO_MANY_FILES"
    assert not (root / "uploads").exists()


# Finding


def found(root: Path, **config: Any) -> list[str]:
    return [file["path"] for file in outputs(root, "file_query", config)["files"]]


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({"pattern": "**/*.csv"}, ["data/a.csv", "data/deep/d.csv"]),
        ({"pattern": "*.csv"}, []),
        ({"pattern": "*"}, ["notes.md"]),
        ({"pattern": "data/*.csv"}, ["data/a.csv"]),
        ({"pattern": "data/**/d.*"}, ["data/deep/d.csv"]),
        ({"pattern": "data/deep/**"}, ["data/deep/book.ipynb", "data/deep/d.csv"]),
        ({"pattern": "**/[ab].?sv"}, ["data/a.csv", "data/b.tsv"]),
        ({"pattern": "*.csv", "directory": "data"}, ["data/a.csv"]),
        ({"extensions": [".CSV", "md"]}, ["data/a.csv", "data/deep/d.csv", "notes.md"]),
        ({"extensions": ["csv"], "minSize": 3}, ["data/a.csv"]),
        ({"extensions": ["csv"], "maxSize": 2}, ["data/deep/d.csv"]),
        ({"changedBefore": "1970-01-03"}, ["data/a.csv", "notes.md"]),
        (
            {"changedAfter": "1970-01-04T00:00:00Z", "changedBefore": "1970-01-05T00:00:00+00:00"},
            ["data/c.json"],
        ),
        ({"pattern": "**/*e.csv"}, []),
        ({"pattern": "**/.env"}, []),
    ],
)
def test_files_are_found_by_name_size_and_time(root: Path, config: dict[str, Any], paths: list[str]) -> None:
    assert found(root, **config) == paths


@pytest.mark.parametrize(
    ("sort", "order", "paths"),
    [
        ("path", "descending", ["data/deep/d.csv", "data/a.csv"]),
        ("name", "ascending", ["data/a.csv", "data/deep/d.csv"]),
        ("size", "ascending", ["data/deep/d.csv", "data/a.csv"]),
        ("changed", "descending", ["data/deep/d.csv", "data/a.csv"]),
    ],
)
def test_what_is_found_is_sorted(root: Path, sort: str, order: str, paths: list[str]) -> None:
    assert found(root, pattern="**/*.csv", sortBy=sort, order=order) == paths


def test_a_list_is_cut_and_says_so(root: Path) -> None:
    given = outputs(root, "file_query", {"limit": 2})

    assert (given["count"], given["total"], given["truncated"]) == (2, 8, True)
    assert outputs(root, "file_query", {"limit": 8})["truncated"] is False


def test_a_found_file_is_described(root: Path) -> None:
    (only,) = outputs(root, "file_query", {"pattern": "data/a.csv"})["files"]

    assert only == {
        "path": "data/a.csv",
        "name": "a.csv",
        "extension": "csv",
        "size": 22,
        "modified": "1970-01-02T00:00:00.000000Z",
        "mime_type": "text/csv",
    }


def test_links_to_folders_and_to_what_is_not_offered_are_not_followed(root: Path) -> None:
    (root / "data" / "circle").symlink_to(root / "data")
    (root / "data" / "out.csv").symlink_to(root.parent / "outside.txt")
    (root / "data" / "env.csv").symlink_to(root / "data" / ".env")
    (root / "data" / "gone.csv").symlink_to(root / "nothing")

    assert found(root, pattern="**/*.csv") == ["data/a.csv", "data/deep/d.csv"]


def test_a_search_ends_when_there_is_too_much(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_search, "MAX_VISITED", 3)

    assert outputs(root, "file_query", {})["truncated"] is True


def test_a_pattern_of_many_stars_takes_no_time(root: Path) -> None:
    (root / ("a" * 200)).write_text("")

    assert found(root, pattern="**/" * 50 + "*a" * 60 + "*b") == []


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pattern": ""}, "PARAMETER_INVALID"),
        ({"pattern": "../*"}, "PARAMETER_INVALID"),
        ({"pattern": "x" * 501}, "PARAMETER_INVALID"),
        ({"changedAfter": "yesterday"}, "PARAMETER_INVALID"),
        ({"directory": "gone"}, "FILE_FOLDER_MISSING"),
        ({"directory": ".."}, "FILE_PATH_INVALID"),
        ({"directory": ".hidden"}, "FILE_PATH_INVALID"),
        ({"limit": 0}, "PARAMETER_INVALID"),
        ({"limit": 1001}, "PARAMETER_INVALID"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(root: Path, config: dict[str, Any], expected: str) -> None:
    assert code(root, "file_query", config) == expected


# Telling about one


@pytest.mark.parametrize(
    ("path", "kind", "lines"),
    [
        ("notes.md", "markdown", 1),
        ("data/a.csv", "csv", 3),
        ("data/deep/book.ipynb", "notebook", 1),
        ("data/image.png", "image", 0),
        ("data/latin.txt", "binary", 0),
    ],
)
def test_a_file_is_told_of_with_its_text(root: Path, path: str, kind: str, lines: int) -> None:
    given = outputs(root, "file_context", {"path": path})

    assert (given["kind"], given["lines"], given["truncated"]) == (kind, lines, False)
    assert given["content"] == ((root / path).read_text() if lines else None)
    assert (given["path"], given["size"]) == (path, (root / path).stat().st_size)


def test_a_long_text_is_cut_at_a_character(root: Path) -> None:
    (root / "long.txt").write_text("aü" * 10, encoding="utf-8")

    given = outputs(root, "file_context", {"path": "long.txt", "maxBytes": 5})

    assert (given["content"], given["truncated"], given["size"]) == ("aüa", True, 30)


def test_the_text_is_left_out_on_request(root: Path) -> None:
    given = outputs(root, "file_context", {"path": "notes.md", "includeContent": False})

    assert (given["content"], given["kind"], given["truncated"]) == (None, "markdown", False)
