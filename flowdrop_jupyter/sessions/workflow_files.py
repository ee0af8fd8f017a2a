"""Workflows that are files: a ``*.flowdrop.json`` below the Jupyter root, beside those in the store.

Such a workflow has the id ``file:`` and its path with ``:`` for ``/``, so that it fits one segment of
a route. Its file is read anew each time, is replaced as a whole, and keeps the keys that nobody here
knows. What is refused to nodes is refused here: hidden files, and every way out of the root.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import anyio
from anyio import to_thread

from ..errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NodeError,
    NotFound,
    StoreError,
    Unavailable,
    WorkflowInvalid,
)
from ..nodes import Files
from ..nodes.whole_files import write_whole
from ..store.records import NodeTypeRecord, WorkflowHeader, WorkflowRecord
from ..workflow.contract import FIRST_VERSION, NO_VERSION, build_contract, is_unbuilt
from ..workflow.formats import MAX_TEXT_BYTES
from ..workflow.node_types import NodeCatalog
from .file_documents import SUFFIX, FileRecord, read_record, written_record

logger = logging.getLogger(__name__)

PREFIX: Final = "file:"
MAX_LISTED: Final = 500
"""How many files of one folder a list shows."""


class WorkflowSource(Protocol):
    """Where definitions are kept, as a :class:`~flowdrop_jupyter.store.Store` promises it."""

    async def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Return one workflow, or None."""
        ...

    async def workflow_headers(self) -> list[WorkflowHeader]:
        """Return the headers of all workflows, newest ``changed`` first; cheap, however large they are."""
        ...

    async def save_workflow(
        self, workflow: WorkflowRecord, *, new: bool, node_types: Sequence[NodeTypeRecord] = ()
    ) -> None:
        """Write a workflow with the node types that it brings."""
        ...

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there."""
        ...


class Definitions:
    """The workflows of a store and those in files, as one :class:`WorkflowSource`."""

    def __init__(self, store: WorkflowSource, files: FileWorkflows) -> None:
        self._store = store
        self._files = files

    async def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Return one workflow, or None; a file that holds none raises WorkflowInvalid."""
        if workflow_id.startswith(PREFIX):
            return await self._files.read(workflow_id)
        return await self._store.workflow(workflow_id)

    async def workflow_headers(self) -> list[WorkflowHeader]:
        """Return the headers of the workflows in the store; files are listed by folder."""
        return await self._store.workflow_headers()

    async def folder(self, folder: str) -> list[WorkflowRecord]:
        """Return the workflows that are files in one folder (see :meth:`FileWorkflows.folder`)."""
        return await self._files.folder(folder)

    async def save_workflow(
        self, workflow: WorkflowRecord, *, new: bool, node_types: Sequence[NodeTypeRecord] = ()
    ) -> None:
        """Write a workflow; node types go to the store, with a workflow that is kept there."""
        if workflow.id.startswith(PREFIX):
            await self._files.write(workflow, new=new)
        else:
            await self._store.save_workflow(workflow, new=new, node_types=node_types)

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there."""
        if workflow_id.startswith(PREFIX):
            return await self._files.remove(workflow_id)
        return await self._store.remove_workflow(workflow_id)


class FileWorkflows:
    """Reads and writes workflows that are files.

    :param files: returns which files may be used at all; called in a worker thread, because it looks.
    :param catalog: the node types of which the contract follows when a file holds none yet.
    :param reading: whether nothing may be written.
    """

    def __init__(self, files: Callable[[], Files], catalog: NodeCatalog, *, reading: bool = False) -> None:
        self._files = files
        self._catalog = catalog
        self._reading = reading
        self._turn = anyio.Lock()

    async def read(self, workflow_id: str) -> WorkflowRecord | None:
        """Return the workflow in a file, or None when there is no such file to be used.

        One that declares inputs or outputs has a contract, built now unless the file holds it: whoever
        starts it is held to what it declares (MAN-15).

        :raises WorkflowInvalid: ``WORKFLOW_FILE_INVALID`` when the file holds no workflow.
        """
        return await to_thread.run_sync(self._read, workflow_id)

    async def write(self, workflow: WorkflowRecord, *, new: bool) -> None:
        """Replace a file as a whole, or make a new one; what is written was read again before.

        :raises InvalidInput: ``WORKFLOW_FILE_PATH`` when the id names no file that may be used,
            ``WORKFLOW_TOO_LARGE`` and ``WORKFLOW_FILE_UNREADABLE`` when the file could not be read again.
        :raises NotFound: ``FOLDER_NOT_FOUND``, or ``WORKFLOW_NOT_FOUND`` when not *new*.
        :raises Conflict: ``WORKFLOW_EXISTS`` when *new* and there is a file; ``WORKFLOW_FILE_CHANGED`` when
            the file holds something else than what *workflow* was read from.
        :raises Forbidden: ``WORKFLOW_FILE_FORBIDDEN`` when the system refuses it.
        """
        self._check_writable()
        async with self._turn:
            await to_thread.run_sync(partial(self._write, workflow, new=new))

    async def remove(self, workflow_id: str) -> bool:
        """Remove a file; tell whether it was there."""
        self._check_writable()
        async with self._turn:
            return await to_thread.run_sync(self._remove, workflow_id)

    async def folder(self, folder: str) -> list[WorkflowRecord]:
        """Return the workflows in one folder, relative to the root, newest change first.

        A file that holds no workflow is left out.

        :raises NotFound: ``FOLDER_NOT_FOUND``.
        """
        return await to_thread.run_sync(self._folder, folder)

    def _read(self, workflow_id: str) -> WorkflowRecord | None:
        path = self._existing(workflow_id)
        if path is None:
            return None
        content, status = _content(path)
        record = read_record(workflow_id, content, status)
        if is_unbuilt(record):
            self._build(record)
        return record

    def _build(self, record: WorkflowRecord) -> None:
        try:
            built = build_contract(record, self._catalog)
        except Exception:
            logger.exception("The contract of %s could not be built.", record.id)
            return
        if record.parameter_schema is None:
            record.parameter_schema = built.parameter_schema
        if record.output_schema is None:
            record.output_schema = built.output_schema
        if record.contract_version == NO_VERSION:
            record.contract_version = FIRST_VERSION

    def _write(self, workflow: WorkflowRecord, *, new: bool) -> None:
        try:
            path = self._resolve(workflow.id)
        except NodeError as error:
            detail = {"code": "WORKFLOW_FILE_PATH", "message": error.message, "locator": "id"}
            raise InvalidInput(error.message, code="WORKFLOW_FILE_PATH", details=[detail]) from error
        if not path.parent.is_dir():
            raise NotFound("The folder of this file does not exist.", code="FOLDER_NOT_FOUND")
        if not new and not path.is_file():
            raise NotFound(f"There is no workflow {workflow.id!r}.", code="WORKFLOW_NOT_FOUND")
        if new and path.exists():
            raise _taken(workflow.id)
        before = b"" if new else _content(path)[0]
        if isinstance(workflow, FileRecord) and not new and not workflow.was_read_from(before):
            raise _changed()
        content = written_record(workflow, None if new else before, path.parent.stat())

        def check_unchanged() -> None:
            if _content(path)[0] != before:
                raise _changed()

        try:
            write_whole(path, content, overwrite=not new, unless=None if new else check_unchanged)
        except FileExistsError as error:
            raise _taken(workflow.id) from error
        except OSError as error:
            raise _refused(error) from error

    def _remove(self, workflow_id: str) -> bool:
        path = self._existing(workflow_id)
        if path is None:
            return False
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _refused(error) from error
        return True

    def _folder(self, folder: str) -> list[WorkflowRecord]:
        try:
            files = self._files()
            place = files.resolve(folder or ".")
            entries = sorted(os.listdir(place))
        except (NodeError, OSError) as error:
            raise NotFound("There is no such folder.", code="FOLDER_NOT_FOUND") from error
        inside = place.relative_to(files.root).parts
        names = [name for name in entries if name.endswith(SUFFIX) and not name.startswith(".")]
        found = []
        for name in names[:MAX_LISTED]:
            parts = (*inside, name)
            if any(":" in part for part in parts):
                continue
            try:
                record = self._read(PREFIX + ":".join(parts))
            except (WorkflowInvalid, Forbidden, Unavailable) as error:
                logger.info("The file %s is not listed: %s", name, error.message)
                continue
            if record is not None:
                found.append(record)
        return sorted(found, key=lambda record: (record.changed, record.id), reverse=True)

    def _existing(self, workflow_id: str) -> Path | None:
        """Return the file of a workflow, or None; one that may not be used does not exist (PIPE-6)."""
        try:
            path = self._resolve(workflow_id)
            return path if path.is_file() else None
        except (NodeError, OSError):
            return None

    def _resolve(self, workflow_id: str) -> Path:
        """Return where the file of a workflow is or would be.

        :raises NodeError: ``FILE_PATH_INVALID`` when its id names no file that may be used.
        """
        parts = workflow_id.removeprefix(PREFIX).split(":")
        if any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
            raise _no_path(workflow_id)
        path = self._files().resolve("/".join(parts))
        # A link may lead to any other file.
        if not all(_is_name(name) for name in (parts[-1], path.name)):
            raise _no_path(workflow_id)
        return path

    def _check_writable(self) -> None:
        if self._reading:
            raise StoreError("The store was opened to be read only.", code="STORE_READ_ONLY")


def _is_name(name: str) -> bool:
    return name.endswith(SUFFIX) and name != SUFFIX


def _no_path(workflow_id: str) -> NodeError:
    message = f"{workflow_id[:200]!r} is not the id of a file *{SUFFIX} below the root."
    return NodeError(message, code="FILE_PATH_INVALID")


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    """Return what a file holds, as far as it can be a workflow, and what the system knows of the file."""
    try:
        # Without blocking: what was a file may be a pipe by now.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MAX_TEXT_BYTES + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise _refused(error) from error
    return content, status


def _taken(workflow_id: str) -> Conflict:
    return Conflict(f"A workflow with the id {workflow_id} exists already.", code="WORKFLOW_EXISTS")


def _changed() -> Conflict:
    message = "The file was changed by somebody else meanwhile, and is left as it is."
    detail = {"code": "WORKFLOW_FILE_CHANGED", "message": message}
    return Conflict(message, code="WORKFLOW_FILE_CHANGED", details=[detail])


def _refused(error: OSError) -> Forbidden | Unavailable:
    reason = error.strerror or type(error).__name__
    if isinstance(error, PermissionError):
        return Forbidden(f"The file cannot be used: {reason}.", code="WORKFLOW_FILE_FORBIDDEN")
    return Unavailable(f"The file cannot be used: {reason}.", code="WORKFLOW_FILE_UNAVAILABLE")
