"""How a kernel, a script or a test talks to a FlowDrop server."""

from .aio import AsyncFlowDropClient
from .discovery import Server, find_server
from .rows import InterruptRow, MessagePage, MessageRow, SessionRow, WorkflowDoc
from .sync import FlowDropClient

__all__ = [
    "AsyncFlowDropClient",
    "FlowDropClient",
    "InterruptRow",
    "MessagePage",
    "MessageRow",
    "Server",
    "SessionRow",
    "WorkflowDoc",
    "find_server",
]
