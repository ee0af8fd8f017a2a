"""The version of a data directory, and how older ones are brought up to date.

``store.json`` tells the version. Before a migration changes a file it is copied to
``backup-<version>``; a migration that was interrupted goes on where it was.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from ...errors import StoreDamaged, StoreError
from .database import RowDatabase
from .files import Files
from .snapshot import META, SCHEMA, Meta, parse_snapshot, snapshot_chunks

logger = logging.getLogger(__name__)

STORE_FILE = "store.json"


def check_schema(directory: Path, files: Files) -> int:
    """Return the version of a data directory that exists.

    :raises StoreError: code ``STORE_TOO_NEW`` when it was written by a later version of this code.
    """
    path = directory / STORE_FILE
    version: int | None = None
    try:
        raw = RowDatabase(path, files).rows().get(META, {}).get(1)
        version = None if raw is None else msgspec.json.decode(raw, type=Meta).schema
    except (StoreDamaged, msgspec.MsgspecError) as error:
        logger.warning("%s cannot be read; every file tells its own version: %s", path.name, error)
    if version is None:
        older = any((directory / "sessions").glob("*.json")) or (directory / "workflows.json").exists()
        version = 1 if older else 0
    if version > SCHEMA:
        raise StoreError(
            f"The data directory has version {version}, and this program knows {SCHEMA} at most.",
            code="STORE_TOO_NEW",
        )
    return version


def migrate(directory: Path, files: Files, version: int) -> None:
    """Bring a data directory of an older *version* up to date; 0 is a new one."""
    if version == 1:
        logger.info("The files in %s are brought to version %d", directory.name, SCHEMA)
        _number_commits(directory, files)
    if version != SCHEMA:
        meta = msgspec.json.encode({"schema": SCHEMA})
        RowDatabase(directory / STORE_FILE, files).overwrite({META: {1: meta}})


def _number_commits(directory: Path, files: Files) -> None:
    """Give each session of version 1 the table that tells its last commit."""
    sessions, backup = directory / "sessions", directory / "backup-1" / "sessions"
    changed = []
    for path in sorted(sessions.glob("*.json")):
        content, _ = files.read(path)
        try:
            found = parse_snapshot(content)
        except StoreDamaged:
            continue
        if found.schema == 1:
            changed.append(path)
            if not (backup / path.name).exists():
                files.make_directory(backup)
                files.replace(backup / path.name, content)
    for path in changed:
        found = parse_snapshot(files.read(path)[0])
        files.replace(
            path, b"".join(snapshot_chunks(0, {name: rows.items() for name, rows in found.tables.items()}))
        )
