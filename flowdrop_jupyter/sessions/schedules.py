"""When a cron expression is due, and what is said of one that never is (CRON-1, CRON-2).

What decides whether a schedule is due and what reports its next run read the stored values through
the same function, so the two cannot disagree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ..clock import format_time

ScheduleCode: TypeAlias = Literal["no_expression", "invalid_expression", "invalid_timezone"]

MAX_EXPRESSION: Final = 255
_FIELDS: Final = 5
_LOOK_BACK: Final = timedelta(days=1)
# Letters in the wrong place end in any of these inside of the reader.
_UNREADABLE: Final = (CronSimError, ValueError, TypeError, AssertionError, IndexError, OverflowError)


class NextRun(NamedTuple):
    """When a schedule is due next, in UTC; ``code`` is why it is not, or how it was mended (CRON-2)."""

    at: datetime | None
    code: ScheduleCode | None

    @property
    def text(self) -> str | None:
        """The time as it is published."""
        return None if self.at is None else format_time(self.at)


def next_run(expression: Any, timezone: Any, after: datetime) -> NextRun:
    """Return the first time strictly after *after* at which a stored schedule is due.

    It reads time zone files and searches decades for what never comes: call it in a worker thread.

    :param expression: five cron fields; exactly the empty text means that nothing is scheduled
        (CRON-1). Whatever else cannot be read, and what is never due, is ``invalid_expression``.
    :param timezone: an IANA name; another value gives ``invalid_timezone`` and counts as UTC. Of two
        codes the expression's wins.
    """
    if isinstance(expression, str) and expression == "":
        return NextRun(None, "no_expression")
    zone = _zone(timezone)
    moment = _after(expression, zone or UTC, after)
    if moment is None:
        return NextRun(None, "invalid_expression")
    return NextRun(moment, None if zone is not None else "invalid_timezone")


def latest_due(expression: Any, timezone: Any, after: datetime, now: datetime) -> datetime | None:
    """Return the latest time after *after* and not after *now* at which a schedule was due, or None.

    Of times that were missed, such as while no server ran, the latest stands for all.
    """
    latest = None
    # After a long pause most of the missed times need no look: the last day tells, if there is any in it.
    for begin in (max(after, now - _LOOK_BACK), after):
        due = next_run(expression, timezone, begin).at
        while due is not None and begin < due <= now:
            latest = begin = due
            due = next_run(expression, timezone, begin).at
        if latest is not None:
            break
    return latest


def _after(expression: Any, zone: tzinfo, after: datetime) -> datetime | None:
    if not isinstance(expression, str) or len(expression) > MAX_EXPRESSION:
        return None
    if len(expression.split()) != _FIELDS:
        return None
    try:
        found = next(CronSim(expression, after.astimezone(zone)))
        return found.astimezone(UTC)
    except StopIteration:
        return None
    except _UNREADABLE:
        return None


@lru_cache(maxsize=256)
def _named_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        # Unknown names are KeyErrors, those that leave the folder of zones ValueErrors, folders OSErrors.
        return None


def _zone(timezone: Any) -> ZoneInfo | None:
    usable = isinstance(timezone, str) and timezone != "" and len(timezone) <= MAX_EXPRESSION
    return _named_zone(timezone) if usable else None
