"""Expressions in the configuration of nodes: each has to pass its engine at save (R11)."""

from __future__ import annotations

from collections.abc import Iterator

from ..patience import Patience
from .findings import Finding, shown
from .graph import Graph


def expression_errors(graph: Graph, seconds: float) -> Iterator[Finding]:
    """Yield one error for each expression that its engine refuses.

    An expression that comes to its turn after so many *seconds* of work is refused unread, and ends it.
    """
    patience = Patience(seconds)
    for node in graph.nodes:
        if node.kind is None or not node.config:
            continue
        for problem in graph.catalog.expression_problems(node.anchor, node.config, patience):
            message = (
                f"The expression {shown(problem.expression)} in {shown(problem.key)} of {shown(node.id)} "
                f"is refused by {shown(problem.engine)}: {problem.reason}"
            )
            yield Finding("R11_EXPRESSION_INVALID", message, node.locator("config", problem.key))
        if patience.over:
            return
