"""The parameters of one node, sorted out once so that each of its executions resolves them fast.

It gives what :func:`~flowdrop_jupyter.nodes.resolution.resolve_parameters` gives: what is configured or
the default is judged once, only what arrives is judged each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..workflow.dynamic import DEFINITIONS
from ..workflow.exposure import is_exposed
from ..workflow.node_types import CONFIG_ONLY, NodeType, Parameter
from ..workflow.ports import UNIFIED
from .constraints import breach_of
from .resolution import INTERNAL_PREFIX, resolve_parameters

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One parameter; ``open`` tells whether what arrives counts, ``value`` is what holds otherwise."""

    parameter: Parameter
    open: bool
    value: Any


class PreparedParameters:
    """How one node resolves its parameters.

    :param config: its effective configuration, which does not change.
    """

    def __init__(self, node_type: NodeType, config: Mapping[str, Any]) -> None:
        self._node_type = node_type
        self._config = config
        self._entries = _entries(node_type, config)

    def resolved(self, delivered: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every declared parameter and every dynamic input.

        :param delivered: values that arrived by wire or from the launch, by port.
        :raises NodeError: as :func:`~flowdrop_jupyter.nodes.resolution.resolve_parameters`.
        """
        entries = self._entries
        if entries is None or UNIFIED["input"] in delivered:
            return resolve_parameters(self._node_type, self._config, delivered)
        found: dict[str, Any] = {}
        for name, entry in entries.items():
            if entry.open and name in delivered:
                value = delivered[name]
                if value is None:
                    if entry.parameter.required:
                        return resolve_parameters(self._node_type, self._config, delivered)
                elif breach_of(value, entry.parameter.schema) is not None:
                    return resolve_parameters(self._node_type, self._config, delivered)
                found[name] = value
            elif entry.value is None and entry.parameter.required:
                return resolve_parameters(self._node_type, self._config, delivered)
            else:
                found[name] = entry.value
        return found


def _entries(node_type: NodeType, config: Mapping[str, Any]) -> dict[str, _Prepared] | None:
    """Return the parameters in order, or None where they have to be resolved in full each time.

    That is where an author adds inputs, and where a value is not plain or breaks its schema.
    """
    if any(key in node_type.parameters for key in DEFINITIONS.values()):
        return None
    entries: dict[str, _Prepared] = {}
    for name, parameter in node_type.parameters.items():
        internal = name.startswith(INTERNAL_PREFIX)
        configured = not internal and parameter.configurable and name in config
        value = config[name] if configured else parameter.default
        if name in CONFIG_ONLY:
            # Whoever uses these reads them leniently, and nobody changes them (DYN-1, BR-4).
            entries[name] = _Prepared(parameter, False, value)
            continue
        if type(value) not in _PLAIN:
            return None
        if value is not None and breach_of(value, parameter.schema) is not None:
            return None
        takes = internal or (parameter.connectable and is_exposed(node_type, config, "input", name))
        entries[name] = _Prepared(parameter, takes, value)
    return entries
