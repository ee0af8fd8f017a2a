"""Loops of a plan: which nodes run again together, and how loops lie in one another (SG-16 to SG-20).

Computed from the graph alone, so that the same frozen workflow always gives the same loops. The
forward graph is what is left without loopback and tool edges, and has no cycle (CMP-5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..workflow import Edge

MERGED: Final = "LOOPS_MERGED"
WITHOUT_CYCLE: Final = "LOOPBACK_WITHOUT_CYCLE"


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop, known by its head.

    :param body: its nodes, the head included (SG-16).
    :param region: its body and everything that can be reached from there, which is what a round may set
        to work.
    :param nested: heads of the loops whose bodies lie strictly inside this one's.
    """

    head: str
    body: frozenset[str]
    region: frozenset[str]
    nested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loops:
    """The loops of one plan.

    :param by_head: outermost first: no loop lies inside one that comes after it.
    :param head_of_edge: the head of the loop that a loopback edge closes, by the edge's target.
    :param diagnostics: what an author should know, as ``{code, message, locator}`` (SG-18).
    """

    by_head: Mapping[str, Loop] = field(default_factory=dict)
    head_of_edge: Mapping[str, str] = field(default_factory=dict)
    diagnostics: tuple[Mapping[str, str], ...] = ()
    _predecessors: Mapping[str, Collection[str]] = field(default_factory=dict, repr=False)
    _reach: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def around(self, node_id: str) -> tuple[str, ...]:
        """Return the heads of the loops that a node is in, outermost first (SG-17)."""
        return tuple(head for head, loop in self.by_head.items() if node_id in loop.body)

    def behind(self, node_id: str) -> tuple[str, ...]:
        """Return the heads of the loops whose rounds may set a node to work."""
        return tuple(head for head, loop in self.by_head.items() if node_id in loop.region)

    def reach(self, node_id: str) -> frozenset[str]:
        """Return every node that can reach *node_id* on the forward graph, itself included (SG-17)."""
        found = self._reach.get(node_id)
        if found is None:
            found = self._reach[node_id] = _closure([node_id], self._predecessors)
        return found

    def recorded(self) -> dict[str, Any]:
        """Return the bodies and, for each body node, the nodes that reach it, as plain values (SG-17)."""
        inside = sorted({node_id for loop in self.by_head.values() for node_id in loop.body})
        return {
            "bodies": {head: sorted(loop.body) for head, loop in self.by_head.items()},
            "reach": {node_id: sorted(self.reach(node_id)) for node_id in inside},
        }


def find_loops(edges: Iterable[Edge]) -> Loops:
    """Return the loops that the loopback edges among *edges* close.

    :param edges: the edges between nodes that run; those that offer tools do not count.
    """
    forward: dict[str, set[str]] = {}
    backward: dict[str, set[str]] = {}
    closing: list[Edge] = []
    for edge in edges:
        if edge.kind == "loopback":
            closing.append(edge)
        elif edge.kind in ("data", "trigger"):
            forward.setdefault(edge.source, set()).add(edge.target)
            backward.setdefault(edge.target, set()).add(edge.source)
    if not closing:
        return Loops(_predecessors=backward)
    diagnostics: list[dict[str, str]] = []
    bodies: dict[str, frozenset[str]] = {}
    for edge in closing:
        after = _closure([edge.target], forward)
        body = after & _closure([edge.source], backward)
        if edge.source not in after:
            body = frozenset()
            message = (
                f"The edge {edge.id!r} leads back to {edge.target!r}, which does not lead to its source."
            )
            diagnostics.append({"code": WITHOUT_CYCLE, "message": message, "locator": edge.id})
        bodies[edge.target] = bodies.get(edge.target, frozenset()) | body | {edge.target}
    merged, heads, merges = _merged(bodies)
    diagnostics += merges
    ordered = sorted(merged, key=lambda head: (-len(merged[head]), head))
    loops = {
        head: Loop(
            head=head,
            body=merged[head],
            region=_closure(merged[head], forward),
            nested=tuple(inner for inner in ordered if merged[inner] < merged[head]),
        )
        for head in ordered
    }
    return Loops(by_head=loops, head_of_edge=heads, diagnostics=tuple(diagnostics), _predecessors=backward)


def is_behind(source: Mapping[str, int], consumer: Mapping[str, int]) -> bool:
    """Tell whether an execution belongs to an earlier round than its consumer's (SG-19).

    Of the loops that both stamps name, outermost first, the first difference decides. Without a
    common loop nothing is ever behind.

    :param source: the stamp of the execution: rounds by loop head, outermost first.
    """
    for head, current in consumer.items():
        reached = source.get(head)
        if reached is not None and reached != current:
            return reached < current
    return False


def restored_rounds(stamps: Iterable[Mapping[str, int] | None], loops: Loops) -> dict[str, int]:
    """Return the round of each loop after executions with these stamps, in creation order (SG-7, SG-17).

    The newest stamp wins, whichever round it names; advancing a loop sets those inside it back to 0
    (SG-18). An execution without a stamp adds nothing.
    """
    rounds: dict[str, int] = {}
    for stamp in stamps:
        advance(rounds, stamp or {}, loops)
    return rounds


def advance(rounds: dict[str, int], stamp: Mapping[str, int], loops: Loops) -> list[str]:
    """Take one stamp into *rounds* and return the heads of the loops that it moved on."""
    moved = []
    for head, loop in loops.by_head.items():
        reached = stamp.get(head)
        if reached is None or rounds.get(head, 0) == reached:
            if reached is not None:
                rounds[head] = reached
            continue
        rounds[head] = reached
        rounds.update(dict.fromkeys(loop.nested, 0))
        moved.append(head)
    return moved


def _closure(start: Iterable[str], neighbours: Mapping[str, Collection[str]]) -> frozenset[str]:
    found = set(start)
    left = list(found)
    while left:
        for node_id in neighbours.get(left.pop(), ()):
            if node_id not in found:
                found.add(node_id)
                left.append(node_id)
    return frozenset(found)


def _merged(
    bodies: Mapping[str, frozenset[str]],
) -> tuple[dict[str, frozenset[str]], dict[str, str], list[dict[str, str]]]:
    """Merge loops that share nodes and do not contain one another strictly (SG-18)."""
    groups: list[tuple[frozenset[str], list[str]]] = [(body, [head]) for head, body in bodies.items()]
    while (pair := _overlapping(groups)) is not None:
        one, other = groups[pair[0]], groups[pair[1]]
        groups = [group for index, group in enumerate(groups) if index not in pair]
        groups.append((one[0] | other[0], [*one[1], *other[1]]))
    merged, heads, diagnostics = {}, {}, []
    for body, members in groups:
        head = _leader(members, bodies)
        merged[head] = body
        heads.update(dict.fromkeys(members, head))
        if len(members) > 1:
            names = ", ".join(repr(name) for name in sorted(members))
            message = f"The loops of {names} share nodes, so they count as one loop of {head!r}."
            diagnostics.append({"code": MERGED, "message": message, "locator": head})
    return merged, heads, diagnostics


def _leader(members: Sequence[str], bodies: Mapping[str, frozenset[str]]) -> str:
    return min(members, key=lambda head: (-len(bodies[head]), head))


def _overlapping(groups: Sequence[tuple[frozenset[str], list[str]]]) -> tuple[int, int] | None:
    for first, (one, _) in enumerate(groups):
        for second in range(first + 1, len(groups)):
            other = groups[second][0]
            if one & other and not (one < other or other < one):
                return first, second
    return None
