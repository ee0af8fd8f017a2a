"""What is found in a data directory: the shared logs first, then each session as far as needed.

The logs are read once. A session whose files are as the index remembers them is not read at all:
what the logs have of it is laid over what the index remembers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import StoreDamaged
from ...ids import is_uuid
from ..state import SessionState
from .backlog import Waiting
from .beside import Damage
from .files import Files, Stamp
from .index import Entry, Remembered, Stamps, ids_found_by
from .lines import Bad, Line, Scan, scan
from .replay import living
from .session_files import FileDamaged, Recovery, SessionFiles

_LOG = re.compile(r"(\d{8})\.log")
_SUFFIXES = (".json", ".journal", ".json.bak", ".journal.bak")


class Logs(NamedTuple):
    """The shared logs: their lines and what is no line, by log number."""

    lines: dict[int, list[Line]]
    bad: dict[int, list[Bad]]
    torn: Recovery | None


class Survey(NamedTuple):
    """The sessions of a directory.

    ``changed`` counts those in which the index file disagrees; ``backlog`` is what the logs have
    and the sessions' files have not; ``graves`` are the last commits of removed sessions; ``kept``
    are the logs that must stay; ``unusable`` are the ids of damaged sessions.
    """

    sessions: dict[str, Entry]
    session_of: dict[str, str]
    changed: int
    backlog: dict[str, Waiting]
    graves: dict[str, int]
    kept: set[int]
    damaged: list[Damage]
    unusable: set[str]


def read_logs(folder: Path, files: Files, *, read_only: bool) -> Logs:
    """Read the shared logs in order; a torn end of the last one is cut off, unless *read_only*."""
    try:
        names = files.scan(folder)
    except FileNotFoundError:
        names = {}
    numbers = sorted(int(match[1]) for match in map(_LOG.fullmatch, names) if match)
    contents = {number: files.read(log_path(folder, number))[0] for number in numbers}
    scans = {number: scan(content) for number, content in contents.items()}
    for cut in [cut for found in scans.values() for cut in found.cuts]:
        for number in cut.lengths.keys() & scans.keys():
            scans[number] = scan(contents[number][: cut.lengths[number]])
    bad = {number: list(found.bad) for number, found in scans.items()}
    torn: Recovery | None = None
    for number, found in scans.items():
        if not found.torn:
            continue
        if number != numbers[-1]:
            bad[number].append(Bad(found.end, found.written, None, None))
        elif not read_only:
            torn = _cut(log_path(folder, number), files, found)
    return Logs({number: found.lines for number, found in scans.items()}, bad, torn)


def log_path(folder: Path, number: int) -> Path:
    """Return where a shared log is."""
    return folder / f"{number:08}.log"


def is_session_id(text: str) -> bool:
    """Tell whether *text* can name a session's files: a UUID in lower case, nothing else."""
    return is_uuid(text) and text == text.lower()


def survey(
    logs: Logs, remembered: dict[str, Remembered], files: SessionFiles, names: dict[str, Stamp]
) -> Survey:
    """Find out which sessions there are.

    :param remembered: what the index file says.
    :param names: the stamps of the files in the directory of the sessions.
    """
    surveyor = _Surveyor(logs, remembered, files, names)
    for session_id in sorted(surveyor.known()):
        surveyor.look_at(session_id)
    return surveyor.result()


def load_state(
    files: SessionFiles, session_id: str, lines: Sequence[Line], last: int | None = None
) -> tuple[SessionState, int, int]:
    """Read one session in full; return it with its last commit and the last one that its files have.

    :raises StoreDamaged: when it cannot be read or is another session.
    """
    loaded = files.load(session_id, lines, last=last)
    state = SessionState.load(loaded.tables)
    if state.session().id != session_id:
        raise StoreDamaged("the file holds another session")
    return state, loaded.number, loaded.filed


class _Surveyor:
    def __init__(
        self, logs: Logs, remembered: dict[str, Remembered], files: SessionFiles, names: dict[str, Stamp]
    ) -> None:
        self._files = files
        self._names = names
        self._remembered = remembered
        self._lines: dict[str, list[Line]] = defaultdict(list)
        self._logs_of: dict[str, set[int]] = defaultdict(set)
        for number, lines in logs.lines.items():
            for line in lines:
                self._lines[line.session].append(line)
                self._logs_of[line.session].add(number)
        self._unreadable: dict[str, tuple[int, int]] = {}
        self._found = Survey({}, {}, 0, {}, {}, set(), [], set())
        self._trusted = 0
        for number, parts in logs.bad.items():
            for bad in parts:
                self._note(number, bad)

    def known(self) -> set[str]:
        """Return the ids of all sessions that there is a trace of."""
        ids = {name.split(".", 1)[0] for name in self._names if name.endswith(_SUFFIXES)}
        return {session_id for session_id in ids if is_session_id(session_id)} | self._lines.keys()

    def look_at(self, session_id: str) -> None:
        """Find out about one session."""
        lines = self._lines.get(session_id, [])
        alive = living(lines)
        if len(alive) < len(lines):
            grave = lines[len(lines) - len(alive) - 1]
            self._found.graves[session_id] = grave.number
            if not alive and not self._outlives(session_id, grave.number):
                self._found.backlog[session_id] = Waiting(grave.number - 1, [grave.raw])
                return
        if session_id not in self._unreadable and self._trust(session_id, alive):
            return
        try:
            self._read(session_id, lines, alive)
        except OSError as error:
            self._damage(session_id, f"sessions/{session_id}.json", error.strerror or str(error))
        except StoreDamaged as error:
            file = error.file if isinstance(error, FileDamaged) else f"sessions/{session_id}.json"
            told = session_id in file or session_id in error.message
            whose = "" if told else f" of the session {session_id}"
            self._damage(session_id, file, error.message + whose)

    def result(self) -> Survey:
        """Return what was found."""
        found = self._found
        gone = len(self._remembered.keys() - found.sessions.keys())
        return found._replace(changed=len(found.sessions) - self._trusted + gone)

    def _note(self, number: int, bad: Bad) -> None:
        """Take down damage in a log: whose commit it was decides what becomes of it."""
        self._found.kept.add(number)
        if bad.session is not None and bad.number is not None and is_session_id(bad.session):
            self._unreadable[bad.session] = (
                number,
                max(bad.number, self._unreadable.get(bad.session, (0, 0))[1]),
            )
            self._lines.setdefault(bad.session, [])
        else:
            reason = f"the line at byte {bad.start} cannot be read, and nothing tells whose it is"
            self._found.damaged.append(Damage(f"journal/{number:08}.log", reason))

    def _outlives(self, session_id: str, grave: int) -> bool:
        """Tell whether the files hold a session that was created after that of the same id was removed."""
        try:
            return load_state(self._files, session_id, ())[1] > grave
        except (OSError, StoreDamaged):
            return False

    def _stamps(self, session_id: str) -> Stamps:
        return Stamps(self._names.get(f"{session_id}.json"), self._names.get(f"{session_id}.journal"))

    def _trust(self, session_id: str, alive: Sequence[Line]) -> bool:
        known = self._remembered.get(session_id)
        if known is None or known.stamps != self._stamps(session_id) or known.stamps == (None, None):
            return False
        later = [line for line in alive if line.number > known.filed]
        if [line.number for line in later] != list(range(known.filed + 1, known.filed + 1 + len(later))):
            return False
        if known.filed + len(later) < known.number:
            return False
        entry = Entry(bytes(known.session), known.number, known.updated_at)
        for line in later:
            entry = self._advance(session_id, entry, line)
        self._found.sessions[session_id] = entry
        self._found.session_of.update(dict.fromkeys(known.ids, session_id))
        if later:
            self._found.backlog[session_id] = Waiting(known.filed, [line.raw for line in later])
        self._trusted += 1
        return True

    def _advance(self, session_id: str, entry: Entry, line: Line) -> Entry:
        rows = line.rows or {}
        self._found.session_of.update(dict.fromkeys(ids_found_by(rows), session_id))
        if line.number <= entry.number:
            return entry
        return Entry(rows["session"][1], line.number) if "session" in rows else Entry(entry.raw, line.number)

    def _read(self, session_id: str, lines: Sequence[Line], alive: Sequence[Line]) -> None:
        state, number, filed = load_state(self._files, session_id, lines)
        if session_id in self._unreadable and filed < self._unreadable[session_id][1]:
            log, commit = self._unreadable[session_id]
            reason = f"commit {commit} of the session {session_id} cannot be read"
            raise FileDamaged(reason, f"journal/{log:08}.log")
        self._found.sessions[session_id] = Entry(state.record.raw(1), number)
        self._found.session_of.update(dict.fromkeys([*state.runs.ids(), *state.interrupts.ids()], session_id))
        later = [line.raw for line in alive if line.number > filed]
        if later:
            if alive is not lines:
                later.insert(0, lines[len(lines) - len(alive) - 1].raw)
            self._found.backlog[session_id] = Waiting(filed, later)

    def _damage(self, session_id: str, file: str, reason: str) -> None:
        self._found.damaged.append(Damage(file, reason))
        self._found.unusable.add(session_id)
        self._found.kept.update(self._logs_of[session_id])


def _cut(path: Path, files: Files, found: Scan) -> Recovery:
    files.truncate(path, found.end)
    return Recovery(
        f"journal/{path.name}", f"{found.written - found.end} bytes of an unfinished write were cut off"
    )
