"""What may start next: looked at only where something ended, never over the whole graph.

A loop begins its next round when nothing that its last one set to work is going on any more. So one
execution never mixes rounds, and what hangs off a loop sees every round.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import NodeError
from ..nodes.iteration import Reentry
from ..store.records import JobRecord
from ..workflow import Edge
from .places import AT_WORK, FINISHED, Place, Rounds, placed
from .plan import Plan
from .readiness import Readiness, edge_state, is_followed, port_state, readiness


@dataclass(frozen=True, slots=True)
class Starved:
    """A node whose data port can no longer be filled in its round (SG-20).

    :param loop: the innermost loop that it shares with the source.
    :param gateway: the gateway that routed away from the source, where that can be told.
    """

    place: Place
    port: str
    source: str
    loop: str
    round: int
    gateway: str | None

    def error(self) -> NodeError:
        """Return the failure that the node ends with."""
        because = f" because {self.gateway!r} turned away from it" if self.gateway else ""
        detail = {
            "code": "PORT_STARVED",
            "message": "No value can be produced for this round any more.",
            "locator": self.port,
            "source": self.source,
            "round": self.round,
            "loop": self.loop,
        }
        return NodeError(
            f"The input {self.port!r} of {self.place.node.label} gets no value in round {self.round}: "
            f"{self.source!r} gives none any more{because}.",
            code="PORT_STARVED",
            details=[detail | ({"gateway": self.gateway} if self.gateway else {})],
        )


class Frontier:
    """The places of one run, and which of them to look at.

    :param jobs: the executions so far, in creation order.
    """

    def __init__(self, plan: Plan, jobs: Iterable[JobRecord]) -> None:
        self._plan = plan
        self._loops = plan.loops
        self.rounds = Rounds(plan.loops)
        self.places = placed(plan, jobs, self.rounds)
        self._queue: deque[Place] = deque()
        self._at_work: dict[str, Place] = {}
        self._busy = dict.fromkeys(self._loops.by_head, 0)
        self._requests: dict[str, set[str]] = {}
        self._outdated: dict[str, Place] = {}
        self._behind: dict[str, Place] = {}
        if any(place.newest is not None for place in self.places.values()):
            self._go_on()
        else:
            self._queue.extend(
                place
                for place in self.places.values()
                if not (place.wiring.data or place.wiring.control or place.wiring.errors)
            )

    def next(self) -> tuple[list[Place], list[Place]]:
        """Return the places that can start now, and those that never will, in the plan's order."""
        ready, never = [], []
        while self._queue:
            place = self._queue.popleft()
            if not place.waits:
                continue
            if self._outdated or self._behind:
                self._outdated.pop(place.node.id, None)
                self._behind.pop(place.node.id, None)
            state = readiness(place, self.places, self.rounds)
            if state is Readiness.READY:
                place.waits = False
                ready.append(place)
            elif state is Readiness.NEVER:
                place.waits = False
                never.append(place)
            elif state is Readiness.OUTDATED:
                self._outdated[place.node.id] = place
            elif state is Readiness.BEHIND:
                self._behind[place.node.id] = place
        if len(ready) > 1:
            ready.sort(key=lambda place: place.position)
        return ready, never

    def began(self, place: Place, job: JobRecord) -> None:
        """Note that an execution of a node begins."""
        place.took(job, self.rounds.wave(place.wiring))
        self._count(place, 1)

    def ended(self, place: Place, job: JobRecord) -> None:
        """Note that an execution ended, and look at what lies behind it."""
        place.ended(job)
        self._count(place, -1)
        self._look_behind(place, job)

    def passed(self, place: Place, job: JobRecord) -> None:
        """Note an execution that ends without having begun: one that was skipped, or starved."""
        place.took(job, self.rounds.wave(place.wiring))
        place.ended(job)
        self._look_behind(place, job)

    def makes_do(self) -> Place | None:
        """Return a place that waited for a newer value and starts without it, as none will come."""
        for place in sorted(self._outdated.values(), key=lambda place: place.position):
            if readiness(place, self.places, self.rounds) is not Readiness.OUTDATED:
                del self._outdated[place.node.id]  # its source is at work again, and its end is looked at
                continue
            waited = [
                edge.source
                for _, edges in place.wiring.ports
                if port_state(edges, place, self.places, self.rounds) is Readiness.OUTDATED
                for edge in edges
            ]
            if not any(self._is_live(source, place) for source in waited):
                del self._outdated[place.node.id]
                place.waits = False
                return place
        return None

    def due_loop(self) -> tuple[str, list[Place]] | None:
        """Return a loop whose next round may begin, by its head, with the places it begins at."""
        for head, targets in self._requests.items():
            loop = self._loops.by_head[head]
            if self._busy[head] or any(other != head and other in loop.region for other in self._requests):
                continue
            places = [self.places[target] for target in targets]
            if any(place.newest is None for place in places):
                continue
            return head, sorted(places, key=lambda place: place.position)
        return None

    def reenter(self, head: str) -> list[Place]:
        """Begin the next round of a loop and return the places that it begins at (SG-7)."""
        places = [self.places[target] for target in self._requests.pop(head)]
        self.rounds.enter(head)
        for place in places:
            place.waits = False
        return sorted(places, key=lambda place: place.position)

    def refuse(self, head: str) -> None:
        """Let a loop end, although an edge leads back."""
        del self._requests[head]

    def starved(self) -> Starved | None:
        """Return a node that waits for a value of its own round that can no longer come (SG-20)."""
        for place in sorted(self._behind.values(), key=lambda place: place.position):
            if place.wiring.control or place.wiring.errors:
                continue
            for port, edges in place.wiring.ports:
                if port_state(edges, place, self.places, self.rounds) is not Readiness.BEHIND:
                    continue
                if not all(self._shared(edge, place) for edge in edges):
                    continue
                if any(self._is_live(edge.source, place) for edge in edges):
                    continue
                del self._behind[place.node.id]
                place.waits = False
                return self._described(place, port, edges)
        return None

    def came_back(self, place: Place) -> Reentry | None:
        """Return what came back over the loopback edge that began a node's execution (SG-5).

        Of several, the newest; None when no loopback edge began it.
        """
        found: tuple[int, Any, bool] | None = None
        for edge in place.wiring.closing:
            source = self.places[edge.source]
            job = source.last
            if job is None or not is_followed(edge, source.node, job):
                continue
            head = self._loops.head_of_edge[edge.target]
            if not self.rounds.is_before(source, head):
                continue
            if found is None or job.order > found[0]:
                found = job.order, (job.output or {}).get(edge.source_port), job.error_routed
        return None if found is None else Reentry(value=found[1], failed=found[2])

    @property
    def at_work(self) -> Sequence[Place]:
        """The places with an execution that has begun and not ended."""
        return list(self._at_work.values())

    def _count(self, place: Place, by: int) -> None:
        if by > 0:
            self._at_work[place.node.id] = place
        else:
            self._at_work.pop(place.node.id, None)
        for head in place.wiring.regions:
            self._busy[head] += by

    def _look_behind(self, source: Place, job: JobRecord) -> None:
        for target_id, edges in source.wiring.targets:
            place = self.places[target_id]
            wiring = place.wiring
            if place.waits:
                if len(wiring.ports) > 1 and not wiring.regions:
                    unfilled = wiring.ports[place.watched][0]
                    follows = any(is_followed(edge, source.node, job) for edge in edges)
                    if follows and not wiring.errors and all(edge.target_port != unfilled for edge in edges):
                        continue
            elif not self._calls_again(source, place, edges, job):
                continue
            else:
                place.waits, place.watched = True, 0
            self._queue.append(place)
        for edge in source.wiring.leaving:
            if is_followed(edge, source.node, job):
                head = self._loops.head_of_edge[edge.target]
                self._requests.setdefault(head, set()).add(edge.target)

    def _calls_again(self, source: Place, target: Place, edges: Iterable[Edge], job: JobRecord) -> bool:
        """Tell whether *source* sets a node to work that has already run."""
        if not source.wiring.regions or target.at_work or not self._newer(source, target):
            return False
        return any(is_followed(edge, source.node, job) for edge in edges)

    def _newer(self, source: Place, target: Place) -> bool:
        """Tell whether *source* ended in a later round than the one *target* last began in."""
        if not target.wave:
            return False
        before = dict(zip(target.wiring.regions, target.wave, strict=False))
        return any(
            epoch > before.get(head, 0)
            for head, epoch in zip(source.wiring.regions, source.last_wave, strict=False)
        )

    def _go_on(self) -> None:
        """Find out, from the kept executions, what was still to be done."""
        for place in self.places.values():
            job = place.newest
            if job is not None and job.status in AT_WORK:
                self._count(place, 1)
            elif job is not None and job.status in FINISHED and job.status != "skipped":
                self._ask_again(place, job)
        for place in self.places.values():
            if place.newest is None or self._is_called(place):
                place.waits = True
                self._queue.append(place)

    def _ask_again(self, source: Place, job: JobRecord) -> None:
        for edge in source.wiring.leaving:
            if not is_followed(edge, source.node, job):
                continue
            head = self._loops.head_of_edge[edge.target]
            epoch = _epoch(source, head)
            if self.rounds.epochs[head] == (0 if epoch is None else epoch):
                self._requests.setdefault(head, set()).add(edge.target)

    def _is_called(self, place: Place) -> bool:
        if place.at_work or not place.wiring.regions:
            return False
        for edge in (*place.wiring.data, *place.wiring.control, *place.wiring.errors):
            source = self.places[edge.source]
            if source.last is None or not self._newer(source, place):
                continue
            if is_followed(edge, source.node, source.last):
                return True
        return False

    def _is_live(self, source: str, waiting: Place) -> bool:
        """Tell whether anything that is still to run can reach *source* (SG-20)."""
        reach = self._loops.reach(source)
        if any(node_id in reach for node_id in self._at_work):
            return True
        if any(target in reach for targets in self._requests.values() for target in targets):
            return True
        return any(node_id in reach for node_id in self._outdated if node_id != waiting.node.id)

    def _shared(self, edge: Edge, consumer: Place) -> str | None:
        """Return the innermost loop that an edge's source and *consumer* are both in."""
        of_source = set(self.places[edge.source].wiring.loops)
        return next((head for head in reversed(consumer.wiring.loops) if head in of_source), None)

    def _described(self, place: Place, port: str, edges: Sequence[Edge]) -> Starved:
        held = next(
            edge for edge in edges if edge_state(edge, place, self.places, self.rounds) is Readiness.BEHIND
        )
        loop = self._shared(held, place) or ""
        return Starved(
            place=place,
            port=port,
            source=held.source,
            loop=loop,
            round=self.rounds.rounds.get(loop, 0),
            gateway=self._turned_away(self.places[held.source]),
        )

    def _turned_away(self, source: Place) -> str | None:
        """Return the gateway whose choice left *source* out, if its own incoming edges tell (SG-20)."""
        gates = {
            edge.source
            for edge in (*source.wiring.data, *source.wiring.control)
            if (job := self.places[edge.source].last) is not None
            and job.status == "completed"
            and not is_followed(edge, self.places[edge.source].node, job)
        }
        return gates.pop() if len(gates) == 1 else None


def _epoch(place: Place, head: str) -> int | None:
    """Return the epoch of a loop that a place last ended in; None when the loop does not set it to work."""
    if head not in place.wiring.regions or not place.last_wave:
        return None
    return place.last_wave[place.wiring.regions.index(head)]
