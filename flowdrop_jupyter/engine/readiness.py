"""When a node may start, which edges are open, and what value arrives at a port (DATA, BR).

Pure functions over the jobs of a run; every strategy uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from ..nodes.branches import normalized
from ..store.records import JobRecord
from ..workflow import Edge
from .plan import Plan, PlannedNode

FINISHED = frozenset({"completed", "failed", "skipped", "cancelled"})


class Readiness(Enum):
    """Whether a node can start now, must wait, or will never start in this run."""

    READY = "ready"
    WAITING = "waiting"
    NEVER = "never"


def is_followed(edge: Edge, source: PlannedNode, job: JobRecord) -> bool:
    """Tell whether *edge* is open after its source finished as *job* says (BR-1, BR-2, ERR-10).

    Only a branch port is gated, and only when the source named active branches; a routed failure
    opens the error edges and nothing else.
    """
    if job.error_routed:
        return edge.is_error
    if job.status != "completed" or edge.is_error:
        return False
    port = normalized(edge.source_port)
    if not port or not job.active_branches or port not in source.branches:
        return True
    return port in {normalized(branch) for branch in job.active_branches}


def readiness(node: PlannedNode, plan: Plan, jobs: Mapping[str, JobRecord]) -> Readiness:
    """Tell whether *node* can start (DATA-4, ERR-10, BR-7).

    One satisfied error edge is enough, then one satisfied trigger edge; data ports are not looked at
    in either case. A node with neither waits until every connected data port has a satisfied source.
    An error edge into a port that data edges feed as well is one more source of that port, so that a
    value and its fallback can meet; any other makes the node a handler, which runs for failures only.
    """
    errors = _any([edge for edge in node.incoming if edge.is_error], plan, jobs)
    if errors is Readiness.READY:
        return errors
    state = _without_failures(node, plan, jobs)
    return Readiness.WAITING if state is Readiness.NEVER and errors is Readiness.WAITING else state


def _without_failures(node: PlannedNode, plan: Plan, jobs: Mapping[str, JobRecord]) -> Readiness:
    fed = {edge.target_port for edge in node.incoming if edge.carries_data and not edge.is_error}
    control = [
        edge for edge in node.incoming if edge.is_trigger or (edge.is_error and edge.target_port not in fed)
    ]
    if control:
        return _any(control, plan, jobs)
    ports: dict[str, list[Edge]] = {}
    for edge in node.incoming:
        if edge.carries_data:
            ports.setdefault(edge.target_port, []).append(edge)
    states = [_any(edges, plan, jobs) for edges in ports.values()]
    if Readiness.NEVER in states:
        return Readiness.NEVER
    return Readiness.WAITING if Readiness.WAITING in states else Readiness.READY


def _followed(edge: Edge, plan: Plan, jobs: Mapping[str, JobRecord]) -> bool:
    return is_followed(edge, plan.nodes[edge.source], jobs[edge.source])


def _any(edges: list[Edge], plan: Plan, jobs: Mapping[str, JobRecord]) -> Readiness:
    waiting = False
    for edge in edges:
        if _followed(edge, plan, jobs):
            return Readiness.READY
        waiting = waiting or jobs[edge.source].status not in FINISHED
    return Readiness.WAITING if waiting else Readiness.NEVER


def delivered_values(node: PlannedNode, plan: Plan, jobs: Mapping[str, JobRecord]) -> dict[str, Any]:
    """Return the values that arrive at *node*'s ports, one per port (DATA-1, DATA-2).

    Presence of the key in the source's output decides, so null is delivered. Of several sources the
    one that finished last wins.
    """
    arrived: dict[str, tuple[tuple[int, str], Any]] = {}
    for edge in node.incoming:
        if not edge.carries_data:
            continue
        job = jobs[edge.source]
        output = job.output or {}
        if not is_followed(edge, plan.nodes[edge.source], job) or edge.source_port not in output:
            continue
        rank = (job.order, edge.source)
        held = arrived.get(edge.target_port)
        if held is None or rank > held[0]:
            arrived[edge.target_port] = (rank, output[edge.source_port])
    return {port: value for port, (_, value) in arrived.items()}
