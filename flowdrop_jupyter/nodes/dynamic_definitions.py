"""The reserved parameters by which a node type opts into ports that its authors add (DYN-1)."""

from __future__ import annotations

from typing import Any

from ..workflow.node_types import Parameter


def dynamic_inputs(description: str) -> Parameter:
    """Return the parameter ``dynamicInputs``: the definitions of inputs that an author adds (DYN-2).

    :param description: what the inputs are for.
    """
    return _definitions("Inputs", description, {})


def dynamic_outputs(description: str, *, computed: bool = False) -> Parameter:
    """Return the parameter ``dynamicOutputs``: the definitions of outputs that an author adds (DYN-2).

    :param description: what the outputs are for.
    :param computed: whether each definition has a ``value``, the expression that gives the output.
    """
    value = {"type": "string", "title": "Expression", "default": ""}
    return _definitions("Outputs", description, {"value": value} if computed else {})


def _definitions(title: str, description: str, more: dict[str, Any]) -> Parameter:
    schema = {
        "type": "array",
        "title": title,
        "description": description,
        "default": [],
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Name", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"},
                "label": {"type": "string", "title": "Label"},
                "dataType": {"type": "string", "title": "Data type", "default": "mixed"},
                **more,
            },
            "required": ["name"],
        },
    }
    return Parameter(schema=schema, configurable=True)
