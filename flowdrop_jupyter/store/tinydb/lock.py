"""One writer per data directory: a lock file, and beside it who holds it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from ...errors import StoreLocked
from .files import Files


class Holder(msgspec.Struct, frozen=True):
    """The process that owns a data directory, as written to ``owner.json``."""

    pid: int
    host: str


class DirectoryLock:
    """The right to write to *directory*; blocking, for worker threads."""

    def __init__(self, directory: Path, files: Files) -> None:
        self._directory = directory
        self._files = files
        self._owner = directory / "owner.json"
        # Acquired in one worker thread and released in another.
        self._lock = FileLock(directory / ".lock", mode=0o600, thread_local=False)

    def acquire(self) -> None:
        """Take the lock without waiting.

        :raises StoreLocked: when another store holds it; names the directory and the process.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise StoreLocked(
                f"The data directory {self._directory} is in use by {self._describe_holder()}."
            ) from error
        try:
            self._files.replace(
                self._owner, msgspec.json.encode(Holder(pid=os.getpid(), host=socket.gethostname()))
            )
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Give the lock back."""
        with suppress(OSError):
            self._owner.unlink()
        self._lock.release()

    def _describe_holder(self) -> str:
        try:
            holder = msgspec.json.decode(self._files.read(self._owner)[0], type=Holder)
        except (OSError, msgspec.MsgspecError):
            return "another process"
        where = "" if holder.host == socket.gethostname() else f" on {holder.host}"
        return f"process {holder.pid}{where}"
