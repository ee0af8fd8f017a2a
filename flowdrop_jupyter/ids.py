"""Where new identifiers come from."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import TypeAlias

IdFactory: TypeAlias = Callable[[], str]
"""A callable that returns a new, never used identifier at each call."""


def new_id() -> str:
    """Return a new random UUID as text; every published id but a workflow's is one (PLAY-1)."""
    # As str(uuid.uuid4()) spells it, several times faster: every step of a run takes one or two.
    made = os.urandom(16).hex()
    variant = "89ab"[int(made[16], 16) & 3]
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-{variant}{made[17:20]}-{made[20:]}"


def is_uuid(text: str) -> bool:
    """Tell whether *text* is a UUID in its canonical spelling."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except (ValueError, AttributeError):
        return False
