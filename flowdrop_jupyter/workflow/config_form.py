"""The configuration form of a node type: its schema, its defaults and its layout (SCH-20 to SCH-23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .frozen import thawed
from .ports import CONFIG_ONLY, order_of, published

if TYPE_CHECKING:
    from .node_types import NodeType

CONFIG_GROUPS: Final[Mapping[str, str]] = {
    "content": "Content",
    "display": "Display",
    "connection": "Connection",
    "authentication": "Authentication",
    "limits": "Limits",
    "execution": "Execution",
    "advanced": "Advanced",
}
"""The registered groups of config fields, which a property names by ``x-config-group``, in order."""

_INSTANCE_KEYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "instanceTitle": {
        "type": "string",
        "title": "Node title",
        "description": "Shown instead of the type's name.",
    },
    "instanceDescription": {"type": "string", "title": "Node description", "format": "multiline"},
}
_EXECUTABLE_KEYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "maxRetries": {"type": "integer", "title": "Retries", "minimum": 0, "default": 0},
    # Without a type, because there are documents that hold a list (R7.c).
    "ports": {"title": "Ports", "format": "hidden"},
}
_DYNAMIC: Final = ("dynamicInputs", "dynamicOutputs")


def config_schema(kind: NodeType) -> dict[str, Any]:
    """Return the JSON Schema of the configuration form (SCH-3, SCH-6, SCH-20, SCH-21)."""
    properties = {
        name: _without_null(
            published(
                parameter.schema, parameter.exposed_by_default or not parameter.connectable, parameter.default
            )
        )
        for name, parameter in kind.parameters.items()
        if _in_form(name, parameter.configurable, parameter.hidden)
    }
    for name in _DYNAMIC:
        if name in properties:
            properties[name] = _with_lanes(properties[name], kind.lanes.offered)
    if len(kind.supported_types) > 1:
        properties["nodeType"] = {
            "type": "string",
            "title": "Shape",
            "enum": list(kind.supported_types),
            "default": kind.visual_type,
        }
    added = {**_INSTANCE_KEYS, **(_EXECUTABLE_KEYS if kind.executable else {})}
    properties |= {name: dict(schema) for name, schema in added.items() if name not in kind.parameters}
    required = [
        name
        for name, parameter in kind.parameters.items()
        if name in properties and parameter.required and parameter.configurable and not parameter.connectable
    ]
    return {"type": "object", "properties": properties, "required": required}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return *schema* for a form: null leaves any field unset (R6.i), and official forms know one type."""
    kind = schema.get("type")
    if not isinstance(kind, list):
        return schema
    words = [word for word in kind if word != "null"]
    return {**schema, "type": words[0]} if len(words) == 1 else schema


def config_defaults(kind: NodeType) -> dict[str, Any]:
    """Return the defaults of the configurable parameters that have one (CFG-18, SCH-4, SCH-5)."""
    defaults: dict[str, Any] = {}
    for name, parameter in kind.parameters.items():
        if not _in_form(name, parameter.configurable, parameter.hidden):
            continue
        if (default := parameter.default) is not None:
            defaults[name] = default
        elif name in CONFIG_ONLY:
            defaults[name] = []
    if len(kind.supported_types) > 1:
        defaults["nodeType"] = kind.visual_type
    return defaults


def ui_schema(form: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the layout of a finished form, or None when no field has a registered group (SCH-23).

    Fields are in the order of ``x-config-order`` within their group; the field of an unregistered
    group stands with those that name none (SCH-31).
    """
    groups: dict[str, list[dict[str, str]]] = {group: [] for group in CONFIG_GROUPS}
    plain: list[dict[str, str]] = []
    ordered = sorted(form["properties"].items(), key=lambda item: order_of(item[1], "x-config-order"))
    for name, fragment in ordered:
        group = fragment.get("x-config-group")
        control = {"type": "Control", "scope": f"#/properties/{name}"}
        (groups[group] if isinstance(group, str) and group in groups else plain).append(control)
    if not any(groups.values()):
        return None
    listed = [
        {
            "type": "Group",
            "label": CONFIG_GROUPS[group],
            "collapsible": True,
            "defaultOpen": False,
            "elements": controls,
        }
        for group, controls in groups.items()
        if controls
    ]
    return {"type": "VerticalLayout", "elements": [*plain, *listed]}


def opened(
    layout: Mapping[str, Any], config: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *layout* with the groups open that hold a field the instance set (SCH-23).

    A field counts as set when the configuration holds it with another value than its default:
    editors write every default into a node they create.
    """
    shown: dict[str, Any] = thawed(layout)
    for element in shown["elements"]:
        if element["type"] == "Group":
            names = [control["scope"].removeprefix("#/properties/") for control in element["elements"]]
            element["defaultOpen"] = any(
                name in config and config[name] != defaults.get(name) for name in names
            )
    return shown


def _in_form(name: str, configurable: bool, hidden: bool) -> bool:
    return configurable and (not hidden or name in CONFIG_ONLY)


def _with_lanes(schema: Mapping[str, Any], offered: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of a list of dynamic ports, its data types the lanes on offer (DYN-2)."""
    items = schema.get("items")
    items = dict(items) if isinstance(items, Mapping) else {"type": "object"}
    declared = items.get("properties")
    properties = dict(declared) if isinstance(declared, Mapping) else {}
    properties.setdefault("name", {"type": "string", "title": "Name"})
    properties.setdefault("label", {"type": "string", "title": "Label"})
    lane = properties.get("dataType")
    lane = dict(lane) if isinstance(lane, Mapping) else {"type": "string", "title": "Data type"}
    properties["dataType"] = {"default": "mixed", **lane, "enum": list(offered)}
    return {**schema, "items": {**items, "properties": properties}}
