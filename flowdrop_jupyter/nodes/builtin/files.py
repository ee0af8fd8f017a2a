"""Nodes that read and write files below the server's root."""

from __future__ import annotations

import base64
import binascii
import contextlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

from ...errors import NodeError
from ...expressions import as_text, quoted
from ..api import node
from ..context import Files, NodeContext
from ..signature import Config, Lane, Wire
from ..whole_files import write_whole
from .file_texts import (
    ENDINGS,
    TextFormat,
    decoded,
    extension_of,
    facts_of,
    mime_type_of,
    parsed,
    read_bytes,
    text_of,
    written,
)

MAX_UPLOADED_FILES: Final = 100
MAX_SAVED_BYTES: Final = 10 * 1024 * 1024

_COLOR: Final = "#0e7490"
_TEXT_ENDINGS: Final = ("csv", "html", "json", "log", "md", "tsv", "txt", "xml", "yaml", "yml")
_ENDING_OF: Final = {"text": "txt", "markdown": "md", "html": "html", "json": "json", "csv": "csv"}

Endings: TypeAlias = Annotated[Sequence[str], Config(), msgspec.Meta(title="Allowed extensions")]
Bytes: TypeAlias = Annotated[int, Config(), msgspec.Meta(title="Largest file in bytes", ge=1)]

_one_writer: Final = threading.Lock()
"""Held from reading a file to replacing it, so that of two additions none is lost."""


class LoadedContent(msgspec.Struct):
    """What a file holds: its text, and for JSON and CSV the value that the text spells."""

    content: str
    data: Annotated[Any, Lane("mixed")]
    format: str
    path: str
    name: str
    size: int
    mime_type: str
    modified: str


class SavedFile(msgspec.Struct):
    """Where a content was written, and how much of it."""

    success: bool
    filename: str
    filepath: str
    bytes_written: int
    format: str
    size: int


class UploadedFiles(msgspec.Struct):
    """Which files were kept, and which were not and why."""

    uploaded_files: Annotated[list[dict[str, Any]], Lane("array")]
    errors: Annotated[list[dict[str, str]], Lane("array")]
    directory: str
    total_files: int
    total_errors: int


@node(
    category="data",
    icon="mdi:file-document-outline",
    color=_COLOR,
    tool=True,
    tags=("file", "text", "json", "csv"),
)
def content_loader(
    context: NodeContext,
    path: str,
    format: Annotated[TextFormat, Config()] = "auto",  # noqa: A002 - the form's own word
) -> LoadedContent:
    """Reads a text file, and what it spells if it is JSON or CSV.

    :param path: the file, relative to the notebook's folder.
    :param format: how the file is written; ``auto`` goes by the ending of its name.
    """
    file, shown = context.files.resolve(path, must_exist=True), quoted(path)
    kind = _format(file.name, format)
    content = read_bytes(file, shown)
    text = decoded(content, shown)
    data = parsed(text, kind, shown, _delimiter(file.name))
    try:
        facts = facts_of(file, context.files.as_written(file))
    except OSError as error:
        raise NodeError(f"There is no file {shown} any more.", code="FILE_NOT_FOUND") from error
    return LoadedContent(
        content=text,
        data=data,
        format=kind,
        path=facts.path,
        name=facts.name,
        size=len(content),
        mime_type=facts.mime_type,
        modified=facts.modified,
    )


@node(
    category="data",
    icon="mdi:content-save-outline",
    color=_COLOR,
    side_effects=True,
    tags=("file", "text", "json", "csv"),
)
def save_to_file(
    context: NodeContext,
    content: Annotated[Any, Wire()],
    filename: str,
    directory: str = "",
    format: Annotated[TextFormat, Config()] = "auto",  # noqa: A002 - documented key
    append: Annotated[bool, Config()] = False,
    overwrite: Annotated[bool, Config()] = False,
    allowedExtensions: Endings = _TEXT_ENDINGS,
    maxFileSize: Annotated[Bytes, msgspec.Meta(le=MAX_SAVED_BYTES)] = MAX_SAVED_BYTES,
) -> SavedFile:
    """Writes what arrives to a text file: the whole of it or nothing.

    :param content: what to write; anything but a text is written as JSON, or as CSV in a CSV file.
    :param filename: the file's name without a folder; it gets the ending of its format if it has none.
    :param directory: the folder, relative to the notebook's; it is made when it is missing.
    :param format: how to write it; ``auto`` goes by the ending of the name.
    :param append: add to a file that is there: lines to a text, rows to CSV, items to a JSON list.
    :param overwrite: replace a file that is there; otherwise that is an error.
    :param allowedExtensions: endings a file may have; an empty list allows all.
    :param maxFileSize: the file's size afterwards, at most.
    """
    kind = _format(filename, format)
    name = filename if extension_of(filename) or not filename.strip() else f"{filename}.{_ENDING_OF[kind]}"
    _check_name(name, allowedExtensions)
    folder = _folder(context.files, directory, make=True)
    file = _place(context.files, folder, name)
    with _one_writer if append else contextlib.nullcontext():
        before = _text_before(file, name, maxFileSize) if append else None
        text = (
            _added(before, content, kind, name)
            if before
            else written(content, kind, delimiter=_delimiter(name))
        )
        encoded = _utf8(text)
        if len(encoded) > maxFileSize:
            raise NodeError(
                f"{quoted(name)} would have {len(encoded):,} bytes; {maxFileSize:,} are the limit.",
                code="FILE_TOO_LARGE",
            )
        _write(file, encoded, name, overwrite=overwrite or append)
    return SavedFile(
        success=True,
        filename=name,
        filepath=context.files.as_written(file),
        bytes_written=len(encoded) - len(_utf8(before or "")),
        format=kind,
        size=len(encoded),
    )


@node(
    category="inputs",
    icon="mdi:file-upload-outline",
    color="#0f766e",
    side_effects=True,
    tags=("file", "upload", "input"),
)
def file_upload(
    context: NodeContext,
    files: Annotated[Any, Wire(lane="array")],
    directory: Annotated[str, Config()] = "uploads",
    allowedExtensions: Endings = (),
    maxFileSize: Annotated[Bytes, msgspec.Meta(le=MAX_SAVED_BYTES)] = MAX_SAVED_BYTES,
    overwrite: Annotated[bool, Config()] = False,
) -> UploadedFiles:
    """Keeps files that arrive as values in a folder; one that cannot be kept does not stop the others.

    :param files: one file or a list of them, each with its ``name`` and its content: a text in
        ``content``, bytes in ``base64``, or a data URL in ``url``.
    :param directory: the folder, relative to the notebook's; it is made when it is missing.
    :param allowedExtensions: endings a file may have; an empty list allows all.
    :param maxFileSize: bytes of the largest file.
    :param overwrite: replace a file of that name; otherwise it is not kept.
    """
    given = files if isinstance(files, list) else [files]
    if len(given) > MAX_UPLOADED_FILES:
        raise NodeError(
            f"{len(given)} files arrived; {MAX_UPLOADED_FILES} at once are the limit.", code="TOO_MANY_FILES"
        )
    folder = _folder(context.files, directory, make=True)
    kept: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for one in given:
        name = one.get("name") if isinstance(one, Mapping) else None
        try:
            if not isinstance(one, Mapping) or not isinstance(name, str):
                raise NodeError("A file needs a name and a content.", code="FILE_INVALID")
            kept.append(_keep(context.files, folder, one, name, allowedExtensions, maxFileSize, overwrite))
        except NodeError as error:
            errors.append({"name": as_text(name)[:200], "code": error.code, "message": error.message})
    return UploadedFiles(
        uploaded_files=kept,
        errors=errors,
        directory=context.files.as_written(folder),
        total_files=len(kept),
        total_errors=len(errors),
    )


def _keep(
    files: Files,
    folder: Path,
    given: Mapping[str, Any],
    name: str,
    endings: Sequence[str],
    longest: int,
    overwrite: bool,
) -> dict[str, Any]:
    _check_name(name, endings)
    content = _content(given)
    if len(content) > longest:
        raise NodeError(f"{quoted(name)} is larger than {longest:,} bytes.", code="FILE_TOO_LARGE")
    file = _place(files, folder, name)
    _write(file, content, name, overwrite=overwrite)
    path = files.as_written(file)
    return {"name": name, "path": path, "size": len(content), "mime_type": mime_type_of(name)}


def _content(given: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file that arrived as a value.

    :raises NodeError: ``FILE_INVALID`` when they cannot be told.
    """
    text, packed, url = (given.get(key) for key in ("content", "base64", "url"))
    try:
        if isinstance(packed, str):
            return base64.b64decode(packed, validate=True)
        if isinstance(url, str) and url.startswith("data:"):
            head, comma, data = url.partition(",")
            if not comma:
                raise ValueError("no comma")
            return (
                base64.b64decode(data, validate=True) if head.endswith(";base64") else unquote_to_bytes(data)
            )
        if isinstance(text, str):
            return text.encode()
    except (binascii.Error, ValueError) as error:
        raise NodeError("The file's content cannot be read.", code="FILE_INVALID") from error
    raise NodeError("The file has no content.", code="FILE_INVALID")


def _check_name(name: str, endings: Sequence[str]) -> None:
    if not name.strip() or any(sign in name for sign in "/\\\0:") or name in (".", ".."):
        raise NodeError(f"{quoted(name)} is not a file name.", code="FILE_PATH_INVALID")
    allowed = [ending.strip().lstrip(".").lower() for ending in endings]
    if allowed and extension_of(name) not in allowed:
        raise NodeError(
            f"{quoted(name)} does not end in one of {', '.join(allowed)}.", code="FILE_EXTENSION_NOT_ALLOWED"
        )


def _folder(files: Files, directory: str, *, make: bool) -> Path:
    folder = files.resolve(directory if directory.strip() else ".")
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NodeError(
            f"The folder {quoted(directory)} cannot be made: {error.strerror}", code="FILE_NOT_WRITTEN"
        ) from error
    return folder


def _place(files: Files, folder: Path, name: str) -> Path:
    """Return where a file of that name lies, once more checked: a link may be there."""
    file = files.resolve(files.as_written(folder / name))
    if file.is_dir():
        raise NodeError(f"{quoted(name)} is a folder.", code="FILE_PATH_INVALID")
    return file


def _text_before(file: Path, name: str, longest: int) -> str | None:
    if not file.is_file():
        return None
    text = text_of(read_bytes(file, quoted(name), min(longest, MAX_SAVED_BYTES)))
    if text is None:
        raise NodeError(f"{quoted(name)} is no text; nothing is added to it.", code="FILE_UNREADABLE")
    return text


def _added(before: str, content: Any, kind: str, name: str) -> str:
    """Return the text of a file after *content* was added to it."""
    if kind == "json":
        items = parsed(before, kind, quoted(name))
        if not isinstance(items, list):
            raise NodeError(f"{quoted(name)} is no list; nothing is added to it.", code="FILE_UNREADABLE")
        more = content if isinstance(content, list) else [content]
        return written([*items, *more], kind)
    line = before if before.endswith("\n") else f"{before}\n"
    if kind == "csv" and not isinstance(content, str):
        return line + _rows_below(before, content, name)
    return line + written(content, kind)


def _rows_below(before: str, content: Any, name: str) -> str:
    delimiter = _delimiter(name)
    whole = written(content, "csv", delimiter=delimiter)
    bare = written(content, "csv", header=False, delimiter=delimiter)
    header = whole.removesuffix(bare)
    if header and before.partition("\n")[0].rstrip("\r") != header.rstrip("\n"):
        raise NodeError(
            f"The columns of {quoted(name)} are others; nothing is added to it.", code="FILE_NOT_WRITTEN"
        )
    return bare


def _write(file: Path, content: bytes, name: str, *, overwrite: bool) -> None:
    try:
        write_whole(file, content, overwrite=overwrite)
    except FileExistsError as error:
        raise NodeError(f"{quoted(name)} exists already and is left as it is.", code="FILE_EXISTS") from error
    except OSError as error:
        raise NodeError(
            f"{quoted(name)} cannot be written: {error.strerror}", code="FILE_NOT_WRITTEN"
        ) from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeError as error:
        raise NodeError("What arrived is not text that can be written.", code="FILE_NOT_WRITTEN") from error


def _format(name: str, wanted: str) -> str:
    return ENDINGS.get(extension_of(name), "text") if wanted == "auto" else wanted


def _delimiter(name: str) -> str:
    return "\t" if extension_of(name) in ("tsv", "tab") else ","


NODES = (content_loader, save_to_file, file_upload)
