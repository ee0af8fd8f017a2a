"""For tests of what builds on this package: the conformance suite of stores, and rows to test with.

It needs pytest; ``docs/testing-a-store.md`` shows how to use it.
"""

import pytest

# Before the suite is imported, so that its assertions explain themselves.
pytest.register_assert_rewrite("flowdrop_jupyter.testing.conformance")

from .conformance import StoreConformance  # noqa: E402
from .rows import (  # noqa: E402
    UNKNOWN,
    Clockwork,
    checkpoint,
    interrupt,
    job,
    memory,
    message,
    new_session,
    node_type,
    run,
    session,
    workflow,
)

__all__ = [
    "UNKNOWN",
    "Clockwork",
    "StoreConformance",
    "checkpoint",
    "interrupt",
    "job",
    "memory",
    "message",
    "new_session",
    "node_type",
    "run",
    "session",
    "workflow",
]
