"""Notebooks as files: read, checked, changed and written whole."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ...errors import NodeError
from ...expressions import shortened
from ..whole_files import write_whole
from .file_texts import read_bytes

MAX_NOTEBOOK_BYTES: Final = 32 * 1024 * 1024
MAX_CELLS: Final = 10_000
CELL_TYPES: Final = ("code", "markdown", "raw")

Notebook = dict[str, Any]


def read_notebook(file: Path, shown: str) -> tuple[Notebook, bytes]:
    """Return a notebook of format 4 and the bytes it was read from.

    :raises NodeError: ``NOTEBOOK_INVALID`` when the file is no such notebook; what reading raises.
    """
    content = read_bytes(file, shown, MAX_NOTEBOOK_BYTES)
    try:
        notebook = msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _invalid(shown, "it is not JSON") from error
    if not isinstance(notebook, dict):
        raise _invalid(shown, "it is no object")
    if notebook.get("nbformat") != 4:
        raise _invalid(shown, "its format is not version 4; open and save it in JupyterLab once")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(
        isinstance(cell, dict) and cell.get("cell_type") in CELL_TYPES for cell in cells
    ):
        raise _invalid(shown, "it has no cells that can be read")
    return notebook, content


def new_notebook() -> Notebook:
    """Return a notebook without cells."""
    return {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def new_cells(given: Any, cell_type: str) -> list[dict[str, Any]]:
    """Return the cells that a value stands for: a text or an object each, one or a list of them.

    :param cell_type: of a cell that does not say its own.
    :raises NodeError: ``CELL_INVALID`` naming the first item that is no cell.
    """
    items = given if isinstance(given, list) else [given]
    return [_new_cell(item, cell_type, position) for position, item in enumerate(items)]


def complete_ids(notebook: Notebook) -> None:
    """Give every cell an id of its own, as notebooks from version 4.5 on have to."""
    if _minor(notebook) < 5:
        return
    seen: set[str] = set()
    for cell in notebook["cells"]:
        if not isinstance(cell.get("id"), str) or cell["id"] in seen:
            cell["id"] = secrets.token_hex(4)
        seen.add(cell["id"])


def check_notebook(notebook: Notebook, shown: str) -> None:
    """Check a notebook against the schema of its version.

    :raises NodeError: ``NOTEBOOK_INVALID`` naming the first place that is wrong.
    """
    import nbformat  # slow to import, and needed here only

    if len(notebook["cells"]) > MAX_CELLS:
        raise _invalid(shown, f"it has more than {MAX_CELLS:,} cells")
    try:
        nbformat.validate(nbformat.from_dict(notebook), relax_add_props=True)  # type: ignore[no-untyped-call]
    except nbformat.ValidationError as error:
        place = ".".join(str(part) for part in getattr(error, "absolute_path", ()) or ())
        reason = shortened(str(error).partition("\n")[0], 120)
        raise _invalid(shown, f"{place or 'the notebook'}: {reason}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _invalid(shown, shortened(error, 120)) from error


def write_notebook(file: Path, notebook: Notebook, shown: str, before: bytes | None) -> None:
    """Write *notebook* in the way Jupyter prints one: the whole file or nothing.

    :param before: what the file held when it was read; None when it was not there.
    :raises NodeError: ``NOTEBOOK_CHANGED`` when it holds something else now; it is left as it is.
    """
    content = msgspec.json.format(msgspec.json.encode(notebook), indent=1) + b"\n"
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise NodeError(f"{shown} would have more than {MAX_NOTEBOOK_BYTES:,} bytes.", code="FILE_TOO_LARGE")

    def changed() -> None:
        if file.read_bytes() != before:
            raise NodeError(
                f"{shown} was changed by somebody else meanwhile and is left as it is.",
                code="NOTEBOOK_CHANGED",
                retryable=True,
            )

    replacing = before is not None
    try:
        write_whole(file, content, overwrite=replacing, unless=changed if replacing else None)
    except FileExistsError as error:
        raise NodeError(f"{shown} exists already and is left as it is.", code="FILE_EXISTS") from error
    except OSError as error:
        raise NodeError(f"{shown} cannot be written: {error.strerror}", code="FILE_NOT_WRITTEN") from error


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell, which may be stored as a list of lines."""
    return joined(cell.get("source"))


def joined(text: Any) -> str:
    """Return a text that is stored as a text or as a list of lines; empty for anything else."""
    if isinstance(text, str):
        return text
    if isinstance(text, Sequence):
        return "".join(line for line in text if isinstance(line, str))
    return ""


def _minor(notebook: Notebook) -> int:
    minor = notebook.get("nbformat_minor")
    return minor if isinstance(minor, int) else 0


def _new_cell(item: Any, cell_type: str, position: int) -> dict[str, Any]:
    if isinstance(item, str):
        item = {"source": item}
    kind = item.get("cell_type", item.get("type", cell_type)) if isinstance(item, Mapping) else None
    source = item.get("source") if isinstance(item, Mapping) else None
    metadata = item.get("metadata", {}) if isinstance(item, Mapping) else None
    lines = isinstance(source, list) and all(isinstance(line, str) for line in source)
    if kind not in CELL_TYPES or not (isinstance(source, str) or lines) or not isinstance(metadata, Mapping):
        message = f"Item {position} is no cell: a text, or an object with a source, is needed."
        raise NodeError(
            message,
            code="CELL_INVALID",
            details=[{"code": "CELL_INVALID", "message": message, "locator": f"cells.{position}"}],
        )
    cell: dict[str, Any] = {"cell_type": kind, "metadata": dict(metadata)}
    if kind == "code":
        # What a cell printed elsewhere was not printed by this notebook.
        cell["execution_count"] = None
        cell["outputs"] = []
    cell["source"] = joined(source).splitlines(keepends=True)
    return cell


def _invalid(shown: str, reason: str) -> NodeError:
    return NodeError(f"{shown} is not a readable notebook: {reason}.", code="NOTEBOOK_INVALID")
