"""What a data directory holds beside its sessions and workflows: memory and blobs.

::

    memory.json              TinyDB: what workflows remember
    blobs/ab/abcdef…         large values, named by their SHA-256
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

import msgspec

from ...clock import Clock
from ...errors import StoreDamaged
from ..base import StateStore
from ..shelf import MemoryShelf
from .blob_files import BlobFiles
from .database import RowDatabase
from .files import Files

P = ParamSpec("P")
T = TypeVar("T")

_MEMORY: Final = "memory"
_MEMORY_FILE: Final = "memory.json"


class Damage(NamedTuple):
    """A file that cannot be read, named relative to the data directory."""

    file: str
    reason: str


class BesideStore(StateStore):
    """Keeps memory and blobs in the data directory; where the sessions are is left to a subclass.

    :param directory: the data directory.
    :param files: the file operations to use.
    :param clock: tells the time of messages, events and commits.
    """

    def __init__(self, directory: Path, files: Files, clock: Clock) -> None:
        super().__init__(clock)
        self._files = files
        self._memory_path = directory / _MEMORY_FILE
        self._blob_files = BlobFiles(directory / "blobs", files)
        self._memory_rows: RowDatabase | None = None

    @abstractmethod
    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call *function* in a worker thread; what the system refuses is raised as StoreError."""

    async def _open_beside(self, *, read_only: bool = False) -> list[Damage]:
        """Read the memory and clear what a crash left of blobs; return what is damaged."""
        self._renew()
        if not read_only:
            await self._in_thread(self._blob_files.clear_leftovers)
        shelf, database = MemoryShelf(), RowDatabase(self._memory_path, self._files)
        try:
            shelf.load((await self._in_thread(database.rows)).get(_MEMORY, {}))
        except (StoreDamaged, msgspec.MsgspecError) as error:
            self._memory_shelf, self._memory_rows = MemoryShelf(), None
            return [Damage(_MEMORY_FILE, str(error))]
        self._memory_shelf, self._memory_rows = shelf, database
        return []

    def _memories(self) -> MemoryShelf:
        shelf = super()._memories()
        if self._memory_rows is None:
            raise StoreDamaged(f"What workflows remember cannot be read; {_MEMORY_FILE} is damaged.")
        return shelf

    def _all_readable(self) -> bool:
        return self._memory_rows is not None

    async def _write_memory(self, number: int, raw: bytes | None) -> None:
        assert self._memory_rows is not None
        if raw is None:
            await self._in_thread(self._memory_rows.erase, _MEMORY, number)
        else:
            await self._in_thread(self._memory_rows.put, {_MEMORY: {number: raw}})

    async def _write_blob(self, sha256: str, content: bytes) -> None:
        await self._in_thread(self._blob_files.write, sha256, content)

    async def _read_blob(self, sha256: str) -> bytes | None:
        return await self._in_thread(self._blob_files.read, sha256)

    async def _remove_blob(self, sha256: str) -> None:
        await self._in_thread(self._blob_files.remove, sha256)

    async def _blob_sizes(self) -> dict[str, int]:
        return await self._in_thread(self._blob_files.sizes)
