"""What a run asks of a node's edges, sorted once per plan: what lets it start, and whom it sets to work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..workflow import Edge
from .loops import Loops

if TYPE_CHECKING:
    from .plan import PlannedNode


@dataclass(frozen=True, slots=True)
class Wiring:
    """The edges of one node by what they mean to it.

    :param errors: incoming error edges; one that is satisfied is enough (ERR-10).
    :param control: the edges that alone decide when no failure came: triggers, and error edges into
        ports that no other edge feeds.
    :param ports: where there is no control, the edges that feed each port (DATA-4).
    :param data: the incoming edges that a value can travel over.
    :param closing: incoming loopback edges.
    :param targets: the nodes behind it, with the edges that lead there; each is looked at once (SG-6).
    :param leaving: outgoing loopback edges.
    :param loops: heads of the loops it is in, outermost first.
    :param regions: heads of the loops whose rounds may set it to work.
    """

    errors: tuple[Edge, ...]
    control: tuple[Edge, ...]
    ports: tuple[tuple[str, tuple[Edge, ...]], ...]
    data: tuple[Edge, ...]
    closing: tuple[Edge, ...]
    targets: tuple[tuple[str, tuple[Edge, ...]], ...]
    leaving: tuple[Edge, ...]
    loops: tuple[str, ...]
    regions: tuple[str, ...]


def wiring_of(node: PlannedNode, loops: Loops) -> Wiring:
    """Return the sorted edges of a planned node."""
    incoming = [edge for edge in node.incoming if edge.kind in ("data", "trigger")]
    fed = {edge.target_port for edge in incoming if edge.carries_data and not edge.is_error}
    control = tuple(
        edge for edge in incoming if edge.is_trigger or (edge.is_error and edge.target_port not in fed)
    )
    data = tuple(edge for edge in incoming if edge.carries_data)
    outgoing = (edge for edge in node.outgoing if edge.kind in ("data", "trigger"))
    return Wiring(
        errors=tuple(edge for edge in incoming if edge.is_error),
        control=control,
        ports=() if control else _grouped((edge.target_port, edge) for edge in data),
        data=data,
        closing=tuple(edge for edge in node.incoming if edge.kind == "loopback"),
        targets=_grouped((edge.target, edge) for edge in outgoing),
        leaving=tuple(edge for edge in node.outgoing if edge.kind == "loopback"),
        loops=loops.around(node.id),
        regions=loops.behind(node.id),
    )


def _grouped(pairs: Iterable[tuple[str, Edge]]) -> tuple[tuple[str, tuple[Edge, ...]], ...]:
    groups: dict[str, list[Edge]] = {}
    for name, edge in pairs:
        groups.setdefault(name, []).append(edge)
    return tuple((name, tuple(edges)) for name, edges in groups.items())


def wirings(nodes: Mapping[str, PlannedNode], loops: Loops) -> dict[str, Wiring]:
    """Return the sorted edges of every planned node by its id."""
    return {node_id: wiring_of(node, loops) for node_id, node in nodes.items()}
