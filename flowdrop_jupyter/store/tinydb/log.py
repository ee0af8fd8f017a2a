"""The log that all sessions share: commits are first made durable here, many with one sync.

::

    journal/00000001.log     lines of several sessions; see the module ``lines``

A log file is only ever added to. When a write fails, what it left behind is cut off again; when not
even that works, the next log begins with a line that says how much of the failed one counts. Space is
set aside in advance: then a sync has less to do, and a disk that is full is noticed early.
Everything here blocks; :meth:`CommitLog.append` and :meth:`CommitLog.rotate` belong to one thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from .files import Files, Identity
from .lines import encode_cut, encode_mark

LOG_BYTES: Final = 8 * 1024 * 1024
"""How long a log grows before a checkpoint: it bounds what a start after a crash reads."""


class CommitLog:
    """The open log of a data directory and those before it that are still needed.

    :param folder: the directory of the logs; made when it is missing.
    :param files: the file operations to use.
    :param found: the lines of the logs that were there already, by log number.
    :param kept: numbers of logs that must stay because something in them cannot be read.
    """

    def __init__(
        self, folder: Path, files: Files, found: Mapping[int, list[bytes]], kept: Iterable[int] = ()
    ) -> None:
        self._folder = folder
        self._files = files
        self._lines = dict(found)
        self._kept = set(kept)
        self._guard = Lock()
        self._number = max(found, default=0)
        self._path = self.path(self._number)
        self._descriptor: int | None = None
        self._identity: Identity | None = None
        self._length = 0
        self._doubtful: dict[int, int] = {}
        self.lost = False
        """Whether logs vanished while they were in use, so that other files may have, too."""

    @property
    def size(self) -> int:
        """The length in bytes of the log that is being written."""
        return self._length

    def append(self, lines: list[bytes]) -> None:
        """Make *lines* durable together; on failure none of them counts.

        :raises OSError: with the name of the log; the next call tries again from the start.
        """
        path = self._path
        try:
            if self._descriptor is None:
                path = self.path(self._number + 1)
                self._begin()
            assert self._descriptor is not None
            content = b"".join((encode_mark(self._length), *lines))
            self._files.write(self._descriptor, content)
            self._files.sync(self._descriptor)
            if self._files.identity(path) != self._identity:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        except OSError as error:
            self._take_back(path)
            error.filename = error.filename or str(path)
            raise
        self._length += len(content)
        with self._guard:
            self._lines[self._number].extend(lines)

    def rotate(self) -> int:
        """Let the next append begin a new log; return the number of the one written so far."""
        if self._descriptor is not None:
            self._files.close(self._descriptor)
            self._descriptor = None
            self._length = 0
        return self._number

    def drop(self, last: int) -> None:
        """Remove the logs up to the number *last*, except those that must be kept."""
        with self._guard:
            numbers = [number for number in self._lines if number <= last and number not in self._kept]
        for number in numbers:
            self._files.discard(self.path(number))
        if numbers:
            with suppress(FileNotFoundError):
                self._files.sync_directory(self._folder)
        with self._guard:
            for number in numbers:
                del self._lines[number]
                self._doubtful.pop(number, None)

    def path(self, number: int) -> Path:
        """Return where the log with this number is."""
        return self._folder / f"{number:08}.log"

    def _begin(self) -> None:
        """Open the next log; it repeats the lines of those that have vanished meanwhile."""
        path = self.path(self._number + 1)
        self._files.make_directory(self._folder)
        with self._guard:
            gone = [number for number in self._lines if not self._files.exists(self.path(number))]
            head = [line for number in gone for line in self._lines[number]]
            cuts = [encode_cut(self._doubtful)] if self._doubtful else []
        # A log that was begun in vain holds nothing that counts.
        self._files.discard(path)
        descriptor = self._files.create(path)
        try:
            with suppress(OSError):
                self._files.reserve(descriptor, LOG_BYTES)
            content = b"".join((encode_mark(0), *cuts, *head)) if cuts or head else b""
            if content:
                self._files.write(descriptor, content)
            self._files.sync(descriptor)
            self._files.sync_directory(self._folder)
        except BaseException:
            self._files.close(descriptor)
            with suppress(OSError):
                self._files.discard(path)
            raise
        self._descriptor = descriptor
        self._number += 1
        self._path = path
        self._identity = self._files.identity(descriptor)
        self._length = len(content)
        self.lost = self.lost or bool(gone)
        with self._guard:
            self._lines[self._number] = head

    def _take_back(self, path: Path) -> None:
        """Return to the last good length, or give the log up when that cannot be made sure."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            self._files.cut(self._descriptor, self._length)
            if self._files.identity(path) == self._identity:
                return
        with self._guard:
            self._doubtful[self._number] = self._length
        self.rotate()
