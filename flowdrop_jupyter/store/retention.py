"""Retention: what a store keeps, and a sweep that removes the rest.

Whole sessions go, those first that were quiet the longest. Of a session that has too many messages
the oldest are emptied; their rows stay, because numbers must not have gaps. A session that runs or
waits for an answer is never touched, and one that somebody uses while the sweep is at work is left
alone until the next.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ..clock import Clock, parse_time
from ..errors import NotFound, StoreError
from .protocol import Store
from .records import SessionFilter, SessionRecord, StoreUsage

logger = logging.getLogger(__name__)

_AT_WORK: Final = frozenset({"running", "awaiting_input"})
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What to keep; None means without limit.

    :param max_age_days: days since a session's last activity.
    :param max_sessions: how many sessions, those at work included.
    :param max_messages_per_session: how many of a session's newest messages keep their content.
    :param max_bytes: what all sessions may take with the blobs they refer to, on disk.
    """

    max_age_days: float | None = None
    max_sessions: int | None = None
    max_messages_per_session: int | None = None
    max_bytes: int | None = None


@dataclass(slots=True)
class SweepReport:
    """What a sweep did.

    :param sessions: the ids of the removed sessions, in the order of their removal.
    :param messages: how many messages were emptied, by session id.
    :param blobs: the hashes of the removed blobs.
    :param failed: why a session could not be removed or its messages not be emptied, by session id.
    :param freed_bytes: the bytes of removed sessions and blobs.
    :param excess_bytes: how many bytes remain above ``max_bytes``: the rest is at work, or has failed.
    """

    sessions: list[str] = field(default_factory=list)
    messages: dict[str, int] = field(default_factory=dict)
    blobs: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    freed_bytes: int = 0
    excess_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.sessions or self.messages or self.blobs)


async def sweep(
    store: Store, policy: RetentionPolicy, clock: Clock, *, blob_grace_seconds: float = 3600.0
) -> SweepReport:
    """Bring *store* within *policy*, and remove the blobs that nothing refers to.

    :param clock: tells how old a session is.
    :param blob_grace_seconds: how long a blob stays that no row refers to.
    """
    report = SweepReport()
    sessions = await store.sessions(SessionFilter())
    sizes = _Sizes(await store.usage())
    surplus = 0 if policy.max_sessions is None else len(sessions) - policy.max_sessions
    kept: list[SessionRecord] = []
    for session in reversed(sessions):
        too_many = surplus > 0
        too_big = policy.max_bytes is not None and sizes.total > policy.max_bytes
        if session.status in _AT_WORK or not (too_many or too_big or _too_old(session, policy, clock)):
            kept.append(session)
        elif await _remove(store, session, report):
            report.freed_bytes += sizes.take(session.id)
            surplus -= 1
    for session in kept:
        await _trim(store, session, policy, report)
    removed = await store.collect_garbage(grace_seconds=blob_grace_seconds)
    report.blobs = list(removed)
    report.freed_bytes += sum(removed.values())
    if policy.max_bytes is not None:
        report.excess_bytes = max(0, sizes.total - policy.max_bytes)
    for session_id, reason in report.failed.items():
        logger.warning("Retention could not tidy the session %s: %s", session_id, reason)
    if report:
        logger.info(
            "Retention removed %d sessions and %d blobs and emptied messages of %d sessions; %d bytes freed.",
            len(report.sessions),
            len(report.blobs),
            len(report.messages),
            report.freed_bytes,
        )
    return report


def _too_old(session: SessionRecord, policy: RetentionPolicy, clock: Clock) -> bool:
    if policy.max_age_days is None:
        return False
    last = parse_time(session.updated_at) or _LONG_AGO
    return clock() - last > timedelta(days=policy.max_age_days)


async def _remove(store: Store, session: SessionRecord, report: SweepReport) -> bool:
    try:
        removed = await store.remove_session(session.id, updated_at=session.updated_at)
    except StoreError as error:
        report.failed[session.id] = error.message
        return False
    if removed:
        report.sessions.append(session.id)
    return removed


async def _trim(store: Store, session: SessionRecord, policy: RetentionPolicy, report: SweepReport) -> None:
    if policy.max_messages_per_session is None or session.status in _AT_WORK:
        return
    through = session.last_sequence - policy.max_messages_per_session
    if through <= session.trimmed:
        return
    try:
        emptied = await store.trim_messages(session.id, through, updated_at=session.updated_at)
    except NotFound:
        return
    except StoreError as error:
        report.failed[session.id] = error.message
        return
    if emptied:
        report.messages[session.id] = emptied


class _Sizes:
    """What sessions take, with the blobs that no other session refers to."""

    def __init__(self, usage: StoreUsage) -> None:
        self._usage = usage
        self._users = Counter(name for names in usage.references.values() for name in names)
        self.total = sum(usage.sessions.values()) + sum(usage.blobs[name] for name in self._users)

    def take(self, session_id: str) -> int:
        """Count a session as removed; return the bytes of its rows."""
        rows = self._usage.sessions.get(session_id, 0)
        self.total -= rows
        for name in self._usage.references.get(session_id, ()):
            self._users[name] -= 1
            if not self._users[name]:
                self.total -= self._usage.blobs[name]
        return rows
