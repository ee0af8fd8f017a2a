"""Patterns that authors write: regular expressions of bounded size and matching time.

The language is that of Python's ``re``, which decides what a pattern is. The matching is done by
``regex``: it can be interrupted and lets other threads run meanwhile, and ``re`` can do neither. It
writes fixed counts out, ``(a{1000}){1000}`` as a million steps, so their product is limited too.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import regex

from ..errors import NodeError
from .quoting import quoted, shortened

MAX_PATTERN: Final = 1000
"""Characters a pattern may consist of."""

MAX_TEXT: Final = 100_000
"""Characters of a text that is searched."""

MAX_SECONDS: Final = 1.0
"""Seconds one search may take."""

_MAX_STEPS: Final = 10_000
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "g": 0, "u": 0}
_VERBOSE: Final = re.compile(r"\(\?[aiLmsu]*x")
_NOT_A_COUNT: Final = re.compile(r"(\\N\{[^}]*\}|\\.)|\{(?!\d+(?:,\d*)?\}|,\d*\})", re.DOTALL)
_TOKEN: Final = re.compile(
    r"(?P<comment>\(\?#[^)]*\))|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()|(?P<close>\))"
    r"|\{(?P<count>\d+)(?:,\d*)?\}|.",
    re.DOTALL,
)


def pattern_found(pattern: str, text: str, *, case_sensitive: bool = True) -> bool:
    """Return whether *pattern* matches anywhere in *text*. It blocks: call it in a worker thread.

    :param case_sensitive: whether letters, those in character classes too, compare with their case;
        the pattern's own text is never changed by that (LANG-28).
    :raises NodeError: ``PATTERN_INVALID`` for one that cannot be read or is too large,
        ``PATTERN_TEXT_TOO_LONG`` beyond :data:`MAX_TEXT`, ``PATTERN_TIMEOUT`` beyond
        :data:`MAX_SECONDS`.
    """
    compiled = _compiled(pattern, case_sensitive)
    return _within_bounds(compiled.search, pattern, text)


def pattern_matches(
    pattern: str, text: str, *, case_sensitive: bool = True, flags: str = "", first_only: bool = False
) -> Iterator[Any]:
    """Yield the match objects of *pattern* in *text* one by one, all within :data:`MAX_SECONDS`.

    The time between the first and the last counts, so take them without delay.

    :param flags: ``i`` ignores case, ``m`` lets ``^`` and ``$`` match at every line, ``s`` lets a dot
        match a line break; ``g`` and ``u`` change nothing.
    :param first_only: stop after the first one.
    :raises NodeError: as :func:`pattern_found`; ``PATTERN_INVALID`` for another flag, too.
    """
    unknown = set(flags.lower()) - set(_FLAGS)
    if unknown:
        raise _invalid(pattern, f"there is no flag {quoted(min(unknown))}")
    compiled = _compiled(pattern, case_sensitive, sum({int(_FLAGS[flag]) for flag in flags.lower()}))
    _check_text(text)
    # The limit of regex counts each match anew.
    deadline = time.monotonic() + MAX_SECONDS
    matches = compiled.finditer(text, timeout=MAX_SECONDS, concurrent=True)
    try:
        for found in islice(matches, 1) if first_only else matches:
            yield found
            if time.monotonic() > deadline:
                raise TimeoutError
    except (TimeoutError, MemoryError) as error:
        raise _too_slow(pattern) from error


def i_regexp_found(pattern: str, text: str, *, whole: bool) -> bool:
    """Return whether *pattern*, a valid I-Regexp (RFC 9485), matches *text* or a part of it.

    :param whole: whether the text as a whole has to match.
    :raises NodeError: as :func:`pattern_found`.
    """
    compiled = _compiled_i_regexp(pattern)
    return _within_bounds(compiled.fullmatch if whole else compiled.search, pattern, text)


def _within_bounds(match: Callable[..., Any], pattern: str, text: str) -> bool:
    _check_text(text)
    try:
        return match(text, timeout=MAX_SECONDS, concurrent=True) is not None
    except (TimeoutError, MemoryError) as error:
        raise _too_slow(pattern) from error


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        message = f"A text of {len(text)} characters is too long for a pattern; {MAX_TEXT} are the limit."
        raise NodeError(message, code="PATTERN_TEXT_TOO_LONG")


def _too_slow(pattern: str) -> NodeError:
    return NodeError(
        f"Matching the pattern {quoted(pattern)} takes longer than {MAX_SECONDS:g} s on this text.",
        code="PATTERN_TIMEOUT",
    )


@lru_cache(maxsize=128)
def _compiled(pattern: str, case_sensitive: bool, flags: int = 0) -> Any:
    _check_size(pattern)
    if _VERBOSE.search(pattern):
        raise _invalid(pattern, "the flag x is not available")
    try:
        re.compile(pattern)
        # Braces that are no count are plain text to re, and a fuzzy match to regex.
        same = _NOT_A_COUNT.sub(lambda found: found[1] or r"\{", pattern)
        return regex.compile(same, regex.VERSION0 | flags | (0 if case_sensitive else regex.IGNORECASE))
    except Exception as error:  # besides their own errors, both raise various ones for odd patterns
        raise _invalid(pattern, shortened(error)) from error


@lru_cache(maxsize=128)
def _compiled_i_regexp(pattern: str) -> Any:
    _check_size(pattern)
    # A dot is not a line break; in a class it is a dot.
    mapped = re.sub(r"(\\.|\[(?:\\.|[^\]\\])*\])|\.", lambda found: found[1] or r"[^\r\n]", pattern)
    try:
        return regex.compile(mapped, regex.VERSION1)
    except Exception as error:
        raise _invalid(pattern, shortened(error)) from error


def _check_size(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN:
        raise _invalid(pattern, f"it is longer than {MAX_PATTERN} characters")
    if _steps(pattern) > _MAX_STEPS:
        raise _invalid(pattern, "its counts are too large")


def _steps(pattern: str) -> int:
    """Return the most steps that *pattern* can have once its counts are written out."""
    # Per open group: its steps so far, and those of its largest part without a count of its own.
    totals, largest = [0], [0]
    for token in _TOKEN.finditer(pattern):
        size = 0 if token["comment"] else 1
        if token["open"]:
            totals.append(0)
            largest.append(0)
            continue
        if token["count"]:
            # Which part it counts does not matter: none is larger.
            size = largest[-1] * min(int(token["count"][:9]), _MAX_STEPS + 1)
        elif token["close"] and len(totals) > 1:
            size = totals.pop() + 1
            largest.pop()
        totals[-1] += size
        if not token["count"]:
            largest[-1] = max(largest[-1], size)
    return sum(totals)


def _invalid(pattern: str, reason: str) -> NodeError:
    message = f"The pattern {quoted(pattern)} cannot be read: {reason}"
    return NodeError(message, code="PATTERN_INVALID")
