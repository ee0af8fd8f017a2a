"""Refusals that say which parameter of a node is at fault."""

from __future__ import annotations

from ...errors import NodeError


def refused(message: str, code: str, locator: str) -> NodeError:
    """Return the error that *message* describes, with one detail that points to *locator*.

    :param locator: the parameter, or a place in its value, such as ``values.3``.
    """
    return NodeError(message, code=code, details=[{"code": code, "message": message, "locator": locator}])
