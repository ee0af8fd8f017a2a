"""Going through a list over the rounds of a loop: what the node that does it may see and say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ITEMS: Final = "items"
"""The input of an iterating node; over the later rounds, the list it began with stands in for it."""


@dataclass(slots=True)
class Iteration:
    """A list and how far a loop has come in it.

    :param results: one per item that is done, in order.
    :param stamp: the rounds in which the item at ``index`` was handed out, by loop head.
    """

    items: list[Any]
    index: int = 0
    results: list[Any] = field(default_factory=list)
    stamp: Mapping[str, int] = field(default_factory=dict)

    @property
    def item(self) -> Any:
        """The item at work."""
        return self.items[self.index]

    @property
    def has_more(self) -> bool:
        """Whether an item follows the one at work."""
        return self.index + 1 < len(self.items)

    def described(self) -> dict[str, Any]:
        """Return it as plain values, as nodes see it under ``__iterator__``."""
        return {
            "items": self.items,
            "index": self.index,
            "total": len(self.items),
            "isFirst": self.index == 0,
            "isLast": not self.has_more,
            "results": list(self.results),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """What an execution makes of its iteration, once it is over.

    :param begin: the list of a new iteration; None to go on with the one there is.
    :param result: what the item that was at work came to, to go on to the next one.
    :param end: the iteration is over.
    """

    begin: list[Any] | None = None
    result: Any = None
    end: bool = False


@dataclass(frozen=True, slots=True)
class Reentry:
    """What came back over the loopback edge that begins a round.

    :param failed: whether it is the error of a node that failed.
    """

    value: Any = None
    failed: bool = False
