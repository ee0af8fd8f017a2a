"""Rows and a clock for tests, from the public package for tests."""

from flowdrop_jupyter.testing import (
    UNKNOWN,
    Clockwork,
    checkpoint,
    interrupt,
    job,
    memory,
    message,
    new_session,
    run,
    session,
    workflow,
)

__all__ = [
    "UNKNOWN",
    "Clockwork",
    "checkpoint",
    "interrupt",
    "job",
    "memory",
    "message",
    "new_session",
    "run",
    "session",
    "workflow",
]
