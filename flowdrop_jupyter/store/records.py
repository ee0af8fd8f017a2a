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
    """A stored workflow definition; ``created`` and ``changed`` are ISO 8601 texts.

    ``inputs`` and ``outputs`` are the manifests: entries of ``name``, ``node_id``, ``port`` and an
    author's own words, kept as they were submitted (MAN-2, MAN-3). ``parameter_schema`` and
    ``output_schema`` are the contract as it was last built, ``contract_version`` its number (STORE-8).
    ``extra`` holds the top-level keys that this version gives no meaning to. ``interface`` is only in
    rows that were written before there were manifests; it is read into them.
    """

    id: str
    name: str
    description: str = ""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    metadata: dict[str, Any] = {}
    inputs: list[dict[str, Any]] = []
    outputs: list[dict[str, Any]] = []
    contract_version: str = "0.0.0"
    parameter_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    interface: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    extra: dict[str, Any] = {}
    created: str = ""
    changed: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.interface, dict):
            self.inputs = self.inputs or _manifest(self.interface.get("inputs"))
            self.outputs = self.outputs or _manifest(self.interface.get("outputs"))
        self.interface = msgspec.UNSET


class WorkflowHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What lists look workflows through by; ``tags`` are those of the metadata that are texts."""

    id: str
    name: str
    tags: frozenset[str] = frozenset()
    created: str = ""
    changed: str = ""

    @classmethod
    def of(cls, workflow: WorkflowRecord) -> WorkflowHeader:
        """Return the header of a workflow."""
        tags = workflow.metadata.get("tags")
        return cls(
            id=workflow.id,
            name=workflow.name,
            tags=frozenset(tag for tag in tags if isinstance(tag, str))
            if isinstance(tags, list)
            else frozenset(),
            created=workflow.created,
            changed=workflow.changed,
        )


class NodeTypeRecord(msgspec.Struct, kw_only=True):
    """A node type that was made at run time: a preset on a processor that is installed.

    ``preset`` is its declaration as it was submitted; ``publisher`` and ``workflow_id`` tell the
    bundle it came with. ``created`` is an ISO 8601 text.
    """

    id: str
    preset: dict[str, Any]
    publisher: str = ""
    workflow_id: str = ""
    created: str = ""


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
    ``inputs`` are a launch's values by declared name; a turn's are with its message. Limits that
    the caller set are in ``timeout_seconds``, of work, and ``max_steps``, in executed nodes.
    ``event`` is what fired, for a run that a trigger began; ``rerun_of`` is the run that it repeats.
    ``paused_reason`` names the limit that paused it; None while a person is waited for (ORC-10).
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
    inputs: dict[str, Any] = {}
    event: dict[str, Any] | None = None
    rerun_of: str | None = None
    timeout_seconds: float | None = None
    max_steps: int | None = None
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    stop_requested: bool = False
    paused_reason: str | None = None
    error: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.snapshot_id and self.workflow is not msgspec.UNSET:
            self.snapshot_id = self.id


class JobRecord(msgspec.Struct, kw_only=True):
    """One execution of one node; ``output`` is kept for completed and error-routed jobs.

    ``order`` is the position in which jobs of the run finished, from 1; 0 while unfinished.
    ``execution`` counts the executions of the node before this one in its run, ``stamp`` has the round
    of each loop it is in by the loop's head, outermost first (SG-8, SG-17); rows that were written
    before there were loops have none. ``step`` is what it made of the list that a loop goes through, of
    runs that keep no checkpoints.
    ``duration_us`` is microseconds between start and completion. ``restarts`` counts how often a
    new process ran it again because an earlier one had died at it.
    """

    id: str
    run_id: str
    node_id: str
    node_type_id: str
    status: JobStatus = "idle"
    order: int = 0
    execution: int = 0
    stamp: dict[str, int] | None = None
    step: dict[str, Any] | None = None
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

    @property
    def result_key(self) -> str:
        """The key that its result is told under: the node's id, with a number from the second on (SG-8)."""
        return f"{self.node_id}:{self.execution}" if self.execution else self.node_id


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

    ``parent_id`` is the checkpoint it follows. With an ``update``, the state is the one in ``state``,
    or else that of the parent, with the update reduced into it; so a step is as small as what it
    changed. The store gives ``created_at`` when it is missing.
    """

    id: str
    run_id: str
    session_id: str
    name: str
    state: dict[str, Any]
    update: dict[str, Any] | None = None
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


_WORDS: tuple[tuple[str, str], ...] = (
    ("label", "title"),
    ("description", "description"),
    ("examples", "examples"),
    ("required", "required"),
)


def _manifest(entries: Any) -> list[dict[str, Any]]:
    """Return the manifest that one side of an old ``interface`` declares; drafts without one binding drop."""
    found: list[dict[str, Any]] = []
    for entry in entries if isinstance(entries, list) else []:
        bindings = entry.get("bindings") if isinstance(entry, dict) else None
        if not isinstance(bindings, list) or len(bindings) != 1 or not isinstance(bindings[0], dict):
            continue
        bound = {
            "name": entry.get("id"),
            "node_id": bindings[0].get("nodeId"),
            "port": bindings[0].get("portId"),
        }
        if all(isinstance(value, str) for value in bound.values()):
            found.append(bound | {ours: entry[theirs] for theirs, ours in _WORDS if theirs in entry})
    return found
