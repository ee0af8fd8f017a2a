"""The node that gives a moment in the forms people and programs write it in."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from ...clock import system_clock
from ...expressions import quoted
from ..api import node
from ..signature import Config, Wire
from .refusals import refused

_LONGEST_FORMAT: Final = 500
_SECONDS: Final = re.compile(r"-?\d{1,20}(\.\d{0,20})?", re.ASCII)
_ENGLISH_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Moment(msgspec.Struct):
    """A moment: as asked for, in seconds since 1970, and in ISO 8601."""

    datetime: str
    timestamp: int
    format: str
    timezone: str
    operation: str
    iso: str


@node(name="Date & time", category="tools", icon="mdi:calendar-clock", color="#65a30d", tags=("date", "time"))
def date_time(
    datetime: Annotated[Any, Wire(lane="string")] = None,
    operation: Annotated[Literal["current", "timestamp", "iso", "unix", "custom"], Config()] = "current",
    format: Annotated[str, Config()] = "Y-m-d H:i:s",  # noqa: A002 - documented key
    timezone: Annotated[str, Config()] = "UTC",
    customFormat: Annotated[str, Config()] = "Y-m-d H:i:s",
) -> Moment:
    """Gives the present moment, or one that arrives, as a text.

    :param datetime: a moment in ISO 8601 or in seconds since 1970; the present one when nothing
        arrives. Without an offset it is one of the chosen time zone.
    :param operation: what ``datetime`` gives: ``current`` the moment in the format, ``custom`` in the
        custom format, ``iso`` in ISO 8601, ``timestamp`` and ``unix`` in seconds since 1970.
    :param format: letters as in PHP's ``date``, such as ``Y-m-d H:i:s``; a backslash keeps the next one.
    :param timezone: its name, such as ``Europe/Berlin``.
    :param customFormat: the format of the operation ``custom``.
    """
    zone = _zone(timezone)
    moment = _moment(datetime, zone)
    seconds = math.floor(moment.timestamp())
    pattern = customFormat if operation == "custom" else format
    iso = moment.isoformat(timespec="seconds")
    shown = formatted(moment, pattern)
    said = {"timestamp": str(seconds), "unix": str(seconds), "iso": iso}.get(operation, shown)
    return Moment(
        datetime=said, timestamp=seconds, format=pattern, timezone=timezone, operation=operation, iso=iso
    )


def formatted(moment: datetime, pattern: str) -> str:
    """Return *moment* in a format of PHP's ``date`` letters; other characters stand for themselves.

    :raises NodeError: ``DATE_FORMAT_TOO_LONG``.
    """
    if len(pattern) > _LONGEST_FORMAT:
        message = f"A date format has at most {_LONGEST_FORMAT} characters."
        raise refused(message, "DATE_FORMAT_TOO_LONG", "format")
    made, letters = [], iter(pattern)
    for letter in letters:
        if letter == "\\":
            made.append(next(letters, "\\"))
        else:
            made.append(_LETTERS[letter](moment) if letter in _LETTERS else letter)
    return "".join(made)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise refused(f"There is no time zone {quoted(name)}.", "TIMEZONE_UNKNOWN", "timezone") from error


def _moment(given: Any, zone: tzinfo) -> datetime:
    if given is None or (isinstance(given, str) and given.strip() in ("", "now")):
        return system_clock().astimezone(zone)
    try:
        if isinstance(given, str):
            text = given.strip()
            # Eight digits are a date without dashes.
            if not _SECONDS.fullmatch(text) or (text.isdecimal() and len(text) == 8):
                moment = datetime.fromisoformat(text)
                return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone)
            given = float(text)
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=given)).astimezone(zone)
    except (ValueError, OverflowError) as error:
        raise _unreadable(given) from error
    raise _unreadable(given)


def _unreadable(given: Any) -> Exception:
    return refused(f"{quoted(given)} is not a date and time.", "DATETIME_INVALID", "datetime")


def _offset(moment: datetime, colon: str) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"


def _ordinal(moment: datetime) -> str:
    day = moment.day
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _hour(moment: datetime) -> int:
    return moment.hour % 12 or 12


# English and not strftime: that one speaks the language of the server.
_LETTERS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "d": lambda moment: f"{moment.day:02d}",
    "j": lambda moment: str(moment.day),
    "D": lambda moment: _ENGLISH_DAYS[moment.weekday()][:3],
    "l": lambda moment: _ENGLISH_DAYS[moment.weekday()],
    "N": lambda moment: str(moment.isoweekday()),
    "w": lambda moment: str(moment.isoweekday() % 7),
    "S": _ordinal,
    "z": lambda moment: str(moment.timetuple().tm_yday - 1),
    "W": lambda moment: f"{moment.isocalendar().week:02d}",
    "m": lambda moment: f"{moment.month:02d}",
    "n": lambda moment: str(moment.month),
    "M": lambda moment: _ENGLISH_MONTHS[moment.month - 1][:3],
    "F": lambda moment: _ENGLISH_MONTHS[moment.month - 1],
    "t": lambda moment: str(calendar.monthrange(moment.year, moment.month)[1]),
    "L": lambda moment: str(int(calendar.isleap(moment.year))),
    "o": lambda moment: str(moment.isocalendar().year),
    "Y": lambda moment: f"{moment.year:04d}",
    "y": lambda moment: f"{moment.year % 100:02d}",
    "a": lambda moment: "am" if moment.hour < 12 else "pm",
    "A": lambda moment: "AM" if moment.hour < 12 else "PM",
    "g": lambda moment: str(_hour(moment)),
    "h": lambda moment: f"{_hour(moment):02d}",
    "G": lambda moment: str(moment.hour),
    "H": lambda moment: f"{moment.hour:02d}",
    "i": lambda moment: f"{moment.minute:02d}",
    "s": lambda moment: f"{moment.second:02d}",
    "v": lambda moment: f"{moment.microsecond // 1000:03d}",
    "u": lambda moment: f"{moment.microsecond:06d}",
    "e": lambda moment: str(moment.tzinfo or "UTC"),
    "T": lambda moment: moment.tzname() or "UTC",
    "I": lambda moment: str(int(bool(moment.dst()))),
    "O": lambda moment: _offset(moment, ""),
    "P": lambda moment: _offset(moment, ":"),
    "p": lambda moment: _offset(moment, ":") if moment.utcoffset() else "Z",
    "Z": lambda moment: str(int((moment.utcoffset() or timedelta()).total_seconds())),
    "U": lambda moment: str(math.floor(moment.timestamp())),
    "c": lambda moment: formatted(moment, "Y-m-d\\TH:i:sP"),
    "r": lambda moment: formatted(moment, "D, d M Y H:i:s O"),
}


NODES = (date_time,)
