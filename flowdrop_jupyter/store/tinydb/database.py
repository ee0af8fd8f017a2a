"""TinyDB with a storage that replaces its file atomically, one replacement for a batch of writes.

This is how small files are kept: workflows, memory, the index. Documents are kept as the JSON bytes
of their rows, so a file is written without encoding what has not changed. A file opens in a plain
``TinyDB(path)`` and shows the same documents. Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from ...errors import StoreDamaged
from ..rows import Batch
from .files import Files, Stamp


class RowDocument(Mapping[str, Any]):
    """A document that is decoded only when somebody looks into it."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __getitem__(self, key: str) -> Any:
        return self._fields()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())

    def _fields(self) -> dict[str, Any]:
        return msgspec.json.decode(self.raw, type=dict[str, Any])


def _raw(document: object) -> msgspec.Raw:
    if isinstance(document, RowDocument):
        return msgspec.Raw(document.raw)
    raise NotImplementedError(f"{type(document).__name__} is no document")


_encode = msgspec.json.Encoder(enc_hook=_raw).encode
_decode = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw]]).decode


class AtomicStorage(Storage):
    """Keeps the durable content of one file in memory and replaces the file as a whole.

    :param path: the file; it need not exist.
    :param files: the file operations to use.
    """

    def __init__(self, path: Path, files: Files) -> None:
        super().__init__()
        self.stamp: Stamp | None = None
        self._path = path
        self._files = files
        self._durable: dict[str, dict[str, Any]] | None = None
        self._pending: dict[str, dict[str, Any]] | None = None
        self._known = False
        self._batching = False

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return the tables, None while there is no file.

        :raises StoreDamaged: when the file is not what TinyDB writes.
        """
        if not self._known:
            self._load()
        tables = self._durable if self._pending is None else self._pending
        return None if tables is None else dict(tables)

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Take over the tables; outside a batch they are on disk when this returns."""
        self._pending = data
        if not self._batching:
            self._flush()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Hold all writes of the block back and make them one replacement, or none if it fails."""
        self._batching = True
        try:
            yield
            self._batching = False
            if self._pending is not None:
                self._flush()
        finally:
            self._batching = False
            self._pending = None

    def _load(self) -> None:
        try:
            content, self.stamp = self._files.read(self._path)
        except FileNotFoundError:
            self._known = True
            return
        try:
            tables = _decode(content)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise StoreDamaged(f"not a database: {error}") from error
        self._durable = {
            name: {number: RowDocument(bytes(raw)) for number, raw in documents.items()}
            for name, documents in tables.items()
        }
        self._known = True

    def _flush(self) -> None:
        tables, self._pending = self._pending, None
        try:
            self.stamp = self._files.replace(self._path, _encode(tables))
        except OSError:
            self._restore()
            raise
        self._durable, self._known = tables, True

    def _restore(self) -> None:
        """Put the durable content back in case the failed replacement got as far as the rename."""
        with suppress(OSError):
            if self._durable is not None and self._files.stamp(self._path) != self.stamp:
                self.stamp = self._files.replace(self._path, _encode(self._durable))
            elif self._durable is None and self._known:
                self._files.discard(self._path)


class RowTable(Table):
    """A table whose rows are put whole, by number, many at a time.

    TinyDB's own reading, inserting and removing work as ever; its ``update`` does not, because a
    row is never changed in place.
    """

    def put_all(self, rows: Mapping[int, bytes]) -> None:
        """Insert or replace rows; the numbers are the document ids."""
        tables = self._storage.read() or {}
        documents = {str(number): RowDocument(raw) for number, raw in rows.items()}
        tables[self.name] = {**tables.get(self.name, {}), **documents}
        self._storage.write(tables)
        self._next_id = None
        self.clear_cache()


class RowDatabase(TinyDB):
    """A TinyDB database of rows in one file that is replaced atomically.

    :param path: the file; it need not exist.
    :param files: the file operations to use.
    """

    table_class = RowTable

    def __init__(self, path: Path, files: Files) -> None:
        self._atomic = AtomicStorage(path, files)
        super().__init__(storage=lambda: self._atomic)

    @property
    def stamp(self) -> Stamp | None:
        """The stamp of the file as last read or written here; None while there is no file."""
        return self._atomic.stamp

    def rows(self) -> Batch:
        """Return all rows by table and number; raises StoreDamaged when they cannot be read."""
        try:
            return {
                name: {int(number): document.raw for number, document in documents.items()}
                for name, documents in (self._atomic.read() or {}).items()
            }
        except ValueError as error:
            raise StoreDamaged(f"not a document id: {error}") from error

    def put(self, batch: Batch) -> Stamp:
        """Insert or replace rows of several tables in one replacement of the file."""
        with self._atomic.batch():
            for name, rows in batch.items():
                table = self.table(name)
                assert isinstance(table, RowTable)
                table.put_all(rows)
        assert self._atomic.stamp is not None
        return self._atomic.stamp

    def erase(self, name: str, number: int) -> None:
        """Take one row out of a table."""
        self.table(name).remove(doc_ids=[number])

    def overwrite(self, batch: Batch) -> Stamp:
        """Make *batch* the whole content of the file, whatever it held."""
        self._atomic.write(
            {
                name: {str(number): RowDocument(raw) for number, raw in rows.items()}
                for name, rows in batch.items()
            }
        )
        assert self._atomic.stamp is not None
        return self._atomic.stamp
