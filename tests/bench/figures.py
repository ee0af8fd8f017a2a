"""What a benchmark returns: samples, what they are held against, and the bar."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

import msgspec


class Samples(msgspec.Struct, frozen=True):
    """The repetitions of one measurement, in one number each."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Samples:
        """Sum up *values*, of which there is at least one."""
        return cls(median(values), min(values), max(values), len(values))


class Bar(msgspec.Struct, frozen=True):
    """What a result must reach."""

    sense: Literal["at most", "at least"]
    value: float

    def met_by(self, result: float) -> bool:
        """Tell whether *result* reaches the bar."""
        return result <= self.value if self.sense == "at most" else result >= self.value


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report.

    :param unit: of the samples: ``s``, ``/s`` or ``B``.
    :param against: what the samples of ``reference`` measure; without one the median is the result.
    :param faster: whether the result tells how many times faster, the reference over the samples,
        and not the samples over the reference.
    """

    name: str
    what: str
    unit: Literal["s", "/s", "B"]
    samples: Samples
    against: str = ""
    reference: Samples | None = None
    faster: bool = False
    bar: Bar | None = None

    @property
    def result(self) -> float:
        """The number that is held against the bar."""
        if self.reference is None:
            return self.samples.median
        ratio = self.samples.median / self.reference.median
        return 1 / ratio if self.faster else ratio

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None when there is none."""
        return None if self.bar is None else self.bar.met_by(self.result)
