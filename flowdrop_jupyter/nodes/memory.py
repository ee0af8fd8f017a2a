"""What workflows remember beyond a run: values by scope, the scope's id and key, and who may see them.

Whether a scope can be used is decided in one place, :func:`scope_id`, that every way to memory passes
(MEM-6, MEM-7, MEM-13).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

import anyio

from ..expressions import quoted
from .conversation import Message, append

logger = logging.getLogger(__name__)

Scope: TypeAlias = Literal["session", "user", "workflow", "pipeline", "execution", "global"]
"""Whose memory it is; ``pipeline`` and ``execution`` both mean the run."""

NOBODY: Final = frozenset({"", "0", "anonymous"})
"""Ids that mean that there is no user or no session."""

TURN_SECONDS: Final = 5.0
"""How long one write waits for another one at the same place (MEM-12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """On whose behalf a run remembers.

    :param user_id: the owner of the session that drives the run, never whoever sent the turn (MEM-8).
    """

    user_id: str | None = None
    session_id: str | None = None
    workflow_id: str = ""


class Memory(Protocol):
    """Where values are kept; the engine and the nodes know no store."""

    async def read(self, scope: str, scope_id: str, key: str) -> tuple[bool, Any]:
        """Tell whether a key is there, and return its value."""
        ...

    async def write(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        """Put a value in place of what the key held."""
        ...

    async def remove(self, scope: str, scope_id: str, key: str) -> bool:
        """Forget a key; tell whether it was there."""
        ...

    @property
    def turns(self) -> Turns:
        """The order of those who read, change and write one place."""
        ...


class Turns:
    """Lets one caller at a time change what is at a place, of those who come this way (MEM-12).

    :param seconds: how long a caller waits for its turn before it goes on without it.
    """

    def __init__(self, seconds: float = TURN_SECONDS) -> None:
        self._seconds = seconds
        self._locks: dict[tuple[str, str, str], tuple[anyio.Semaphore, int]] = {}

    @asynccontextmanager
    async def at(self, *place: str) -> AsyncIterator[bool]:
        """Wait for a turn at *place*, a scope, its id and a key; gives whether it came in time."""
        scope, scope_id, key = place
        at = (scope, scope_id, key)
        lock, users = self._locks.get(at) or (anyio.Semaphore(1), 0)
        self._locks[at] = (lock, users + 1)
        held = False
        try:
            with anyio.move_on_after(self._seconds):
                await lock.acquire()
                held = True
            if not held:
                logger.warning(
                    "The memory %s of scope %s is busy for more than %g s; going on without waiting.",
                    quoted(key),
                    scope,
                    self._seconds,
                )
            yield held
        finally:
            if held:
                lock.release()
            lock, users = self._locks[at]
            if users == 1:
                del self._locks[at]
            else:
                self._locks[at] = (lock, users - 1)


class HeldMemory:
    """A :class:`Memory` in this process, forgotten with it: for tests, and where there is no store."""

    def __init__(self, turns: Turns | None = None) -> None:
        self._values: dict[tuple[str, str, str], Any] = {}
        self._turns = turns or Turns()

    @property
    def turns(self) -> Turns:
        return self._turns

    async def read(self, scope: str, scope_id: str, key: str) -> tuple[bool, Any]:
        place = (scope, scope_id, key)
        return place in self._values, self._values.get(place)

    async def write(self, scope: str, scope_id: str, key: str, value: Any) -> None:
        self._values[scope, scope_id, key] = value

    async def remove(self, scope: str, scope_id: str, key: str) -> bool:
        place = (scope, scope_id, key)
        found = place in self._values
        self._values.pop(place, None)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What was remembered; *value* is the default where nothing was."""

    value: Any
    found: bool
    scope_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Whether a write or a removal took place."""

    success: bool
    scope_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffered:
    """A conversation after an append (MEM-14).

    :param count: how many messages were new.
    """

    messages: list[dict[str, Any]]
    count: int
    scope_id: str


class NodeMemory:
    """The memory that one node of one run uses.

    :param identity: on whose behalf; None where a run has no execution context.
    """

    def __init__(self, memory: Memory, identity: Identity | None, *, node_id: str, run_id: str) -> None:
        self._memory = memory
        self._identity = identity
        self._node_id = node_id
        self._run_id = run_id

    async def recall(self, scope: Scope, key: str, default: Any = None) -> Recalled:
        """Return what a key holds, or *default*; a refused scope holds nothing (MEM-7)."""
        place = self._scope_id(scope)
        if place is None:
            return Recalled(value=default, found=False, scope_id="")
        found, value = await self._memory.read(scope, place, key)
        return Recalled(value=value if found else default, found=found, scope_id=place)

    async def remember(self, scope: Scope, key: str, value: Any) -> Changed:
        """Put a value in place of what the key held; a refused scope keeps nothing (MEM-7)."""
        place = self._scope_id(scope)
        if place is None:
            return Changed(success=False, scope_id="")
        await self._memory.write(scope, place, key, value)
        return Changed(success=True, scope_id=place)

    async def forget(self, scope: Scope, key: str) -> Changed:
        """Forget a key; no success where it was not there, or the scope is refused (MEM-7)."""
        place = self._scope_id(scope)
        if place is None:
            return Changed(success=False, scope_id="")
        return Changed(success=await self._memory.remove(scope, place, key), scope_id=place)

    async def change(self, scope: Scope, key: str, change: Callable[[Any], Any]) -> Recalled:
        """Put what *change* makes of a key's value in its place; callers at one place take turns (MEM-12).

        On a refused scope nothing is changed, and nothing is found (MEM-7).

        :param change: is given the value, None where nothing is kept, and returns the new one, or None to
            leave everything as it is.
        """
        place = self._scope_id(scope)
        if place is None:
            return Recalled(value=None, found=False, scope_id="")
        async with self._memory.turns.at(scope, place, key):
            _, held = await self._memory.read(scope, place, key)
            made = change(held)
            if made is None:
                return Recalled(value=held, found=held is not None, scope_id=place)
            await self._memory.write(scope, place, key, made)
        return Recalled(value=made, found=True, scope_id=place)

    async def append(
        self, scope: Scope, key: str, incoming: Iterable[Message], most: int | None = None
    ) -> Buffered:
        """Add messages to the conversation at a key; on a refused scope they are dropped (MEM-7, MEM-14).

        :param most: how many of the newest messages are kept.
        """
        count = 0

        def added(held: Any) -> list[dict[str, Any]]:
            nonlocal count
            appended = append(messages_held(held), incoming, most)
            count = appended.count
            return appended.buffer

        kept = await self.change(scope, key, added)
        return Buffered(messages=kept.value or [], count=count, scope_id=kept.scope_id)

    def _scope_id(self, scope: Scope) -> str | None:
        found = scope_id(scope, self._identity, self._run_id)
        if found is None:
            logger.warning(
                "The node %s of the run %s (workflow %s) has no %s to remember for; nothing is kept.",
                quoted(self._node_id),
                quoted(self._run_id),
                quoted(self._identity.workflow_id if self._identity else ""),
                scope,
            )
        return found


def scope_id(scope: Scope, identity: Identity | None, run_id: str) -> str | None:
    """Return the id that a scope's values are kept under, or None when the scope is refused.

    ``user`` and ``session`` need a real one (MEM-6, MEM-13); the empty id of ``global`` is a shared
    place and no refusal.
    """
    if scope == "user":
        return real_id(identity.user_id if identity else None)
    if scope == "session":
        return real_id(identity.session_id if identity else None)
    if scope == "workflow":
        return identity.workflow_id if identity else ""
    return run_id if scope in ("pipeline", "execution") else ""


def real_id(value: object) -> str | None:
    """Return an id that means somebody; None for one that is missing, unusable or means nobody."""
    if not isinstance(value, str):
        return None
    return None if value.strip().casefold() in NOBODY else value


def messages_held(value: Any) -> list[dict[str, Any]]:
    """Return the conversation that a key holds; whatever else it holds counts as an empty one."""
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict) and isinstance(entry.get("role"), str)]
