"""The few file operations the store builds on; the seam where tests fail, hold and count them.

Everything here blocks and belongs in a worker thread. Failures are ``OSError``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TEMPORARY = ".tmp"
"""How the names of files end that are not in force; they are swept when a store opens."""


class Stamp(NamedTuple):
    """What tells two contents of a file apart without reading them."""

    mtime_ns: int
    size: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Return the stamp in a ``stat`` result."""
        return cls(status.st_mtime_ns, status.st_size)


class Identity(NamedTuple):
    """Which file it is, whatever its name."""

    device: int
    inode: int


class Files:
    """Real file operations; every one that changes something goes through one method here."""

    # Whole files

    def read(self, path: Path) -> tuple[bytes, Stamp]:
        """Return the content of *path* and its stamp."""
        with path.open("rb") as file:
            return file.read(), Stamp.of(os.fstat(file.fileno()))

    def stamp(self, path: Path) -> Stamp:
        """Return the stamp of *path*."""
        return Stamp.of(path.stat())

    def replace(self, path: Path, content: bytes) -> Stamp:
        """Make *content* the content of *path*, readable by its owner only.

        The old content, or none, is in force until the new one is on disk in full: it is written to
        a temporary file beside it, synced and renamed. When this returns, the name is synced too.
        """
        temporary = path.with_name(path.name + TEMPORARY)
        stamp = self.write_new(temporary, [content])
        try:
            self.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                self.discard(temporary)
            raise
        self.sync_directory(path.parent)
        return stamp

    def write_new(self, path: Path, chunks: Iterable[bytes]) -> Stamp:
        """Write *chunks* to *path* and sync them; what is half written is taken away again."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                return Stamp.of(os.fstat(file.fileno()))
        except BaseException:
            with suppress(OSError):
                self.discard(path)
            raise

    def append(self, path: Path, content: bytes) -> Stamp:
        """Add *content* to the end of *path*, made when it is missing, and sync it.

        On failure some of the content may be in the file.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.write(descriptor, content)
            self.sync(descriptor)
            return Stamp.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def truncate(self, path: Path, size: int) -> None:
        """Cut *path* to its first *size* bytes, durably."""
        descriptor = os.open(path, os.O_WRONLY)
        try:
            self.cut(descriptor, size)
        finally:
            os.close(descriptor)

    # Names

    def rename(self, source: Path, target: Path) -> None:
        """Give *source* the name *target*, whatever had it; durable after :meth:`sync_directory`."""
        os.replace(source, target)

    def discard(self, path: Path) -> None:
        """Remove *path* if it is there; durable after :meth:`sync_directory`."""
        with suppress(FileNotFoundError):
            os.unlink(path)

    def exists(self, path: Path) -> bool:
        """Tell whether there is a file or directory of that name."""
        return os.path.exists(path)

    def make_directory(self, path: Path) -> None:
        """Create the directory *path* for its owner only, with those above it, unless it exists."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def scan(self, path: Path) -> dict[str, Stamp]:
        """Return the stamps of the files in the directory *path* by name."""
        found = {}
        with os.scandir(path) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found[entry.name] = Stamp.of(entry.stat())
        return found

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory *path* durable, where the system has a way to."""
        if not hasattr(os, "O_DIRECTORY"):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # A file that stays open

    def create(self, path: Path) -> int:
        """Return a descriptor for writing the new file *path*."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def reserve(self, descriptor: int, size: int) -> None:
        """Have the system set *size* bytes aside, which read as zeros, where it can."""
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)

    def write(self, descriptor: int, content: bytes) -> None:
        """Write all of *content*."""
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, memoryview(content)[written:])

    def sync(self, descriptor: int) -> None:
        """Make what was written durable."""
        getattr(os, "fdatasync", os.fsync)(descriptor)

    def cut(self, descriptor: int, size: int) -> None:
        """Cut an open file to its first *size* bytes, durably, and go on from there."""
        os.ftruncate(descriptor, size)
        os.lseek(descriptor, size, os.SEEK_SET)
        os.fsync(descriptor)

    def identity(self, file: int | Path) -> Identity | None:
        """Return what tells a file from every other one; None when there is none of that name."""
        try:
            status = os.stat(file)
        except FileNotFoundError:
            return None
        return Identity(status.st_dev, status.st_ino)

    def close(self, descriptor: int) -> None:
        """Close an open file."""
        os.close(descriptor)
