"""Bring the examples up to date: node metadata in the workflows, and the copies that the package ships.

``notebooks/`` is where they are written; ``flowdrop_jupyter/examples/`` is what ``%flowdrop example`` copies.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Final

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.workflow import node_type_id

PROJECT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = PROJECT / "notebooks"
SHIPPED: Final = PROJECT / "flowdrop_jupyter" / "examples"
# Named one by one: a tutorial that was run leaves files of its own there.
DATA: Final = ("data/penguins.csv", "data/LICENSE.md")


def main() -> int:
    registry = NodeRegistry.installed()
    shutil.rmtree(SHIPPED, ignore_errors=True)
    (SHIPPED / "data").mkdir(parents=True)
    for path in sorted(SOURCE.glob("*.flowdrop.json")):
        refresh(path, registry)
        shutil.copyfile(path, SHIPPED / path.name)
    for path in sorted(SOURCE.glob("*.ipynb")):
        copy_notebook(path, SHIPPED / path.name)
    for name in DATA:
        shutil.copyfile(SOURCE / name, SHIPPED / name)
    return 0


def refresh(path: Path, registry: NodeRegistry) -> None:
    """Write the current node metadata into a workflow, as the editor would at the next save."""
    document = json.loads(path.read_text(encoding="utf-8"))
    for node in document["nodes"]:
        kind = registry.node_type(node_type_id(node))
        if kind is not None:
            node["data"]["metadata"] = kind.metadata()
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def copy_notebook(source: Path, target: Path) -> None:
    """Copy a notebook without what running it has left."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
