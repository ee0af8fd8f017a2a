"""What triggers look at: the clock, files below the root, and the server's kernels.

Each look compares what is there with the cursor of the last one and returns what happened in
between, so that a change while nobody looked is noticed by the next look and by no later one.
"""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from anyio import to_thread

from ..clock import format_time, parse_time
from ..nodes import Files, Kernels
from .schedules import latest_due
from .trigger_records import Trigger

logger = logging.getLogger(__name__)

MAX_WATCHED: Final = 5_000
"""How many files and folders one look takes in; what lies beyond is not watched."""
MAX_CHANGES: Final = 100
"""How many changes one event names; it tells how many there were."""

Cursor = dict[str, Any]


class Look(NamedTuple):
    """The cursor after a look, and what happened since the one before, or None."""

    cursor: Cursor
    event: dict[str, Any] | None


class Watches:
    """Looks at the source of any trigger.

    :param files: makes the guard of the files that may be watched.
    :param kernels: the server's kernels; None where there is no server.
    """

    def __init__(self, files: Callable[[], Files], kernels: Kernels | None) -> None:
        self._files = files
        self._kernels = kernels

    @property
    def has_kernels(self) -> bool:
        """Whether there are kernels to look at."""
        return self._kernels is not None

    async def look(self, trigger: Trigger, cursor: Cursor | None, now: datetime) -> Look:
        """Look at a trigger's source; without a cursor it only learns what is there."""
        if trigger.kind == "schedule":
            return await to_thread.run_sync(_look_at_clock, trigger, cursor, now)
        if trigger.kind == "file":
            return await to_thread.run_sync(_look_at_files, trigger, cursor, now, self._files)
        return await _look_at_kernels(trigger, cursor, now, self._kernels)


def _look_at_clock(trigger: Trigger, cursor: Cursor | None, now: datetime) -> Look:
    seen = parse_time(str((cursor or {}).get("after")))
    if seen is None:
        return Look({"after": format_time(now)}, None)
    settings = trigger.settings
    due = latest_due(settings.get("expression", ""), settings.get("timezone", "UTC"), seen, now)
    if due is None:
        return Look({"after": format_time(seen)}, None)
    at = format_time(due)
    return Look({"after": at}, {"event": "schedule", "at": at})


def _look_at_files(
    trigger: Trigger, cursor: Cursor | None, now: datetime, guard: Callable[[], Files]
) -> Look:
    found = _signatures(guard(), str(trigger.settings.get("path", "")))
    seen = (cursor or {}).get("seen")
    if not isinstance(seen, Mapping):
        return Look({"seen": found, "moving": {}}, None)
    before: dict[str, Any] = dict(seen)
    held = (cursor or {}).get("moving")
    held = held if isinstance(held, Mapping) else {}
    settle = timedelta(seconds=float(trigger.settings.get("settle_seconds", 0.0)))
    moving: dict[str, Any] = {}
    changes: list[dict[str, Any]] = []
    for path in sorted(before.keys() | found.keys()):
        signature = found.get(path)
        if signature == before.get(path):
            continue
        since = _unmoved_since(held.get(path), signature) or now
        if now - since < settle:
            # It may still be written: only what has stayed the same for a while has changed.
            moving[path] = {"signature": signature, "since": format_time(since)}
            continue
        changes.append({"path": path, "change": _change(before.get(path), signature)})
        if signature is None:
            del before[path]
        else:
            before[path] = signature
    event = None
    if changes:
        event = {
            "event": "file",
            "at": format_time(now),
            "path": changes[0]["path"],
            "change": changes[0]["change"],
            "changes": changes[:MAX_CHANGES],
            "count": len(changes),
        }
    return Look({"seen": before, "moving": moving}, event)


async def _look_at_kernels(
    trigger: Trigger, cursor: Cursor | None, now: datetime, kernels: Kernels | None
) -> Look:
    if kernels is None:
        return Look(cursor or {}, None)
    wanted = trigger.settings.get("kernel") or None
    running = {
        str(kernel["id"]): str(kernel["name"])
        for kernel in await kernels.running()
        if wanted in (None, kernel["name"])
    }
    seen = (cursor or {}).get("running")
    if not isinstance(seen, Mapping):
        return Look({"running": running}, None)
    told = trigger.settings.get("on") or ["started", "ended"]
    changes = [
        {"id": key, "name": name, "change": change}
        for change, ones in (
            ("started", {key: name for key, name in running.items() if key not in seen}),
            ("ended", {key: name for key, name in seen.items() if key not in running}),
        )
        if change in told
        for key, name in ones.items()
    ]
    event = None
    if changes:
        first = changes[0]
        event = {
            "event": "kernel",
            "at": format_time(now),
            "kernel_id": first["id"],
            "kernel": first["name"],
            "change": first["change"],
            "changes": changes[:MAX_CHANGES],
            "count": len(changes),
        }
    return Look({"running": running}, event)


def _unmoved_since(held: Any, signature: Any) -> datetime | None:
    same = isinstance(held, Mapping) and held.get("signature") == signature
    return parse_time(str(held.get("since"))) if same else None


def _change(before: Any, after: Any) -> str:
    if before is None:
        return "created"
    return "deleted" if after is None else "changed"


def _signatures(files: Files, pattern: str) -> dict[str, list[int]]:
    """Return time of change and size of every file that *pattern* names, by its path below the root."""
    found: dict[str, list[int]] = {}
    for path in _matching(files.root, pattern):
        if not files.offers(path):
            continue
        try:
            stat = path.stat()
        except OSError:
            # It went away between two looks at the folder.
            continue
        found[path.relative_to(files.root).as_posix()] = [stat.st_mtime_ns, stat.st_size]
    return found


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    budget = MAX_WATCHED
    # Folders still to be looked into, each with the parts of the pattern that are left for it.
    open_folders: list[tuple[Path, tuple[str, ...]]] = [(root, tuple(pattern.split("/")))]
    given: set[Path] = set()
    while open_folders:
        folder, (part, *rest) = open_folders.pop()
        if part == "**" and rest:
            open_folders.append((folder, tuple(rest)))
        for entry in _entries(folder):
            budget -= 1
            if budget < 0:
                logger.warning("The pattern %r has more than %d files to look at.", pattern, MAX_WATCHED)
                return
            path = Path(entry.path)
            if part == "**":
                if entry.is_dir(follow_symlinks=False):
                    open_folders.append((path, (part, *rest)))
                elif not rest and path not in given:
                    given.add(path)
                    yield path
            elif fnmatch.fnmatchcase(entry.name, part):
                if rest and entry.is_dir():
                    open_folders.append((path, tuple(rest)))
                elif not rest and entry.is_file() and path not in given:
                    given.add(path)
                    yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(
                (entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name
            )
    except OSError:
        return []
