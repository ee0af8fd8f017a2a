"""File operations that can be held, made to fail, cut short and counted: how tests reach the worst days."""

import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
from anyio import from_thread
from anyio.lowlevel import EventLoopToken, current_token

from flowdrop_jupyter.store.tinydb import Files
from flowdrop_jupyter.store.tinydb.files import Stamp


def refusal(code: int, path: object = None) -> OSError:
    return OSError(code, os.strerror(code), *([] if path is None else [str(path)]))


class FaultyFiles(Files):
    """Real files with switches.

    ``full`` refuses writing, ``unsynced`` refuses that many times to make names durable. ``reads``,
    ``replaced`` and ``appended`` are the names of the files that were read, replaced and added to
    since they were last cleared, ``syncs`` counts the syncs of open files.
    """

    def __init__(self) -> None:
        self.full = False
        self.unsynced = 0
        self.syncs = 0
        self.reads: list[str] = []
        self.replaced: list[str] = []
        self.appended: list[str] = []
        self._news = threading.Condition()

    def wait_for(self, name: str) -> None:
        """Block until a file of this name has been replaced."""
        with self._news:
            assert self._news.wait_for(lambda: name in self.replaced, timeout=20), name

    def read(self, path: Path) -> tuple[bytes, Stamp]:
        self.reads.append(path.name)
        return super().read(path)

    def write_new(self, path: Path, chunks: Iterable[bytes]) -> Stamp:
        if self.full:
            raise refusal(errno.ENOSPC, path)
        stamp = super().write_new(path, chunks)
        with self._news:
            self.replaced.append(path.name.removesuffix(".tmp"))
            self._news.notify_all()
        return stamp

    def append(self, path: Path, content: bytes) -> Stamp:
        self.appended.append(path.name)
        return super().append(path, content)

    def write(self, descriptor: int, content: bytes) -> None:
        if self.full:
            os.write(descriptor, content[: len(content) // 2])
            raise refusal(errno.ENOSPC)
        super().write(descriptor, content)

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        super().sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        if self.unsynced:
            self.unsynced -= 1
            raise refusal(errno.EIO, path)
        super().sync_directory(path)


class FailingFiles(Files):
    """Real files one of whose operations fails as often as *times* says, once it is armed.

    :param operation: the name of the method.
    :param after: whether the operation takes effect all the same.
    """

    def __init__(self, operation: str, code: int = errno.EIO, *, times: int = 1, after: bool = False) -> None:
        self.armed = False
        self.failed = 0
        original: Callable[..., Any] = getattr(super(), operation)

        def fail(*arguments: Any) -> Any:
            if not self.armed or self.failed >= times:
                return original(*arguments)
            self.failed += 1
            if after:
                original(*arguments)
            raise refusal(code)

        setattr(self, operation, fail)


class CrashingFiles(Files):
    """Real files as a crash leaves them: after so many changes to the disk nothing reaches it any more.

    ``changes`` counts them. The change at which it happens is made in part when it is a write.
    """

    def __init__(self, last: int | None = None) -> None:
        self.last = last
        self.changes = 0
        self._guard = threading.Lock()

    @property
    def crashed(self) -> bool:
        return self.last is not None and self.changes >= self.last

    def _change(self) -> bool:
        """Take note of a change; tell whether it is the one at which the crash happens."""
        with self._guard:
            if self.crashed:
                raise refusal(errno.EIO)
            self.changes += 1
            return self.crashed

    def write_new(self, path: Path, chunks: Iterable[bytes]) -> Stamp:
        if self._change():
            path.write_bytes(b"".join(chunks)[:-7])
            raise refusal(errno.EIO, path)
        return super().write_new(path, chunks)

    def write(self, descriptor: int, content: bytes) -> None:
        if self._change():
            os.write(descriptor, content[: len(content) * 2 // 3])
            raise refusal(errno.EIO)
        super().write(descriptor, content)

    def cut(self, descriptor: int, size: int) -> None:
        self._change()
        super().cut(descriptor, size)

    def rename(self, source: Path, target: Path) -> None:
        self._change()
        super().rename(source, target)

    def discard(self, path: Path) -> None:
        if path.exists():
            self._change()
        super().discard(path)

    def create(self, path: Path) -> int:
        self._change()
        return super().create(path)

    def make_directory(self, path: Path) -> None:
        if not path.exists():
            self._change()
        super().make_directory(path)


class GatedFiles(Files):
    """Real files whose next sync of a log, once armed, waits at a gate: before or after it happened."""

    def __init__(self, *, after: bool = False) -> None:
        self.armed = False
        self.reached = anyio.Event()
        self._token: EventLoopToken | None = None
        self._after = after
        self._gate = threading.Event()

    def arm(self) -> None:
        self._token = current_token()
        self.armed = True

    def release(self) -> None:
        self._gate.set()

    def sync(self, descriptor: int) -> None:
        if not self.armed:
            return super().sync(descriptor)
        self.armed = False
        if self._after:
            super().sync(descriptor)
            return self._wait()
        self._wait()
        return super().sync(descriptor)

    def _wait(self) -> None:
        from_thread.run_sync(self.reached.set, token=self._token)
        assert self._gate.wait(20)
