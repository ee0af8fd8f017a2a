"""Presets: node types made by configuration, several of them on one processor (SCH-1, CFG-1).

A processor is a function made with ``@node``; it declares the schemas. A preset gives it another id
and label, decides per parameter whether it can be wired and configured, and stores defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import msgspec

from ..errors import InvalidInput, NodeError
from ..expressions import shortened
from ..workflow.frozen import frozen
from ..workflow.handles import Direction
from ..workflow.node_types import NodeType, Output, Parameter
from ..workflow.patience import ENDLESS, Patience
from ..workflow.ports import exposed_as_shipped, reserved_ports
from .api import FunctionNode
from .constraints import breach_of
from .expression_config import expression_problems

SHAPES: Final = frozenset({"default", "gateway", "idea", "note", "simple", "square", "terminal", "tool"})
"""The visual types that every editor draws."""

_CUSTOM_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+:[A-Za-z0-9_-]+")
"""How a plugin of an editor names the visual types it registers: by its own name first."""

_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")

_SIDES: Final[Mapping[str, Direction]] = {"inputs": "input", "outputs": "output"}

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Word = Annotated[str, msgspec.Meta(max_length=255)]
Prose = Annotated[str, msgspec.Meta(max_length=5000)]


class ParameterFlags(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What a preset stores of one parameter; a flag that is absent is False, exposure True (CFG-1, CFG-2)."""

    connectable: bool = False
    configurable: bool = False
    required: bool = False
    default: Any = None
    exposed: bool = msgspec.field(default=True, name="exposedByDefault")


class OutputFlags(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What a preset stores of one output: the veto and the default exposure (EXPO-13)."""

    exposed: bool = True
    exposed_by_default: bool = msgspec.field(default=True, name="exposedByDefault")


class _Written(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    id: Name
    executor_plugin: Name
    label: Name
    description: Prose | None = None
    category: Name | None = None
    icon: Word | None = None
    color: Word | None = None
    version: Word | None = None
    tags: Annotated[tuple[Word, ...], msgspec.Meta(max_length=100)] = ()
    enabled: bool = True
    visual_type: Name | None = None
    supported_types: Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)] = ()
    parameters: dict[str, ParameterFlags] | None = None
    outputs: dict[str, OutputFlags] | None = None
    reserved_exposure: dict[str, dict[str, bool]] = {}


@dataclass(frozen=True, slots=True)
class Preset:
    """One node type as configuration spells it; :attr:`raw` is the form that is stored."""

    raw: Mapping[str, Any]
    written: _Written

    @property
    def id(self) -> str:
        """The node type's id."""
        return self.written.id

    @property
    def processor(self) -> str:
        """The id of the ``@node`` function that executes it."""
        return self.written.executor_plugin

    @property
    def enabled(self) -> bool:
        """Whether the catalog shows it; workflows that use it resolve it either way (SCH-26)."""
        return self.written.enabled

    @property
    def stored_configuration(self) -> tuple[Any, ...]:
        """Everything it stores about parameters, outputs and reserved ports (SCH-33)."""
        return self.written.parameters, self.written.outputs, self.written.reserved_exposure


def read_preset(raw: Any) -> Preset:
    """Return the preset that *raw* spells.

    :param raw: ``{id, executor_plugin, label, description?, category?, icon?, color?, version?, tags?,
        enabled?, visual_type?, supported_types?, parameters?, outputs?, reserved_exposure?}``, with
        ``parameters`` as ``{name: {connectable?, configurable?, required?, default?,
        exposedByDefault?}}`` and ``outputs`` as ``{name: {exposed?, exposedByDefault?}}``. Without
        ``parameters`` the processor's own flags hold, and the same for ``outputs``.
    :raises InvalidInput: ``NODE_TYPE_INVALID`` naming what is malformed.
    """
    where = raw.get("id") if isinstance(raw, Mapping) else None
    try:
        kept = frozen(raw, "node type")
        written = msgspec.convert(kept, _Written)
    except (msgspec.ValidationError, TypeError) as error:
        raise _invalid(where, shortened(error)) from error
    if not _ID.fullmatch(written.id):
        raise _invalid(where, "its id may hold letters, digits and _ . : - only, 128 at most")
    reserved: dict[str, dict[str, bool]] = {}
    for side, given in written.reserved_exposure.items():
        direction = _SIDES.get(side)
        if direction is None:
            raise _invalid(where, "reserved_exposure has `inputs` and `outputs` only")
        for port, exposed in given.items():
            if port not in reserved_ports(direction):
                raise _invalid(where, f"{port!r} is no reserved {direction}")
            if exposed != exposed_as_shipped(direction, port):
                # Only what differs from the shipped exposure is stored (SCH-16).
                reserved.setdefault(side, {})[port] = exposed
    written = msgspec.structs.replace(written, reserved_exposure=reserved)
    stored = {key: value for key, value in kept.items() if key != "reserved_exposure"}
    if reserved:
        stored["reserved_exposure"] = reserved
    for side, port_flag, unless in (("parameters", "connectable", False), ("outputs", "exposed", True)):
        if isinstance(kept.get(side), Mapping):
            stored[side] = {
                name: _without_exposure(flags, flags.get(port_flag, unless))
                for name, flags in kept[side].items()
            }
    return Preset(raw=frozen(stored), written=written)


def _without_exposure(flags: Mapping[str, Any], is_port: bool) -> dict[str, Any]:
    """Return what is stored of a parameter or output: no exposure for what is no port (EXPO-16)."""
    return {key: value for key, value in flags.items() if is_port or key != "exposedByDefault"}


def unfit(preset: Preset, processor: FunctionNode, patience: Patience = ENDLESS) -> list[tuple[str, str]]:
    """Return the places in a preset that do not fit its processor, each with the reason.

    Those are names that the processor does not declare (EXPO-16), visual types that nothing draws, and
    defaults that the parameter would not take from a node's configuration either: nobody sees them again
    where a parameter is not configurable. It blocks while patterns are matched.

    :param patience: once it is over, the next expression is refused unread.
    """
    written, declared = preset.written, processor.node_type
    flags = written.parameters or {}
    found = [(f"parameters.{name}", "not declared") for name in flags if name not in declared.parameters]
    found += [
        (f"outputs.{name}", "not declared") for name in written.outputs or {} if name not in declared.outputs
    ]
    found += [
        (place, f"no editor draws {shortened(shape)}")
        for place, shape in _shapes(written)
        if shape not in SHAPES
        and shape not in (declared.visual_type, *declared.supported_types)
        and not _CUSTOM_SHAPE.fullmatch(shape)
    ]
    found += [
        (f"parameters.{name}.default", reason)
        for name, given in flags.items()
        if name in declared.parameters
        and (reason := _default_problem(given.default, declared.parameters[name])) is not None
    ]
    return found or list(_expressions(preset, processor, patience))


def _shapes(written: _Written) -> list[tuple[str, str]]:
    shapes = [("visual_type", written.visual_type)] if written.visual_type else []
    return shapes + [(f"supported_types.{index}", each) for index, each in enumerate(written.supported_types)]


def _default_problem(default: Any, parameter: Parameter) -> str | None:
    try:
        breach = None if default is None else breach_of(default, parameter.schema)
    except NodeError as error:
        return error.message
    if breach is None:
        return None
    return f"{shortened(breach.path)} in it {breach.message}" if breach.path else f"it {breach.message}"


def _expressions(preset: Preset, processor: FunctionNode, patience: Patience) -> Iterator[tuple[str, str]]:
    parameters = preset_type(preset, processor).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    for problem in expression_problems(preset.processor, defaults, patience):
        yield f"parameters.{problem.key.partition('.')[0]}.default", f"it is refused: {problem.reason}"


def preset_type(preset: Preset, processor: FunctionNode | None) -> NodeType:
    """Return the node type a preset makes of its processor.

    Without the processor there is nothing to derive from; the type then has no ports of its own and
    cannot run, which is not to say that it has no parameters (SCH-33).
    """
    written = preset.written
    if processor is None:
        base = NodeType(id=preset.id, name=written.label, description="", category="processing")
        parameters: Mapping[str, Parameter] = {}
        outputs: Mapping[str, Output] = {}
    else:
        base = processor.node_type
        parameters, outputs = _parameters(base, written), _outputs(base, written)
    shape = written.visual_type or base.visual_type
    supported = written.supported_types or (
        base.supported_types if written.visual_type in (None, *base.supported_types) else ()
    )
    return replace(
        base,
        id=preset.id,
        name=written.label,
        description=base.description if written.description is None else written.description,
        category=written.category or base.category,
        icon=base.icon if written.icon is None else written.icon,
        color=base.color if written.color is None else written.color,
        version=base.version if written.version is None else written.version,
        visual_type=shape,
        supported_types=tuple(dict.fromkeys((shape, *supported))),
        tags=written.tags or base.tags,
        parameters=parameters,
        outputs=outputs,
        reserved_exposure=written.reserved_exposure or base.reserved_exposure,
    )


def _parameters(base: NodeType, written: _Written) -> Mapping[str, Parameter]:
    if written.parameters is None:
        return base.parameters
    # Every declared parameter stays, so that it resolves to its default (CFG-13); one without an
    # entry is neither wired nor configured (SCH-2).
    flags = {name: written.parameters.get(name, ParameterFlags()) for name in base.parameters}
    return {
        name: Parameter(
            schema=declared.schema,
            connectable=flags[name].connectable,
            configurable=flags[name].configurable,
            required=flags[name].required,
            exposed_by_default=flags[name].exposed,
            stored_default=_first(flags[name].default, declared.stored_default),
        )
        for name, declared in base.parameters.items()
    }


def _outputs(base: NodeType, written: _Written) -> Mapping[str, Output]:
    if written.outputs is None:
        return base.outputs
    flags = {name: written.outputs.get(name, OutputFlags()) for name in base.outputs}
    return {
        name: Output(
            schema=declared.schema,
            exposed_by_default=flags[name].exposed_by_default,
            exposed=flags[name].exposed,
        )
        for name, declared in base.outputs.items()
    }


def _first(stored: Any, declared: Any) -> Any:
    return stored if stored is not None else declared


def _invalid(type_id: Any, reason: str) -> InvalidInput:
    name = type_id[:128] if isinstance(type_id, str) else "?"
    detail = {"code": "NODE_TYPE_INVALID", "message": reason, "locator": f"node_types.{name}"}
    return InvalidInput(
        f"The node type {name!r} is malformed: {reason}.", code="NODE_TYPE_INVALID", details=[detail]
    )
