"""How a parameter gets its value: what arrived, then the configuration, then the default (CFG)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any, Final

import msgspec

from ..errors import NodeError
from ..expressions import quoted, shortened, template_variables
from ..workflow.dynamic import DEFINITIONS, definitions, dynamic_ports
from ..workflow.exposure import is_exposed
from ..workflow.node_types import CONFIG_ONLY, NodeType, Parameter
from ..workflow.ports import UNIFIED
from .api import FunctionNode
from .constraints import breach_of

INTERNAL_PREFIX: Final = "__"
"""What the names of parameters begin with that only the engine fills (CFG-8)."""

_DEFINITION_KEYS: Final[Mapping[str, Any]] = {key: side for side, key in DEFINITIONS.items()}


def resolve_parameters(
    node_type: NodeType, config: Mapping[str, Any], delivered: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a value for every declared parameter and every dynamic input, and for nothing else.

    Of each parameter, the first step that has its key decides, null included: what arrived, if the
    parameter is connectable and exposed on this node; the saved configuration, if it is configurable;
    its effective default (CFG-4 … CFG-7, CFG-13, CFG-14). Dynamic inputs follow, unchecked, null when
    nothing arrived (CFG-15, DYN-4). The reserved lists of ports and branches are not judged: whoever
    uses them reads them leniently (DYN-1, BR-4).

    It blocks while patterns are matched: call it in a worker thread.

    :param config: the node instance's saved configuration.
    :param delivered: values that arrived by wire or from the launch, by port.
    :raises NodeError: ``PARAMETER_MISSING`` when a required one ends up null (CFG-9),
        ``PARAMETER_INVALID`` for a value that breaks its schema (CFG-10), with the constraint's name
        in the details.
    """
    dynamic = {port.name for port in dynamic_ports(node_type, config, "input")}
    offered = dynamic | _template_inputs(node_type, config)
    arrived = _unpacked(node_type, delivered, offered)
    resolved = {
        name: _value_of(name, parameter, node_type, config, arrived)
        for name, parameter in node_type.parameters.items()
    }
    for name, parameter in node_type.parameters.items():
        if resolved[name] is None and parameter.required:
            raise _missing(node_type, name, parameter)
    for name, parameter in node_type.parameters.items():
        if resolved[name] is not None and name not in CONFIG_ONLY:
            _check(node_type, name, parameter, resolved[name])
    for name in sorted(offered):
        if name not in resolved and (name in arrived or name in dynamic):
            resolved[name] = arrived.get(name)
    return resolved


def tool_parameters(
    node_type: NodeType, config: Mapping[str, Any], wired_ports: Collection[str]
) -> dict[str, Parameter]:
    """Return the parameters that a model may fill when it calls the node as a tool (EXPO-15).

    Those that are connectable, exposed on this node, and not fed by a data edge; what only the engine
    or the author may fill is none of them.

    :param wired_ports: the input ports of the node that data edges end on.
    """
    return {
        name: parameter
        for name, parameter in node_type.parameters.items()
        if _takes_wires(name, parameter)
        and not name.startswith(INTERNAL_PREFIX)
        and not parameter.hidden
        and name not in wired_ports
        and is_exposed(node_type, config, "input", name)
    }


def known_config(node_type: NodeType, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a saved configuration that the node type's form knows or a parameter names.

    Nothing else reaches the node's function (CFG-13).
    """
    form = node_type.config_schema()["properties"]
    return {key: value for key, value in config.items() if key in form or key in node_type.parameters}


def dynamic_inputs(node_type: NodeType, resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a resolved set that the node type does not declare."""
    return {name: value for name, value in resolved.items() if name not in node_type.parameters}


def typed_arguments(made: FunctionNode, resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for the node's function: a resolved set converted to its Python types.

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
            raise _invalid(made.node_type, name, "type", shortened(error)) from error
    return arguments


def _value_of(
    name: str,
    parameter: Parameter,
    node_type: NodeType,
    config: Mapping[str, Any],
    arrived: Mapping[str, Any],
) -> Any:
    if name in _DEFINITION_KEYS:
        return definitions(node_type, config, _DEFINITION_KEYS[name])
    internal = name.startswith(INTERNAL_PREFIX)
    if name in arrived and (
        internal or (_takes_wires(name, parameter) and is_exposed(node_type, config, "input", name))
    ):
        return arrived[name]
    if not internal and parameter.configurable and name in config:
        return config[name] if name in CONFIG_ONLY else _own_copy(node_type, name, config[name])
    return parameter.default


def _own_copy(node_type: NodeType, name: str, value: Any) -> Any:
    """Return a copy that the node may change without changing the workflow or its type."""
    try:
        return deepcopy(value)
    except RecursionError as error:
        raise _invalid(node_type, name, "depth", "it is nested too deeply") from error


def _takes_wires(name: str, parameter: Parameter) -> bool:
    return parameter.connectable and name not in CONFIG_ONLY


def _unpacked(
    node_type: NodeType, delivered: Mapping[str, Any], dynamic: Collection[str]
) -> Mapping[str, Any]:
    """Return *delivered* with the bundle at the port ``input`` spread over the ports it names.

    A value of its own wire beats the bundle's (CFG-16). Exposure is judged later, as for a wire, so a
    bundle fills no port that a wire could not fill (CFG-17).
    """
    bundle = delivered.get(UNIFIED["input"])
    if not isinstance(bundle, Mapping):
        return delivered
    kept = {}
    for name, value in bundle.items():
        parameter = node_type.parameters.get(name)
        if parameter is None:
            fits = name in dynamic
        else:
            fits = _takes_wires(name, parameter) or name.startswith(INTERNAL_PREFIX)
        if fits:
            kept[name] = value
    return {**kept, **delivered}


def _template_inputs(node_type: NodeType, config: Mapping[str, Any]) -> set[str]:
    """Return the variables of a node's templates, which are inputs of types with dynamic ones.

    They are decision 13's reading of "one input per variable"; unlike defined dynamic inputs they are
    absent, not null, when nothing arrived, so that a template can tell.

    :raises NodeError: ``TEMPLATE_INVALID`` when a template cannot be read.
    """
    found: set[str] = set()
    reserved = node_type.parameters.get(DEFINITIONS["input"])
    if reserved is None or not reserved.configurable:
        return found
    for name, parameter in node_type.parameters.items():
        if parameter.schema.get("format") == "template" and parameter.configurable:
            text = config.get(name, parameter.default)
            found |= set(template_variables(text)) if isinstance(text, str) else set()
    return {name for name in found if not name.startswith(INTERNAL_PREFIX)}


def _check(node_type: NodeType, name: str, parameter: Parameter, value: Any) -> None:
    breach = breach_of(value, parameter.schema)
    if breach is not None:
        reason = f"{quoted(breach.path)} in it {breach.message}" if breach.path else f"it {breach.message}"
        raise _invalid(node_type, name, breach.constraint, reason)


def _missing(node_type: NodeType, name: str, parameter: Parameter) -> NodeError:
    title = parameter.schema.get("title")
    called = f"{quoted(title)} ({name})" if isinstance(title, str) and title != name else quoted(name)
    return NodeError(
        f"{node_type.name} needs a value for {called}.",
        code="PARAMETER_MISSING",
        details=[
            {
                "code": "PARAMETER_MISSING",
                "message": "A value is required.",
                "locator": name,
                "constraint": "required",
            }
        ],
    )


def _invalid(node_type: NodeType, name: str, constraint: str, reason: str) -> NodeError:
    return NodeError(
        f"{node_type.name}: {quoted(name)} is not acceptable ({constraint}): {reason}",
        code="PARAMETER_INVALID",
        details=[{"code": "PARAMETER_INVALID", "message": reason, "locator": name, "constraint": constraint}],
    )


def _accepts_null(kind: Any) -> bool:
    try:
        msgspec.convert(None, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True
