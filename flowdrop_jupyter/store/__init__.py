"""Durable records of workflows and sessions: the Store protocol, its rows and its implementations."""

from .memory import MemoryStore
from .protocol import SessionTransaction, Store
from .records import (
    TERMINAL_RUN,
    EventRecord,
    EventType,
    InterruptRecord,
    InterruptStatus,
    InterruptType,
    JobRecord,
    JobStatus,
    MessagePage,
    MessageRecord,
    MessageRole,
    MessageStatus,
    Owner,
    RunRecord,
    RunStatus,
    SessionFilter,
    SessionRecord,
    SessionStatus,
    WorkflowRecord,
)
from .tinydb import TinyDBStore

__all__ = [
    "TERMINAL_RUN",
    "EventRecord",
    "EventType",
    "InterruptRecord",
    "InterruptStatus",
    "InterruptType",
    "JobRecord",
    "JobStatus",
    "MemoryStore",
    "MessagePage",
    "MessageRecord",
    "MessageRole",
    "MessageStatus",
    "Owner",
    "RunRecord",
    "RunStatus",
    "SessionFilter",
    "SessionRecord",
    "SessionStatus",
    "SessionTransaction",
    "Store",
    "TinyDBStore",
    "WorkflowRecord",
]
