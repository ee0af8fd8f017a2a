"""The strategies by their stable ids, each with the capabilities that decide its nature (ORC-1, ORC-5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Capability: TypeAlias = Literal[
    "synchronous_execution",
    "async_execution",
    "parallel_execution",
    "retry_support",
    "error_recovery",
    "pipeline_based",
    "job_tracking",
    "iteration",
    "stateful",
]
"""What a strategy may declare."""

MAX_PASSES: Final = 100
"""How many batches of nodes a pipeline starts before it pauses (ORC-10)."""

MAX_SECONDS: Final = 300.0
"""How long a pipeline is at work before it pauses (ORC-10, decision 18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One way to run a plan.

    :param capabilities: only these decide what it is; nothing asks for its id (ORC-5).
    :param max_passes: the default limit on scheduler passes; None where there is none.
    :param max_seconds: the default limit on the time at work.
    """

    id: str
    label: str
    capabilities: frozenset[Capability]
    max_passes: int | None = None
    max_seconds: float | None = None

    @property
    def is_stateful(self) -> bool:
        """Whether runs keep a state in checkpoints (ORC-5)."""
        return "stateful" in self.capabilities

    @property
    def is_synchronous(self) -> bool:
        """Whether the caller gets the finished run (ORC-5)."""
        return "synchronous_execution" in self.capabilities and not self.is_stateful

    @property
    def iterates(self) -> bool:
        """Whether it can run a node again, so that loops are possible (ORC-7)."""
        return "iteration" in self.capabilities

    @property
    def is_parallel(self) -> bool:
        """Whether independent nodes run at the same time."""
        return "parallel_execution" in self.capabilities


SYNCHRONOUS: Final = Strategy(
    id="flowdrop_runtime:synchronous",
    label="Synchronous",
    capabilities=frozenset({"synchronous_execution", "retry_support", "error_recovery"}),
)
SYNCHRONOUS_PIPELINE: Final = Strategy(
    id="flowdrop_runtime:synchronous_pipeline",
    label="Synchronous pipeline",
    capabilities=frozenset(
        {
            "synchronous_execution",
            "retry_support",
            "error_recovery",
            "pipeline_based",
            "job_tracking",
            "iteration",
        }
    ),
    max_passes=MAX_PASSES,
    max_seconds=MAX_SECONDS,
)
ASYNCHRONOUS: Final = Strategy(
    id="flowdrop_runtime:asynchronous",
    label="Asynchronous",
    capabilities=frozenset(
        {
            "async_execution",
            "parallel_execution",
            "retry_support",
            "error_recovery",
            "pipeline_based",
            "job_tracking",
            "iteration",
        }
    ),
    max_passes=MAX_PASSES,
    max_seconds=MAX_SECONDS,
)
STATEGRAPH: Final = Strategy(
    id="flowdrop_stategraph:stategraph",
    label="State graph",
    capabilities=frozenset(
        {
            "async_execution",
            "parallel_execution",
            "retry_support",
            "error_recovery",
            "pipeline_based",
            "job_tracking",
            "iteration",
            "stateful",
        }
    ),
)

STRATEGIES: Final[Mapping[str, Strategy]] = {
    strategy.id: strategy for strategy in (SYNCHRONOUS, SYNCHRONOUS_PIPELINE, ASYNCHRONOUS, STATEGRAPH)
}
"""Every strategy by its id."""
