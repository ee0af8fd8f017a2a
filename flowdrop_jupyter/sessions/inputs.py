"""The launch check, as every service that starts a workflow uses it (API-2)."""

from __future__ import annotations

from ..workflow.launch import declared_outputs, launch_values, require_waitable

__all__ = ["declared_outputs", "launch_values", "require_waitable"]
