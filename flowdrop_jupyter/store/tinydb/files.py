"""The few file operations the store builds on, each all-or-nothing; the seam where tests fail them.

Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

import os
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


class Files:
    """Reads, replaces and removes whole files durably; failures are ``OSError``."""

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
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                stamp = Stamp.of(os.fstat(file.fileno()))
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        self.sync_directory(path.parent)
        return stamp

    def remove(self, path: Path) -> None:
        """Remove *path*; when that cannot be made durable it is put back."""
        temporary = path.with_name(path.name + TEMPORARY)
        os.replace(path, temporary)
        try:
            self.sync_directory(path.parent)
        except OSError:
            with suppress(OSError):
                os.replace(temporary, path)
            raise
        with suppress(OSError):
            temporary.unlink()

    def sync_directory(self, path: Path) -> None:
        """Make the names in the directory *path* durable, where the system has a way to."""
        if not hasattr(os, "O_DIRECTORY"):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
