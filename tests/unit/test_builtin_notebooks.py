"""The nodes that read notebooks and write cells into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from node_runs import run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin import notebook_files


def notebook(*cells: dict[str, Any], minor: int = 5, **metadata: Any) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


CODE = {
    "cell_type": "code",
    "id": "c0de",
    "metadata": {"tags": ["plot"]},
    "execution_count": 3,
    "source": ["x = 1\n", "x"],
    "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {
            "output_type": "execute_result",
            "execution_count": 3,
            "metadata": {},
            "data": {"text/plain": ["1"], "image/png": "aGk=", "application/json": {"a": [1, 2]}},
        },
        {"output_type": "error", "ename": "E", "evalue": "why", "traceback": ["…"]},
    ],
}
TEXT = {"cell_type": "markdown", "id": "te47", "metadata": {}, "source": "# Title"}
RAW = {"cell_type": "raw", "id": "4aw0", "metadata": {}, "source": "raw"}
KERNEL = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python"},
    "mine": {"keep": True},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "book.ipynb").write_text(json.dumps(notebook(TEXT, CODE, RAW, **KERNEL)), encoding="utf-8")
    return tmp_path


def read(root: Path, **config: Any) -> dict[str, Any]:
    return run_node("notebook_read", {}, {"path": "book.ipynb", **config}, root=root).output


def save(root: Path, cells: Any, **config: Any) -> dict[str, Any]:
    given = {"path": "book.ipynb", **config}
    return run_node("notebook_save", {"cells": cells}, given, root=root).output


def stored(root: Path, name: str = "book.ipynb") -> dict[str, Any]:
    text = (root / name).read_text(encoding="utf-8")
    nbformat.validate(json.loads(text))  # a copy: it may mend what it is given
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def refused(root: Path, type_id: str, config: dict[str, Any], cells: Any = "x") -> NodeError:
    delivered = {"cells": cells} if type_id == "notebook_save" else {}
    with pytest.raises(NodeError) as caught:
        run_node(type_id, delivered, {"path": "book.ipynb", **config}, root=root)
    return caught.value


def test_a_notebook_is_read_with_the_texts_of_its_outputs(root: Path) -> None:
    given = read(root)

    assert (given["cells_count"], given["total_cells"]) == (3, 3)
    assert (given["language"], given["kernel"], given["path"]) == ("python", "python3", "book.ipynb")
    code = given["cells"][1]
    assert (code["index"], code["id"], code["source"], code["tags"]) == (1, "c0de", "x = 1\nx", ["plot"])
    assert code["execution_count"] == 3
    assert code["outputs"] == [
        {"output_type": "stream", "text": "a\nb\n", "name": "stdout"},
        {
            "output_type": "execute_result",
            "text": "1",
            "mime_types": ["application/json", "image/png", "text/plain"],
        },
        {"output_type": "error", "text": "E: why"},
    ]


def test_a_notebook_is_given_as_one_text(root: Path) -> None:
    text = read(root)["text"]

    assert text.startswith("# Title\n\n```python\nx = 1\nx\n```\n\n```\na\nb\n```")


def test_a_fence_is_longer_than_those_within(root: Path) -> None:
    fenced = {**CODE, "source": "'''```'''", "outputs": []}
    (root / "book.ipynb").write_text(json.dumps(notebook(fenced)))

    assert read(root)["text"] == "````\n'''```'''\n````"


def test_all_of_an_output_is_given_on_request(root: Path) -> None:
    data = read(root, includeOutputs="full")["cells"][1]["outputs"][1]["data"]

    assert data == {"text/plain": "1", "image/png": "aGk=", "application/json": {"a": [1, 2]}}


def test_outputs_are_left_out_on_request(root: Path) -> None:
    assert "outputs" not in read(root, includeOutputs="none")["cells"][1]


@pytest.mark.parametrize(
    ("config", "indexes"),
    [
        ({"cellType": "code"}, [1]),
        ({"cellType": "markdown"}, [0]),
        ({"tag": "plot"}, [1]),
        ({"tag": "plot", "cellType": "markdown"}, []),
        ({"maxCells": 2}, [0, 1]),
    ],
)
def test_cells_are_chosen_by_type_tag_and_number(
    root: Path, config: dict[str, Any], indexes: list[int]
) -> None:
    given = read(root, **config)

    assert [cell["index"] for cell in given["cells"]] == indexes
    assert given["total_cells"] == 3


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"nbformat": 3, "worksheets": []}',
        '{"nbformat": 4}',
        '{"nbformat": 4, "cells": 5}',
        '{"nbformat": 4, "cells": [5]}',
        '{"nbformat": 4, "cells": [{"cell_type": "odd"}]}',
        "[" * 50_000,
    ],
)
@pytest.mark.parametrize("type_id", ["notebook_read", "notebook_save"])
def test_what_is_no_notebook_is_neither_read_nor_changed(root: Path, type_id: str, content: str) -> None:
    (root / "book.ipynb").write_text(content)

    assert refused(root, type_id, {}).code == "NOTEBOOK_INVALID"
    assert (root / "book.ipynb").read_text() == content


@pytest.mark.parametrize(
    "odd",
    [
        {**CODE, "outputs": 5},
        {**CODE, "outputs": [5, {"output_type": 5}, {}, {"data": 5}, {"data": {"text/plain": 5}}]},
        {**CODE, "metadata": 5, "source": 5},
        {**CODE, "metadata": {"tags": 5}, "source": [5]},
        {"cell_type": "code"},
    ],
)
def test_a_cell_of_an_odd_shape_is_read_as_far_as_it_goes(root: Path, odd: dict[str, Any]) -> None:
    (root / "book.ipynb").write_text(json.dumps({**notebook(odd), "metadata": 5}))

    assert read(root, includeOutputs="full")["cells_count"] == 1


@pytest.mark.parametrize("type_id", ["notebook_read", "notebook_save"])
@pytest.mark.parametrize(
    ("path", "code"), [("../x.ipynb", "FILE_PATH_INVALID"), (".x/x.ipynb", "FILE_PATH_INVALID")]
)
def test_only_notebooks_that_are_offered_are_used(root: Path, type_id: str, path: str, code: str) -> None:
    assert refused(root, type_id, {"path": path}).code == code


def test_a_notebook_that_is_not_there_is_not_read(root: Path) -> None:
    assert refused(root, "notebook_read", {"path": "gone.ipynb"}).code == "FILE_NOT_FOUND"


def test_cells_are_added_and_everything_else_is_kept(root: Path) -> None:
    before = stored(root)

    given = save(
        root, ["Some *words*", {"source": "1 + 1\n2", "cell_type": "code", "metadata": {"tags": ["t"]}}]
    )

    after = stored(root)
    assert given == {
        "path": "book.ipynb",
        "operation": "append",
        "created": False,
        "cells_written": 2,
        "total_cells": 5,
    }
    assert after["cells"][:3] == before["cells"]
    assert after["metadata"] == before["metadata"]
    words, code = after["cells"][3:]
    assert (words["cell_type"], words["source"]) == ("markdown", ["Some *words*"])
    assert (code["cell_type"], code["source"]) == ("code", ["1 + 1\n", "2"])
    assert (code["metadata"], code["outputs"], code["execution_count"]) == ({"tags": ["t"]}, [], None)
    assert len({cell["id"] for cell in after["cells"]}) == 5


def test_cells_take_the_place_of_all_others(root: Path) -> None:
    save(root, "only", operation="replace", cellType="raw")

    assert [(cell["cell_type"], cell["source"]) for cell in stored(root)["cells"]] == [("raw", ["only"])]
    assert stored(root)["metadata"]["mine"] == {"keep": True}


def test_what_was_read_can_be_written(root: Path) -> None:
    save(root, read(root)["cells"], path="copy.ipynb")

    assert [cell["cell_type"] for cell in stored(root, "copy.ipynb")["cells"]] == ["markdown", "code", "raw"]


def test_a_notebook_is_made_when_it_is_not_there(root: Path) -> None:
    assert save(root, "x", path="new.ipynb")["created"] is True
    assert [cell["source"] for cell in stored(root, "new.ipynb")["cells"]] == [["x"]]


def test_a_notebook_is_not_made_when_that_is_not_wanted(root: Path) -> None:
    error = refused(root, "notebook_save", {"path": "new.ipynb", "create": False})

    assert error.code == "FILE_NOT_FOUND"
    assert not (root / "new.ipynb").exists()


def test_a_notebook_of_an_older_minor_version_gets_no_ids(root: Path) -> None:
    old = {key: value for key, value in TEXT.items() if key != "id"}
    (root / "book.ipynb").write_text(json.dumps(notebook(old, minor=4)))

    save(root, "x")

    assert all("id" not in cell for cell in stored(root)["cells"])


def test_missing_and_double_ids_are_mended(root: Path) -> None:
    nameless = {key: value for key, value in TEXT.items() if key != "id"}
    (root / "book.ipynb").write_text(json.dumps(notebook(TEXT, TEXT, nameless)))

    save(root, "x")

    cells = stored(root)["cells"]
    assert cells[0]["id"] == "te47"
    assert len({cell["id"] for cell in cells}) == 4


@pytest.mark.parametrize(
    ("cells", "locator"),
    [
        (5, "cells.0"),
        ([5], "cells.0"),
        (["x", {"cell_type": "code"}], "cells.1"),
        ([{"source": 5}], "cells.0"),
        ([{"source": [5]}], "cells.0"),
        ([{"source": "x", "cell_type": "odd"}], "cells.0"),
        ([{"source": "x", "metadata": 5}], "cells.0"),
    ],
)
def test_what_is_no_cell_changes_nothing(root: Path, cells: Any, locator: str) -> None:
    before = (root / "book.ipynb").read_bytes()

    error = refused(root, "notebook_save", {}, cells)

    assert (error.code, error.details[0]["locator"]) == ("CELL_INVALID", locator)
    assert (root / "book.ipynb").read_bytes() == before


def test_a_notebook_that_would_not_be_valid_is_not_written(root: Path) -> None:
    before = (root / "book.ipynb").read_bytes()

    error = refused(root, "notebook_save", {}, [{"source": "x", "metadata": {"tags": [5]}}])

    assert error.code == "NOTEBOOK_INVALID"
    assert (root / "book.ipynb").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "code"), [("book.txt", "FILE_EXTENSION_NOT_ALLOWED"), ("gone/book.ipynb", "FILE_FOLDER_MISSING")]
)
def test_a_notebook_is_written_only_where_one_can_be(root: Path, path: str, code: str) -> None:
    assert refused(root, "notebook_save", {"path": path}).code == code


def test_a_notebook_that_somebody_else_changes_meanwhile_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "book.ipynb"
    check = notebook_files.check_notebook

    def checked_slowly(notebook: dict[str, Any], shown: str) -> None:
        check(notebook, shown)
        file.write_text("by somebody else")

    monkeypatch.setattr("flowdrop_jupyter.nodes.builtin.notebooks.check_notebook", checked_slowly)

    error = refused(root, "notebook_save", {})

    assert (error.code, error.retryable) == ("NOTEBOOK_CHANGED", True)
    assert file.read_text() == "by somebody else"
    assert [path.name for path in root.iterdir()] == ["book.ipynb"]
