"""How a parameter gets its value: delivered input, then configuration, then default (CFG)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import NodeError
from ..expressions import quoted, shortened
from ..workflow.exposure import is_exposed
from ..workflow.node_types import NodeType
from .api import FunctionNode


def resolve_parameters(
    node_type: NodeType, config: Mapping[str, Any], delivered: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a value for every declared parameter; presence of a key decides, not its value.

    :param config: the node instance's saved configuration.
    :param delivered: values that arrived by wire or from the launch, by port.
    :raises NodeError: ``PARAMETER_MISSING`` when a required one ends up null (CFG-9).
    """
    resolved: dict[str, Any] = {}
    for name, parameter in node_type.parameters.items():
        if name in delivered and parameter.connectable and is_exposed(node_type, config, "input", name):
            value = delivered[name]
        elif parameter.configurable and name in config:
            value = config[name]
        else:
            value = parameter.default
        if value is None and parameter.required:
            raise NodeError(
                f"{node_type.name} needs a value for {quoted(parameter.schema.get('title', name))}.",
                code="PARAMETER_MISSING",
                details=[{"code": "PARAMETER_MISSING", "message": "required", "locator": name}],
            )
        resolved[name] = value
    return resolved


def typed_arguments(made: FunctionNode, resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for the node's function, checked against its types (CFG-10, CFG-11).

    Null takes the function's own default where the type does not allow it (CFG-10 judges values
    only).

    :raises NodeError: ``PARAMETER_INVALID`` naming the parameter and what is wrong with its value.
    """
    arguments: dict[str, Any] = {}
    for name, kind in made.signature.types.items():
        value = resolved.get(name)
        if value is None and not _accepts_null(kind):
            continue
        try:
            arguments[name] = msgspec.convert(value, kind, strict=True)
        except (msgspec.ValidationError, ValueError, TypeError, OverflowError, RecursionError) as error:
            reason = shortened(error)
            raise NodeError(
                f"{made.node_type.name}: {quoted(name)} is not acceptable: {reason}",
                code="PARAMETER_INVALID",
                details=[{"code": "PARAMETER_INVALID", "message": reason, "locator": name}],
            ) from error
    return arguments


def _accepts_null(kind: Any) -> bool:
    try:
        msgspec.convert(None, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True
