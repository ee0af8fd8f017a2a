"""Write ``docs/nodes/``: a page per category with every built-in node type, from its metadata and example.

An example is ``docs/nodes/examples/<type id>.json``: ``about`` in a sentence, the node's ``config``, the
``inputs`` that arrive, and the ``outputs`` that follow; what depends on time or chance is left out of these.
Where needed also ``branches`` that are taken, ``files`` that are there by name, the ``turn`` (``message``,
``history``, ``inputs``), ``answers`` of people, or ``needs``: what has to be there to run it, such as the
network. The tests run every example that needs nothing.

``--check`` only tells whether the pages are up to date.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.workflow.node_types import NodeType

PROJECT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = PROJECT / "docs" / "nodes"
GENERATED: Final = "This page is generated from the code and from `docs/nodes/examples` by `make docs`."
COMMON: Final = frozenset({"instanceTitle", "instanceDescription", "maxRetries", "ports", "nodeType"})
CONTROL: Final = frozenset({"trigger", "tool", "loop_back", "error"})


def pages() -> dict[Path, str]:
    """Return every page by its path."""
    by_category: dict[str, list[NodeType]] = defaultdict(list)
    for kind in NodeRegistry(NODE_TYPES):
        by_category[kind.category].append(kind)
    made = {FOLDER / "README.md": _index(by_category)}
    for category, kinds in by_category.items():
        parts = [f"# Nodes: {category}", GENERATED, *(_section(kind) for kind in kinds)]
        made[FOLDER / _file_name(category)] = "\n\n".join(parts) + "\n"
    return made


def _index(by_category: Mapping[str, list[NodeType]]) -> str:
    lines = [
        "# Built-in nodes",
        "",
        GENERATED,
        "",
        "Every node also has the control ports of its kind (`trigger`, `loop_back`, `error`) and the settings"
        " that all nodes share (title, description, retries, exposed ports).",
        "",
        "| Node | Id | What it does |",
        "|---|---|---|",
    ]
    for category, kinds in sorted(by_category.items()):
        for kind in kinds:
            link = f"[{kind.name}]({_file_name(category)}#{_anchor(kind)})"
            lines.append(f"| {link} | `{kind.id}` | {_cell(kind.description)} |")
    return "\n".join(lines) + "\n"


def _section(kind: NodeType) -> str:
    metadata = kind.metadata()
    inputs = [port for port in metadata["inputs"] if port["id"] not in CONTROL]
    outputs = [port for port in metadata["outputs"] if port["id"] not in CONTROL]
    settings = {
        key: field for key, field in metadata["configSchema"]["properties"].items() if key not in COMMON
    }
    parts = [f"## {kind.name}", f"`{kind.id}` · {kind.visual_type} · `{kind.icon}`", kind.description]
    if inputs:
        parts.append(_table(("Input", "Type", "Meaning"), map(_port, inputs)))
    if settings:
        parts.append(_table(("Setting", "Type", "Default", "Meaning"), map(_setting, settings.items())))
    if outputs:
        parts.append(_table(("Output", "Type", "Meaning"), map(_port, outputs)))
    example = FOLDER / "examples" / f"{kind.id}.json"
    if example.exists():
        parts.append(_example(json.loads(example.read_text(encoding="utf-8"))))
    return "\n\n".join(parts)


def _port(port: Mapping[str, Any]) -> tuple[str, ...]:
    remarks = ["required"] if port.get("required") else []
    remarks += ["hidden at first"] if port.get("exposedByDefault") is False else []
    meaning = str(port.get("description") or "")
    return (
        f"`{port['id']}`",
        str(port["dataType"]),
        f"{meaning} ({', '.join(remarks)})" if remarks else meaning,
    )


def _setting(entry: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    key, field = entry
    choices = field.get("enum")
    kind = ", ".join(f"`{choice}`" for choice in choices) if choices else _type(field)
    default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""
    return f"`{key}`", kind, default, str(field.get("description", ""))


def _type(field: Mapping[str, Any]) -> str:
    kind = field.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _example(example: Mapping[str, Any]) -> str:
    shown = {
        key: value
        for key, value in example.items()
        if key not in ("about", "needs") and value not in ({}, [])
    }
    text = json.dumps(shown, indent=2, ensure_ascii=False)
    needs = f" It needs {example['needs']}." if "needs" in example else ""
    return f"Example: {example['about']}{needs}\n\n```json\n{text}\n```"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _file_name(category: str) -> str:
    return f"{category.replace(' ', '-')}.md"


def _anchor(kind: NodeType) -> str:
    kept = (letter for letter in kind.name.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")


def main() -> int:
    made = pages()
    there = set(FOLDER.glob("*.md"))
    if "--check" in sys.argv[1:]:
        same = all(path.exists() and path.read_text(encoding="utf-8") == text for path, text in made.items())
        return 0 if same and there == set(made) else 1
    for path in there - set(made):
        path.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
