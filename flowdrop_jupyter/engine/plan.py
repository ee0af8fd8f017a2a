"""A plan: the nodes of a compiled workflow that will run, with everything that executing them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

from ..nodes import FunctionNode
from ..nodes.prepared import PreparedParameters
from ..workflow import Edge
from .loops import Loops, find_loops
from .wiring import Wiring, wirings

Exclusion: TypeAlias = Literal["no_type", "non_executable", "tool_only", "loopback_only"]
"""Why a node is not part of the execution graph."""


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node that will run, with everything that executing it needs.

    :param incoming: the edges that end here and count for readiness or data, by definition order.
    :param branches: normalized names of its configured branches (BR-2).
    :param reserved: the inputs among its parameters that only the engine fills (SG-2).
    :param judged_quickly: whether no parameter is judged by a pattern, which may take long.
    :param hides_outputs: whether anything has to be taken from, or put to, what its function gives back.
    :param is_async: whether its function runs on the event loop.
    :param parameters: how it resolves its parameters; only where that takes no thread.
    """

    id: str
    label: str
    config: Mapping[str, Any]
    executor: FunctionNode
    incoming: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    branches: frozenset[str]
    reserved: frozenset[str] = frozenset()
    judged_quickly: bool = False
    hides_outputs: bool = True
    is_async: bool | None = None
    parameters: PreparedParameters | None = None

    @property
    def has_error_edge(self) -> bool:
        """Whether a failure of this node is routed (ERR-7)."""
        return any(edge.is_error for edge in self.outgoing)


@dataclass(frozen=True)
class Plan:
    """A compiled workflow: its nodes by id, in a topological order (CMP-8).

    :param excluded: why each node that will not run is left out, by id (CMP-6, EDGE-7).
    :param executors: what executes each node type that the workflow uses, by the type's id (CMP-11).
    """

    workflow_id: str
    nodes: Mapping[str, PlannedNode]
    excluded: Mapping[str, Exclusion] = field(default_factory=dict)
    executors: Mapping[str, FunctionNode] = field(default_factory=dict)

    @cached_property
    def loops(self) -> Loops:
        """The loops of the plan, which no later edit changes (SG-16, SG-17)."""
        return find_loops(edge for node in self.nodes.values() for edge in node.incoming)

    @cached_property
    def wirings(self) -> Mapping[str, Wiring]:
        """The edges of each node, sorted by what they mean to it."""
        return wirings(self.nodes, self.loops)
