"""``flowdrop import``: an export becomes a data directory, or joins one, wholly or not at all.

The file is read twice: first all of it is checked, then it is written. A directory that does not exist
yet is made under another name, which it loses at the very end. In one that exists, a file tells what is
about to be written for as long as that lasts; after a crash the next import or the doctor removes it
again, except for what somebody has changed since.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import anyio
import msgspec

from ..clock import Clock
from ..errors import Conflict, InvalidInput, StoreDamaged, StoreLocked
from ..store import Store, TinyDBStore
from ..store.records import NodeTypeRecord, WorkflowRecord
from ..store.state import SessionState
from ..store.tinydb.files import Files
from ..store.tinydb.survey import is_session_id
from ..store.transfer import BlobItem, Item, MemoryItem, PortableStore, SessionItem, read_export
from .examine import IMPORT_FILE, require_data_directory
from .progress import Progress
from .reading import current_holder, needed_blobs

_STAGING: Final = ".importing"
_TOLD: Final = 5


class Plan(msgspec.Struct):
    """What an import writes, and when each of it was last changed: by id, or scope, its id and key."""

    workflows: dict[str, str] = {}
    node_types: dict[str, str] = {}
    memories: list[tuple[str, str, str, str]] = []
    sessions: dict[str, str] = {}


def make_plan(items: Iterable[Item], progress: Progress) -> tuple[Plan, set[str]]:
    """Read a whole export; return what it would write, and the blobs its rows need and it has not.

    :raises InvalidInput: code ``EXPORT_INVALID`` when it cannot be imported.
    """
    plan = Plan()
    blobs: set[str] = set()
    needed: set[str] = set()
    for item in items:
        progress.count(_name_of(item))
        if isinstance(item, BlobItem):
            blobs.add(item.name)
        elif isinstance(item, NodeTypeRecord):
            plan.node_types[item.id] = item.created
        elif isinstance(item, WorkflowRecord):
            plan.workflows[item.id] = item.changed
        elif isinstance(item, MemoryItem):
            memory = item.memory
            plan.memories.append((memory.scope, memory.scope_id, memory.key, memory.updated_at))
            needed |= needed_blobs([item.raw])
        else:
            _check_session(item)
            plan.sessions[item.session.id] = item.session.updated_at
            needed |= needed_blobs(raw for rows in item.tables.values() for raw in rows)
    return plan, needed - blobs


async def restore(store: PortableStore, items: Iterable[Item], progress: Progress) -> None:
    """Write everything from an export into *store*.

    :raises Conflict: when something of that id is there already.
    """
    for item in items:
        progress.count(_name_of(item))
        if isinstance(item, BlobItem):
            await store.put_blob(item.content)
        elif isinstance(item, NodeTypeRecord):
            await store.add_node_type(item)
        elif isinstance(item, WorkflowRecord):
            await store.save_workflow(item, new=True)
        elif isinstance(item, MemoryItem):
            await store.restore_memory(item.raw)
        else:
            await store.restore_session(item.tables)


async def collisions(store: Store, plan: Plan) -> list[str]:
    """Return what is in *store* already of what would be written."""
    kept = {node_type.id for node_type in await store.node_types()}
    return [
        *[f"node type {i}" for i in plan.node_types if i in kept],
        *[f"workflow {i}" for i in plan.workflows if await store.workflow(i) is not None],
        *[
            f"memory {scope}/{scope_id}/{key}"
            for scope, scope_id, key, _ in plan.memories
            if await store.memory(scope, scope_id, key) is not None
        ],
        *[f"session {i}" for i in plan.sessions if await store.session(i) is not None],
    ]


async def undo(store: Store, plan: Plan) -> None:
    """Remove from *store* what an import has written, except for what was changed since."""
    for session_id, updated_at in plan.sessions.items():
        await store.remove_session(session_id, updated_at=updated_at)
    for workflow_id, changed in plan.workflows.items():
        workflow = await store.workflow(workflow_id)
        if workflow is not None and workflow.changed == changed:
            await store.remove_workflow(workflow_id)
    kept = {node_type.id: node_type.created for node_type in await store.node_types()}
    for type_id, created in plan.node_types.items():
        if kept.get(type_id) == created:
            await store.remove_node_type(type_id)
    for scope, scope_id, key, updated_at in plan.memories:
        memory = await store.memory(scope, scope_id, key)
        if memory is not None and memory.updated_at == updated_at:
            await store.remove_memory(scope, scope_id, key)


async def undo_unfinished(store: Store, directory: Path) -> bool:
    """Remove what an interrupted import has left in the directory of *store*; tell whether there was one."""
    marker, files = directory / IMPORT_FILE, Files()
    if not marker.exists():
        return False
    try:
        plan = msgspec.json.decode(files.read(marker)[0], type=Plan)
    except (msgspec.MsgspecError, UnicodeError):
        # It is written before anything else, and in one piece.
        plan = Plan()
    await undo(store, plan)
    _unmark(directory, files)
    return True


def import_file(file: BinaryIO, directory: Path, *, clock: Clock, progress: Progress) -> set[str]:
    """Write the export in *file* into *directory*; return the blobs that are missing in it.

    Starts an event loop of its own, once the file has been checked.

    :param file: is read twice.
    :raises InvalidInput: code ``EXPORT_INVALID`` when it is no whole export.
    :raises Conflict: when the directory has something of it already.
    :raises StoreLocked: when a server is at work in the directory.
    """
    exists = directory.exists()
    if exists and any(directory.iterdir()):
        require_data_directory(directory)
    plan, missing = make_plan(read_export(file), Progress("Checking", progress.stream))
    file.seek(0)
    items = read_export(file)
    if exists:
        anyio.run(_merge, items, plan, directory, clock, progress)
    else:
        _create(items, directory, clock, progress)
    return missing


def _create(items: Iterator[Item], directory: Path, clock: Clock, progress: Progress) -> None:
    """Make a new data directory."""
    staging = directory.with_name(directory.name + _STAGING)
    if staging.exists():
        if current_holder(staging, Files()) is not None:
            raise StoreLocked(f"Another import into {directory} is under way.")
        shutil.rmtree(staging)
    try:
        anyio.run(_fill, items, staging, clock, progress)
        os.rename(staging, directory)
        Files().sync_directory(directory.absolute().parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


async def _fill(items: Iterator[Item], staging: Path, clock: Clock, progress: Progress) -> None:
    store = TinyDBStore(staging, clock=clock)
    await store.open()
    try:
        await restore(store, items, progress)
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()


async def _merge(
    items: Iterator[Item], plan: Plan, directory: Path, clock: Clock, progress: Progress
) -> None:
    """Add to a directory that exists."""
    files = Files()
    store = TinyDBStore(directory, clock=clock)
    await store.open()
    try:
        if await undo_unfinished(store, directory):
            progress.tell("What an interrupted import had written was removed first.")
        found = await collisions(store, plan)
        if found:
            more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
            raise Conflict(f"{directory} already has {', '.join(found[:_TOLD])}{more}; nothing was imported.")
        files.replace(directory / IMPORT_FILE, msgspec.json.encode(plan))
        try:
            await restore(store, items, progress)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await undo(store, plan)
                _unmark(directory, files)
            raise
        _unmark(directory, files)
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()


def _unmark(directory: Path, files: Files) -> None:
    files.discard(directory / IMPORT_FILE)
    files.sync_directory(directory)


def _check_session(item: SessionItem) -> None:
    session_id = item.session.id
    if not is_session_id(session_id):
        raise InvalidInput(f"{session_id!r} cannot be the id of a session.", code="EXPORT_INVALID")
    try:
        SessionState.load({name: dict(enumerate(rows, start=1)) for name, rows in item.tables.items()})
    except StoreDamaged as error:
        raise InvalidInput(
            f"The session {session_id} of the export cannot be used: {error.message}.", code="EXPORT_INVALID"
        ) from error


def _name_of(item: Item) -> str:
    if isinstance(item, BlobItem):
        return "blob"
    if isinstance(item, MemoryItem):
        return "memory"
    if isinstance(item, NodeTypeRecord):
        return "node_type"
    return "workflow" if isinstance(item, WorkflowRecord) else "session"
