"""Sessions: the service every face talks to, and the deferred processing behind it."""

from .host import Host
from .permissions import ALL_PERMISSIONS, OWN_PERMISSIONS, Principal
from .processor import DeferredMessageProcessor
from .rows import interrupt_row, message_row, message_status_row, session_row
from .service import SessionService
from .worker import SessionMessageWorker
from .workflows import WorkflowService

__all__ = [
    "ALL_PERMISSIONS",
    "OWN_PERMISSIONS",
    "DeferredMessageProcessor",
    "Host",
    "Principal",
    "SessionMessageWorker",
    "SessionService",
    "WorkflowService",
    "interrupt_row",
    "message_row",
    "message_status_row",
    "session_row",
]
