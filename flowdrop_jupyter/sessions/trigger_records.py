"""What is stored of a trigger: its definition, and the state that firing it leaves (TRIG-2, TRIG-3).

Both are values under a key of the store's memory, so that export, backup and every store carry them.
A state is read part by part: what is not as it should be reads as if nothing had happened yet.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from ..store.protocol import Store
from ..store.records import MemoryRecord, Owner
from .permissions import Principal

TriggerKind: TypeAlias = Literal["schedule", "file", "kernel"]
Overlap: TypeAlias = Literal["skip", "buffer", "cancel", "terminate"]

MAX_HISTORY: Final = 10
_DEFINITIONS: Final = "trigger"
_STATES: Final = "trigger_state"
_PLACE: Final = "all"

Part = TypeVar("Part")


class Trigger(msgspec.Struct, kw_only=True):
    """What starts a workflow with nobody asking.

    ``settings`` are the kind's own, as they were stored, however broken. ``inputs`` are values of
    the workflow's declared inputs by name, ``mapping`` texts that are read against what fired
    (LANG-18). ``overlap`` is any text; an unknown one means skip (TRIG-1). ``jitter`` holds
    ``min_seconds`` and ``max_seconds``. Runs are launched as ``owner`` with ``permissions``.
    """

    id: str
    workflow_id: str
    kind: TriggerKind
    owner: Owner
    permissions: list[str] = []
    name: str = ""
    enabled: bool = True
    settings: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    mapping: dict[str, str] = {}
    overlap: str = "skip"
    jitter: dict[str, float] = {}
    created: str = ""
    changed: str = ""

    @property
    def principal(self) -> Principal:
        """Who its runs are launched as."""
        return Principal(self.owner.id, self.owner.name, frozenset(self.permissions))


class Firing(msgspec.Struct, kw_only=True):
    """One time that something fired; ``id`` is the id of the run that it begins."""

    id: str
    event: dict[str, Any]


class Buffered(msgspec.Struct, kw_only=True):
    """The one firing that waits for a run to end; ``run_id`` is empty when that run is not known."""

    event: dict[str, Any]
    run_id: str = ""


class Record(msgspec.Struct, kw_only=True):
    """What became of a trigger's firings: the history is newest first (TRIG-3)."""

    last_run: str | None = None
    run_count: int = 0
    history: list[dict[str, Any]] = []

    def executed(self, at: str, run_id: str, event: str) -> None:
        """Take down that a firing began a run."""
        self.last_run = at
        self.run_count += 1
        self._enter({"at": at, "outcome": "executed", "event": event, "execution_id": run_id})

    def skipped(self, at: str, reason: str, event: str) -> None:
        """Take down that a firing began none, and why."""
        self._enter({"at": at, "outcome": "skipped", "event": event, "reason": reason})

    def _enter(self, entry: dict[str, Any]) -> None:
        self.history = [entry, *self.history][:MAX_HISTORY]


class TriggerState(msgspec.Struct, kw_only=True):
    """Where a trigger stands.

    ``cursor`` is what its source had seen last; None when it has not looked yet. ``firing`` is at
    hand: it is durable before anything comes of it. ``fire_at`` is the time drawn for it (TRIG-2).
    """

    cursor: dict[str, Any] | None = None
    firing: Firing | None = None
    fire_at: str | None = None
    buffer: Buffered | None = None
    record: Record = msgspec.field(default_factory=Record)


def read_state(value: Any) -> TriggerState:
    """Return the state that a stored value spells; parts of an unexpected shape count as absent."""
    held = value if isinstance(value, dict) else {}
    cursor = held.get("cursor")
    fire_at = held.get("fire_at")
    return TriggerState(
        cursor=cursor if isinstance(cursor, dict) else None,
        firing=_part(held.get("firing"), Firing),
        fire_at=fire_at if isinstance(fire_at, str) else None,
        buffer=_part(held.get("buffer"), Buffered),
        record=_part(held.get("record"), Record) or Record(),
    )


def _part(value: Any, kind: type[Part]) -> Part | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


class TriggerShelf:
    """The triggers of a store, and their states."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[Trigger]:
        """Return every readable trigger, oldest first."""
        rows = await self._store.memories(_DEFINITIONS, _PLACE)
        found = [trigger for row in rows if (trigger := _part(row.value, Trigger)) is not None]
        return sorted(found, key=lambda trigger: (trigger.created, trigger.id))

    async def get(self, trigger_id: str) -> Trigger | None:
        """Return one trigger, or None."""
        row = await self._store.memory(_DEFINITIONS, _PLACE, trigger_id)
        return None if row is None else _part(row.value, Trigger)

    async def put(self, trigger: Trigger) -> None:
        """Keep a trigger."""
        await self._keep(_DEFINITIONS, trigger.id, trigger)

    async def state(self, trigger_id: str) -> TriggerState:
        """Return where a trigger stands."""
        row = await self._store.memory(_STATES, _PLACE, trigger_id)
        return read_state(None if row is None else row.value)

    async def put_state(self, trigger_id: str, state: TriggerState) -> None:
        """Keep where a trigger stands."""
        await self._keep(_STATES, trigger_id, state)

    async def remove(self, trigger_id: str) -> None:
        """Forget a trigger and where it stood."""
        await self._store.remove_memory(_DEFINITIONS, _PLACE, trigger_id)
        await self._store.remove_memory(_STATES, _PLACE, trigger_id)

    async def _keep(self, scope: str, key: str, value: msgspec.Struct) -> None:
        plain = msgspec.to_builtins(value)
        await self._store.put_memory(MemoryRecord(scope=scope, scope_id=_PLACE, key=key, value=plain))
