"""What callers may pass when they send or read messages, checked and read."""

from __future__ import annotations

import uuid
from typing import Any, Final

from ..clock import format_time, parse_time
from ..errors import InvalidInput
from ..store.records import SessionRecord
from .permissions import Principal

MAX_CONTENT: Final = 10_000
MAX_IDEMPOTENCY_KEY: Final = 255


def repeatable_id(session: SessionRecord, principal: Principal, key: str | None) -> str | None:
    """Return the id that a message sent with an idempotency key always gets, so that it is kept once.

    :raises InvalidInput: ``IDEMPOTENCY_KEY_INVALID``.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        raise InvalidInput(
            f"An idempotency key has 1 to {MAX_IDEMPOTENCY_KEY} characters.", code="IDEMPOTENCY_KEY_INVALID"
        )
    return str(uuid.uuid5(uuid.UUID(session.id), f"{principal.id}\0{key}"))


def message_text(content: Any) -> str:
    """Return *content* when it is a text that can be sent.

    :raises InvalidInput: ``MESSAGE_EMPTY`` or ``MESSAGE_TOO_LONG``.
    """
    if not isinstance(content, str) or not content.strip():
        raise InvalidInput("A message needs some text.", code="MESSAGE_EMPTY")
    if len(content) > MAX_CONTENT:
        raise InvalidInput(f"A message has at most {MAX_CONTENT:,} characters.", code="MESSAGE_TOO_LONG")
    return content


def read_cursor(text: str | None) -> tuple[int | None, str | None]:
    """Return a cursor as a sequence number or as a formatted time; anything else is no cursor (PLAY-3)."""
    if text is None:
        return None, None
    if text.isascii() and text.isdigit():
        return int(text[:18]), None
    moment = parse_time(text)
    try:
        return (None, format_time(moment)) if moment else (None, None)
    except OverflowError:
        # An offset at either end of the calendar leaves it.
        return None, None
