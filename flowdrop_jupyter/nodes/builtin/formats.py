"""Texts of JSON, CSV, XML, YAML and key-value lines, read into JSON values, and values written as them.

What is read is data only: XML without document types and their entities, YAML without aliases, as
both can blow a small text up into a large value.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec

from ...errors import NodeError
from ...expressions import as_text, shortened
from .refusals import refused
from .tables import missing_dependency

TextFormat: TypeAlias = Literal["json", "csv", "xml", "yaml", "key_value"]
"""What a text may be written in."""

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of the longest text that is read."""

MAX_YAML: Final = 200_000
"""Characters of the longest YAML text; reading it takes Python far longer than the others."""

MAX_DEPTH: Final = 100
"""Levels of nesting that are read or written."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_FENCE: Final = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?```\s*", re.DOTALL)
_ODD_LINE_END: Final = re.compile("[\r\x85\u2028\u2029]")
_FORBIDDEN_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def read_text(text: str, kind: TextFormat, locator: str) -> Any:
    """Return the value that *text* is in the format *kind*.

    CSV gives a list of objects named by the first line, XML an object with the root element's name;
    attributes have names with ``@``, text beside them is ``#text``.

    :param locator: the parameter that the text is from, for errors.
    :raises NodeError: ``TEXT_UNREADABLE`` when it is not what it should be, ``TEXT_TOO_LONG``.
    """
    limit = MAX_YAML if kind == "yaml" else MAX_TEXT
    if len(text) > limit:
        raise refused(f"The text has more than {limit} characters.", "TEXT_TOO_LONG", locator)
    try:
        return _READERS[kind](text)
    except (ValueError, TypeError, RecursionError, OverflowError, csv.Error, expat.ExpatError) as error:
        reason = shortened(str(error).partition("\n")[0]).rstrip(".") or type(error).__name__
        raise refused(f"The text is not readable as {kind}: {reason}.", "TEXT_UNREADABLE", locator) from error


def written(value: Any, kind: TextFormat) -> str:
    """Return *value* as a text in the format *kind*.

    :raises NodeError: ``VALUE_NOT_WRITABLE`` when that format has no way to say it.
    """
    try:
        return _WRITERS[kind](value)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        message = f"The value cannot be written as {kind}: {shortened(error).rstrip('.')}."
        raise NodeError(message, code="VALUE_NOT_WRITABLE") from error


def unfenced(text: str) -> str:
    """Return what stands in a Markdown code fence if that is all there is, otherwise *text*."""
    found = _FENCE.fullmatch(text) if len(text) <= MAX_TEXT else None
    return found[1] if found else text


def _read_json(text: str) -> Any:
    return msgspec.json.decode(text)


def _read_csv(text: str) -> list[dict[str, str | None]]:
    head = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = max(",;\t|", key=head.count)
    lines = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(lines, [])]
    if not any(names):
        raise ValueError("it has no line of names")
    if len(set(names)) < len(names):
        raise ValueError("two columns have the same name")
    rows: list[dict[str, str | None]] = []
    for cells in lines:
        if not cells:
            continue
        if len(cells) > len(names):
            raise ValueError(f"line {lines.line_num} has {len(cells)} values for {len(names)} names")
        padded: list[str | None] = [*cells, *[None] * (len(names) - len(cells))]
        rows.append(dict(zip(names, padded, strict=True)))
    return rows


def _read_pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = min((at for at in (line.find(":"), line.find("=")) if at >= 0), default=-1)
        name = line[: max(place, 0)].strip()
        if not name:
            raise ValueError(f"line {number} has no : or = after a name")
        pairs[name] = line[place + 1 :].strip()
    return pairs


class _XmlReader:
    """Builds the value of an XML text from the parser's events."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self.root: dict[str, Any] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        self._open.append((name, {f"@{key}": value for key, value in attributes.items()}, []))

    def characters(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self, _: str) -> None:
        name, content, texts = self._open.pop()
        text = "".join(texts).strip()
        value: Any = text or None
        if content:
            value = {**content, "#text": text} if text else content
        if not self._open:
            self.root[name] = value
            return
        siblings = self._open[-1][1]
        if name not in siblings:
            siblings[name] = value
        elif isinstance(siblings[name], list):
            siblings[name].append(value)
        else:
            siblings[name] = [siblings[name], value]

    def document_type(self, *_: Any) -> None:
        raise ValueError("it declares a document type, which is not read")


def _read_xml(text: str) -> dict[str, Any]:
    reader = _XmlReader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.document_type
    # A declared encoding is about bytes, and this is a text.
    parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1).encode(), True)
    return reader.root


def _read_yaml(text: str) -> Any:
    yaml = _need_yaml()
    try:
        return _plain(yaml.load(text, Loader=_yaml_loader()))
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


@lru_cache(maxsize=1)
def _yaml_loader() -> Any:
    """Return PyYAML's safe loader without aliases, and with dates left as the texts they are."""
    yaml = _need_yaml()

    class PlainLoader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("it uses an alias, which is not read")
            return super().compose_node(parent, index)

    PlainLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return PlainLoader


def _need_yaml() -> ModuleType:
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise missing_dependency("PyYAML", "pip install pyyaml") from error
    return yaml  # type: ignore[no-any-return, unused-ignore]


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        return value
    if isinstance(value, float) and abs(value) != float("inf") and value == value:
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError(f"a value of the type {type(value).__name__} has no JSON form")


def _key(key: Any) -> str:
    if isinstance(key, (Mapping, list, tuple)):
        raise ValueError("the name of a property is not a text")
    return as_text(key) if key is not None else "null"


def _write_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _write_yaml(value: Any) -> str:
    return str(_need_yaml().dump(value, Dumper=_yaml_dumper(), allow_unicode=True, sort_keys=False))


@lru_cache(maxsize=1)
def _yaml_dumper() -> Any:
    """Return a dumper whose texts come back as they were, odd line ends among them."""
    yaml = _need_yaml()

    class PlainDumper(yaml.SafeDumper):  # type: ignore[misc, name-defined]
        pass

    def represent_text(dumper: Any, text: str) -> Any:
        # Only between these quotes does YAML escape what it would fold as the end of a line.
        style = '"' if _ODD_LINE_END.search(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    PlainDumper.add_representer(str, represent_text)
    return PlainDumper


def _write_csv(value: Any) -> str:
    rows = list(value) if isinstance(value, (list, tuple)) else [value]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if all(isinstance(row, Mapping) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer.writerow(names)
        writer.writerows([as_text(row.get(name)) for name in names] for row in rows)
    elif all(isinstance(row, (list, tuple)) for row in rows):
        writer.writerows([as_text(cell) for cell in row] for row in rows)
    else:
        writer.writerow(["value"])
        writer.writerows([as_text(row)] for row in rows)
    return out.getvalue()


def _write_pairs(value: Any) -> str:
    if not isinstance(value, Mapping):
        raise ValueError("it is not an object")
    return "".join(f"{key}: {' '.join(as_text(item).split())}\n" for key, item in value.items())


def _write_xml(value: Any) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    named = isinstance(value, Mapping) and len(value) == 1 and _NAME.fullmatch(str(next(iter(value))))
    name, content = next(iter(value.items())) if named else ("data", value)
    _write_elements(lines, name, "item" if isinstance(content, (list, tuple)) else name, content, 0)
    return "\n".join(lines) + "\n"


def _write_elements(lines: list[str], name: str, item: str, value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    indent = "  " * depth
    if isinstance(value, (list, tuple)):
        lines.append(f"{indent}<{name}>")
        for entry in value:
            _write_elements(lines, item, "item", entry, depth + 1)
        lines.append(f"{indent}</{name}>")
        return
    if not isinstance(value, Mapping):
        text = _xml_text(as_text(value))
        lines.append(f"{indent}<{name}>{text}</{name}>" if text else f"{indent}<{name}/>")
        return
    attributes = "".join(
        f' {_element(key[1:])}="{_xml_text(as_text(found))}"'
        for key, found in value.items()
        if key.startswith("@") and len(key) > 1
    )
    children = {key: found for key, found in value.items() if not key.startswith("@") and key != "#text"}
    text = _xml_text(as_text(value.get("#text")))
    if not children:
        lines.append(f"{indent}<{name}{attributes}>{text}</{name}>")
        return
    lines.append(f"{indent}<{name}{attributes}>{text}")
    for key, found in children.items():
        entries: Sequence[Any] = found if isinstance(found, (list, tuple)) else (found,)
        for entry in entries:
            _write_elements(lines, _element(key), "item", entry, depth + 1)
    lines.append(f"{indent}</{name}>")


def _element(key: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", key)
    return name if _NAME.fullmatch(name) else f"_{name}"


def _xml_text(text: str) -> str:
    return escape(_FORBIDDEN_IN_XML.sub("\ufffd", text), {'"': "&quot;"})


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "json": _read_json,
    "csv": _read_csv,
    "xml": _read_xml,
    "yaml": _read_yaml,
    "key_value": _read_pairs,
}
_WRITERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "json": _write_json,
    "csv": _write_csv,
    "xml": _write_xml,
    "yaml": _write_yaml,
    "key_value": _write_pairs,
}
