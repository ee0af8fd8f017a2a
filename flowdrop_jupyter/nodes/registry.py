"""The registry: every node type this installation can run, looked up by id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ..workflow.node_types import NodeType
from .api import FunctionNode, function_node

ENTRY_POINT_GROUP: Final = "flowdrop_jupyter.nodes"
"""Entry points of this group name an iterable of functions made with ``@node``."""


logger = logging.getLogger(__name__)


def _built_in_first(found: EntryPoint) -> tuple[bool, str]:
    return not found.value.startswith("flowdrop_jupyter."), found.name


class NodeRegistry:
    """Node types by id; a :class:`~flowdrop_jupyter.workflow.node_types.NodeCatalog`."""

    def __init__(self, nodes: Iterable[Callable[..., Any]] = ()) -> None:
        self._nodes: dict[str, FunctionNode] = {}
        for target in nodes:
            self.add(target)

    @classmethod
    def installed(cls, plugins: Iterable[EntryPoint] | None = None) -> NodeRegistry:
        """Return a registry of the built-in nodes and those of every installed plugin.

        A plugin that cannot be loaded, or declares a type id that is taken, is left out with an
        error in the log; it must not take the others away.

        :param plugins: the entry points to load; those of the environment by default.
        """
        registry = cls()
        found = entry_points(group=ENTRY_POINT_GROUP) if plugins is None else plugins
        for entry_point in sorted(found, key=_built_in_first):
            try:
                for target in entry_point.load():
                    registry.add(target)
            except Exception:
                logger.exception("The nodes of the plugin %s cannot be used.", entry_point.value)
        return registry

    def add(self, target: Callable[..., Any]) -> None:
        """Add a function made with ``@node``.

        :raises ValueError: when its node type id is taken.
        :raises TypeError: when it was not decorated.
        """
        made = function_node(target)
        if made.node_type.id in self._nodes:
            raise ValueError(f"Two nodes declare the type id {made.node_type.id!r}.")
        self._nodes[made.node_type.id] = made

    def node_type(self, type_id: str) -> NodeType | None:
        """Return the node type with this id, or None."""
        found = self._nodes.get(type_id)
        return found.node_type if found else None

    def available(self, type_id: str) -> bool:
        """Tell whether the node type can be executed here (R1.a)."""
        return type_id in self._nodes

    def executor(self, type_id: str) -> FunctionNode | None:
        """Return what executes the node type, or None (SCH-28)."""
        return self._nodes.get(type_id)

    def __iter__(self) -> Iterator[NodeType]:
        """Give the node types in the catalog's order: category, then name (SCH-26)."""
        return iter(
            sorted(
                (found.node_type for found in self._nodes.values()),
                key=lambda kind: (kind.category, kind.name, kind.id),
            )
        )
