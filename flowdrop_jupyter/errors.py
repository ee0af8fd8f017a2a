"""Every error FlowDrop raises on purpose, drawn once.

::

    FlowDropError
    ├── InvalidInput              the request itself is wrong               (HTTP 400)
    ├── NotAuthenticated          nobody is logged in                       (HTTP 401)
    ├── Forbidden                 known, but not allowed                    (HTTP 403)
    ├── NotFound                  no such thing                             (HTTP 404)
    ├── Conflict                  the thing is in another state             (HTTP 409)
    │   └── RunEnded              a step came after its run was closed
    ├── WorkflowInvalid           a workflow document does not validate     (HTTP 422)
    │   └── BundleInvalid         a bundle cannot be imported
    ├── Unavailable               cannot be served right now                (HTTP 503)
    │   └── StoreError            the store could not read or write
    │       ├── StoreClosed
    │       ├── StoreLocked       another process owns the data directory
    │       └── StoreDamaged      a file exists but cannot be read
    ├── CompileError              a workflow cannot become a plan
    ├── NodeError                 a node failed; routable over its error edge
    ├── InterruptRequired         a node needs an answer before it can go on
    ├── EndRun                    a node ends its run as a success
    ├── ServerNotFound            no FlowDrop server could be located
    ├── ServerError               the server answered with a 5xx
    └── TransportError            the server could not be reached

Every error has ``code``, a stable UPPER_SNAKE string that callers may branch on (API-8), and
``details``, a list of ``{"code", "message", "locator"?}`` objects. Message texts are for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class FlowDropError(Exception):
    """Raised when an operation cannot be done; base of every deliberate error here.

    :param message: one plain sentence for a person.
    :param code: the stable code; defaults to the class's own.
    :param details: one ``{"code", "message", "locator"?}`` object per separate cause.
    """

    default_code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = [dict(detail) for detail in details]


class InvalidInput(FlowDropError):
    """Raised when a request is malformed or a value in it is not acceptable."""

    default_code = "BAD_REQUEST"


class NotAuthenticated(FlowDropError):
    """Raised when a request carries no valid credentials."""

    default_code = "UNAUTHORIZED"


class Forbidden(FlowDropError):
    """Raised when the caller is known but may not do this."""

    default_code = "FORBIDDEN"


class NotFound(FlowDropError):
    """Raised when the named thing does not exist."""

    default_code = "NOT_FOUND"


class Conflict(FlowDropError):
    """Raised when the thing exists but its state does not allow the request."""

    default_code = "CONFLICT"


class RunEnded(Conflict):
    """Raised when a step of a run arrives after the run was closed; it is not recorded."""

    default_code = "RUN_ENDED"


class WorkflowInvalid(FlowDropError):
    """Raised when a workflow document does not validate; ``details`` holds every error (STORE-5)."""

    default_code = "VALIDATION_ERROR"


class BundleInvalid(WorkflowInvalid):
    """Raised when a bundle is refused at one of the gates of an import (STORE-9)."""

    default_code = "BUNDLE_INVALID"


class Unavailable(FlowDropError):
    """Raised when the service cannot answer right now and a later try may succeed."""

    default_code = "UNAVAILABLE"


class StoreError(Unavailable):
    """Raised when the store could not read or write; nothing of the attempted batch is kept."""

    default_code = "STORE_ERROR"


class StoreClosed(StoreError):
    """Raised when a store is used before it was opened or after it was closed."""

    default_code = "STORE_CLOSED"


class StoreLocked(StoreError):
    """Raised when another process already owns the data directory."""

    default_code = "STORE_LOCKED"


class StoreDamaged(StoreError):
    """Raised when a file of the store exists but its content cannot be read."""

    default_code = "STORE_DAMAGED"


class CompileError(FlowDropError):
    """Raised when a workflow cannot be turned into an execution plan (CMP-1)."""

    default_code = "COMPILE_FAILED"


class NodeError(FlowDropError):
    """Raised when a node fails in a way its error edge may carry (ERR-1, ERR-7).

    :param retryable: whether a repeated attempt may succeed (ERR-2).
    """

    default_code = "NODE_FAILED"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        retryable: bool = False,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retryable = retryable


class InterruptRequired(FlowDropError):
    """Raised when a node needs an answer from a person before it can go on (ERR-4).

    :param prompt: what to ask, as the keys of an interrupt record: ``type``, ``message`` and the
        keys that type needs.
    """

    default_code = "INTERRUPT_REQUIRED"

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        super().__init__(str(prompt.get("message", "An answer is needed.")))
        self.prompt = dict(prompt)


class EndRun(FlowDropError):
    """Raised by a node to end its whole run as a success; it is no failure (ERR-5).

    :param outputs: what the node gives as its own outputs, by port.
    """

    default_code = "RUN_FINISHED"

    def __init__(self, outputs: Mapping[str, Any] | None = None) -> None:
        super().__init__("The run was ended by one of its nodes.")
        self.outputs = dict(outputs or {})


class ServerNotFound(FlowDropError):
    """Raised when no FlowDrop server could be located; the message names what was tried."""

    default_code = "SERVER_NOT_FOUND"


class ServerError(FlowDropError):
    """Raised when the server answered with a failure of its own (5xx) or with something unreadable."""

    default_code = "SERVER_ERROR"


class TransportError(FlowDropError):
    """Raised when the server could not be reached or the connection broke."""

    default_code = "TRANSPORT_ERROR"
