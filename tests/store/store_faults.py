"""File operations that can be held, made to fail and counted: how tests reach the store's worst days."""

import errno
import threading
from pathlib import Path

import anyio
from anyio import from_thread

from flowdrop_jupyter.store.tinydb import Files
from flowdrop_jupyter.store.tinydb.files import Stamp


class FaultyFiles(Files):
    """Real files with switches.

    ``full`` refuses writing, ``unsynced`` refuses to make names durable, ``reads`` and
    ``writes`` are the names of the files that were read and replaced since they were last cleared.
    """

    def __init__(self) -> None:
        self.full = False
        self.unsynced = 0
        self.reads: list[str] = []
        self.writes: list[str] = []

    def read(self, path: Path) -> tuple[bytes, Stamp]:
        self.reads.append(path.name)
        return super().read(path)

    def replace(self, path: Path, content: bytes) -> Stamp:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self.writes.append(path.name)
        return super().replace(path, content)

    def sync_directory(self, path: Path) -> None:
        if self.unsynced:
            self.unsynced -= 1
            raise OSError(errno.EIO, "Input/output error", str(path))
        super().sync_directory(path)


class GatedFiles(Files):
    """Real files whose next replacement, once armed, waits at a gate: before or after it happened."""

    def __init__(self, *, after: bool = False) -> None:
        self.armed = False
        self.reached = anyio.Event()
        self._after = after
        self._gate = threading.Event()

    def arm(self) -> None:
        self.armed = True

    def release(self) -> None:
        self._gate.set()

    def replace(self, path: Path, content: bytes) -> Stamp:
        if not self.armed:
            return super().replace(path, content)
        self.armed = False
        if self._after:
            stamp = super().replace(path, content)
            self._wait()
            return stamp
        self._wait()
        return super().replace(path, content)

    def _wait(self) -> None:
        from_thread.run_sync(self.reached.set)
        assert self._gate.wait(20)
