"""Copies of files before they are changed, and unreadable ones set aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..store.tinydb.files import Files

_CHUNK: Final = 1024 * 1024


class Backup:
    """Where a repair puts what it is about to change.

    :param directory: the data directory.
    :param moment: the time of the repair, as it becomes part of a name.
    :param files: the file operations to use.
    """

    def __init__(self, directory: Path, moment: str, files: Files) -> None:
        self._directory = directory
        self._files = files
        self._folder = _unused(directory / f"backup-{moment}")
        self._aside = directory / "damaged"
        self._kept: set[Path] = set()

    @property
    def name(self) -> str | None:
        """The name of the backup's directory, or None while nothing is in it."""
        return self._folder.name if self._kept else None

    def keep(self, *paths: Path) -> None:
        """Copy files as they are now, unless that was done; those that do not exist are left out."""
        for path in paths:
            if path not in self._kept and path.is_file():
                self._copy(path, self._folder / path.relative_to(self._directory))
                self._kept.add(path)

    def set_aside(self, path: Path) -> str:
        """Copy a file into ``damaged/``; return the name it has there, below the data directory."""
        target = _unused(self._aside / path.relative_to(self._directory))
        self._copy(path, target)
        return target.relative_to(self._directory).as_posix()

    def write_aside(self, name: str, content: bytes) -> str:
        """Write *content* into ``damaged/``; return the name it has there, below the data directory."""
        target = _unused(self._aside / name)
        self._files.make_directory(target.parent)
        self._files.write_new(target, [content])
        self._files.sync_directory(target.parent)
        return target.relative_to(self._directory).as_posix()

    def _copy(self, source: Path, target: Path) -> None:
        self._files.make_directory(target.parent)
        self._files.write_new(target, _content(source))
        self._files.sync_directory(target.parent)


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _unused(path: Path) -> Path:
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found
