"""What callers may say about a trigger, checked key by key before anything is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ..errors import InvalidInput
from .schedules import MAX_EXPRESSION, next_run

KINDS: Final = ("schedule", "file", "kernel")
OVERLAPS: Final = ("skip", "buffer", "cancel", "terminate")
KERNEL_CHANGES: Final = ("started", "ended")
MAX_NAME: Final = 255
MAX_PATH: Final = 1_024
MAX_SETTLE_SECONDS: Final = 3_600.0
MAX_JITTER_SECONDS: Final = 86_400.0

Problem: TypeAlias = tuple[str, str, str]
"""A code, a sentence, and where."""
Check: TypeAlias = Callable[[Any], "str | None"]
"""Returns what is wrong with a value, as the end of a sentence, or None."""

_SAMPLE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def check_trigger(body: Mapping[str, Any], *, kind: str | None = None) -> None:
    """Check what a caller says about a trigger; with *kind* it is about one that exists.

    It reads time zone files: call it in a worker thread.

    :raises InvalidInput: ``TRIGGER_INVALID``, with a detail for each key at fault.
    """
    problems: list[Problem] = []
    allowed = _KEYS if kind is None else {key: check for key, check in _KEYS.items() if key != "kind"}
    _check(body, allowed, "", problems)
    if kind is None and "kind" not in body:
        problems.append(("KEY_MISSING", f"A trigger needs a kind: {', '.join(KINDS)}.", "kind"))
    said = body.get("kind") if kind is None else kind
    settings = body.get("settings")
    known = _SETTINGS.get(said) if isinstance(said, str) else None
    if known is not None and (settings is None or isinstance(settings, Mapping)):
        _check(settings or {}, known, "settings.", problems)
        if said == "file" and kind is None and "path" not in (settings or {}):
            problems.append(("KEY_MISSING", "A file trigger needs a path.", "settings.path"))
    jitter = body.get("jitter")
    if isinstance(jitter, Mapping):
        _check(jitter, _JITTER, "jitter.", problems)
    if problems:
        raise InvalidInput(
            " ".join(sentence for _, sentence, _ in problems[:5]),
            code="TRIGGER_INVALID",
            details=[
                {"code": code, "message": sentence, "locator": locator}
                for code, sentence, locator in problems
            ],
        )


def _check(
    given: Mapping[str, Any], known: Mapping[str, tuple[str, Check]], where: str, problems: list[Problem]
) -> None:
    for key, value in given.items():
        shown = f"{where}{key[:MAX_NAME]}"
        if key not in known:
            problems.append(("KEY_UNKNOWN", f"A trigger has no {shown!r}.", shown))
            continue
        code, check = known[key]
        wrong = check(value)
        if wrong is not None:
            problems.append((code, f"{shown!r} {wrong}.", shown))


def _text(longest: int) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, str) and len(value) <= longest
        return None if fits else f"has to be a text of at most {longest:,} characters"

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any) -> str | None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if number and least <= value <= most else f"has to be a number from {least:g} to {most:g}"

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str | None:
        return (
            None if isinstance(value, str) and value in choices else f"has to be one of {', '.join(choices)}"
        )

    return check


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "has to be true or false"


def _object(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "has to be an object"


def _texts(value: Any) -> str | None:
    texts = isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())
    return None if texts else "has to be an object of texts"


def _expression(value: Any) -> str | None:
    if isinstance(value, str) and len(value) <= MAX_EXPRESSION:
        if next_run(value, "UTC", _SAMPLE).code != "invalid_expression":
            return None
        return "has to be five cron fields that are due at some time, or empty"
    return f"has to be a text of at most {MAX_EXPRESSION} characters"


def _timezone(value: Any) -> str | None:
    known = isinstance(value, str) and next_run("* * * * *", value, _SAMPLE).code is None
    return None if known else "has to be the IANA name of a time zone"


def _path(value: Any) -> str | None:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_PATH or "\0" in value:
        return f"has to be a path of 1 to {MAX_PATH:,} characters"
    if any(part == "" or part.startswith(".") for part in value.split("/")) or "\\" in value:
        return "has to be a path below the server's root, with forward slashes and nothing hidden in it"
    return None


def _changes(value: Any) -> str | None:
    listed = isinstance(value, list) and value and all(one in KERNEL_CHANGES for one in value)
    return None if listed else f"has to be a list of {' and '.join(KERNEL_CHANGES)}"


_KEYS: Final[Mapping[str, tuple[str, Check]]] = {
    "kind": ("KIND_INVALID", _one_of(*KINDS)),
    "name": ("NAME_INVALID", _text(MAX_NAME)),
    "enabled": ("ENABLED_INVALID", _flag),
    "settings": ("SETTINGS_INVALID", _object),
    "inputs": ("INPUTS_INVALID", _object),
    "mapping": ("MAPPING_INVALID", _texts),
    "overlap": ("OVERLAP_INVALID", _one_of(*OVERLAPS)),
    "jitter": ("JITTER_INVALID", _object),
}
_SETTINGS: Final[Mapping[str, Mapping[str, tuple[str, Check]]]] = {
    "schedule": {
        "expression": ("EXPRESSION_INVALID", _expression),
        "timezone": ("TIMEZONE_INVALID", _timezone),
    },
    "file": {
        "path": ("PATH_INVALID", _path),
        "settle_seconds": ("SETTLE_INVALID", _number(0.0, MAX_SETTLE_SECONDS)),
    },
    "kernel": {
        "kernel": ("KERNEL_INVALID", _text(MAX_NAME)),
        "on": ("CHANGES_INVALID", _changes),
    },
}
_JITTER: Final[Mapping[str, tuple[str, Check]]] = {
    "min_seconds": ("JITTER_INVALID", _number(-MAX_JITTER_SECONDS, MAX_JITTER_SECONDS)),
    "max_seconds": ("JITTER_INVALID", _number(-MAX_JITTER_SECONDS, MAX_JITTER_SECONDS)),
}
