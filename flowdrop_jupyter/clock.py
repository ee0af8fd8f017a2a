"""Time as a value that is passed in, and its one spelling on the wire.

Every timestamp that leaves the process is UTC with six decimals and a ``Z``, so that comparing the
texts compares the times (the client sorts them as text).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

Clock: TypeAlias = Callable[[], datetime]
"""A callable that returns the current time as an aware datetime."""

TICK = timedelta(microseconds=1)

_OWN_SPELLING = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII).fullmatch


def system_clock() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """Return *moment* as ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` in UTC."""
    moment = moment.astimezone(UTC)
    # msgspec spells it the same way, many times faster, but leaves out a fraction of zero.
    if moment.microsecond:
        return str(msgspec.to_builtins(moment))
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime | None:
    """Return the aware datetime that *text* spells in ISO 8601, or None when it spells none.

    A time without an offset is read as UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def strictly_after(moment: datetime, previous: str | None) -> str:
    """Return *moment* as text, moved to one microsecond after *previous* unless it is later already."""
    text = format_time(moment)
    # Texts of our own spelling compare as their times do; others are read first.
    if previous is None or (_OWN_SPELLING(previous) and text > previous):
        return text
    earlier = parse_time(previous)
    return text if earlier is None or moment > earlier else format_time(earlier + TICK)


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Return the seconds from one formatted time to a later one, or None when one is missing."""
    begin = parse_time(earlier) if earlier else None
    end = parse_time(later) if later else None
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())
