"""Whether tools are wired to nodes that take them, under names that differ (CMP-9, CMP-10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..workflow.node_types import NodeType

TOOL_LANE: Final = "tool"

_UNFIT: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ToolProblem:
    """Why a wiring is refused; *locator* is the edge or node at fault."""

    message: str
    code: str
    locator: str


def accepts_tools(kind: NodeType) -> bool:
    """Tell whether a node type has an input for tools, to use them or to pass them on (CMP-10, DATA-12)."""
    return any(port.get("dataType") == TOOL_LANE for port in kind.ports("input").values())


def forwards_tools(kind: NodeType) -> bool:
    """Tell whether a node type hands the tools it is given on, being none itself (DATA-10)."""
    return accepts_tools(kind) and not kind.executable


def tool_name(label: str) -> str:
    """Return the name under which a node is offered to a model."""
    return _UNFIT.sub("_", label.casefold()).strip("_")


def check_tools(
    wired: Sequence[tuple[str, str, str]], kinds: Mapping[str, NodeType], labels: Mapping[str, str]
) -> ToolProblem | None:
    """Return the first thing that is wrong with the tools of a workflow, or None.

    :param wired: source, target and id of each tool edge, in definition order.
    """
    sources: dict[str, list[str]] = {}
    for source, target, edge_id in wired:
        if not accepts_tools(kinds[target]):
            message = f"the tool {labels[source]!r} is wired to {labels[target]!r}, which takes no tools."
            return ToolProblem(message, "TOOLS_NOT_ACCEPTED", edge_id)
        sources.setdefault(target, []).append(source)
    circle = _circle(sources, kinds)
    if circle is not None:
        return ToolProblem("nodes pass tools on to each other in a circle.", "TOOL_FORWARDING_CYCLE", circle)
    for consumer in sources:
        if forwards_tools(kinds[consumer]):
            continue
        named: dict[str, str] = {}
        for leaf in _leaves(consumer, sources, kinds):
            other = named.setdefault(tool_name(labels[leaf]), leaf)
            if other != leaf:
                message = f"two tools of {labels[consumer]!r} have the name {labels[leaf]!r}."
                return ToolProblem(message, "TOOL_NAMES_CLASH", consumer)
    return None


def _leaves(
    consumer: str, sources: Mapping[str, Sequence[str]], kinds: Mapping[str, NodeType]
) -> Iterable[str]:
    """Yield the tools that a node will see, with those passed on by others in their place."""
    for source in sources.get(consumer, ()):
        if forwards_tools(kinds[source]):
            yield from _leaves(source, sources, kinds)
        else:
            yield source


def _circle(sources: Mapping[str, Sequence[str]], kinds: Mapping[str, NodeType]) -> str | None:
    """Return a node whose tools come back to it over nodes that pass them on."""
    done: set[str] = set()
    for start in sources:
        path: list[tuple[str, int]] = [(start, 0)]
        on_path = {start}
        while path:
            node_id, index = path.pop()
            passing = [found for found in sources.get(node_id, ()) if forwards_tools(kinds[found])]
            if index >= len(passing) or node_id in done:
                on_path.discard(node_id)
                done.add(node_id)
                continue
            path.append((node_id, index + 1))
            following = passing[index]
            if following in on_path:
                return following
            if following not in done:
                path.append((following, 0))
                on_path.add(following)
    return None
