"""What a node type declares, and the ports and config form that follow from it.

A node type declares parameters and outputs, each with a JSON Schema (SCH-1); everything the editor
is shown is derived here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from .handles import ERROR, LOOP_BACK, TRIGGER
from .lanes import lane_of

CONFIG_ONLY: Final = frozenset({"dynamicInputs", "dynamicOutputs", "branches"})
"""Reserved parameters that are configuration and never ports (SCH-5)."""

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
    "ports": {"type": "object", "title": "Ports", "format": "hidden"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value a node takes: by wire, by configuration, or both (CFG-1).

    :param schema: its JSON Schema fragment, with ``title``, ``description`` and ``default``.
    """

    schema: Mapping[str, Any]
    connectable: bool = False
    configurable: bool = False
    required: bool = False
    exposed_by_default: bool = True

    @property
    def hidden(self) -> bool:
        """Whether neither editor form nor port shows it (SCH-4)."""
        return self.schema.get("format") == "hidden"

    @property
    def default(self) -> Any:
        """The effective default (CFG-3); None when there is none."""
        return self.schema.get("default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One named value a node produces."""

    schema: Mapping[str, Any]
    exposed_by_default: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A kind of node, as declared.

    :param id: stable and unique; written into workflows as ``node_type_id`` (STORE-13).
    :param visual_type: the shape the editor draws; ``supported_types`` lists all it may be given.
    :param executable: False for notes and decoration, which never run (CMP-6).
    :param start: takes no trigger, such as the node that begins a turn (SCH-11).
    :param side_effects: changes something outside the run, so that it is never silently repeated.
    :param message_output: the output whose value becomes an assistant message of the session.
    """

    id: str
    name: str
    description: str
    category: str
    icon: str = "mdi:cube-outline"
    color: str = "#5b7083"
    version: str = "1.0.0"
    visual_type: str = "default"
    supported_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    executable: bool = True
    start: bool = False
    terminal: bool = False
    side_effects: bool = False
    message_output: str | None = None

    def ports(self, direction: str) -> dict[str, Mapping[str, Any]]:
        """Return the declared and injected ports of one side by id, as served (SCH-8, SCH-11 … 14).

        :param direction: ``input`` or ``output``.
        """
        listed = self._inputs() if direction == "input" else self._outputs()
        return {port["id"]: port for port in listed}

    def config_defaults(self) -> dict[str, Any]:
        """Return the defaults of the configurable parameters that have one (CFG-18, SCH-5)."""
        defaults: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            if not parameter.configurable or (parameter.hidden and name not in CONFIG_ONLY):
                continue
            if parameter.default is not None:
                defaults[name] = parameter.default
            elif name in CONFIG_ONLY:
                defaults[name] = []
        if len(self.supported_types) > 1:
            defaults["nodeType"] = self.visual_type
        return defaults

    def config_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the configuration form (SCH-3, SCH-6, SCH-20, SCH-21)."""
        properties: dict[str, Any] = {
            name: dict(parameter.schema)
            for name, parameter in self.parameters.items()
            if parameter.configurable and not (parameter.hidden and name not in CONFIG_ONLY)
        }
        if len(self.supported_types) > 1:
            properties["nodeType"] = {
                "type": "string",
                "title": "Shape",
                "enum": list(self.supported_types),
                "default": self.visual_type,
            }
        added = {**_INSTANCE_KEYS, **(_EXECUTABLE_KEYS if self.executable else {})}
        for name, schema in added.items():
            properties.setdefault(name, dict(schema))
        required = [
            name
            for name, parameter in self.parameters.items()
            if parameter.required and parameter.configurable and not parameter.connectable
        ]
        return {"type": "object", "properties": properties, "required": required}

    def metadata(self) -> dict[str, Any]:
        """Return the node metadata that the editor's palette and every served node carry."""
        described: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "type": self.visual_type,
            "supportedTypes": list(self.supported_types or (self.visual_type,)),
            "description": self.description,
            "category": self.category,
            "icon": self.icon,
            "color": self.color,
            "version": self.version,
            "inputs": self._inputs(),
            "outputs": self._outputs(),
            "config": self.config_defaults(),
            "configSchema": self.config_schema(),
            "tags": list(self.tags),
            "node_type_id": self.id,
        }
        return described

    def _inputs(self) -> list[dict[str, Any]]:
        ports = [
            _port(
                name, "input", parameter.schema, parameter.required and not parameter.configurable, parameter
            )
            for name, parameter in self.parameters.items()
            if parameter.connectable and not parameter.hidden and name not in CONFIG_ONLY
        ]
        if not self.start and TRIGGER not in self.parameters:
            ports.append(_control_port(TRIGGER, "Trigger", "input", 100))
        if self.executable and not self.start and not self.terminal and LOOP_BACK not in self.parameters:
            ports.append(_control_port(LOOP_BACK, "Loop back", "input", 95, exposed=False))
        return ports

    def _outputs(self) -> list[dict[str, Any]]:
        ports = [_port(name, "output", out.schema, False, out) for name, out in self.outputs.items()]
        if not self.terminal and TRIGGER not in self.outputs:
            ports.append(_control_port(TRIGGER, "Trigger", "output", 100))
        if self.executable and ERROR not in self.outputs:
            error = {"type": "object", "title": "Error", "x-port-order": 120}
            ports.append(_port(ERROR, "output", error, False, Output(schema=error, exposed_by_default=False)))
        return ports


class NodeCatalog(Protocol):
    """Where a validator or compiler looks node types up."""

    def node_type(self, type_id: str) -> NodeType | None:
        """Return the node type with this id, or None."""
        ...

    def available(self, type_id: str) -> bool:
        """Tell whether the node type's executor is installed here (R1.a)."""
        ...


def _port(
    name: str, direction: str, schema: Mapping[str, Any], required: bool, declared: Parameter | Output
) -> dict[str, Any]:
    port: dict[str, Any] = {
        "id": name,
        "name": schema.get("title") or name,
        "type": direction,
        "dataType": lane_of(schema),
        "required": required,
        "description": schema.get("description", ""),
    }
    if schema.get("default") is not None:
        port["defaultValue"] = schema["default"]
    if not declared.exposed_by_default:
        port["exposedByDefault"] = False
    if schema.get("x-port-order"):
        port["displayOrder"] = schema["x-port-order"]
    return port


def _control_port(
    name: str, title: str, direction: str, order: int, *, exposed: bool = True
) -> dict[str, Any]:
    port: dict[str, Any] = {
        "id": name,
        "name": title,
        "type": direction,
        "dataType": "trigger",
        "required": False,
        "description": "",
        "displayOrder": order,
    }
    if not exposed:
        port["exposedByDefault"] = False
    return port
