"""The workflow validator: every error and warning with its code, message and locator (VAL)."""

from .checking import check, require_valid, validate
from .findings import MAX_EDGES, MAX_NODES, Finding, Limits, Verdict

__all__ = [
    "MAX_EDGES",
    "MAX_NODES",
    "Finding",
    "Limits",
    "Verdict",
    "check",
    "require_valid",
    "validate",
]
