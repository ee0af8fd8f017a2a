"""One execution of a node with its retries: what it is given, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import msgspec

from ..clock import Clock
from ..errors import EndRun, InterruptRequired, NodeError
from ..nodes import NodeContext
from ..nodes.iteration import ITEMS, Iteration, Reentry, Step
from ..nodes.resolution import known_config
from ..store.records import JobRecord
from ..workflow.handles import LOOP_BACK
from ..workflow.ports import UNIFIED
from .environment import RunEnvironment
from .execution import PLAIN, Produced, execute_node
from .places import Place
from .state import RESERVED_INPUTS, RunState, reserved_inputs
from .tool_calls import node_tool

Result: TypeAlias = "Produced | NodeError | InterruptRequired | EndRun"


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of an execution.

    :param step: what it makes of its iteration.
    """

    result: Result
    step: Step | None = None


async def perform(
    place: Place,
    job: JobRecord,
    delivered: Mapping[str, Any],
    reentry: Reentry | None,
    state: RunState,
    environment: RunEnvironment,
    clock: Clock,
) -> Attempted:
    """Execute a node, again while it fails in a way that may pass (ERR-11), and return what came of it.

    :param delivered: what edges deliver, by port.
    :param reentry: what came back over a loopback edge, if one began the execution.
    """
    node = place.node
    # Values given at launch sit below what edges deliver; what is no map is ignored (DATA-6).
    given = environment.initial.get(node.id)
    values = {**given, **delivered} if isinstance(given, Mapping) else dict(delivered)
    iteration = None
    if node.executor.node_type.state_aware:
        iteration = None if reentry is None else state.iterations.get(node.id)
        if iteration is not None:
            values.setdefault(ITEMS, iteration.items)
    if reentry is not None and reentry.value is not None:
        values.setdefault(LOOP_BACK, reentry.value)
    for name in RESERVED_INPUTS & values.keys():
        del values[name]
    if node.reserved:
        bundle = values.get(UNIFIED["input"])
        if isinstance(bundle, Mapping):
            kept = {name: value for name, value in bundle.items() if name not in RESERVED_INPUTS}
            values[UNIFIED["input"]] = kept
        reserved = reserved_inputs(state, place.wiring.loops, job.interrupt_id)
        values |= {name: value for name, value in reserved.items() if name in node.reserved}
    while True:
        context = _context(place, job, state, iteration, reentry, environment, clock)
        result: Result
        try:
            # Each attempt owns what arrives: a function that changes it changes nothing for others.
            result = await execute_node(node, _own(values), context, environment.limiter)
        except (NodeError, InterruptRequired, EndRun) as stop:
            result = stop
        repeatable = isinstance(result, NodeError) and result.retryable is True
        if not (repeatable and place.attempts - place.executions < _retries(place)):
            return Attempted(result, None if context is None else context.step)
        job.attempt += 1
        place.attempts += 1


def _context(
    place: Place,
    job: JobRecord,
    state: RunState,
    iteration: Iteration | None,
    reentry: Reentry | None,
    environment: RunEnvironment,
    clock: Clock,
) -> NodeContext | None:
    """Return what a function that asks for it is told; None for any other."""
    node = place.node
    kind = node.executor.node_type
    if node.executor.signature.context is None:
        return None
    context = NodeContext(
        node_id=node.id,
        run_id=environment.run_id,
        config=deepcopy(known_config(kind, node.config)),
        files=environment.files,
        turn=environment.turn,
        answers=environment.answers.get(job.id, ()),
        world=environment.world,
        identity=environment.identity,
        clock=clock,
        state=state.described(place.wiring.loops) if kind.state_aware else None,
        iteration=iteration,
        reentry=reentry,
    )
    if environment.registry is not None:
        context.tools = partial(
            node_tool, registry=environment.registry, parent=context, limiter=environment.limiter
        )
    return context


def _own(values: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of *values* that shares nothing that can be changed."""
    return {
        name: value if type(value) in PLAIN or _is_finite(value) else _copied(value)
        for name, value in values.items()
    }


def _is_finite(value: Any) -> bool:
    """Tell whether a value is a float that JSON can carry."""
    return type(value) is float and math.isfinite(value)


def _copied(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _retries(place: Place) -> int:
    """Return how many attempts may follow the first ones, over all executions (ERR-11, decision 18)."""
    configured = place.node.config.get("maxRetries", 0)
    return configured if isinstance(configured, int) and not isinstance(configured, bool) else 0
