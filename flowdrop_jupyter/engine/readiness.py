"""When a node may start, which edges are open, and what value arrives at a port (DATA, BR, SG-19).

Questions about the places of a run that change nothing; every strategy asks them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ..expressions import quoted
from ..nodes.branches import normalized
from ..store.records import JobRecord
from ..workflow import Edge
from ..workflow.handles import TRIGGER
from .places import Place, Rounds
from .plan import PlannedNode

logger = logging.getLogger(__name__)


class Readiness(Enum):
    """Whether a node, or an edge into it, lets it start.

    ``NEVER`` is final for the run. ``OUTDATED`` waits for a source outside of the node's loops that may
    run again in this round, and makes do with what that gave before; ``BEHIND`` waits for one inside,
    and cannot (SG-19, SG-20).
    """

    READY = "ready"
    WAITING = "waiting"
    OUTDATED = "outdated"
    BEHIND = "behind"
    NEVER = "never"


def is_followed(edge: Edge, source: PlannedNode, job: JobRecord) -> bool:
    """Tell whether *edge* is open after its source finished as *job* says (BR-1, BR-2, ERR-10).

    Only a branch port is gated, and only when the source named active branches; a routed failure
    opens the error edges and nothing else. A loopback edge from the port ``trigger`` belongs to no
    branch (SG-10).
    """
    if job.error_routed:
        return edge.is_error
    if job.status != "completed" or edge.is_error:
        return False
    if not job.active_branches:
        return True
    port = normalized(edge.source_port)
    if not port or port not in source.branches or (edge.kind == "loopback" and port == TRIGGER):
        return True
    return port in {normalized(branch) for branch in job.active_branches}


def edge_state(edge: Edge, consumer: Place, places: Mapping[str, Place], rounds: Rounds) -> Readiness:
    """Tell what one edge says about its target's start (BR-6, DATA-4, SG-19).

    What a source gave before its present execution satisfies nothing while that goes on.
    """
    source = places[edge.source]
    job = source.last
    if job is None or source.newest is not job:
        return Readiness.WAITING
    followed = is_followed(edge, source.node, job)
    if not source.wiring.regions:
        return Readiness.READY if followed else Readiness.NEVER
    if not followed:
        return Readiness.WAITING
    if not rounds.is_stale(source):
        return Readiness.READY
    return Readiness.BEHIND if rounds.is_behind(source, consumer) else Readiness.OUTDATED


def readiness(place: Place, places: Mapping[str, Place], rounds: Rounds) -> Readiness:
    """Tell whether a node can start (DATA-4, ERR-10, BR-7).

    One satisfied error edge is enough, then one satisfied trigger edge; data ports are not looked at
    in either case. A node with neither waits until every connected data port has a satisfied source.
    An error edge into a port that data edges feed as well is one more source of that port, so that a
    value and its fallback can meet; any other makes the node a handler, which runs for failures only.
    """
    wiring = place.wiring
    errors = _any(wiring.errors, place, places, rounds) if wiring.errors else Readiness.NEVER
    if errors is Readiness.READY:
        return errors
    if wiring.control:
        state = _any(wiring.control, place, places, rounds)
    else:
        state = _every_port(place, places, rounds)
    return Readiness.WAITING if state is Readiness.NEVER and errors is Readiness.WAITING else state


def port_state(
    edges: tuple[Edge, ...], place: Place, places: Mapping[str, Place], rounds: Rounds
) -> Readiness:
    """Tell whether a data port of a node has a satisfied source; the best of its edges decides."""
    if len(edges) == 1:
        return edge_state(edges[0], place, places, rounds)
    states = {edge_state(edge, place, places, rounds) for edge in edges}
    for state in (Readiness.READY, Readiness.OUTDATED, Readiness.BEHIND, Readiness.WAITING):
        if state in states:
            return state
    return Readiness.NEVER


def _every_port(place: Place, places: Mapping[str, Place], rounds: Rounds) -> Readiness:
    """Look at the ports from the one that was unfilled last time, so that a wide join stays cheap."""
    ports = place.wiring.ports
    found = Readiness.READY
    for step in range(len(ports)):
        index = (place.watched + step) % len(ports)
        state = port_state(ports[index][1], place, places, rounds)
        if state is Readiness.READY:
            continue
        place.watched = index
        if state is Readiness.WAITING and place.wiring.regions:
            return _worst(place, places, rounds)
        if state is not Readiness.OUTDATED:
            return state
        found = state
    return found


def _worst(place: Place, places: Mapping[str, Place], rounds: Rounds) -> Readiness:
    """Return what the port that is worst off says: one that cannot be filled outweighs one that waits."""
    states = {port_state(edges, place, places, rounds) for _, edges in place.wiring.ports}
    for state in (Readiness.NEVER, Readiness.BEHIND):
        if state in states:
            return state
    return Readiness.WAITING


def _any(edges: tuple[Edge, ...], place: Place, places: Mapping[str, Place], rounds: Rounds) -> Readiness:
    waiting = False
    for edge in edges:
        state = edge_state(edge, place, places, rounds)
        if state in (Readiness.READY, Readiness.OUTDATED):
            return Readiness.READY
        waiting = waiting or state is not Readiness.NEVER
    return Readiness.WAITING if waiting else Readiness.NEVER


def delivered_values(place: Place, places: Mapping[str, Place], rounds: Rounds) -> dict[str, Any]:
    """Return the values that arrive at a node's ports, one per port (DATA-1, DATA-2).

    Presence of the key in the source's output decides, so null is delivered. Of several sources the
    one that finished last wins, and the collision is logged. A source that is behind on a common
    loop gives nothing (BR-6).
    """
    arrived: dict[str, Any] = {}
    ranks: dict[str, tuple[int, str]] = {}
    for edge in place.wiring.data:
        source = places[edge.source]
        job = source.last
        if job is None or job.output is None or edge.source_port not in job.output:
            continue
        if not is_followed(edge, source.node, job) or _withheld(edge, source, place, rounds):
            continue
        rank = (job.order, edge.source)
        held = ranks.get(edge.target_port)
        if held is not None:
            logger.warning(
                "Several values arrive at the port %s of node %s; the one that was made last is used.",
                quoted(edge.target_port),
                quoted(place.node.id),
            )
        if held is None or rank > held:
            ranks[edge.target_port] = rank
            arrived[edge.target_port] = job.output[edge.source_port]
    return arrived


def _withheld(edge: Edge, source: Place, consumer: Place, rounds: Rounds) -> bool:
    """Tell whether a value is of a round that must not mix with the consumer's (BR-6)."""
    if not source.wiring.regions:
        return False
    if rounds.is_behind(source, consumer):
        return True
    gated = source.last is not None and source.last.active_branches and edge.source_port
    return bool(source.at_work and (gated or edge.is_error))
