"""What a node type declares; everything the editor is shown of it is derived once and kept.

A node type declares parameters and outputs, each with a JSON Schema (SCH-1). What is derived cannot
be changed by whoever receives it, so that it can be handed out for every node of a workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from . import config_form
from .frozen import FrozenDict, frozen, thawed
from .handles import Direction
from .lanes import SHIPPED, PortConfiguration
from .patience import Patience
from .ports import CONFIG_ONLY, exposed_as_shipped, input_schema, output_schema, ports_of

__all__ = ["CONFIG_ONLY", "NodeCatalog", "NodeType", "Output", "Parameter"]

_TEXTS = ("id", "name", "description", "category", "icon", "color", "version", "visual_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value a node takes: by wire, by configuration, or both (CFG-1).

    :param schema: its JSON Schema fragment, with ``title``, ``description`` and ``default``.
    :param exposed_by_default: whether its port shows unless an instance hides it (CFG-2).
    :param stored_default: the node type's own default, which goes before the schema's (CFG-3).
    """

    schema: Mapping[str, Any]
    connectable: bool = False
    configurable: bool = False
    required: bool = False
    exposed_by_default: bool = True
    stored_default: Any = None

    @property
    def hidden(self) -> bool:
        """Whether neither editor form nor port shows it; ``hidden: true`` is deprecated (SCH-4)."""
        return self.schema.get("format") == "hidden" or self.schema.get("hidden") is True

    @property
    def default(self) -> Any:
        """The effective default as a value of its own (CFG-3); None when there is none."""
        stored = self.stored_default
        return thawed(stored if stored is not None else self.schema.get("default"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One named value a node produces.

    :param exposed: False keeps it from every instance, and no override brings it back (EXPO-13).
    """

    schema: Mapping[str, Any]
    exposed_by_default: bool = True
    exposed: bool = True

    @property
    def hidden(self) -> bool:
        """Whether its declaration hides it from people (SCH-4)."""
        return self.schema.get("format") == "hidden" or self.schema.get("hidden") is True


@dataclass(frozen=True, kw_only=True)
class NodeType:
    """A kind of node, as declared.

    :param id: stable and unique; written into workflows as ``node_type_id`` (STORE-13).
    :param visual_type: the shape the editor draws; ``supported_types`` lists all it may be given.
    :param executable: False for notes and decoration, which never run (CMP-6).
    :param start: takes no trigger, such as the node that begins a turn (SCH-11).
    :param side_effects: changes something outside the run, so that it is never silently repeated.
    :param state_aware: sees the run's live state, and may iterate over the rounds of a loop (SG-2).
    :param message_output: the output whose value becomes an assistant message of the session.
    :param tool: offered to a model; a type that may be drawn as a tool is one as well (SCH-13).
    :param reserved_exposure: where the exposure of reserved ports differs from the shipped one, as
        ``{"inputs": {port: bool}, "outputs": {port: bool}}`` (SCH-16).
    :param config_edit: the descriptor of a dynamic form, if there is one (SCH-22).
    :param lanes: the vocabulary that decides its lanes; the registry binds the site's own.
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
    state_aware: bool = False
    message_output: str | None = None
    tool: bool = False
    reserved_exposure: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    config_edit: Mapping[str, Any] | None = None
    lanes: PortConfiguration = field(default=SHIPPED, repr=False, compare=False)

    @property
    def exposed_as_tool(self) -> bool:
        """Whether a model may be offered nodes of this type (SCH-13)."""
        # The official canvas draws a tool node's edges only where it has a port of that lane.
        return self.tool or self.visual_type == "tool" or "tool" in self.supported_types

    def exposes(self, direction: Direction, port: str) -> bool:
        """Tell whether a reserved port is exposed by default on this type (SCH-16)."""
        shipped = exposed_as_shipped(direction, port)
        return self.reserved_exposure.get(f"{direction}s", {}).get(port, shipped)

    def ports(self, direction: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the declared and injected ports of one side by id, as served (SCH-8, SCH-11 … 19).

        :param direction: ``input`` or ``output``.
        """
        return self._inputs if direction == "input" else self._outputs

    def port_schema(self, direction: str, port: str) -> Mapping[str, Any] | None:
        """Return the declared fragment of a declared port; None for injected and unknown ones."""
        declared = self.parameters if direction == "input" else self.outputs
        found = declared.get(port)
        return found.schema if found is not None and port in self.ports(direction) else None

    def input_schema(self) -> dict[str, Any]:
        """Return the derived input schema, reserved inputs included (SCH-3, SCH-6)."""
        return self._input_schema

    def output_schema(self) -> dict[str, Any]:
        """Return the derived output schema, reserved outputs included (SCH-7)."""
        return self._output_schema

    def config_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the configuration form (SCH-3, SCH-6, SCH-20, SCH-21)."""
        return self._config_schema

    def config_defaults(self) -> dict[str, Any]:
        """Return the defaults of the configurable parameters that have one, as a copy (CFG-18)."""
        return config_form.config_defaults(self)

    def metadata(self, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the node metadata that the editor's palette and every served node carry.

        :param config: the configuration of the instance it is for; its form opens the groups that
            hold a field the instance set (SCH-23).
        """
        layout = self._metadata["uiSchema"]
        if not config or layout is None:
            return self._metadata
        shown = config_form.opened(layout, config, self._metadata["config"])
        return {**self._metadata, "uiSchema": shown}

    @cached_property
    def _input_schema(self) -> dict[str, Any]:
        return _json(input_schema(self), f"inputs of {self.id}")

    @cached_property
    def _output_schema(self) -> dict[str, Any]:
        return _json(output_schema(self), f"outputs of {self.id}")

    @cached_property
    def _config_schema(self) -> dict[str, Any]:
        return _json(config_form.config_schema(self), f"configuration of {self.id}")

    @cached_property
    def _inputs(self) -> dict[str, Any]:
        listed = ports_of(self._input_schema, "input", self.lanes)
        return _json({port["id"]: port for port in listed}, f"inputs of {self.id}")

    @cached_property
    def _outputs(self) -> dict[str, Any]:
        listed = ports_of(self._output_schema, "output", self.lanes)
        return _json({port["id"]: port for port in listed}, f"outputs of {self.id}")

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        for key in _TEXTS:
            if not isinstance(getattr(self, key), str):
                raise TypeError(f"The node type {self.id!r} has no text for {key!r}.")
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
            "inputs": list(self._inputs.values()),
            "outputs": list(self._outputs.values()),
            "config": self.config_defaults(),
            "configSchema": self._config_schema,
            "uiSchema": config_form.ui_schema(self._config_schema),
            "inputSchema": self._input_schema,
            "outputSchema": self._output_schema,
            "tags": list(self.tags),
            "node_type_id": self.id,
        }
        if self.config_edit is not None:
            described["configEdit"] = self.config_edit
        return _json(described, f"metadata of {self.id}")


class ExpressionProblem(Protocol):
    """One expression in a node's configuration that its engine refuses (R11)."""

    @property
    def key(self) -> str:
        """Its place in the configuration, such as ``dynamicOutputs.0.value``."""
        ...

    @property
    def engine(self) -> str:
        """The engine that refuses it."""
        ...

    @property
    def expression(self) -> str:
        """The expression itself."""
        ...

    @property
    def reason(self) -> str:
        """Why it is refused."""
        ...


class NodeCatalog(Protocol):
    """Where a validator or compiler looks node types up."""

    @property
    def lanes(self) -> PortConfiguration:
        """The lanes, shapes and rules in force here (SCH-41)."""
        ...

    def node_type(self, type_id: str) -> NodeType | None:
        """Return the node type with this id, or None."""
        ...

    def available(self, type_id: str) -> bool:
        """Tell whether the node type's executor is installed here (R1.a)."""
        ...

    def expression_problems(
        self, type_id: str, config: Mapping[str, Any], patience: Patience = ...
    ) -> Iterable[ExpressionProblem]:
        """Return the expressions in a node's configuration that their engines refuse; raises nothing.

        :param patience: once it is over, the next expression is refused, and none after it is read.
        """
        ...

    def matches(self, pattern: str, text: str) -> bool:
        """Tell whether a schema's pattern matches a text; true of one that cannot be read (R6.h)."""
        ...


def _json(value: Mapping[str, Any], where: str) -> FrozenDict:
    kept: FrozenDict = frozen(value, where)
    return kept
