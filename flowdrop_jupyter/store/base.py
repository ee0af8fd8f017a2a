"""What all stores that keep sessions in memory share: workflows, memory, blobs and upkeep.

A subclass says where the bytes go. It publishes a change to memory only after it is durable.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import anyio
from anyio import to_thread
from msgspec.structs import replace

from ..clock import Clock, format_time
from ..errors import Conflict, NotFound, StoreDamaged
from .blobs import content_hash, is_blob_name, mentions, split_row
from .draft import Draft
from .records import (
    MemoryRecord,
    NodeTypeRecord,
    SessionFilter,
    SessionRecord,
    StoreUsage,
    WorkflowHeader,
    WorkflowRecord,
)
from .rows import Batch, freeze
from .session_store import SessionStore
from .shelf import MemoryShelf
from .workflows import NodeTypeShelf, WorkflowShelf

logger = logging.getLogger(__name__)

WORKFLOWS: Final = "workflows"
NODE_TYPES: Final = "node_types"
"""The tables of what a workflow consists of."""

_INLINE_BYTES: Final = 64 * 1024
_TRIM_AT_ONCE: Final = 500


class StateStore(SessionStore):
    """A :class:`~flowdrop_jupyter.store.Store` but for where its bytes go.

    :param clock: tells the time of messages, events and commits.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._shelf = WorkflowShelf()
        self._type_shelf = NodeTypeShelf()
        self._memory_shelf = MemoryShelf()
        self._references: dict[str, tuple[tuple[str, int], frozenset[str]]] = {}

    @abstractmethod
    async def _write_definitions(self, batch: Batch) -> None:
        """Make rows of workflows and node types durable, all of them or none."""

    @abstractmethod
    async def _erase_definition(self, table: str, number: int) -> None:
        """Make the removal of one such row durable."""

    @abstractmethod
    async def _write_memory(self, number: int, raw: bytes | None) -> None:
        """Make a memory's row durable, or its removal when *raw* is None."""

    @abstractmethod
    async def _blob_sizes(self) -> dict[str, int]:
        """Return the sizes in bytes of all blobs by hash."""

    @abstractmethod
    async def _session_sizes(self) -> dict[str, int]:
        """Return how many bytes the rows of each session take, by session id."""

    def _all_readable(self) -> bool:
        """Tell whether every row is at hand, so that a blob no row refers to is garbage."""
        return True

    @abstractmethod
    async def sessions(
        self, where: SessionFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> list[SessionRecord]:
        """Return the sessions that fit, newest ``updated_at`` first, then highest id first."""

    async def workflow(self, workflow_id: str) -> WorkflowRecord | None:
        """Return one workflow, or None."""
        shelf = self._workflows()
        raw = shelf.raw(workflow_id)
        return None if raw is None else (await _decoded([raw], shelf.decode))[0]

    async def workflow_headers(self) -> list[WorkflowHeader]:
        """Return the headers of all workflows, newest ``changed`` first; cheap, however large they are."""
        return self._workflows().headers()

    async def workflows(self) -> list[WorkflowRecord]:
        """Return all workflows, newest ``changed`` first."""
        shelf = self._workflows()
        raws = [raw for header in shelf.headers() if (raw := shelf.raw(header.id)) is not None]
        return await _decoded(raws, shelf.decode)

    async def save_workflow(
        self, workflow: WorkflowRecord, *, new: bool, node_types: Sequence[NodeTypeRecord] = ()
    ) -> None:
        """Write a workflow with the node types that it brings, all of it or nothing."""
        header = WorkflowHeader.of(workflow)
        row = await to_thread.run_sync(freeze, workflow)
        types = [freeze(node_type) for node_type in node_types]
        async with self._shelf_turn:
            number = self._workflows().place(workflow.id, new=new)
            places = self._node_types().places(node_types)
            batch: Batch = {WORKFLOWS: {number: row}}
            if places:
                batch[NODE_TYPES] = dict(zip(places, types, strict=True))
            with self._blobs.commit(batch):
                type_ids = [node_type.id for node_type in node_types]
                await self._completion.run(partial(self._keep_definitions, batch, header, type_ids))

    async def remove_workflow(self, workflow_id: str) -> bool:
        """Remove a workflow; tell whether it was there."""
        async with self._shelf_turn:
            number = self._workflows().number(workflow_id)
            if number is None:
                return False
            await self._completion.run(partial(self._drop_definition, WORKFLOWS, workflow_id, number))
            return True

    async def node_types(self) -> list[NodeTypeRecord]:
        """Return the node types that were made at run time, by id."""
        return self._node_types().all()

    async def add_node_type(self, node_type: NodeTypeRecord) -> None:
        """Write a new node type; Conflict when its id is taken."""
        raw = freeze(node_type)
        async with self._shelf_turn:
            (number,) = self._node_types().places([node_type])
            batch: Batch = {NODE_TYPES: {number: raw}}
            with self._blobs.commit(batch):
                await self._completion.run(partial(self._keep_definitions, batch, None, [node_type.id]))

    async def remove_node_type(self, type_id: str) -> bool:
        """Remove a node type; tell whether it was there."""
        async with self._shelf_turn:
            number = self._node_types().number(type_id)
            if number is None:
                return False
            await self._completion.run(partial(self._drop_definition, NODE_TYPES, type_id, number))
            return True

    async def memory(self, scope: str, scope_id: str, key: str) -> MemoryRecord | None:
        """Return what is remembered under a key, or None."""
        shelf = self._memories()
        raw = shelf.raw((scope, scope_id, key))
        return None if raw is None else (await self._blobs.whole([raw], shelf.decode, {}))[0]

    async def memories(self, scope: str, scope_id: str) -> list[MemoryRecord]:
        """Return all that is remembered in one scope, by key."""
        shelf = self._memories()
        keys = sorted(key for key in shelf if key[:2] == (scope, scope_id))
        raws = [raw for key in keys if (raw := shelf.raw(key)) is not None]
        return await self._blobs.whole(raws, shelf.decode, {})

    async def put_memory(self, memory: MemoryRecord) -> MemoryRecord:
        """Remember a value in place of what the key held; returned with its new ``updated_at``."""
        fresh = replace(memory, updated_at=format_time(self._clock()))
        raw, blobs = split_row(freeze(fresh))
        key = (memory.scope, memory.scope_id, memory.key)
        self._memories()
        async with self._memory_turn:
            number = self._memories().next_number(key)
            with self._blobs.commit({"memory": {number: raw}}):
                await self._write_blobs(blobs)
                await self._completion.run(partial(self._keep_memory, key, number, raw))
        return fresh

    async def remove_memory(self, scope: str, scope_id: str, key: str) -> bool:
        """Forget a key; tell whether it was there."""
        self._memories()
        async with self._memory_turn:
            number = self._memories().number((scope, scope_id, key))
            if number is None:
                return False
            await self._completion.run(partial(self._keep_memory, (scope, scope_id, key), number, None))
            return True

    async def memory_rows(self) -> list[bytes]:
        """Return all that is remembered as it is stored, by scope, its id and key."""
        shelf = self._memories()
        return [raw for key in sorted(shelf) if (raw := shelf.raw(key)) is not None]

    async def restore_memory(self, raw: bytes) -> None:
        """Remember a row as it is, its time included; Conflict when its key is taken.

        :raises msgspec.MsgspecError: when it is no such row.
        """
        memory = self._memories().decode(raw)
        key = (memory.scope, memory.scope_id, memory.key)
        async with self._memory_turn:
            if self._memories().number(key) is not None:
                raise Conflict("Something is remembered under this key already.", code="MEMORY_EXISTS")
            number = self._memories().next_number(key)
            with self._blobs.commit({"memory": {number: raw}}):
                await self._completion.run(partial(self._keep_memory, key, number, raw))

    async def _keep_definitions(
        self, batch: Batch, header: WorkflowHeader | None, type_ids: Sequence[str]
    ) -> None:
        await self._write_definitions(batch)
        if header is not None:
            for number, raw in batch[WORKFLOWS].items():
                self._shelf.keep(header, number, raw)
        for type_id, (number, raw) in zip(type_ids, batch.get(NODE_TYPES, {}).items(), strict=True):
            self._type_shelf.put(type_id, number, raw)

    async def _drop_definition(self, table: str, key: str, number: int) -> None:
        await self._erase_definition(table, number)
        (self._shelf if table == WORKFLOWS else self._type_shelf).put(key, number, None)

    async def _keep_memory(self, key: tuple[str, str, str], number: int, raw: bytes | None) -> None:
        await self._write_memory(number, raw)
        self._memory_shelf.put(key, number, raw)

    async def put_blob(self, content: bytes) -> str:
        """Keep bytes beside the rows and return their SHA-256 in hexadecimal."""
        self._check_ready()
        name = await to_thread.run_sync(content_hash, content)
        self._check_ready()
        await self._completion.run(partial(self._blobs.write, name, content))
        return name

    async def blob(self, sha256: str) -> bytes | None:
        """Return the bytes with this hash, or None."""
        self._check_ready()
        return await self._read_blob(sha256) if is_blob_name(sha256) else None

    async def blob_names(self) -> list[str]:
        """Return the names of all blobs, in order."""
        self._check_ready()
        return sorted(await self._blob_sizes())

    async def usage(self) -> StoreUsage:
        """Return how many bytes the store takes, and for what."""
        self._check_ready()
        blobs = await self._blob_sizes()
        found = (await self._find_references())[0] if blobs else {}
        return StoreUsage(
            sessions=await self._session_sizes(),
            blobs=blobs,
            references={session_id: names.intersection(blobs) for session_id, names in found.items()},
        )

    async def collect_garbage(self, *, grace_seconds: float = 3600.0) -> dict[str, int]:
        """Remove blobs that no row refers to; return their sizes in bytes by hash.

        While a part of the store cannot be read nothing is removed: it may refer to anything.
        """
        self._check_ready()
        async with self._blobs.sweep():
            sizes = await self._blob_sizes()
            if not sizes or not self._all_readable():
                return {}
            references, complete = await self._find_references()
            if not complete:
                return {}
            others = [*self._shelf.raws(), *self._type_shelf.raws(), *self._memory_shelf.raws()]
            used = (await to_thread.run_sync(mentions, others)).union(*references.values())
            grace = timedelta(seconds=grace_seconds)
            sweep = partial(self._blobs.remove_unused, sizes, used, self._clock(), grace)
            self._check_ready()
            return await self._completion.run(sweep)

    async def trim_messages(self, session_id: str, through: int, *, updated_at: str | None = None) -> int:
        """Empty the messages up to number *through*; return how many were emptied now.

        A session that runs or waits for an answer is left alone.

        :raises NotFound: code ``SESSION_NOT_FOUND`` for an unknown session.
        """
        trimmed = 0
        while True:
            self._check_ready()
            async with self._turn(session_id) as state:
                self._check_ready()
                if state is None:
                    raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
                session = state.session()
                at_rest = session.status not in ("running", "awaiting_input")
                if not at_rest or updated_at not in (None, session.updated_at):
                    return trimmed
                draft = Draft(state, self._blobs, self._clock)
                done = draft.trim(min(through, session.trimmed + _TRIM_AT_ONCE))
                await self._finish(state, draft, draft.finish(quietly=True))
            trimmed += done
            if not done:
                return trimmed

    async def _find_references(self) -> tuple[dict[str, frozenset[str]], bool]:
        """Return the blobs that each session refers to, and whether every session could be read.

        Sessions that are as they were last time are not read again.
        """
        found: dict[str, tuple[tuple[str, int], frozenset[str]]] = {}
        complete = True
        for session in await self.sessions(SessionFilter()):
            version = session.updated_at, session.trimmed
            known = self._references.get(session.id)
            if known is None or known[0] != version:
                try:
                    state = await self._state(session.id)
                except StoreDamaged as error:
                    logger.warning("No blob is removed while %s cannot be read: %s", session.id, error)
                    complete = False
                    continue
                if state is None:
                    continue
                known = version, await to_thread.run_sync(mentions, state.raws())
            found[session.id] = known
        self._references = found
        return {session_id: names for session_id, (_, names) in found.items()}, complete

    def _renew(self) -> None:
        super()._renew()
        self._shelf_turn = anyio.Lock()
        self._memory_turn = anyio.Lock()

    def _workflows(self) -> WorkflowShelf:
        self._check_ready()
        return self._shelf

    def _node_types(self) -> NodeTypeShelf:
        self._workflows()
        return self._type_shelf

    def _memories(self) -> MemoryShelf:
        self._check_ready()
        return self._memory_shelf


async def _decoded(raws: Sequence[bytes], decode: Callable[[bytes], WorkflowRecord]) -> list[WorkflowRecord]:
    """Return the workflows in rows; what is large is read in a worker thread."""

    def read() -> list[WorkflowRecord]:
        return [decode(raw) for raw in raws]

    return read() if sum(map(len, raws)) <= _INLINE_BYTES else await to_thread.run_sync(read)
