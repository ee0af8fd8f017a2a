"""Runs for tests: a sink that keeps every step as storage would, and what came of the run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import msgspec
from engine_nodes import registry
from graphs import workflow

from flowdrop_jupyter.engine import (
    Outcome,
    Plan,
    PlannedNode,
    Run,
    RunEnvironment,
    Strategy,
    compile_workflow,
    prepare_run,
)
from flowdrop_jupyter.nodes import Answer, Files, Turn
from flowdrop_jupyter.store import CheckpointRecord, JobRecord

Documents = list[dict[str, Any]]

FILES = Files(Path("/nonexistent"))
"""No file of it is ever touched."""


class RecordingSink:
    """A sink that remembers every step, and keeps copies of the jobs as storage would."""

    def __init__(self) -> None:
        self.kept: dict[str, JobRecord] = {}
        self.rows: dict[str, JobRecord] = {}
        self.checkpoints: list[CheckpointRecord] = []
        self.steps: list[tuple[str, str]] = []
        self.prompts: list[tuple[str, dict[str, Any]]] = []

    async def started(self, jobs: Sequence[JobRecord]) -> None:
        """Keep *jobs*."""
        await self._keep("started", jobs)

    async def finished(
        self, job: JobRecord, node: PlannedNode, checkpoint: CheckpointRecord | None = None
    ) -> None:
        """Keep *job* and its checkpoint."""
        await self._keep("finished", [job])
        if checkpoint is not None:
            self.checkpoints.append(
                msgspec.json.decode(msgspec.json.encode(checkpoint), type=CheckpointRecord)
            )

    async def skipped(self, jobs: Sequence[JobRecord]) -> None:
        """Keep *jobs*."""
        await self._keep("skipped", jobs)

    async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
        """Keep *job* and its prompt."""
        self.prompts.append((job.node_id, dict(prompt)))
        job.interrupt_id = f"interrupt {len(self.prompts)}"
        await self._keep("interrupted", [job])

    def times(self, step: str, node_id: str) -> int:
        """Return how often *step* was reported of a node."""
        return self.steps.count((step, node_id))

    def of(self, step: str) -> list[str]:
        """Return the nodes that *step* was reported of, in order."""
        return [node_id for name, node_id in self.steps if name == step]

    async def _keep(self, step: str, jobs: Sequence[JobRecord]) -> None:
        await anyio.lowlevel.checkpoint()  # a real sink waits here, and everything else goes on
        for job in jobs:
            self.steps.append((step, job.node_id))
            copied = msgspec.json.decode(msgspec.json.encode(job), type=JobRecord)
            self.kept[job.node_id] = self.rows[job.id] = copied


class TickingClock:
    """A clock that moves on by one second each time it is read."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@dataclass
class Bench:
    """A workflow that can be run, and run on, with one sink."""

    plan: Plan
    sink: RecordingSink = field(default_factory=RecordingSink)
    kept: dict[str, JobRecord] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    threads: int = 8
    clock: TickingClock = field(default_factory=TickingClock)
    limits: dict[str, Any] = field(default_factory=dict)
    strategy: Strategy | None = None
    checkpoints: list[CheckpointRecord] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    limiter: anyio.CapacityLimiter = field(init=False)

    async def execute(self) -> Ended:
        """Run until the next stop, on the jobs kept so far."""
        self.limiter = anyio.CapacityLimiter(self.threads)
        environment = RunEnvironment(
            run_id="run",
            turn=Turn(message="Hello"),
            initial=self.initial,
            files=FILES,
            limiter=self.limiter,
            answers=self.answers,
            checkpoints=list(self.checkpoints),
            **self.limits,
        )
        given = (self.plan, list(self.kept.values()), environment, self.sink)
        ids = self._id
        if self.strategy is None:
            run = Run(*given, clock=self.clock, ids=ids)
        else:
            run = prepare_run(self.strategy, *given, clock=self.clock, ids=ids)
        return Ended(await run.execute(), self.sink)

    def _id(self) -> str:
        return f"id {next(self.numbers)}"

    def answer(self, node_id: str, *values: Any) -> None:
        """Answer the open prompt of a node, and take the kept jobs up for the next run."""
        job = self.sink.kept[node_id]
        assert job.status == "interrupted"
        job.status = "pending"
        self.answers.setdefault(job.id, []).extend(Answer(value=value) for value in values)
        self.take_up()

    def take_up(self) -> None:
        """Let the next run begin from copies of what the sink kept, as a new process would."""
        self.kept = {}
        for row_id, job in self.sink.rows.items():
            copied = msgspec.json.decode(msgspec.json.encode(job), type=JobRecord)
            if copied.status == "running":
                copied.status = "pending"
            self.kept[row_id] = copied
        self.checkpoints = list(self.sink.checkpoints)


@dataclass(frozen=True)
class Ended:
    """How a run stopped, and what its sink had kept by then."""

    outcome: Outcome
    sink: RecordingSink

    def __getitem__(self, node_id: str) -> JobRecord:
        return self.sink.kept[node_id]

    @property
    def statuses(self) -> dict[str, str]:
        """The kept status of every node that was ever reported."""
        return {node_id: job.status for node_id, job in sorted(self.sink.kept.items())}

    def result(self, node_id: str) -> Any:
        """Return the output ``result`` of a completed node."""
        job = self[node_id]
        assert job.status == "completed", job.error
        assert job.output is not None
        return job.output["result"]


def bench(nodes: Documents, edges: Documents, *more: Callable[..., Any], **fields: Any) -> Bench:
    """Return a compiled workflow that is ready to run; *more* are node types of this test alone."""
    return Bench(compile_workflow(workflow(nodes, edges), registry(*more)), **fields)


async def run_flow(nodes: Documents, edges: Documents, *more: Callable[..., Any], **fields: Any) -> Ended:
    """Run a workflow from its beginning to its first stop."""
    return await bench(nodes, edges, *more, **fields).execute()
