"""A workflow as text: read from JSON or YAML within bounds, and written so that it reads the same again.

YAML is read as the superset of JSON that it is: the core schema of YAML 1.2, so that ``no`` and
``2026-01-01`` are texts, one document, no tags of its own, and no aliases, because a few lines of
those can stand for more than any memory holds. What is written quotes every text that either version
of YAML would take for something else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec
import yaml

from ..errors import InvalidInput
from .nesting import MAX_CONTAINERS, MAX_DEPTH, excess

Format: TypeAlias = Literal["json", "yaml"]

MAX_TEXT_BYTES: Final = 8 * 1024 * 1024
_MAX_DIGITS: Final = 300
# The Python version is slower, and everywhere.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_CORE_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset({f"{_CORE_TAG}{word}" for word in ("str", "map", "seq")} | {"!"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_document(text: str | bytes) -> dict[str, Any]:
    """Return the object that a JSON or YAML text spells.

    A text that begins with a bracket is JSON and nothing else; every other is YAML.

    :raises InvalidInput: ``DOCUMENT_TOO_LARGE``, ``DOCUMENT_TOO_DEEP``, ``DOCUMENT_TOO_COMPLEX``,
        ``DOCUMENT_MALFORMED`` or ``DOCUMENT_NOT_AN_OBJECT``.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise _malformed("it holds half a character") from error
    if len(raw) > MAX_TEXT_BYTES:
        raise _explained(InvalidInput("The document is larger than 8 MiB.", code="DOCUMENT_TOO_LARGE"))
    found = _read_json(raw) if raw.lstrip()[:1] in (b"{", b"[") else _read_yaml(raw)
    if not isinstance(found, dict):
        raise _explained(InvalidInput("The document has to be an object.", code="DOCUMENT_NOT_AN_OBJECT"))
    return found


def write_document(document: dict[str, Any], form: Format) -> bytes:
    """Return *document* as text in UTF-8, for people to read; its keys keep their order."""
    raw = msgspec.json.encode(document)
    if form == "json":
        return msgspec.json.format(raw, indent=2) + b"\n"
    # What is shared between documents is of kinds of its own, which only JSON knows how to write.
    plain = msgspec.json.decode(raw)
    written: bytes = yaml.dump(
        plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8", width=10**9
    )
    return written


def _read_json(raw: bytes) -> Any:
    # Looked at before parsing, so that no text can exhaust the parser's stack or hold up everybody else.
    found = excess(raw)
    if found is not None:
        raise _too_deep() if found == "deep" else _too_complex()
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed("it is not valid JSON") from error


def _read_yaml(raw: bytes) -> Any:
    try:
        return _build(yaml.parse(raw, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise _malformed(f"{error.problem or 'it cannot be read'}{where}") from error
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        raise _malformed("it is neither JSON nor YAML") from error


def _build(events: Iterator[Any]) -> Any:
    """Return the value that a stream of YAML events stands for, without recursion."""
    holder: list[Any] = []
    open_: list[_Open] = [_Open(holder)]
    documents = containers = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise _malformed(f"aliases such as *{event.anchor} are not read")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _malformed("it holds more than one document")
        elif isinstance(event, yaml.ScalarEvent):
            open_[-1].take_scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event.tag)
            containers += 1
            if len(open_) > MAX_DEPTH:
                raise _too_deep()
            if containers > MAX_CONTAINERS:
                raise _too_complex()
            fresh: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            open_[-1].take(fresh)
            open_.append(_Open(fresh))
        elif isinstance(event, yaml.CollectionEndEvent):
            open_.pop()
    return holder[0] if holder else None


class _Open:
    """A container that is being filled; in a mapping every other scalar is a key."""

    __slots__ = ("_container", "_key")

    def __init__(self, container: Any) -> None:
        self._container = container
        self._key: str | None = None

    def take_scalar(self, event: Any) -> None:
        if isinstance(self._container, dict) and self._key is None:
            _check_tag(event.tag)
            if event.value in self._container:
                raise _malformed(f"the key {event.value[:50]!r} is there twice")
            self._key = event.value
        else:
            self.take(_scalar(event))

    def take(self, value: Any) -> None:
        if isinstance(self._container, list):
            self._container.append(value)
        elif self._key is None:
            raise _malformed("a key has to be a text")
        else:
            self._container[self._key] = value
            self._key = None


def _scalar(event: Any) -> Any:
    _check_tag(event.tag)
    plain = event.tag is None and event.implicit[0]
    return plain_value(event.value) if plain else event.value


def plain_value(text: str) -> Any:
    """Return what a text without quotes means in YAML 1.2's core schema, within what JSON can carry.

    :raises InvalidInput: ``DOCUMENT_MALFORMED`` for infinity and what is no number.
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise _malformed("a number is too long")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise _malformed("a number is too large")
        return number
    if _NO_NUMBER.fullmatch(text):
        raise _malformed(f"{text} is not a number that JSON can carry")
    return text


def _check_tag(tag: str | None) -> None:
    if tag is not None and tag not in _PLAIN_TAGS:
        raise _malformed(f"the tag {tag[:80]!r} is not read")


_ODD_LINE_END: Final = re.compile("[\r\x85\u2028\u2029]")


class _Dumper(_DUMPER):  # type: ignore[misc]
    """Writes plain JSON values; never an anchor, however often a value is there."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, value: str) -> Any:
    style = "|" if "\n" in value and _fits_a_block(value) else None
    if style is None and (
        _FLOAT.fullmatch(value)
        or _INTEGER.fullmatch(value)
        or _NO_NUMBER.fullmatch(value)
        # Only between these quotes does YAML escape what it would fold as the end of a line.
        or _ODD_LINE_END.search(value)
    ):
        style = '"'
    return dumper.represent_scalar(f"{_CORE_TAG}str", value, style=style)


def _fits_a_block(value: str) -> bool:
    """Tell whether a text may stand as a block of lines: printable, and with no blank at an end."""
    return all(line == line.strip() and line.isprintable() for line in value.split("\n"))


_Dumper.add_representer(str, _represent_text)


def _too_deep() -> InvalidInput:
    message = f"The document nests deeper than {MAX_DEPTH} levels."
    return _explained(InvalidInput(message, code="DOCUMENT_TOO_DEEP"))


def _too_complex() -> InvalidInput:
    message = f"The document holds more than {MAX_CONTAINERS} lists and objects."
    return _explained(InvalidInput(message, code="DOCUMENT_TOO_COMPLEX"))


def _malformed(reason: str) -> InvalidInput:
    message = f"The document cannot be read: {reason}."
    return _explained(InvalidInput(message, code="DOCUMENT_MALFORMED"))


def _explained(error: InvalidInput) -> InvalidInput:
    error.details = [{"code": error.code, "message": error.message}]
    return error
