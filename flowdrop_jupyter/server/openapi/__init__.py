"""The machine-readable description of the HTTP API: what is described, and how it becomes a document."""

from .document import openapi_document
from .model import Operation
from .operations import OPERATIONS

__all__ = ["OPERATIONS", "Operation", "openapi_document"]
