"""Nodes whose outputs their author computes by expressions: mapper, shaper, function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypedDict

import msgspec

from ...errors import NodeError
from ...expressions import EngineId, evaluate, quoted, require_engine
from ...workflow.dynamic import dynamic_ports
from ...workflow.node_types import NodeType
from ..api import function_node, node
from ..context import NodeContext
from ..dynamic_definitions import dynamic_inputs, dynamic_outputs
from ..shaping import shaped
from ..signature import Config, Wire

MOST_OUTPUTS: Final = 100
"""Outputs one node may compute."""


class Computed(TypedDict):
    """The outputs that an author added; a node type declares none of them."""


class Shaped(msgspec.Struct):
    """Data in its new shape."""

    data: Any


@node(
    category="processing",
    icon="mdi:swap-horizontal-bold",
    color="#b45309",
    tags=("mapping", "expression"),
    parameters={
        "dynamicInputs": dynamic_inputs("The values that the expressions read, by name."),
        "dynamicOutputs": dynamic_outputs(
            "The outputs, each with the expression that gives it.", computed=True
        ),
    },
)
def data_mapper(
    context: NodeContext,
    engine: Annotated[EngineId, Config()] = "expression_language",
    dynamicOutputs: Annotated[Any, Config()] = None,
) -> Computed:
    """Computes each of its outputs by an expression over its inputs.

    One output that fails fails the node; an empty expression gives null.

    :param engine: what reads the expressions.
    """
    return _computed(function_node(data_mapper).node_type, dynamicOutputs, engine, context)


@node(
    category="processing",
    icon="mdi:function-variant",
    color="#b45309",
    tags=("function", "expression"),
    parameters={
        "dynamicInputs": dynamic_inputs("The arguments: variables of the expressions."),
        "dynamicOutputs": dynamic_outputs(
            "The results, each with the expression that gives it.", computed=True
        ),
    },
)
def custom_function(context: NodeContext, dynamicOutputs: Annotated[Any, Config()] = None) -> Computed:
    """Computes its results from its arguments, each by an expression of the expression language."""
    return _computed(function_node(custom_function).node_type, dynamicOutputs, "expression_language", context)


@node(category="processing", icon="mdi:shape-plus", color="#b45309", tags=("mapping", "json"))
def data_shaper(
    context: NodeContext,
    data: Annotated[Any, Wire()] = None,
    mapping: Annotated[dict[str, Any] | None, Config(format="json")] = None,
    engine: Annotated[EngineId, Config()] = "property_path",
) -> Shaped:
    """Builds a new structure whose values come from places in the data that arrives.

    :param data: where the values come from; a text is read as JSON if it is JSON.
    :param mapping: an object whose texts are sources; ``_source`` and ``_each`` go through a list, and
        ``_NOW_``, ``_NULL_``, ``_EMPTY_ARRAY_``, ``_EMPTY_OBJECT_`` and ``_LITERAL:text`` are values.
    :param engine: what reads the sources.
    """
    return Shaped(data=shaped(mapping or {}, data, engine, context.clock))


def _computed(node_type: NodeType, definitions: Any, engine: str, context: NodeContext) -> Computed:
    require_engine(engine)
    outputs: dict[str, Any] = {}
    for name, text in _expressions(node_type, definitions, context):
        try:
            outputs[name] = _value(text, engine, context.dynamic_inputs)
        except NodeError as error:
            message = f"The output {quoted(name)} failed (engine {engine}): {error.message}"
            detail = {"code": error.code, "message": error.message, "locator": name}
            raise NodeError(message, code="OUTPUT_FAILED", details=[detail]) from error
    return outputs  # type: ignore[return-value]  # its keys are the author's


def _expressions(node_type: NodeType, definitions: Any, context: NodeContext) -> list[tuple[str, Any]]:
    """Return the name and the expression of every output that is really there (DYN-3)."""
    config = {"dynamicInputs": context.config.get("dynamicInputs"), "dynamicOutputs": definitions}
    names = [port.name for port in dynamic_ports(node_type, config, "output")]
    if len(names) > MOST_OUTPUTS:
        raise NodeError(f"At most {MOST_OUTPUTS} outputs can be computed.", code="OUTPUTS_TOO_MANY")
    texts: dict[str, Any] = {}
    for definition in definitions if names else ():
        if isinstance(definition, Mapping) and isinstance(definition.get("name"), str):
            texts.setdefault(definition["name"], definition.get("value"))
    return [(name, texts.get(name)) for name in names]


def _value(text: Any, engine: str, values: Mapping[str, Any]) -> Any:
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    if not isinstance(text, str):
        raise NodeError(f"The expression {quoted(text)} is not a text.", code="EXPRESSION_INVALID")
    return evaluate(engine, text, values, strict=True)


NODES = (custom_function, data_mapper, data_shaper)
