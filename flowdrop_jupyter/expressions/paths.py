"""Paths into JSON values: property paths such as ``a.b[0]`` and JSONPath such as ``$.a[*].b``.

Reading never raises (LANG-8, LANG-9). A node has to tell a path that cannot be read or evaluated
from one that finds nothing (LANG-22): by :func:`check_path` before, and by reading strictly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from jsonpath_rfc9535 import JSONPathQuery
from jsonpath_rfc9535.selectors import FilterSelector, SliceSelector, WildcardSelector

from ..errors import NodeError
from .jsonpath import compile_query, find_values
from .quoting import quoted, shortened
from .remembered import remembered

_MISSING: Final = object()
_LONGEST_PATH: Final = 4096
_LONGEST_INDEX: Final = 12


def is_jsonpath(path: str) -> bool:
    """Tell whether *path* is a JSONPath: trimmed, it starts with ``$`` (LANG-14)."""
    return path.strip().startswith("$")


def check_path(path: str, *, remember: bool = True) -> None:
    """Check that *path* can be evaluated; the empty path can (LANG-3, LANG-11, LANG-12).

    :param remember: whether it is going to be evaluated.
    :raises NodeError: ``PATH_INVALID``, naming the path and the engine that reads it.
    """
    try:
        (_parse if remember else _parse.plain)(path)
    except ValueError as error:
        message = f"The {_engine(path)} {quoted(path)} cannot be read: {shortened(error)}"
        raise NodeError(message, code="PATH_INVALID") from error


def read_path(context: Any, path: str, default: Any = None, *, strict: bool = False) -> Any:
    """Return what *path* denotes in *context*, or *default* when it finds or can do nothing.

    The empty path denotes the context itself. A text is read as JSON if it is JSON (LANG-16). One
    match of a JSONPath is that match, unless a wildcard, filter or slice makes it a list (LANG-15).

    :param strict: whether a JSONPath that can be read but not evaluated is an error (LANG-22).
    :raises NodeError: ``PATH_FAILED`` when *strict*, naming the path and the engine.
    """
    found = _read(context, path, strict)
    return default if found is _MISSING else found


def extract_all(context: Any, path: str, *, strict: bool = False) -> list[Any]:
    """Return every match of *path* as a list, empty when there is none (LANG-19).

    :param strict: as in :func:`read_path`, with what it raises.
    """
    if is_jsonpath(path):
        return _matches(_decoded(context), path, strict)
    found = _read(context, path, strict)
    return [] if found is _MISSING or found is None else [found]


def exists(context: Any, path: str) -> bool:
    """Tell whether *path* can be read in *context*; a stored null can (LANG-20)."""
    if is_jsonpath(path):
        return bool(_matches(_decoded(context), path, False))
    return _read(context, path, False) is not _MISSING


def property_segments(path: str) -> tuple[str, ...]:
    """Return the segments of a property path; dots and brackets are equivalent (LANG-17).

    :raises ValueError: for an empty segment or a bracket that is not closed.
    """
    segments: list[str] = []
    rest, first = path.strip(), True
    while rest:
        if rest[0] == "[":
            segment, rest = _bracket(rest)
        else:
            if rest[0] == ".":
                rest = rest[1:]
            elif not first:
                raise ValueError(f"a dot or bracket is missing before {quoted(rest)}")
            end = min((at for mark in ".[" if (at := rest.find(mark)) >= 0), default=len(rest))
            segment, rest = rest[:end].strip(), rest[end:]
            if "]" in segment:
                raise ValueError("a bracket is closed but was not opened")
        if not segment:
            raise ValueError("it has an empty segment")
        segments.append(segment)
        first = False
    return tuple(segments)


def _bracket(rest: str) -> tuple[str, str]:
    if rest[1:2] in ("'", '"'):
        end = rest.find(rest[1] + "]", 2)
        segment, after = rest[2:end], end + 2
    else:
        end = rest.find("]")
        segment, after = rest[1:end].strip(), end + 1
    if end < 0:
        raise ValueError("a bracket is not closed")
    return segment, rest[after:]


def _engine(path: str) -> str:
    return "JSONPath" if is_jsonpath(path) else "property path"


@remembered()
def _parse(path: str) -> JSONPathQuery | tuple[str, ...]:
    if len(path) > _LONGEST_PATH:
        raise ValueError(f"it is longer than {_LONGEST_PATH} characters")
    if not is_jsonpath(path):
        return property_segments(path)
    try:
        return compile_query(path.strip())
    except Exception as error:  # besides its own errors, those of numbers and of nesting
        raise ValueError(shortened(error)) from error


def _read(context: Any, path: str, strict: bool) -> Any:
    if not path.strip():
        return context
    if is_jsonpath(path):
        matches = _matches(_decoded(context), path, strict)
        if _gives_list(path):
            return matches or _MISSING
        return matches[0] if len(matches) == 1 else (matches or _MISSING)
    try:
        segments = _parse(path)
    except ValueError:
        return _MISSING
    value = _decoded(context)
    for segment in segments if isinstance(segments, tuple) else ():
        value = _step(value, segment)
        if value is _MISSING:
            break
    return value


def _step(value: Any, segment: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(segment, _MISSING)
    if isinstance(value, Sequence) and not isinstance(value, str) and segment.isascii() and segment.isdigit():
        index = int(segment) if len(segment) <= _LONGEST_INDEX else len(value)
        return value[index] if index < len(value) else _MISSING
    return _MISSING


def _matches(context: Any, path: str, strict: bool) -> list[Any]:
    try:
        query = _parse(path)
        return [] if isinstance(query, tuple) else find_values(query, context)
    except Exception as error:  # whatever a query does to a value
        if not strict:
            return []
        message = f"The {_engine(path)} {quoted(path)} cannot be evaluated: {shortened(error)}"
        raise NodeError(message, code="PATH_FAILED") from error


def _gives_list(path: str) -> bool:
    try:
        query = _parse(path)
    except ValueError:
        return False
    if isinstance(query, tuple):
        return False
    several = (WildcardSelector, FilterSelector, SliceSelector)
    return any(isinstance(selector, several) for segment in query.segments for selector in segment.selectors)


def _decoded(context: Any) -> Any:
    if not isinstance(context, str):
        return context
    try:
        return msgspec.json.decode(context)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return context
