"""A session as a TinyDB database: its snapshot with the journal laid over it.

::

    TinyDB(storage=lambda: JournalStorage(SessionFiles(folder, Files(), print), session_id))

This is for looking into a session and repairing it while no store has the directory open. What TinyDB
writes becomes a snapshot, the one before it the backup.
"""

from __future__ import annotations

from typing import Any

import msgspec
from tinydb.storages import Storage

from .session_files import SessionFiles
from .snapshot import META, SCHEMA, Meta


class JournalStorage(Storage):
    """Reads and writes all documents of one session.

    :param sessions: the files of all sessions.
    :param session_id: which one, a UUID.
    """

    def __init__(self, sessions: SessionFiles, session_id: str) -> None:
        super().__init__()
        self._sessions = sessions
        self._session_id = session_id
        self._number = 0

    def read(self) -> dict[str, dict[str, Any]] | None:
        """Return the tables, None while there is no such session.

        :raises StoreDamaged: when the files cannot be read.
        """
        try:
            loaded = self._sessions.load(self._session_id)
        except FileNotFoundError:
            return None
        self._number = loaded.number
        meta = msgspec.to_builtins(Meta(SCHEMA, loaded.number))
        return {META: {"1": meta}} | {
            name: {str(number): msgspec.json.decode(raw) for number, raw in rows.items()}
            for name, rows in loaded.tables.items()
        }

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make the tables the session's snapshot; the journal so far counts no more."""
        tables = {
            name: [(int(number), msgspec.json.encode(document)) for number, document in documents.items()]
            for name, documents in data.items()
            if name != META
        }
        self._sessions.compact(self._session_id, self._number, tables)
