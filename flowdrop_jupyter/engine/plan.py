"""The compiler: a workflow becomes an executable plan, or one kind of refusal (CMP-1).

Stages run in a fixed order: structure preconditions, dependency graph, cycle detection, execution
graph, node mappings. Only live node types count; metadata stored on a node is never believed
(CMP-2, SCH-29).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..errors import CompileError
from ..nodes import FunctionNode, NodeRegistry, branch_names
from ..store.records import WorkflowRecord
from ..workflow import Edge, node_config, node_label, node_type_id, read_edge


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node that will run, with everything that executing it needs.

    :param incoming: the edges that end here and count for readiness or data, by definition order.
    :param branches: normalized names of its configured branches (BR-2).
    """

    id: str
    label: str
    config: Mapping[str, Any]
    executor: FunctionNode
    incoming: tuple[Edge, ...]
    outgoing: tuple[Edge, ...]
    branches: frozenset[str]

    @property
    def has_error_edge(self) -> bool:
        """Whether a failure of this node is routed (ERR-7)."""
        return any(edge.is_error for edge in self.outgoing)


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled workflow: its nodes by id, in a topological order (CMP-8)."""

    workflow_id: str
    nodes: Mapping[str, PlannedNode]


def compile_workflow(workflow: WorkflowRecord, registry: NodeRegistry) -> Plan:
    """Return the plan of *workflow*.

    :raises CompileError: when any stage refuses; ``details`` names the node or edge at fault.
    """
    _check_structure(workflow)
    raw_nodes = {node["id"]: node for node in workflow.nodes}
    edges = [
        edge
        for edge in (read_edge(raw) for raw in workflow.edges)
        if edge.source in raw_nodes and edge.target in raw_nodes
    ]
    order = _order(raw_nodes, edges)
    running = _executable(raw_nodes, edges, registry)
    planned: dict[str, PlannedNode] = {}
    for node_id in order:
        if node_id not in running:
            continue
        config = _effective_config(raw_nodes[node_id], running[node_id])
        planned[node_id] = PlannedNode(
            id=node_id,
            label=node_label(raw_nodes[node_id]),
            config=config,
            executor=running[node_id],
            incoming=tuple(edge for edge in edges if edge.target == node_id and edge.source in running),
            outgoing=tuple(edge for edge in edges if edge.source == node_id and edge.target in running),
            branches=branch_names(config),
        )
    return Plan(workflow_id=workflow.id, nodes=planned)


def _effective_config(node: Mapping[str, Any], executor: FunctionNode) -> dict[str, Any]:
    """Return the node's configuration, with its type's branches when it has none of its own.

    Gating and the node itself must see the same branches (BR-4); every other default is applied when
    parameters are resolved (CFG-6).
    """
    config = node_config(node)
    defaults = executor.node_type.config_defaults()
    if "branches" in defaults:
        config.setdefault("branches", defaults["branches"])
    return config


def _refuse(message: str, code: str, locator: str) -> CompileError:
    detail = {"code": code, "message": message, "locator": locator}
    return CompileError(f"The workflow cannot run: {message}", details=[detail])


def _check_structure(workflow: WorkflowRecord) -> None:
    if not workflow.id:
        raise _refuse("it has no id.", "WORKFLOW_WITHOUT_ID", "id")
    if not workflow.nodes:
        raise _refuse("it has no nodes.", "WORKFLOW_WITHOUT_NODES", "nodes")
    for index, node in enumerate(workflow.nodes):
        if not isinstance(node.get("id"), str) or not node["id"]:
            raise _refuse(f"node number {index} has no id.", "NODE_WITHOUT_ID", f"nodes.{index}")


def _order(nodes: Mapping[str, Any], edges: list[Edge]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(nodes, ()))
    for edge in edges:
        # Loops and tool wiring may close a cycle; everything else may not (CMP-5).
        if edge.kind in ("data", "trigger"):
            sorter.add(edge.target, edge.source)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        path = " → ".join(error.args[1])
        raise _refuse(f"its nodes wait for each other: {path}.", "WORKFLOW_CYCLE", path) from error


def _executable(
    nodes: Mapping[str, Any], edges: list[Edge], registry: NodeRegistry
) -> dict[str, FunctionNode]:
    running: dict[str, FunctionNode] = {}
    for node_id, node in nodes.items():
        type_id = node_type_id(node)
        if not type_id:
            continue
        executor = registry.executor(type_id)
        if executor is None:
            raise _refuse(f"the type {type_id!r} of {node_id!r} is unknown.", "R9_NODE_TYPE_UNKNOWN", node_id)
        if not executor.node_type.executable:
            continue
        incoming = [edge for edge in edges if edge.target == node_id]
        outgoing = [edge for edge in edges if edge.source == node_id]
        tool_only = bool(outgoing) and all(edge.kind == "tool" for edge in outgoing)
        loopback_only = bool(incoming) and all(edge.kind == "loopback" for edge in incoming)
        if not tool_only and not loopback_only:
            running[node_id] = executor
    for edge in edges:
        if edge.kind == "loopback" and edge.target in running:
            message = f"the edge {edge.id!r} closes a loop, and this engine does not iterate yet."
            raise _refuse(message, "LOOPBACK_UNSUPPORTED", edge.id)
    return running
