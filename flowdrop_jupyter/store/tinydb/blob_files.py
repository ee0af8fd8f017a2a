"""Blobs as files, named by their content: ``blobs/ab/abcdef…``, written once and never changed.

Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ..blobs import is_blob_name
from .files import TEMPORARY, Files


class BlobFiles:
    """The blobs of one data directory.

    :param folder: the directory of the blobs; made when the first one is written.
    :param files: the file operations to use.
    """

    def __init__(self, folder: Path, files: Files) -> None:
        self._folder = folder
        self._files = files

    def path(self, name: str) -> Path:
        """Return where the blob with this name is kept."""
        return self._folder / name[:2] / name

    def write(self, name: str, content: bytes) -> None:
        """Make a blob durable unless it is there already.

        :raises OSError: when the system refuses it; the blob is not there then.
        """
        path = self.path(name)
        with suppress(FileNotFoundError):
            if self._files.stamp(path).size == len(content):
                return
        if not path.parent.exists():
            self._files.make_directory(path.parent)
            self._files.sync_directory(self._folder)
            self._files.sync_directory(self._folder.parent)
        try:
            self._files.replace(path, content)
        except OSError:
            # A name that is not durable must not pass for a blob that is.
            with suppress(OSError):
                self._files.discard(path)
            raise

    def read(self, name: str) -> bytes | None:
        """Return the content of a blob, or None when there is none."""
        try:
            return self._files.read(self.path(name))[0]
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a blob if it is there; one that a crash brings back is garbage again."""
        self._files.discard(self.path(name))

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all blobs in bytes."""
        return {
            path.name: self._files.stamp(path).size
            for path in self._folder.glob("[0-9a-f][0-9a-f]/*")
            if is_blob_name(path.name)
        }

    def clear_leftovers(self) -> None:
        """Remove what a crash left half written."""
        for leftover in self._folder.glob(f"[0-9a-f][0-9a-f]/*{TEMPORARY}"):
            self._files.discard(leftover)
