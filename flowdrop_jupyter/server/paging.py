"""Query parameters and pages: scalars, clamped limits, and the one pagination block (API-5, API-6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tornado.httputil import HTTPServerRequest

from ..errors import InvalidInput

MAX_LIMIT: Final = 100
MAX_MESSAGES: Final = 500

Row = TypeVar("Row")


def scalar(request: HTTPServerRequest, name: str) -> str | None:
    """Return a query parameter's one value, or None when it is absent.

    :raises InvalidInput: ``PARAMETER_REPEATED`` when it is given more than once or in the spelling of a
        list, ``name[]`` (decision 3, STORE-15).
    """
    values = request.query_arguments.get(name, [])
    if len(values) > 1 or any(key.startswith(f"{name}[") for key in request.query_arguments):
        raise InvalidInput(f"The parameter {name!r} takes one plain value.", code="PARAMETER_REPEATED")
    return values[0].decode("utf-8", "replace") if values else None


def number(request: HTTPServerRequest, name: str) -> int | None:
    """Return a query parameter as a whole number, or None when it is absent or spells none."""
    value = scalar(request, name)
    if value is None:
        return None
    digits = value.removeprefix("-")
    return int(value[:18]) if digits.isascii() and digits.isdigit() else None


def one_of(value: str | None, choices: Sequence[str], name: str) -> str | None:
    """Return a query parameter that is one of a few words, or absent.

    :raises InvalidInput: ``PARAMETER_INVALID`` for any other word.
    """
    if value is not None and value not in choices:
        raise InvalidInput(
            f"The parameter {name} has to be one of: {', '.join(choices)}.", code="PARAMETER_INVALID"
        )
    return value


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is asked for; ``limit`` None means all of it."""

    limit: int | None
    offset: int


def window(request: HTTPServerRequest) -> Window:
    """Return the page asked for, with bad values corrected (API-6); no limit given means no cut."""
    limit = number(request, "limit")
    if limit is not None:
        limit = min(max(limit, 1), MAX_LIMIT)
    return Window(limit=limit, offset=max(number(request, "offset") or 0, 0))


def page(rows: Sequence[Row], part: Window) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of *part* and the pagination block that describes it."""
    total = len(rows)
    limit = part.limit if part.limit is not None else max(total - part.offset, 0)
    block = {
        "total": total,
        "limit": limit,
        "offset": part.offset,
        "has_more": part.offset + limit < total,
    }
    return list(rows[part.offset : part.offset + limit]), block
