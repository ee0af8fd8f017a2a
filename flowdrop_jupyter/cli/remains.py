"""Everything that is left of one session, from all files that ever held a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ..store.rows import Batch
from ..store.state import SessionState
from ..store.tinydb.files import Files
from ..store.tinydb.index import Remembered
from ..store.tinydb.lines import Line, Scan, scan
from ..store.tinydb.replay import living
from .fragments import Decoders, Fragments, read_fragments

ROW_DECODERS: Final[Decoders] = {name: rows.decode for name, rows in SessionState().tables.items()}
"""What turns the rows of a session into records, by table."""

SUFFIXES: Final = (".json.bak", ".journal.bak", ".json", ".journal")
"""The files of a session, oldest first."""


class Remains(NamedTuple):
    """The rows of a session as far as they can be read; ``commit`` is not below that of any of them."""

    tables: Batch
    commit: int


def session_paths(folder: Path, session_id: str) -> list[Path]:
    """Return where the files of a session are, oldest first; not all of them need exist."""
    return [folder / f"{session_id}{suffix}" for suffix in SUFFIXES]


def gather(
    folder: Path,
    session_id: str,
    *,
    logged: Sequence[Line],
    unreadable: Iterable[tuple[int, bytes]],
    remembered: Remembered | None,
    files: Files,
) -> Remains:
    """Collect the rows of one session, newer ones over older ones.

    :param logged: its lines in the shared log.
    :param unreadable: the commits of it there whose checksum is wrong: numbers and what is left of the lines.
    :param remembered: what the index has of it.
    :raises OSError: when a file cannot be read at all.
    """
    older_image, older_journal, image, journal = session_paths(folder, session_id)
    base, snapshot = _fragments(older_image, files), _fragments(image, files)
    journals = [_scanned(older_journal, files), _scanned(journal, files)]
    spoilt = [*unreadable, *_spoilt(older_journal, journals[0], files), *_spoilt(journal, journals[1], files)]
    lines = {number: _guessed(session_id, number, content) for number, content in spoilt} | {
        line.number: line
        for line in [*(line for found in journals for line in found.lines), *living(logged)]
        if line.session == session_id and line.rows is not None
    }
    ordered = [lines[number] for number in sorted(lines)]
    recent = [line.number for line in journals[1].lines]
    in_snapshot = snapshot.commit
    if in_snapshot is None:
        # A journal begins where its snapshot ends.
        in_snapshot = min(recent) - 1 if recent else max(lines, default=0)
    tables: Batch = {}
    if remembered is not None:
        tables["session"] = {1: bytes(remembered.session)}
    _overlay(tables, base.tables)
    _replay(tables, [line for line in ordered if line.number <= in_snapshot])
    _overlay(tables, snapshot.tables)
    _replay(tables, [line for line in ordered if line.number > in_snapshot])
    known = remembered.number if remembered is not None else 0
    return Remains(tables, max(0, known, base.commit or 0, in_snapshot, *lines))


def _replay(tables: Batch, lines: Iterable[Line]) -> None:
    for line in lines:
        if line.new:
            tables.clear()
        _overlay(tables, line.rows or {})


def _overlay(tables: Batch, rows: Batch) -> None:
    for name, part in rows.items():
        tables.setdefault(name, {}).update(part)


def _fragments(path: Path, files: Files) -> Fragments:
    try:
        return read_fragments(files.read(path)[0], ROW_DECODERS)
    except FileNotFoundError:
        return Fragments({}, None)


def _spoilt(path: Path, found: Scan, files: Files) -> list[tuple[int, bytes]]:
    """Return the commits in a journal whose checksum is wrong, as far as their numbers can be guessed."""
    if not found.bad:
        return []
    content, _ = files.read(path)
    return [(bad.number, content[bad.start : bad.end]) for bad in found.bad if bad.number is not None]


def _guessed(session_id: str, number: int, content: bytes) -> Line:
    return Line(session_id, number, False, read_fragments(content, ROW_DECODERS).tables, content)


def _scanned(path: Path, files: Files) -> Scan:
    try:
        return scan(files.read(path)[0])
    except FileNotFoundError:
        return scan(b"")
