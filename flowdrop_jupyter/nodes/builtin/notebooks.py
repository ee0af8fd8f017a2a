"""Nodes that read notebooks and write cells into them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import quoted
from ..api import node
from ..context import NodeContext
from ..signature import Config, Lane, Wire
from .file_texts import extension_of
from .notebook_files import (
    Notebook,
    check_notebook,
    complete_ids,
    joined,
    new_cells,
    new_notebook,
    read_notebook,
    source_of,
    write_notebook,
)

_COLOR: Final = "#c2410c"
_LONGEST_TEXT: Final = 20_000
"""Characters of one output's text; the rest of it is cut."""

CellType: TypeAlias = Literal["code", "markdown", "raw"]
OutputDetail: TypeAlias = Literal["none", "text", "full"]

_one_writer: Final = threading.Lock()
"""Held from reading a notebook to replacing it, so that of two additions none is lost."""


class NotebookContent(msgspec.Struct):
    """What a notebook holds.

    :param text: the chosen cells as Markdown, code and texts of outputs in fences.
    """

    cells: Annotated[list[dict[str, Any]], Lane("array")]
    cells_count: int
    total_cells: int
    text: str
    language: str
    kernel: str
    metadata: Annotated[Mapping[str, Any], Lane("json", exposed=False)]
    path: str


class NotebookSaved(msgspec.Struct):
    """Which notebook was written, and what it holds now."""

    path: str
    operation: str
    created: bool
    cells_written: int
    total_cells: int


@node(category="data", icon="mdi:notebook-outline", color=_COLOR, tags=("notebook", "file"))
def notebook_read(
    context: NodeContext,
    path: str,
    cellType: Annotated[Literal["all", "code", "markdown", "raw"], Config()] = "all",
    tag: Annotated[str, Config()] = "",
    includeOutputs: Annotated[OutputDetail, Config()] = "text",
    maxCells: Annotated[int, Config(), msgspec.Meta(ge=1, le=10_000)] = 1_000,
) -> NotebookContent:
    """Reads the cells of a notebook and what they gave.

    :param path: the notebook, relative to the folder of the notebook beside the session.
    :param cellType: the cells to give.
    :param tag: only cells that carry this tag; empty for all.
    :param includeOutputs: what to give of a cell's outputs: nothing, their texts, or all of them with
        their images.
    :param maxCells: cells given at most, the first ones.
    """
    file, shown = context.files.resolve(path, must_exist=True), quoted(path)
    notebook, _ = read_notebook(file, shown)
    chosen = [
        _cell(cell, index, includeOutputs)
        for index, cell in enumerate(notebook["cells"])
        if cellType in ("all", cell["cell_type"]) and (not tag or tag in _tags(cell))
    ][:maxCells]
    metadata = _mapping(notebook.get("metadata"))
    language = _text(_mapping(metadata.get("language_info")).get("name"))
    kernelspec = _mapping(metadata.get("kernelspec"))
    language = language or _text(kernelspec.get("language"))
    return NotebookContent(
        cells=chosen,
        cells_count=len(chosen),
        total_cells=len(notebook["cells"]),
        text="\n\n".join(_markdown(cell, language) for cell in chosen),
        language=language,
        kernel=_text(kernelspec.get("name")),
        metadata=metadata,
        path=context.files.as_written(file),
    )


@node(
    category="data",
    icon="mdi:notebook-edit-outline",
    color=_COLOR,
    side_effects=True,
    tags=("notebook", "file"),
)
def notebook_save(
    context: NodeContext,
    cells: Annotated[Any, Wire(lane="array")],
    path: str,
    operation: Annotated[Literal["append", "replace"], Config()] = "append",
    cellType: Annotated[CellType, Config(), msgspec.Meta(title="Type of texts")] = "markdown",
    create: Annotated[bool, Config()] = True,
) -> NotebookSaved:
    """Writes cells into a notebook: the whole file or nothing.

    :param cells: texts, or objects with ``source`` and, if need be, ``cell_type`` and ``metadata``;
        one or a list of them.
    :param path: the notebook, relative to the folder of the notebook beside the session.
    :param operation: add the cells at the end, or put them in the place of all that are there.
    :param cellType: what a cell is that does not say so itself.
    :param create: make the notebook when it is not there; otherwise that is an error.
    """
    shown = quoted(path)
    file = context.files.resolve(path, must_exist=not create)
    if extension_of(file.name) != "ipynb":
        raise NodeError(f"{shown} does not end in .ipynb.", code="FILE_EXTENSION_NOT_ALLOWED")
    if not file.parent.is_dir():
        raise NodeError(f"There is no folder for {shown}.", code="FILE_FOLDER_MISSING")
    with _one_writer:
        before: bytes | None = None
        notebook: Notebook = new_notebook()
        if file.exists():
            notebook, before = read_notebook(file, shown)
        added = new_cells(cells, cellType)
        kept = notebook["cells"] if operation == "append" else []
        notebook["cells"] = [*kept, *added]
        complete_ids(notebook)
        check_notebook(notebook, shown)
        write_notebook(file, notebook, shown, before)
    return NotebookSaved(
        path=context.files.as_written(file),
        operation=operation,
        created=before is None,
        cells_written=len(added),
        total_cells=len(notebook["cells"]),
    )


def _cell(cell: Mapping[str, Any], index: int, detail: OutputDetail) -> dict[str, Any]:
    given: dict[str, Any] = {
        "index": index,
        "id": _text(cell.get("id")),
        "cell_type": cell["cell_type"],
        "source": source_of(cell),
        "tags": _tags(cell),
    }
    if cell["cell_type"] == "code":
        given["execution_count"] = cell.get("execution_count")
        if detail != "none":
            outputs = cell.get("outputs")
            found = outputs if isinstance(outputs, list) else []
            given["outputs"] = [_output(output, detail) for output in found if isinstance(output, Mapping)]
    return given


def _output(output: Mapping[str, Any], detail: OutputDetail) -> dict[str, Any]:
    kind = _text(output.get("output_type"))
    data = _mapping(output.get("data"))
    given: dict[str, Any] = {"output_type": kind, "text": _output_text(output, kind, data)[:_LONGEST_TEXT]}
    if kind == "stream":
        given["name"] = _text(output.get("name"))
    elif data:
        given["mime_types"] = sorted(data)
        if detail == "full":
            given["data"] = {name: _bundled(value) for name, value in data.items()}
    return given


def _output_text(output: Mapping[str, Any], kind: str, data: Mapping[str, Any]) -> str:
    if kind == "stream":
        return joined(output.get("text"))
    if kind == "error":
        return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
    for name in ("text/markdown", "text/plain"):
        if name in data:
            return joined(data[name])
    return ""


def _bundled(value: Any) -> Any:
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return joined(value) if lines else value


def _markdown(cell: Mapping[str, Any], language: str) -> str:
    if cell["cell_type"] != "code":
        return str(cell["source"])
    parts = [_fenced(cell["source"], language)]
    parts += [_fenced(output["text"], "") for output in cell.get("outputs", ()) if output["text"]]
    return "\n\n".join(parts)


def _fenced(text: str, language: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags = _mapping(cell.get("metadata")).get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


NODES = (notebook_read, notebook_save)
