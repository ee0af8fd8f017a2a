"""Completing the name of a file: what lies below the root and begins with what was typed (§2.7)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from anyio import to_thread

from ..errors import NodeError
from ..nodes import Files

MAX_SUGGESTIONS = 50
MAX_LOOKED_AT = 10_000


async def suggest_files(files: Callable[[], Files], typed: str) -> list[dict[str, str]]:
    """Return the files and folders whose path begins with *typed*, as ``{label, value}``, in order.

    Only the folder that *typed* names is looked into. Hidden files are left out, and a folder ends
    with a slash. What cannot be listed has no suggestions.

    :param files: returns which files may be used; called in a worker thread.
    """
    return await to_thread.run_sync(partial(_suggest, files, typed))


def _suggest(offered: Callable[[], Files], typed: str) -> list[dict[str, str]]:
    folder, slash, beginning = typed.rpartition("/")
    try:
        files = offered()
        place = files.resolve(folder or ".")
        with os.scandir(place) as entries:
            looked_at = [entry for entry, _ in zip(entries, range(MAX_LOOKED_AT), strict=False)]
    except (NodeError, OSError):
        return []
    found: list[dict[str, str]] = []
    for entry in sorted(looked_at, key=lambda entry: entry.name.casefold()):
        if len(found) == MAX_SUGGESTIONS:
            break
        if not entry.name.casefold().startswith(beginning.casefold()):
            continue
        path = f"{folder}{slash}{entry.name}"
        try:
            files.resolve(path)
            is_folder = entry.is_dir()
        except (NodeError, OSError):
            continue
        found.append({"label": entry.name, "value": path + "/" if is_folder else path})
    return found
