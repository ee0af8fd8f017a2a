"""Nodes that find files and tell about one: what a site's content queries are to files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...clock import format_time, parse_time
from ...errors import NodeError
from ...expressions import quoted
from ..api import node
from ..context import Files, NodeContext
from ..signature import Config, Lane
from .file_texts import ENDINGS, FileFacts, extension_of, facts_of, text_of
from .refusals import refused

MAX_VISITED: Final = 100_000
"""Files and folders that one search looks at."""
MAX_SECONDS: Final = 10.0
"""How long one search looks."""
MAX_DEPTH: Final = 32
MAX_FOUND: Final = 1_000
MAX_CONTENT_BYTES: Final = 4 * 1024 * 1024

_COLOR: Final = "#0e7490"

SortKey: TypeAlias = Literal["path", "name", "size", "changed"]
Moment: TypeAlias = Annotated[str, Config()]


class FilesFound(msgspec.Struct):
    """Which files a search found; ``total`` counts those beyond the limit too.

    :param truncated: whether there are more files than are listed or were looked at.
    """

    files: Annotated[list[dict[str, Any]], Lane("array")]
    count: int
    total: int
    truncated: bool


class FileContext(msgspec.Struct):
    """What is known of one file, and its text if it has one."""

    path: str
    name: str
    extension: str
    size: int
    modified: str
    mime_type: str
    kind: str
    content: Annotated[str | None, Lane("string")]
    lines: int
    truncated: bool


@node(category="data", icon="mdi:file-search-outline", color=_COLOR, tags=("file", "search", "query"))
def file_query(
    context: NodeContext,
    pattern: str = "**/*",
    directory: str = "",
    extensions: Annotated[Sequence[str], Config()] = (),
    minSize: Annotated[int, Config(), msgspec.Meta(ge=0, title="Smallest size")] = 0,
    maxSize: Annotated[int | None, Config(), msgspec.Meta(title="Largest size")] = None,
    changedAfter: Moment = "",
    changedBefore: Moment = "",
    sortBy: Annotated[SortKey, Config(), msgspec.Meta(title="Sort by")] = "path",
    order: Annotated[Literal["ascending", "descending"], Config()] = "ascending",
    limit: Annotated[int, Config(), msgspec.Meta(ge=1, le=MAX_FOUND)] = 100,
) -> FilesFound:
    """Finds files by name, type, size and time of change; hidden ones are never found.

    :param pattern: the file's path below the folder; ``*`` and ``?`` stand for parts of a name,
        ``**`` for any folders.
    :param directory: where to look, relative to the notebook's folder; that folder by default.
    :param extensions: endings of the files to find; an empty list finds all.
    :param minSize: bytes the file has at least.
    :param maxSize: bytes the file has at most; empty for no limit.
    :param changedAfter: an ISO 8601 time; the file was changed then or later.
    :param changedBefore: an ISO 8601 time; the file was changed earlier.
    :param sortBy: what the list is sorted by.
    :param order: the way it is sorted.
    :param limit: files listed at most.
    """
    after, before = _time(changedAfter, "changedAfter"), _time(changedBefore, "changedBefore")
    endings = {ending.strip().lstrip(".").lower() for ending in extensions}
    wanted = _segments(pattern)
    folder = context.files.resolve(directory if directory.strip() else ".")
    if not folder.is_dir():
        raise NodeError(f"There is no folder {quoted(directory)}.", code="FILE_FOLDER_MISSING")
    walk = _Walk(context.files, folder)
    found: list[FileFacts] = []
    for entry, parts in walk:
        if not _matches(parts, wanted) or (endings and extension_of(entry.name) not in endings):
            continue
        try:
            facts = facts_of(Path(entry.path), context.files.as_written(Path(entry.path)))
        except OSError:
            # It was removed while the search went on, so it is not there to be found.
            continue
        if facts.size < minSize or (maxSize is not None and facts.size > maxSize):
            continue
        if (after and facts.modified < after) or (before and facts.modified >= before):
            continue
        found.append(facts)
    key: Callable[[FileFacts], Any] = _SORT_KEYS[sortBy]
    found.sort(key=lambda facts: (key(facts), facts.path), reverse=order == "descending")
    listed = found[:limit]
    return FilesFound(
        files=[msgspec.to_builtins(facts) for facts in listed],
        count=len(listed),
        total=len(found),
        truncated=walk.cut or len(found) > limit,
    )


@node(category="data", icon="mdi:file-eye-outline", color=_COLOR, tags=("file", "context", "text"))
def file_context(
    context: NodeContext,
    path: str,
    includeContent: Annotated[bool, Config()] = True,
    maxBytes: Annotated[int, Config(), msgspec.Meta(ge=1, le=MAX_CONTENT_BYTES)] = 1024 * 1024,
) -> FileContext:
    """Tells about one file, and gives the text it holds.

    :param path: the file, relative to the notebook's folder.
    :param includeContent: give the text, if the file is one.
    :param maxBytes: bytes of the text at most; a longer one is cut.
    """
    file, shown = context.files.resolve(path, must_exist=True), quoted(path)
    try:
        facts = facts_of(file, context.files.as_written(file))
        with file.open("rb") as stream:
            head = stream.read(maxBytes)
    except OSError as error:
        raise NodeError(f"{shown} cannot be read: {error.strerror}", code="FILE_UNREADABLE") from error
    cut = facts.size > len(head)
    text = text_of(head, cut=cut)
    return FileContext(
        path=facts.path,
        name=facts.name,
        extension=facts.extension,
        size=facts.size,
        modified=facts.modified,
        mime_type=facts.mime_type,
        kind=_kind(facts, text),
        content=text if includeContent else None,
        lines=len(text.splitlines()) if text is not None else 0,
        truncated=cut and text is not None and includeContent,
    )


class _Walk:
    """The files below a folder that nodes may use, each with the parts of its path below it.

    Links to folders are not followed: they may lead in circles.
    """

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self.cut = False

    def __iter__(self) -> Iterator[tuple[os.DirEntry[str], tuple[str, ...]]]:
        until = time.monotonic() + MAX_SECONDS
        visited = 0
        waiting: list[tuple[Path, tuple[str, ...]]] = [(self._folder, ())]
        while waiting:
            folder, above = waiting.pop()
            if not self._files.offers(folder):
                continue
            for entry in _entries(folder):
                visited += 1
                if visited > MAX_VISITED or time.monotonic() > until:
                    self.cut = True
                    return
                if entry.name.startswith("."):
                    continue
                parts = (*above, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    if len(parts) < MAX_DEPTH:
                        waiting.append((Path(entry.path), parts))
                    else:
                        self.cut = True
                elif entry.is_file() and self._files.offers(Path(entry.path)):
                    yield entry, parts


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        # A folder that may not be read holds nothing that could be offered.
        return []


def _segments(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.strip().split("/") if part not in ("", "."))
    if not parts or ".." in parts or "\0" in pattern or len(pattern) > 500:
        raise refused(f"{quoted(pattern)} is not a pattern of file names.", "PARAMETER_INVALID", "pattern")
    return parts


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether a path is one of a pattern; takes time in proportion to both lengths at most."""
    at = place = 0
    resume: tuple[int, int] | None = None
    while at < len(parts):
        if place < len(pattern) and pattern[place] == "**":
            resume = (at, place + 1)
            place += 1
        elif place < len(pattern) and fnmatchcase(parts[at], pattern[place]):
            at, place = at + 1, place + 1
        elif resume is not None:
            # The last ** takes one folder more.
            at, place = resume[0] + 1, resume[1]
            resume = (at, place)
        else:
            return False
    return all(part == "**" for part in pattern[place:])


def _time(text: str, locator: str) -> str:
    if not text.strip():
        return ""
    moment: datetime | None = parse_time(text.strip())
    if moment is None:
        raise refused(f"{quoted(text)} is not a time in ISO 8601.", "PARAMETER_INVALID", locator)
    return format_time(moment)


def _kind(facts: FileFacts, text: str | None) -> str:
    if facts.extension == "ipynb":
        return "notebook"
    if text is None:
        main = facts.mime_type.partition("/")[0]
        return main if main in ("image", "audio", "video") else "binary"
    return ENDINGS.get(facts.extension, "text")


_SORT_KEYS: Final[Mapping[str, Callable[[FileFacts], Any]]] = {
    "path": lambda facts: facts.path,
    "name": lambda facts: facts.name,
    "size": lambda facts: facts.size,
    "changed": lambda facts: facts.modified,
}

NODES = (file_context, file_query)
