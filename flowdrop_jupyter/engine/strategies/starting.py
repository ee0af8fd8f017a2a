"""A run under a strategy: what is refused before the first node, and how the one run loop is set.

Readiness, gating, delivery and error routing are the run loop's own, the same for all (ERR-13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...clock import Clock, system_clock
from ...errors import CompileError
from ...ids import IdFactory, new_id
from ...store.records import JobRecord
from ..environment import RunEnvironment, RunSink
from ..plan import Plan
from ..run import Run
from .definitions import STRATEGIES, Strategy


def prepare_run(
    strategy: Strategy,
    plan: Plan,
    jobs: Iterable[JobRecord],
    environment: RunEnvironment,
    sink: RunSink,
    *,
    clock: Clock = system_clock,
    ids: IdFactory = new_id,
) -> Run:
    """Return a run of *plan* that has not begun; limits that *environment* leaves open are the strategy's.

    :raises CompileError: ``LOOPBACK_UNSUPPORTED`` for a plan with a loopback edge under a strategy that
        cannot iterate; every such edge is in the details (ORC-7).
    """
    if not strategy.iterates:
        _refuse_loops(plan, strategy)
        plan = without_other_triggers(plan, environment.initial)
    most, seconds = environment.max_passes, environment.max_seconds
    environment = replace(
        environment,
        stateful=strategy.is_stateful,
        one_at_a_time=environment.one_at_a_time or not strategy.is_parallel,
        max_passes=strategy.max_passes if most is None else most,
        max_seconds=strategy.max_seconds if seconds is None else seconds,
    )
    return Run(plan, jobs, environment, sink, clock=clock, ids=ids)


def without_other_triggers(plan: Plan, initial: Mapping[str, Any]) -> Plan:
    """Return *plan* without the trigger nodes that the initial data does not name (ORC-8).

    When it names none the plan is the same.
    """
    triggers = {
        node_id for node_id, node in plan.nodes.items() if node.executor.node_type.category == "triggers"
    }
    if not triggers & initial.keys():
        return plan
    dropped = triggers - initial.keys()
    nodes = {
        node_id: replace(
            node,
            incoming=tuple(edge for edge in node.incoming if edge.source not in dropped),
            outgoing=tuple(edge for edge in node.outgoing if edge.target not in dropped),
        )
        for node_id, node in plan.nodes.items()
        if node_id not in dropped
    }
    return Plan(workflow_id=plan.workflow_id, nodes=nodes, excluded=plan.excluded)


def _refuse_loops(plan: Plan, strategy: Strategy) -> None:
    closing = [edge for node in plan.nodes.values() for edge in node.incoming if edge.kind == "loopback"]
    if not closing:
        return
    able = [found.id for found in STRATEGIES.values() if found.iterates]
    details = [
        {
            "code": "LOOPBACK_UNSUPPORTED",
            "message": f"The edge {edge.id!r} leads from {edge.source!r} back to {edge.target!r}.",
            "locator": edge.id,
            "nodes": [edge.source, edge.target],
            "strategies": able,
        }
        for edge in closing
    ]
    message = f"{strategy.label} execution cannot run loops; these strategies can: {', '.join(able)}."
    raise CompileError(message, code="LOOPBACK_UNSUPPORTED", details=details)
