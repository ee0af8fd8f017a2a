"""Where new identifiers come from."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeAlias

IdFactory: TypeAlias = Callable[[], str]
"""A callable that returns a new, never used identifier at each call."""


def new_id() -> str:
    """Return a new random UUID as text; every published id but a workflow's is one (PLAY-1)."""
    return str(uuid.uuid4())


def is_uuid(text: str) -> bool:
    """Tell whether *text* is a UUID in its canonical spelling."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except (ValueError, AttributeError):
        return False
