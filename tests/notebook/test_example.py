"""The example that is shipped: the same as in the repository, copied without harm, known to the server."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from notebook_fakes import FakeServer

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.notebook.example import NOTEBOOK, WORKFLOW, copy_example
from flowdrop_jupyter.notebook.magics import FlowDropMagics
from flowdrop_jupyter.notebook.opening import notebook_folder

SOURCE = Path(__file__).parents[2] / "notebooks"
SHIPPED = Path(str(files("flowdrop_jupyter"))) / "examples"
NAMES = sorted(path.relative_to(SHIPPED).as_posix() for path in SHIPPED.rglob("*") if path.is_file())


def sources(path: Path) -> list[Any]:
    return [(cell["cell_type"], cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]


def test_the_example_is_complete() -> None:
    expected = {"data/penguins.csv", "data/LICENSE.md"}
    expected |= {path.name for path in SOURCE.iterdir() if path.name.endswith((".flowdrop.json", ".ipynb"))}
    assert set(NAMES) == expected


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shipped_is_what_the_repository_shows(name: str) -> None:
    """``make docs`` copies; a tutorial that was run differs in its outputs only."""
    if name.endswith(".ipynb"):
        assert sources(SHIPPED / name) == sources(SOURCE / name)
    else:
        assert (SHIPPED / name).read_bytes() == (SOURCE / name).read_bytes()


def test_the_shipped_tutorial_has_no_outputs() -> None:
    cells = json.loads((SHIPPED / NOTEBOOK).read_text("utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


def test_everything_is_copied(tmp_path: Path) -> None:
    example = copy_example(tmp_path / "new" / "folder")
    assert sorted(example.written) == NAMES
    assert example.kept == ()
    for name in NAMES:
        assert (tmp_path / "new" / "folder" / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    copy_example(tmp_path)
    (tmp_path / "data" / "penguins.csv").write_text("mine")
    (tmp_path / NOTEBOOK).unlink()
    again = copy_example(tmp_path)
    assert again.written == (NOTEBOOK,)
    assert set(again.kept) == set(NAMES) - {NOTEBOOK}
    assert (tmp_path / "data" / "penguins.csv").read_text() == "mine"


def test_the_document_names_its_data_in_full_and_the_file_does_not(tmp_path: Path) -> None:
    example = copy_example(tmp_path)
    document = json.dumps(example.document())
    for name in ("penguins.csv", "penguins.cleaned.csv"):
        assert f'"{(tmp_path / "data" / name).as_posix()}"' in document
        assert f'"data/{name}"' in example.workflow.read_text("utf-8")
        assert f'"data/{name}"' not in document


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_workflow_file_that_was_broken_meanwhile_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / WORKFLOW).write_text(text)
    with pytest.raises(InvalidInput):
        copy_example(tmp_path).document()


@pytest.mark.parametrize("nodes", [None, 5, [1, {}, {"data": 1}, {"data": {"config": None}}]])
def test_odd_nodes_are_the_servers_to_refuse(tmp_path: Path, nodes: object) -> None:
    (tmp_path / WORKFLOW).write_text(json.dumps({"nodes": nodes}))
    assert copy_example(tmp_path).document() == {"nodes": nodes}


def test_the_notebooks_folder_is_where_the_notebook_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert notebook_folder({"JPY_SESSION_NAME": str(tmp_path / "a.ipynb")}) == tmp_path
    assert notebook_folder({"JPY_SESSION_NAME": str(tmp_path / "gone" / "a.ipynb")}) == Path("/")
    assert notebook_folder({"JPY_SESSION_NAME": "a.ipynb"}) == Path("/")
    assert notebook_folder({}) == Path("/")


class Cell:
    """Runs a line in a shell whose notebook lies in a folder of the test's."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def __call__(self, line: str) -> str:
        with capture_output() as captured:
            self.shell.run_cell(line)
        return str(captured.stdout) + str(captured.stderr)


@pytest.fixture
def cell(
    shell: InteractiveShell, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Cell:
    client = server.client()
    shell.register_magics(FlowDropMagics(shell, lambda: client))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "Mine.ipynb"))
    return Cell(shell)


@pytest.mark.parametrize(("argument", "folder"), [("", "flowdrop-example"), ("'my own'", "my own")])
def test_the_example_is_put_beside_the_notebook_and_saved(
    cell: Cell, server: FakeServer, tmp_path: Path, argument: str, folder: str
) -> None:
    shown = cell(f"%flowdrop example {argument}")
    assert (tmp_path / folder / "data" / "penguins.csv").is_file()
    assert "%flowdrop open data-quality-assistant" in shown
    assert str(tmp_path / folder / NOTEBOOK) in shown
    path = (tmp_path / folder / "data" / "penguins.csv").as_posix()
    assert path in json.dumps(server.workflows["data-quality-assistant"])


def test_a_second_time_says_what_was_left_alone(cell: Cell) -> None:
    assert "Left as it was" not in cell("%flowdrop example")
    [left] = [line for line in cell("%flowdrop example").splitlines() if line.startswith("Left as it was")]
    assert all(name in left for name in NAMES)


def test_a_folder_that_cannot_be_made_is_one_line(cell: Cell, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    shown = cell("%flowdrop example taken")
    assert "cannot be written to" in shown
    assert "Traceback" not in shown


def test_an_empty_list_of_workflows_names_the_example(cell: Cell, server: FakeServer) -> None:
    server.workflows.clear()
    assert "%flowdrop example" in cell("%flowdrop workflows")
