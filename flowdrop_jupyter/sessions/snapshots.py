"""Snapshots of runs: save, read, list and delete (SNAP-1, SNAP-2, INT-6, INT-9).

One per execution. A caller may bring the whole document, or only name a stored run whose state is
taken then. Access is decided here, at the boundary, and nowhere below.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from ..clock import Clock, format_time, system_clock
from ..errors import Forbidden, NotFound
from ..ids import IdFactory, new_id
from ..store.protocol import Store
from ..store.records import JobRecord, MemoryRecord, Owner, RunStatus
from ..workflow.structure import structural_version
from .permissions import Principal, may, may_list, may_list_all
from .runs import RunService, RunView
from .snapshot_bodies import NODE_STATUSES, read_snapshot

logger = logging.getLogger(__name__)

UNKNOWN_WORKFLOW: Final = "unknown"
_SCOPE: Final = "snapshot"
_PLACE: Final = "all"
_NODE_STATUS: Final = {"cancelled": "skipped"}


class NodeState(msgspec.Struct, kw_only=True, rename="camel"):
    """What a snapshot holds of one node; an output only of a completed one, an error of a failed one."""

    status: str
    output: Any = None
    error: Any = None
    injected: bool = False
    execution_order: int = 0
    job_id: str | None = None


class Snapshot(msgspec.Struct, kw_only=True, rename="camel"):
    """The document itself, which is camelCase wherever it is published (SNAP-1)."""

    workflow_id: str
    workflow_version: str = ""
    execution_id: str
    status: RunStatus
    node_states: dict[str, NodeState] = {}
    initial_input: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    iteration_count: int = 0
    thread_id: str | None = None
    created_at: str
    updated_at: str


class StoredSnapshot(msgspec.Struct, kw_only=True):
    """A snapshot's record: whose it is, and the payload as it was stored, readable or not."""

    entity_id: str
    owner: Owner
    created: str
    changed: str
    payload: Any = None


class SnapshotService:
    """Snapshots of runs, for the principals that saved them."""

    def __init__(
        self, store: Store, runs: RunService, *, clock: Clock = system_clock, ids: IdFactory = new_id
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._ids = ids

    async def save(self, body: Mapping[str, Any], principal: Principal) -> tuple[dict[str, str], bool]:
        """Keep a snapshot in place of the one that its execution has; tell whether there was none.

        :param body: the document in either letter case; without node states those of the stored run.
        :raises InvalidInput: ``SNAPSHOT_INVALID``.
        :raises NotFound: ``RUN_NOT_FOUND`` when it brings no node states and there is no such run.
        :raises Forbidden: ``RUN_FORBIDDEN`` for a run that the caller may not view,
            ``SNAPSHOT_FORBIDDEN`` when the execution has somebody else's snapshot.
        """
        said = read_snapshot(body)
        execution_id = said["executionId"]
        before = await self._record(execution_id)
        if before is not None and not may(principal, "edit", before):
            raise Forbidden("The run has a snapshot that you may not replace.", code="SNAPSHOT_FORBIDDEN")
        known = await self._of_run(execution_id, principal, required="nodeStates" not in said)
        now = format_time(self._clock())
        created = now if before is None else before.created
        defaults = {"workflowId": UNKNOWN_WORKFLOW, "status": "completed"}
        document = {**defaults, **known, **said, "createdAt": created, "updatedAt": now}
        record = StoredSnapshot(
            entity_id=self._ids() if before is None else before.entity_id,
            owner=principal.owner if before is None else before.owner,
            created=created,
            changed=now,
            payload=msgspec.to_builtins(msgspec.convert(document, Snapshot)),
        )
        await self._store.put_memory(
            MemoryRecord(scope=_SCOPE, scope_id=_PLACE, key=execution_id, value=msgspec.to_builtins(record))
        )
        return {"entity_id": record.entity_id, "execution_id": execution_id}, before is None

    async def read(self, execution_id: str, principal: Principal) -> dict[str, Any]:
        """Return the document of one execution's snapshot.

        :raises NotFound: ``SNAPSHOT_NOT_FOUND`` when there is none, which beats the next, or when its
            payload cannot be read (SNAP-2).
        :raises Forbidden: ``SNAPSHOT_FORBIDDEN``.
        """
        record = await self._find(execution_id)
        if not may(principal, "view", record):
            raise Forbidden("You may not look at this snapshot.", code="SNAPSHOT_FORBIDDEN")
        snapshot = _payload(record)
        if snapshot is None:
            raise _missing(execution_id)
        document: dict[str, Any] = msgspec.to_builtins(snapshot)
        return document

    async def find(
        self, principal: Principal, *, workflow_id: str | None = None, status: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of the caller's snapshots, changed last first; of all for who may view any."""
        if not may_list(principal):
            return []
        found = []
        for row in await self._store.memories(_SCOPE, _PLACE):
            record = _record_of(row)
            if record is None or not (may_list_all(principal) or may(principal, "view", record)):
                continue
            snapshot = _payload(record)
            if snapshot is None:
                logger.warning("The snapshot of the run %s cannot be read.", row.key)
            elif workflow_id in (None, snapshot.workflow_id) and status in (None, snapshot.status):
                found.append((record.changed, _row(record, snapshot)))
        found.sort(key=lambda pair: (pair[0], pair[1]["execution_id"]), reverse=True)
        return [shown for _, shown in found]

    async def delete(self, execution_id: str, principal: Principal) -> dict[str, str]:
        """Remove a snapshot, readable or not; raises as :meth:`read` does."""
        record = await self._find(execution_id)
        if not may(principal, "delete", record):
            raise Forbidden("You may not delete this snapshot.", code="SNAPSHOT_FORBIDDEN")
        await self._store.remove_memory(_SCOPE, _PLACE, execution_id)
        return {"message": "The snapshot was deleted.", "execution_id": execution_id}

    async def clean(self, before: str, *, statuses: Collection[str] | None = None) -> int:
        """Delete the snapshots created before a formatted time; return how many (INT-9).

        Nobody is asking, so nobody's authority is asked for.

        :param statuses: only those whose run had one of these.
        """
        removed = 0
        for row in await self._store.memories(_SCOPE, _PLACE):
            record = _record_of(row)
            if record is None or record.created >= before:
                continue
            snapshot = _payload(record)
            if statuses is None or (snapshot is not None and snapshot.status in statuses):
                removed += await self._store.remove_memory(_SCOPE, _PLACE, row.key)
        return removed

    async def _record(self, execution_id: str) -> StoredSnapshot | None:
        row = await self._store.memory(_SCOPE, _PLACE, execution_id)
        return None if row is None else _record_of(row)

    async def _find(self, execution_id: str) -> StoredSnapshot:
        record = await self._record(execution_id)
        if record is None:
            raise _missing(execution_id)
        return record

    async def _of_run(self, execution_id: str, principal: Principal, *, required: bool) -> dict[str, Any]:
        """Return what is stored of a run as the keys of a document; nothing for an unknown run."""
        try:
            view = await self._runs.read(execution_id, principal)
        except NotFound:
            if required:
                raise
            return {}
        document: dict[str, Any] = msgspec.to_builtins(snapshot_of(view, self._clock))
        return document


def snapshot_of(view: RunView, clock: Clock) -> Snapshot:
    """Return the state of a stored run (INT-6)."""
    run = view.run
    now = format_time(clock())
    return Snapshot(
        workflow_id=run.workflow_id or UNKNOWN_WORKFLOW,
        workflow_version=structural_version(view.workflow) if view.workflow else "",
        execution_id=run.id,
        status=run.status,
        node_states={job.node_id: _node_state(job) for job in view.jobs},
        initial_input=run.inputs,
        metadata={"engine": run.strategy, "pipeline_id": run.id},
        iteration_count=max((job.attempt for job in view.jobs), default=0),
        thread_id=run.session_id,
        created_at=now,
        updated_at=now,
    )


def _node_state(job: JobRecord) -> NodeState:
    status = _NODE_STATUS.get(job.status, job.status)
    return NodeState(
        status=status if status in NODE_STATUSES else "idle",
        output=job.output if job.status == "completed" else None,
        error=job.error if job.status == "failed" else None,
        execution_order=job.order,
        job_id=job.id,
    )


def _record_of(row: MemoryRecord) -> StoredSnapshot | None:
    try:
        return msgspec.convert(row.value, StoredSnapshot)
    except msgspec.ValidationError:
        logger.warning("The record of the snapshot %s cannot be read.", row.key)
        return None


def _payload(record: StoredSnapshot) -> Snapshot | None:
    try:
        return msgspec.convert(record.payload, Snapshot)
    except msgspec.ValidationError:
        return None


def _row(record: StoredSnapshot, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "entity_id": record.entity_id,
        "execution_id": snapshot.execution_id,
        "workflow_id": snapshot.workflow_id,
        "status": snapshot.status,
        "thread_id": snapshot.thread_id,
        "created": record.created,
        "changed": record.changed,
        "node_count": len(snapshot.node_states),
    }


def _missing(execution_id: str) -> NotFound:
    return NotFound(f"There is no snapshot of the run {execution_id!r}.", code="SNAPSHOT_NOT_FOUND")
