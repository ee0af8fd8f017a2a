"""The Jupyter server extension: REST handlers over the session service."""

from .app import FlowDropApp

__all__ = ["FlowDropApp"]
