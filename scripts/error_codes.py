"""Write ``docs/error-codes.md`` from the code: every stable code with its status and its message.

``--check`` only tells whether the page is up to date.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowdrop_jupyter import errors
from flowdrop_jupyter.server.handlers import status_of

PROJECT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = PROJECT / "docs" / "error-codes.md"
HEAD: Final = """# Error codes

Every refusal is `{"success": false, "error", "code", "error_code", "details"}`; `code` and `error_code` are
the same stable string, and `details` lists every separate cause as `{code, message, locator?}`. Branch on
codes, never on texts. This page is generated from the code by `make docs`.

| Code | HTTP | Said, in short |
|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Entry:
    """One code as it is raised in one place."""

    code: str
    status: str
    text: str


def entries() -> list[Entry]:
    """Return one entry per code, the first text in the order of the modules."""
    found: dict[str, Entry] = {}
    for path in sorted((PROJECT / "flowdrop_jupyter").rglob("*.py")):
        for entry in _in_module(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(entry.code, entry)
    for name in dir(errors):
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, errors.FlowDropError):
            text = (kind.__doc__ or "").split("\n")[0].replace("Raised when", "When", 1)
            found.setdefault(kind.default_code, Entry(kind.default_code, _status(kind), text))
    return sorted(found.values())


def _in_module(tree: ast.Module) -> Iterator[Entry]:
    assigned = {
        (target.id, node.lineno): node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            lines = [line for name, line in assigned if name == node.id and line < node.lineno]
            return _text(assigned[node.id, max(lines)]) if lines else ""
        return _text(node)

    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = {key.value: value for key, value in zip(node.keys, node.values, strict=True)
                     if isinstance(key, ast.Constant)}  # fmt: skip
            code = pairs.get("code")
            if isinstance(code, ast.Constant) and "node_id" in pairs:
                yield Entry(str(code.value), "in the run", text(pairs["message"]))
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "Finding" and len(node.args) == 3 and isinstance(node.args[0], ast.Constant):
            code = str(node.args[0].value)
            status = "a warning" if code.startswith("W_") else _status(errors.WorkflowInvalid)
            yield Entry(code, status, text(node.args[1]))
            continue
        if name == "_refuse" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
            yield Entry(str(node.args[1].value), _status(errors.CompileError), text(node.args[0]))
            continue
        if name == "refused" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
            yield Entry(str(node.args[1].value), _status(errors.NodeError), text(node.args[0]))
            continue
        kind = getattr(errors, name, None)
        given = next((word.value for word in node.keywords if word.arg == "code"), None)
        if isinstance(kind, type) and isinstance(given, ast.Constant):
            yield Entry(str(given.value), _status(kind), text(node.args[0]) if node.args else "")


def _status(kind: type[errors.FlowDropError]) -> str:
    if issubclass(kind, errors.NodeError):
        return "in the run"
    if issubclass(kind, errors.ServerNotFound | errors.ServerError | errors.TransportError):
        return "client"
    return str(status_of(kind))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return " ".join(str(node.value).split())
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        return " ".join("".join(parts).split())
    return ""


def page() -> str:
    """Return the whole page."""
    rows = [
        f"| `{entry.code}` | {entry.status} | {entry.text.replace('|', '/') or '(depends on the case)'} |"
        for entry in entries()
    ]
    return HEAD + "\n".join(rows) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
