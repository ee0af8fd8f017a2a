"""What the store is held against: stock TinyDB, SQLite and a plain file."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from tinydb import TinyDB

from flowdrop_jupyter.store import MessageRecord

from .material import new_message


class StockTinyDB:
    """TinyDB as it comes: one JSON file, rewritten by every insert and never synced.

    :param path: the file, which is filled with *count* messages.
    """

    def __init__(self, path: Path, session_id: str, count: int) -> None:
        self._database = TinyDB(path)
        self._table = self._database.table("messages")
        self._table.insert_multiple(_document(new_message(session_id)) for _ in range(count))

    def insert(self, message: MessageRecord) -> None:
        """Insert one message."""
        self._table.insert(_document(message))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class SQLite:
    """One table in SQLite with a write-ahead log that is synced at every commit.

    :param path: the file, which is filled with *count* messages.
    """

    def __init__(self, path: Path, session_id: str, count: int) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(
            "CREATE TABLE messages"
            " (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document BLOB NOT NULL)"
        )
        self._connection.execute("BEGIN")
        for _ in range(count):
            self.insert(new_message(session_id))
        self._connection.execute("COMMIT")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def insert(self, message: MessageRecord) -> None:
        """Insert one message; it is durable unless a transaction was begun."""
        self._connection.execute(
            "INSERT INTO messages (id, document) VALUES (?, ?)", (message.id, msgspec.json.encode(message))
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class PlainFile:
    """A file that bytes are added to, with an fsync each time: less cannot be done.

    :param path: the file to make.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append(self, content: bytes) -> None:
        """Add *content* durably."""
        os.write(self._descriptor, content)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _document(message: MessageRecord) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(message)
    return document
