"""Where each node of a run stands: its newest execution, and the round it belongs to.

A loop's *epoch* counts how often it was re-entered in the whole run; unlike its round it is never set
back. An execution knows the epochs it was begun in, so that one glance tells whether it is of an
earlier round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..store.records import JobRecord
from .loops import Loops, advance
from .plan import Plan, PlannedNode
from .wiring import Wiring

FINISHED: Final = frozenset({"completed", "failed", "skipped", "cancelled"})
AT_WORK: Final = frozenset({"pending", "running", "interrupted"})


class Place:
    """One node of a run as it stands.

    ``newest`` is its newest execution, ``last`` the newest one that has ended. ``waits`` tells
    whether it is still to run in the current round. ``attempts`` counts over all executions. ``wave``
    and ``last_wave`` are the epochs, by the order of ``wiring.regions``, in which these two were begun.
    ``watched`` is the port that was found unfilled when the node was last looked at.
    """

    __slots__ = (
        "attempts",
        "executions",
        "last",
        "last_wave",
        "newest",
        "node",
        "position",
        "waits",
        "watched",
        "wave",
        "wiring",
    )

    def __init__(self, node: PlannedNode, wiring: Wiring, position: int) -> None:
        self.node = node
        self.wiring = wiring
        self.position = position
        self.newest: JobRecord | None = None
        self.last: JobRecord | None = None
        self.executions = 0
        self.attempts = 0
        self.waits = True
        self.wave: tuple[int, ...] = ()
        self.last_wave: tuple[int, ...] = ()
        self.watched = 0

    @property
    def at_work(self) -> bool:
        """Whether an execution of it has begun and not ended."""
        return self.newest is not None and self.newest is not self.last

    def took(self, job: JobRecord, wave: tuple[int, ...]) -> None:
        """Note that *job* is its newest execution."""
        if self.newest is None or job.id != self.newest.id:
            self.executions += 1
        self.newest, self.wave, self.waits, self.watched = job, wave, False, 0

    def ended(self, job: JobRecord) -> None:
        """Note that its newest execution has ended."""
        self.last, self.last_wave = job, self.wave


class Rounds:
    """The rounds of a run's loops, and the epochs that make earlier ones recognisable."""

    def __init__(self, loops: Loops) -> None:
        self._loops = loops
        self.rounds: dict[str, int] = dict.fromkeys(loops.by_head, 0)
        self.epochs: dict[str, int] = dict.fromkeys(loops.by_head, 0)

    def stamp(self, wiring: Wiring) -> dict[str, int]:
        """Return the stamp of an execution that begins now (SG-17)."""
        return {head: self.rounds[head] for head in wiring.loops}

    def wave(self, wiring: Wiring) -> tuple[int, ...]:
        """Return the epochs of the loops that may set a node to work."""
        return tuple([self.epochs[head] for head in wiring.regions]) if wiring.regions else ()

    def enter(self, head: str) -> None:
        """Begin the next round of a loop; those inside it start over (SG-18)."""
        self.rounds[head] += 1
        self.epochs[head] += 1
        for inner in self._loops.by_head[head].nested:
            self.rounds[inner] = 0

    def replay(self, stamp: Mapping[str, int] | None) -> None:
        """Take the stamp of a kept execution in, in creation order (SG-7)."""
        for head in advance(self.rounds, stamp or {}, self._loops):
            self.epochs[head] += 1

    def is_stale(self, source: Place) -> bool:
        """Tell whether what *source* last gave is of an earlier round than the current one."""
        regions = source.wiring.regions
        return bool(regions) and source.last_wave != self.wave(source.wiring)

    def is_before(self, source: Place, head: str) -> bool:
        """Tell whether *source* last ended in the round of a loop right before the current one."""
        before = [
            epoch - (name == head)
            for name, epoch in zip(source.wiring.regions, self.wave(source.wiring), strict=True)
        ]
        return self.epochs[head] > 0 and list(source.last_wave) == before

    def is_behind(self, source: Place, consumer: Place) -> bool:
        """Tell whether *source* last ended in an earlier round of a loop that both are in (SG-19)."""
        shared = set(source.wiring.loops) & set(consumer.wiring.loops)
        return any(
            head in shared and epoch != self.epochs[head]
            for head, epoch in zip(source.wiring.regions, source.last_wave, strict=False)
        )


def placed(plan: Plan, jobs: Iterable[JobRecord], rounds: Rounds) -> dict[str, Place]:
    """Return the places of a plan's nodes after the executions in *jobs*.

    :param jobs: in creation order; those of nodes that are not in the plan count for nothing.
    :param rounds: takes the stamps in (SG-7, SG-17).
    """
    places = {
        node_id: Place(node, plan.wirings[node_id], position)
        for position, (node_id, node) in enumerate(plan.nodes.items())
    }
    for job in jobs:
        place = places.get(job.node_id)
        if place is None or job.status == "idle":
            continue
        rounds.replay(job.stamp)
        place.took(job, rounds.wave(place.wiring))
        place.executions = max(place.executions, job.execution + 1)
        place.attempts += job.attempt
        if job.status in FINISHED:
            place.ended(job)
    return places
