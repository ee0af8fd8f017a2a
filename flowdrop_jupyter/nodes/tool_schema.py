"""What a model is told about a node that it may call as a tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from ..workflow.node_types import NodeType, Parameter
from ..workflow.ports import published
from .resolution import tool_parameters

_VALUES: Final = frozenset({"default", "enum", "const", "examples"})
"""Keys whose content is a value and no schema."""


def tool_schema(
    node_type: NodeType, config: Mapping[str, Any], wired_ports: Collection[str] = ()
) -> dict[str, Any]:
    """Return the JSON Schema of the arguments that a model may give a node (EXPO-15).

    A property that says ``required: true`` of itself, as older declarations do, is put on the list of
    the object around it; models understand nothing else (SCH-2).

    :param config: the node's saved configuration.
    :param wired_ports: the input ports of the node that data edges end on.
    """
    parameters = tool_parameters(node_type, config, wired_ports)
    properties = {name: published(each.schema, True, each.default) for name, each in parameters.items()}
    required = [
        name for name, each in parameters.items() if each.required and not _supplied(each, name, config)
    ]
    lifted: dict[str, Any] = _lifted({"type": "object", "properties": properties, "required": required})
    return lifted


def _supplied(parameter: Parameter, name: str, config: Mapping[str, Any]) -> bool:
    configured = parameter.configurable and config.get(name) is not None
    return configured or parameter.default is not None


def _lifted(schema: Any) -> Any:
    """Return *schema* with every property-level ``required: true`` moved into the enclosing list."""
    if isinstance(schema, list | tuple):
        return [_lifted(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: value if key in _VALUES else _lifted(value) for key, value in schema.items()}
    properties = kept.get("properties")
    if not isinstance(properties, dict):
        return kept
    listed = kept.get("required")
    required = list(listed) if isinstance(listed, list) else []
    for name, fragment in properties.items():
        if not isinstance(fragment, dict) or not isinstance(fragment.get("required"), bool):
            continue
        asked = fragment.pop("required")
        if asked and name not in required:
            required.append(name)
    return {**kept, "required": required} if required or "required" in kept else kept
