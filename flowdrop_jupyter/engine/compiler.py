"""The compiler: a workflow becomes an executable plan, or one kind of refusal (CMP-1).

Stages run in a fixed order: structure preconditions, dependency graph, cycle detection, tool wiring,
execution graph, node mappings. Only live node types count; metadata stored on a node is never
believed (CMP-2, SCH-29).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from ..errors import CompileError
from ..nodes import FunctionNode, NodeRegistry, branch_names
from ..nodes.prepared import PreparedParameters
from ..store.records import WorkflowRecord
from ..workflow import Edge, node_config, node_label, node_type_id, read_edge
from ..workflow.exposure import is_exposed
from ..workflow.handles import declared_type, text
from ..workflow.node_types import NodeType
from ..workflow.ports import UNIFIED
from .plan import Exclusion, Plan, PlannedNode
from .state import RESERVED_INPUTS
from .tools import check_tools

PREFIX: Final = "The workflow cannot run: "
"""What the message of every refusal begins with, once (CMP-1)."""


class StageError(CompileError):
    """Raised inside the compiler by the stage that refuses; callers get it as a cause (CMP-1)."""

    def __init__(self, message: str, code: str, locator: str) -> None:
        super().__init__(message, details=[{"code": code, "message": message, "locator": locator}])


def compile_workflow(workflow: WorkflowRecord, registry: NodeRegistry) -> Plan:
    """Return the plan of *workflow*.

    :raises CompileError: when any stage refuses; ``details`` names the node or edge at fault, the cause
        is the stage's own error (CMP-1).
    """
    try:
        return _compiled(workflow, registry)
    except StageError as error:
        raise CompileError(PREFIX + error.message, details=error.details) from error


def _compiled(workflow: WorkflowRecord, registry: NodeRegistry) -> Plan:
    _check_structure(workflow)
    raw_nodes = {node["id"]: node for node in workflow.nodes if node_type_id(node, registry)}
    edges = list(_edges(workflow.edges, raw_nodes))
    order = _order(raw_nodes, edges)
    executors = _executors(raw_nodes, registry)
    _check_tool_wiring(raw_nodes, edges, executors)
    running, excluded = _executable(executors, edges)
    # What a canvas draws without a node type, such as a note or a frame around others (R1.b).
    excluded |= {node["id"]: "no_type" for node in workflow.nodes if node["id"] not in raw_nodes}
    incoming: dict[str, list[Edge]] = {node_id: [] for node_id in running}
    outgoing: dict[str, list[Edge]] = {node_id: [] for node_id in running}
    for edge in edges:
        if edge.source in running and edge.target in running:
            incoming[edge.target].append(edge)
            outgoing[edge.source].append(edge)
    quick: dict[str, bool] = {}
    planned: dict[str, PlannedNode] = {}
    for node_id in order:
        if node_id not in running:
            continue
        executor = running[node_id]
        kind = executor.node_type
        if kind.id not in quick:
            quick[kind.id] = _judged_quickly(kind)
        config = _effective_config(raw_nodes[node_id], executor)
        planned[node_id] = PlannedNode(
            id=node_id,
            label=node_label(raw_nodes[node_id]),
            config=config,
            executor=executor,
            incoming=tuple(incoming[node_id]),
            outgoing=tuple(outgoing[node_id]),
            branches=branch_names(config),
            reserved=RESERVED_INPUTS & kind.parameters.keys(),
            judged_quickly=quick[kind.id],
            hides_outputs=_hides_outputs(kind, config),
            is_async=executor.is_async,
            parameters=PreparedParameters(kind, config) if quick[kind.id] else None,
        )
    used = {executor.node_type.id: executor for executor in executors.values()}
    return Plan(workflow_id=workflow.id, nodes=planned, excluded=excluded, executors=used)


def _judged_quickly(kind: NodeType) -> bool:
    return not any(
        _has_patterns(parameter.schema) or parameter.schema.get("format") == "template"
        for parameter in kind.parameters.values()
    )


def _hides_outputs(kind: NodeType, config: Mapping[str, Any]) -> bool:
    if UNIFIED["output"] in kind.outputs or is_exposed(kind, config, "output", UNIFIED["output"]):
        return True
    return not all(is_exposed(kind, config, "output", name) for name in kind.outputs)


def _has_patterns(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        if any(key in schema for key in ("pattern", "patternProperties", "uniqueItems", "$ref")):
            return True
        return any(_has_patterns(part) for part in schema.values())
    return isinstance(schema, list) and any(_has_patterns(part) for part in schema)


def _effective_config(node: Mapping[str, Any], executor: FunctionNode) -> dict[str, Any]:
    """Return the node's configuration with its live type's defaults for absent keys (STORE-10, SCH-29).

    A stored value always wins, null too. Gating and the node itself see the same branches (BR-4).
    """
    return {**executor.node_type.config_defaults(), **node_config(node)}


def _check_structure(workflow: WorkflowRecord) -> None:
    if not workflow.id:
        raise StageError("it has no id.", "WORKFLOW_WITHOUT_ID", "id")
    if not workflow.nodes:
        raise StageError("it has no nodes.", "WORKFLOW_WITHOUT_NODES", "nodes")
    for index, node in enumerate(workflow.nodes):
        if not isinstance(node.get("id"), str) or not node["id"]:
            raise StageError(f"node number {index} has no id.", "NODE_WITHOUT_ID", f"nodes.{index}")
        if not node_type_id(node) and not text(node.get("type")):
            raise StageError(f"the node {node['id']!r} has no type.", "NODE_WITHOUT_TYPE", node["id"])


def _edges(raw_edges: Iterable[Mapping[str, Any]], nodes: Mapping[str, Any]) -> Iterable[Edge]:
    """Yield the edges between nodes that are there; what an agent gives back is its own (CMP-5)."""
    for raw in raw_edges:
        edge = read_edge(raw)
        data = raw.get("data")
        if isinstance(data, Mapping) and declared_type(data) == "agent_result":
            continue
        if edge.source in nodes and edge.target in nodes:
            yield edge


def _order(nodes: Mapping[str, Any], edges: list[Edge]) -> list[str]:
    """Return the nodes in an order in which each follows what it depends on (CMP-5, CMP-7, CMP-8)."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(nodes, ()))
    for edge in edges:
        # Loops and tool wiring may close a cycle; everything else may not.
        if edge.kind in ("data", "trigger"):
            sorter.add(edge.target, edge.source)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        path = " → ".join(error.args[1])
        raise StageError(f"its nodes wait for each other: {path}.", "WORKFLOW_CYCLE", path) from error


def _executors(nodes: Mapping[str, Any], registry: NodeRegistry) -> dict[str, FunctionNode]:
    """Return what executes each node, looked up by its node type (CMP-2, CMP-11)."""
    found: dict[str, FunctionNode] = {}
    for node_id, node in nodes.items():
        type_id = node_type_id(node)
        executor = registry.executor(type_id)
        if executor is None:
            message = f"the type {type_id!r} of {node_id!r} is unknown."
            raise StageError(message, "R9_NODE_TYPE_UNKNOWN", node_id)
        found[node_id] = executor
    return found


def _check_tool_wiring(
    nodes: Mapping[str, Any], edges: Iterable[Edge], executors: Mapping[str, FunctionNode]
) -> None:
    wired = [(edge.source, edge.target, edge.id) for edge in edges if edge.kind == "tool"]
    if not wired:
        return
    problem = check_tools(
        wired,
        {node_id: executor.node_type for node_id, executor in executors.items()},
        {node_id: node_label(node) for node_id, node in nodes.items()},
    )
    if problem is not None:
        raise StageError(problem.message, problem.code, problem.locator)


def _executable(
    executors: Mapping[str, FunctionNode], edges: Iterable[Edge]
) -> tuple[dict[str, FunctionNode], dict[str, Exclusion]]:
    running: dict[str, FunctionNode] = {}
    excluded: dict[str, Exclusion] = {}
    incoming: dict[str, list[Edge]] = {node_id: [] for node_id in executors}
    outgoing: dict[str, list[Edge]] = {node_id: [] for node_id in executors}
    for edge in edges:
        incoming[edge.target].append(edge)
        outgoing[edge.source].append(edge)
    for node_id, executor in executors.items():
        reason = _exclusion(executor, incoming[node_id], outgoing[node_id])
        if reason is None:
            running[node_id] = executor
        else:
            excluded[node_id] = reason
    return running, excluded


def _exclusion(executor: FunctionNode, incoming: list[Edge], outgoing: list[Edge]) -> Exclusion | None:
    """Return why a node stays out of the execution graph, in CMP-6's order; None when it is in."""
    if not executor.node_type.executable:
        return "non_executable"
    if outgoing and all(edge.kind == "tool" for edge in outgoing):
        return "tool_only"
    if incoming and all(edge.kind == "loopback" for edge in incoming):
        return "loopback_only"
    return None
