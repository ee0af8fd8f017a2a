"""What a file is by its name and its bytes, and how a value is written into one."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from ...clock import format_time
from ...errors import NodeError
from ...expressions import as_text, quoted, shortened

TextFormat: TypeAlias = Literal["auto", "text", "markdown", "html", "json", "csv"]
"""How a text file is written; ``auto`` goes by the ending of its name."""

MAX_TEXT_BYTES: Final = 8 * 1024 * 1024
"""Bytes of the largest file whose content becomes a value."""

ENDINGS: Final[Mapping[str, str]] = {
    "csv": "csv",
    "htm": "html",
    "html": "html",
    "ipynb": "json",
    "json": "json",
    "markdown": "markdown",
    "md": "markdown",
    "tab": "csv",
    "tsv": "csv",
}
"""The format of a file by its ending; any other is plain text."""

_MIME_TYPES: Final[Mapping[str, str]] = {
    "ipynb": "application/x-ipynb+json",
    "md": "text/markdown",
    "parquet": "application/vnd.apache.parquet",
}

Read = TypeVar("Read")


class FileFacts(msgspec.Struct):
    """What is known of a file without opening it.

    :param path: relative to the notebook's folder, as other nodes take it.
    :param extension: in lower case, without its dot.
    """

    path: str
    name: str
    extension: str
    size: int
    modified: str
    mime_type: str


def extension_of(name: str) -> str:
    """Return the ending of a file name in lower case, without its dot."""
    return Path(name).suffix.removeprefix(".").lower()


def facts_of(file: Path, path: str) -> FileFacts:
    """Return the facts of *file*, which is written *path* in workflows.

    :raises OSError: when it is not there any more.
    """
    stat = file.stat()
    return FileFacts(
        path=path,
        name=file.name,
        extension=extension_of(file.name),
        size=stat.st_size,
        modified=format_time(datetime.fromtimestamp(stat.st_mtime, UTC)),
        mime_type=mime_type_of(file.name),
    )


def mime_type_of(name: str) -> str:
    """Return the media type that the ending of a file name stands for."""
    known = _MIME_TYPES.get(extension_of(name))
    return known or mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"


def read_bytes(file: Path, shown: str, longest: int = MAX_TEXT_BYTES) -> bytes:
    """Return what *file* holds.

    :raises NodeError: ``FILE_TOO_LARGE`` beyond *longest* bytes, ``FILE_UNREADABLE``.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(longest + 1)
    except OSError as error:
        raise NodeError(f"{shown} cannot be read: {error.strerror}", code="FILE_UNREADABLE") from error
    if len(content) > longest:
        raise NodeError(f"{shown} is larger than {longest:,} bytes.", code="FILE_TOO_LARGE")
    return content


def decoded(content: bytes, shown: str) -> str:
    """Return the text that *content* is in UTF-8, a byte order mark left out.

    :raises NodeError: ``FILE_UNREADABLE`` when it is no text.
    """
    text = text_of(content)
    if text is None:
        raise NodeError(f"{shown} is not a text in UTF-8.", code="FILE_UNREADABLE")
    return text


def text_of(content: bytes, *, cut: bool = False) -> str | None:
    """Return the text that *content* is in UTF-8, or None when it is no text.

    :param cut: whether the content may end within a character.
    """
    if b"\0" in content:
        return None
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(content, final=not cut)
    except UnicodeDecodeError:
        return None


def parsed(text: str, kind: str, shown: str, delimiter: str = ",") -> Any:
    """Return the value that *text* holds in the format *kind*, None for plain text.

    :raises NodeError: ``FILE_UNREADABLE`` when it is not in that format.
    """
    if kind == "json":
        return _read(lambda: msgspec.json.decode(text), kind, shown)
    if kind == "csv":
        return _read(lambda: _rows(text, delimiter), kind, shown)
    return None


def written(value: Any, kind: str, *, header: bool = True, delimiter: str = ",") -> str:
    """Return the text that stands for *value* in the format *kind*.

    :param header: whether a CSV text begins with the names of its columns.
    :raises NodeError: ``FILE_NOT_WRITTEN`` when it has no form in that format.
    """
    try:
        if kind == "json":
            return _json_text(value)
        if kind == "csv" and not isinstance(value, str):
            return _csv_text(value, header, delimiter)
        return as_text(value)
    except (TypeError, ValueError, RecursionError, csv.Error) as error:
        raise NodeError(
            f"What arrived cannot be written as {kind}: {shortened(error)}", code="FILE_NOT_WRITTEN"
        ) from error


def _read(reading: Callable[[], Read], kind: str, shown: str) -> Read:
    try:
        return reading()
    except (msgspec.DecodeError, ValueError, RecursionError, csv.Error) as error:
        raise NodeError(
            f"{shown} is not a readable {kind} file: {shortened(error)}", code="FILE_UNREADABLE"
        ) from error


def _rows(text: str, delimiter: str) -> list[dict[str, Any]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = [line for line in reader if line]
    if not lines:
        return []
    names = lines[0]
    if len(set(names)) < len(names):
        raise ValueError("two columns have the same name")
    longest = max(len(line) for line in lines)
    if longest > len(names):
        raise ValueError(f"a line has {longest} values, the first one names {len(names)}")
    return [dict(zip(names, [*line, *[None] * (len(names) - len(line))], strict=True)) for line in lines[1:]]


def _json_text(value: Any) -> str:
    if isinstance(value, str):
        # A text that is JSON is meant as the value it spells.
        with contextlib.suppress(msgspec.DecodeError, ValueError, RecursionError):
            value = msgspec.json.decode(value)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _csv_text(value: Any, header: bool, delimiter: str) -> str:
    names, lines = _table(value)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    if header and names is not None:
        writer.writerow(names)
    writer.writerows([as_text(cell) for cell in line] for line in lines)
    return stream.getvalue()


def _table(value: Any) -> tuple[list[str] | None, Sequence[Sequence[Any]]]:
    """Return the names and lines of a data frame, of objects, or of lists, which have no names."""
    if isinstance(value, Mapping) and {"columns", "rows"} <= value.keys():
        names = [str(column["name"]) for column in value["columns"]]
        return names, value["rows"]
    rows: Any = [value] if isinstance(value, Mapping) else value
    if isinstance(rows, Sequence) and not isinstance(rows, str):
        if all(isinstance(row, Mapping) for row in rows):
            found = list(dict.fromkeys(name for row in rows for name in row))
            return found, [[row.get(name) for name in found] for row in rows]
        if all(isinstance(row, Sequence) and not isinstance(row, str) for row in rows):
            return None, rows
    raise ValueError(f"a list of objects or of lists is needed, not {quoted(value, 60)}")
