"""What a run is given and what comes of it: its surroundings, where it reports, how it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import anyio

from ..nodes import DEFAULT_WORLD, Answer, Files, Identity, NodeRegistry, Turn, World
from ..store.records import CheckpointRecord, JobRecord
from .plan import PlannedNode

MAX_ITERATIONS: Final = 1_000_000
"""Rounds of all loops of a run together that nobody limited otherwise (SG-14)."""


class RunSink(Protocol):
    """Where a run reports each step; when a method returns, the step is durable."""

    async def started(self, jobs: Sequence[JobRecord]) -> None:
        """Keep *jobs*, which are about to execute."""
        ...

    async def finished(
        self, job: JobRecord, node: PlannedNode, checkpoint: CheckpointRecord | None = None
    ) -> None:
        """Keep a completed or failed *job* together with the checkpoint of the state after it (SG-11)."""
        ...

    async def skipped(self, jobs: Sequence[JobRecord]) -> None:
        """Keep *jobs*, which will never execute in this run."""
        ...

    async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
        """Keep an interrupted *job* and its question; sets ``job.interrupt_id`` (INT-2).

        :raises NodeError: when the question cannot be asked; the node then fails with it.
        """
        ...


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """What every node of a run shares.

    :param initial: values given at launch, by node id, then port.
    :param answers: the answers given so far, by job id, oldest first.
    :param identity: on whose behalf its nodes remember; None for nobody's.
    :param registry: the node types that a model may be offered as tools; None for none.
    :param max_steps: how many nodes the run may execute; None for no limit.
    :param max_iterations: how many rounds its loops may begin, all together (SG-14).
    :param max_passes: how many batches of nodes it may start before it pauses; None for no limit (ORC-10).
    :param max_seconds: how long it may be at work before it pauses; None for no limit (ORC-10).
    :param one_at_a_time: start a node only when no other is at work.
    :param checkpoints: those that the run has written so far, oldest first.
    :param state: what the state begins with in place of a fresh one (SG-12).
    :param stateful: whether checkpoints are written (ORC-5).
    """

    run_id: str
    turn: Turn
    initial: Mapping[str, Mapping[str, Any]]
    files: Files
    limiter: anyio.CapacityLimiter
    answers: Mapping[str, Sequence[Answer]]
    world: World = DEFAULT_WORLD
    identity: Identity | None = None
    registry: NodeRegistry | None = None
    max_steps: int | None = None
    max_iterations: int = MAX_ITERATIONS
    max_passes: int | None = None
    max_seconds: float | None = None
    one_at_a_time: bool = False
    checkpoints: Sequence[CheckpointRecord] = ()
    state: Mapping[str, Any] | None = None
    stateful: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run stopped: at its end, at a question, at a limit, or at a failure nobody handled (ORC-11).

    :param error: why it failed, or how far its iterations came (SG-14).
    :param paused_reason: the limit that paused it; None when it waits for a person.
    :param checkpoint: the last one of a run that ended, to be kept with its end (SG-11).
    """

    status: Literal["completed", "paused", "failed", "max_iterations_exceeded"]
    error: dict[str, Any] | None = None
    paused_reason: str | None = None
    checkpoint: CheckpointRecord | None = None
