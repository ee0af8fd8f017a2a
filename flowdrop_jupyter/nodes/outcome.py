"""What a node gives back when plain output values are not enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Outputs = TypeVar("Outputs")


@dataclass(frozen=True, slots=True)
class Branched(Generic[Outputs]):
    """The result of a gateway: the branches that are taken, with its ordinary outputs.

    Only edges from the named branches are followed (BR-1).

    :param branches: names of branches configured on the node, as :func:`configured_branches` gives
        them.
    """

    branches: tuple[str, ...]
    outputs: Outputs
