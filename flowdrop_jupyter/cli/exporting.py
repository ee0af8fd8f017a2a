"""``flowdrop export``: everything in a data directory as JSON Lines, also while a server is at work in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ..clock import Clock, format_time
from ..errors import Conflict, StoreError
from ..store import TinyDBStore
from ..store.tinydb.beside import Damage
from ..store.tinydb.files import TEMPORARY, Files
from ..store.transfer import LeftOut, Tables, export_lines
from .examine import require_data_directory
from .progress import Progress

_TRIES: Final = 3


async def export_directory(
    directory: Path, output: BinaryIO, *, clock: Clock, progress: Progress, left_out: LeftOut
) -> None:
    """Write everything in *directory* to *output*.

    :param left_out: is told what cannot be read; the rest is exported.
    :raises NotFound: when it is not a data directory.
    :raises StoreError: when it cannot be read at all.
    """
    require_data_directory(directory)
    async with _opened(directory, clock) as store:
        for damage in await _lasting(store.damaged, directory, clock):
            left_out(damage.file, damage.reason)

        async def session_rows(session_id: str) -> Tables | None:
            with suppress(StoreError):
                return await store.session_rows(session_id)
            return await _later(directory, session_id, clock)

        first = True
        async for line in export_lines(
            store, exported_at=format_time(clock()), left_out=left_out, session_rows=session_rows
        ):
            output.write(line)
            if not first:
                progress.count(_kind_of(line))
            first = False
        del progress.counts["end"]


async def _lasting(found: list[Damage], directory: Path, clock: Clock) -> list[Damage]:
    """Return the damage that is still there; a session that a server was just removing is none."""
    for _ in range(_TRIES):
        if not found:
            break
        async with _opened(directory, clock) as store:
            again = store.damaged
        found = [damage for damage in found if damage in again]
    return found


async def _later(directory: Path, session_id: str, clock: Clock) -> Tables | None:
    """Read a session as it is now, because a server has gone on and what was there at first is no more."""
    for _ in range(_TRIES):
        try:
            async with _opened(directory, clock) as store:
                return await store.session_rows(session_id)
        except StoreError as error:
            problem = error
    raise problem


@asynccontextmanager
async def _opened(directory: Path, clock: Clock) -> AsyncIterator[TinyDBStore]:
    store = TinyDBStore(directory, clock=clock, read_only=True, max_open=1)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def new_file(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """Open a file for its owner only that gets its name when the block ends without an exception.

    :param replace: whether a file of that name may be replaced.
    :raises Conflict: when there is one and it may not.
    """
    if path.exists() and not replace:
        raise Conflict(f"{path} exists already; --force replaces it.")
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    Files().sync_directory(path.absolute().parent)


def _kind_of(line: bytes) -> str:
    # Every line but the first begins with its kind.
    return line[9 : line.index(b'"', 9)].decode()
