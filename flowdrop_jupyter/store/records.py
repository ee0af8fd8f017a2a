"""The rows a store keeps, as plain typed values.

Field names are the wire's own in snake_case. Statuses have one spelling in storage, payloads and
events (STORE-11); the vocabularies are DESIGN §3's.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

SessionStatus: TypeAlias = Literal["idle", "running", "awaiting_input", "completed", "failed"]
MessageRole: TypeAlias = Literal["user", "assistant", "system", "log"]
MessageStatus: TypeAlias = Literal["pending", "processing", "completed", "failed"]
RunStatus: TypeAlias = Literal[
    "pending", "running", "paused", "completed", "failed", "cancelled", "max_iterations_exceeded"
]
JobStatus: TypeAlias = Literal[
    "idle", "pending", "running", "completed", "failed", "cancelled", "skipped", "interrupted"
]
InterruptStatus: TypeAlias = Literal["pending", "resolved", "cancelled", "expired"]
InterruptType: TypeAlias = Literal["confirmation", "choice", "text", "form", "review"]
EventType: TypeAlias = Literal["message", "session", "run", "node", "interrupt"]

TERMINAL_RUN: frozenset[str] = frozenset({"completed", "failed", "cancelled", "max_iterations_exceeded"})
"""The run statuses that are never left again (INT-11)."""


class Owner(msgspec.Struct, frozen=True):
    """Who a session belongs to, as published: exactly ``{id, name}`` (PLAY-2)."""

    id: str
    name: str


class WorkflowRecord(msgspec.Struct, kw_only=True):
    """A stored workflow definition; ``created`` and ``changed`` are ISO 8601 texts."""

    id: str
    name: str
    description: str = ""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    interface: dict[str, Any] | None = None
    extra: dict[str, Any] = {}
    created: str = ""
    changed: str = ""
    uid: str = ""


class SessionRecord(msgspec.Struct, kw_only=True):
    """A conversation with one workflow, owned by one principal.

    ``last_sequence`` and ``last_event`` are the highest message and event numbers given out;
    ``last_timestamp`` is the newest message's, so that the next one can be strictly later.
    ``trimmed`` is the number of the newest message that retention has emptied, 0 for none.
    """

    id: str
    workflow_id: str
    name: str
    owner: Owner
    status: SessionStatus = "idle"
    created_at: str = ""
    updated_at: str = ""
    metadata: dict[str, Any] = {}
    executions: list[str] = []
    active_run: str | None = None
    last_sequence: int = 0
    last_event: int = 0
    last_timestamp: str | None = None
    trimmed: int = 0


class MessageRecord(msgspec.Struct, kw_only=True):
    """One message; the store gives ``sequence_number`` and ``timestamp`` when it is first put."""

    id: str
    session_id: str
    role: MessageRole
    content: str
    status: MessageStatus = "completed"
    timestamp: str = ""
    sequence_number: int = 0
    node_id: str | None = None
    metadata: dict[str, Any] = {}
    parent_message_id: str | None = None
    execution_id: str | None = None


class SnapshotRecord(msgspec.Struct, kw_only=True):
    """A workflow as it was when a run was launched; ``id`` is the hash of its content."""

    id: str
    workflow: WorkflowRecord


class RunRecord(msgspec.Struct, kw_only=True):
    """One execution of a workflow, frozen in the snapshot ``snapshot_id`` (decision 20).

    ``initial`` is keyed by node id, then port (DATA-6). ``error`` is ``{message, code, node_id}``.
    ``workflow`` is only in rows that were written before there were snapshots: the run itself is
    its snapshot then, by its own id, and keeps the definition for as long as it exists.
    """

    id: str
    session_id: str
    workflow_id: str
    snapshot_id: str = ""
    workflow: WorkflowRecord | msgspec.UnsetType = msgspec.UNSET
    message_id: str | None = None
    initiator: str = ""
    strategy: str = "flowdrop_stategraph:stategraph"
    status: RunStatus = "pending"
    initial: dict[str, dict[str, Any]] = {}
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    stop_requested: bool = False
    error: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.snapshot_id and self.workflow is not msgspec.UNSET:
            self.snapshot_id = self.id


class JobRecord(msgspec.Struct, kw_only=True):
    """One execution of one node; ``output`` is kept for completed and error-routed jobs.

    ``order`` is the position in which jobs of the run finished, from 1; 0 while unfinished.
    ``duration_us`` is microseconds between start and completion. ``restarts`` counts how often a
    new process ran it again because an earlier one had died at it.
    """

    id: str
    run_id: str
    node_id: str
    node_type_id: str
    status: JobStatus = "idle"
    order: int = 0
    attempt: int = 0
    restarts: int = 0
    started_at: str | None = None
    completed_at: str | None = None
    duration_us: int | None = None
    output: dict[str, Any] | None = None
    active_branches: list[str] | None = None
    error: dict[str, Any] | None = None
    error_routed: bool = False
    skip_reason: str | None = None
    interrupt_id: str | None = None


class InterruptRecord(msgspec.Struct, kw_only=True):
    """One question to a person, open until answered, cancelled or expired (INT-22).

    ``config`` holds what its type needs: labels, options, bounds, schema. ``resolved_by`` is an
    :class:`Owner`, or None while nobody answered.
    """

    id: str
    session_id: str
    run_id: str
    job_id: str
    node_id: str
    workflow_id: str
    type: InterruptType
    message: str
    status: InterruptStatus = "pending"
    config: dict[str, Any] = {}
    allow_cancel: bool = True
    message_id: str | None = None
    created_at: str = ""
    resolved_at: str | None = None
    expires_at: str | None = None
    resolved_by: Owner | None = None
    initiator: str = ""
    reason: str | None = None
    response: Any = None


class CheckpointRecord(msgspec.Struct, kw_only=True):
    """The state of a run at one point; ``name`` is a node's id or ``workflow_end``.

    ``parent_id`` is the checkpoint it follows. The store gives ``created_at`` when it is missing.
    """

    id: str
    run_id: str
    session_id: str
    name: str
    state: dict[str, Any]
    parent_id: str | None = None
    created_at: str = ""


class MemoryRecord(msgspec.Struct, kw_only=True):
    """What a workflow remembers beyond a run: one value by scope, the scope's id and a key.

    A scope is a word such as ``session``, ``workflow`` or ``user``. The store gives ``updated_at``.
    """

    scope: str
    scope_id: str
    key: str
    value: Any
    updated_at: str = ""


class EventRecord(msgspec.Struct, kw_only=True):
    """One entry of a session's event log; the store gives ``seq`` (from 1, no gap) and ``at``."""

    type: EventType
    data: dict[str, Any]
    seq: int = 0
    at: str = ""


class MessagePage(msgspec.Struct, frozen=True):
    """Messages in ascending order with the session as it was in the same instant (PLAY-3)."""

    messages: list[MessageRecord]
    session: SessionRecord
    has_more: bool
    has_older: bool


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions to list; None means any. ``search`` is a part of the name, case ignored.

    A session is ``archived`` when its metadata has ``archived: true``.
    """

    workflow_id: str | None = None
    owner_id: str | None = None
    status: SessionStatus | None = None
    search: str | None = None
    archived: bool | None = None


class StoreUsage(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes a store takes.

    ``sessions`` are the bytes of each session's rows by session id; ``blobs`` those of each blob by
    its hash, whether anything refers to it or not; ``references`` names the blobs of each session.
    """

    sessions: dict[str, int]
    blobs: dict[str, int]
    references: dict[str, frozenset[str]]
