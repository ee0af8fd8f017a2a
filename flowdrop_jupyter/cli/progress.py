"""How far a long command has got, told on standard error now and then."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final, TextIO

_EVERY_SECONDS: Final = 2.0


class Progress:
    """Counts things and tells about them every two seconds.

    :param verb: what is being done, as a sentence begins: ``Exporting``.
    :param stream: where to write.
    :param monotonic: tells the seconds since some moment.
    """

    def __init__(self, verb: str, stream: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        self._verb = verb
        self.stream = stream
        self._monotonic = monotonic
        self._next = monotonic() + _EVERY_SECONDS

    def count(self, kind: str) -> None:
        """Take note of one more thing."""
        self.counts[kind] += 1
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + _EVERY_SECONDS
            self.tell(f"{self._verb}: {self.summary()} so far")

    def tell(self, text: str) -> None:
        """Write one line."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def summary(self) -> str:
        """Return what was counted, as part of a sentence."""
        return amounts(self.counts) or "nothing"


def amounts(counts: dict[str, int]) -> str:
    """Return ``1 workflow, 1,200 messages`` for what is not zero."""
    return ", ".join(f"{number:,} {_form(kind, number)}" for kind, number in counts.items() if number)


def _form(kind: str, number: int) -> str:
    if number == 1:
        return kind
    return kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
