"""The example that comes with the package: copied beside a notebook, ready to be run and changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..client import calls

FOLDER = "flowdrop-example"
WORKFLOW = "data-quality-assistant.flowdrop.json"
NOTEBOOK = "01-first-conversation.ipynb"

_DATA_FILE = re.compile(r"data/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Example:
    """A copy of the example.

    :param folder: where it is, absolute.
    :param written: the files that were written, relative to it.
    :param kept: the files that were there before and were left as they are, relative to it.
    """

    folder: Path
    written: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def workflow(self) -> Path:
        """The workflow's file."""
        return self.folder / WORKFLOW

    @property
    def notebook(self) -> Path:
        """The tutorial."""
        return self.folder / NOTEBOOK

    def document(self) -> dict[str, Any]:
        """The workflow with its data files named in full, so that every notebook and the panel can run it.

        :raises InvalidInput: the file, which may be the user's own by now, holds no workflow.
        """
        document = calls.workflow_document(self.workflow.read_bytes())
        for config in _configs(document):
            for name, value in config.items():
                if isinstance(value, str) and _DATA_FILE.fullmatch(value):
                    config[name] = (self.folder / value).as_posix()
        return document


def copy_example(folder: str | Path = FOLDER) -> Example:
    """Copy the example workflow, its data and the tutorial; no file is ever overwritten.

    :param folder: where to, made when it is missing; relative to the working directory.
    :raises OSError: the folder cannot be written to.
    """
    target = Path(folder).expanduser().absolute()
    written, kept = [], []
    for name, source in _walk(files("flowdrop_jupyter") / "examples"):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(source.read_bytes())
        except FileExistsError:
            kept.append(name)
        else:
            written.append(name)
    return Example(target, tuple(written), tuple(kept))


def _configs(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    nodes = document.get("nodes")
    for node in nodes if isinstance(nodes, list) else ():
        data = node.get("data") if isinstance(node, dict) else None
        config = data.get("config") if isinstance(data, dict) else None
        if isinstance(config, dict):
            yield config


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry
