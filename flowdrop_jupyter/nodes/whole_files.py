"""Writes files whole: whoever reads one sees what was there before, or all of what is new."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path


def write_whole(
    file: Path, content: bytes, *, overwrite: bool, unless: Callable[[], None] | None = None
) -> None:
    """Write *content* to *file* so that at no moment a part of it can be seen there.

    A file that is replaced keeps its permissions.

    :param unless: called when nothing but the last step is left to do, to see once more that *file* may
        be replaced; what it raises is raised here, and *file* is left as it is.
    :raises FileExistsError: when *file* exists and *overwrite* is false; it is not touched.
    :raises OSError: when it cannot be written; nothing is left behind.
    """
    temporary = file.with_name(f".flowdrop-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            with contextlib.suppress(OSError):
                temporary.chmod(stat.S_IMODE(file.stat().st_mode))
        if unless is not None:
            unless()
        if overwrite:
            temporary.replace(file)
        else:
            _claim(temporary, file)
        _sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _claim(temporary: Path, file: Path) -> None:
    try:
        # A link refuses to replace, in one step; not every file system has links.
        file.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if file.exists():
            raise FileExistsError(str(file)) from None
        temporary.replace(file)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
