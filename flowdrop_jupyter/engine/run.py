"""The run loop: start what is ready, settle what finished, stop when nothing can go on.

The engine knows no session and no database. It is given a plan, the jobs as they stand, and a sink
that makes every step durable; a later process continues from the jobs that the sink kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectSendStream

from ..clock import Clock, format_time, seconds_between, system_clock
from ..errors import InterruptRequired, NodeError
from ..ids import IdFactory, new_id
from ..nodes import Answer, Files, NodeContext, Turn
from ..store.records import JobRecord
from .execution import Produced, execute_node
from .plan import Plan, PlannedNode
from .readiness import Readiness, delivered_values, readiness

Settled: TypeAlias = tuple[JobRecord, "Produced | NodeError | InterruptRequired"]


class RunSink(Protocol):
    """Where a run reports each step; when a method returns, the step is durable."""

    async def started(self, jobs: Sequence[JobRecord]) -> None:
        """Keep *jobs*, which are about to execute."""
        ...

    async def finished(self, job: JobRecord, node: PlannedNode) -> None:
        """Keep a completed or failed *job*."""
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
    """

    run_id: str
    turn: Turn
    initial: Mapping[str, Mapping[str, Any]]
    files: Files
    limiter: anyio.CapacityLimiter
    answers: Mapping[str, Sequence[Answer]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run stopped: at its end, at a question, or at a failure nobody handled (ORC-11)."""

    status: Literal["completed", "paused", "failed"]
    error: dict[str, Any] | None = None


class Run:
    """One run of a plan, from wherever its jobs stand to its next stop.

    :param jobs: what an earlier process kept, by node id; a job that is ``pending`` or missing is
        executed, an ``interrupted`` one waits for its answer.
    """

    def __init__(
        self,
        plan: Plan,
        jobs: Mapping[str, JobRecord],
        environment: RunEnvironment,
        sink: RunSink,
        *,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._plan = plan
        self._environment = environment
        self._sink = sink
        self._clock = clock
        self._jobs = {
            node_id: jobs.get(node_id)
            or JobRecord(
                id=ids(),
                run_id=environment.run_id,
                node_id=node_id,
                node_type_id=node.executor.node_type.id,
            )
            for node_id, node in plan.nodes.items()
        }
        self._order = max((job.order for job in self._jobs.values()), default=0)
        self._active = 0
        self._failure: dict[str, Any] | None = None

    @property
    def jobs(self) -> list[JobRecord]:
        """The run's jobs in the plan's order, as they stand."""
        return list(self._jobs.values())

    async def execute(self) -> Outcome:
        """Run until nothing more can start, and tell how it stopped.

        Cancelling the caller cancels every running node; jobs then stay as the sink last kept them.
        """
        settled, arriving = anyio.create_memory_object_stream[Settled](math.inf)
        async with settled, arriving, anyio.create_task_group() as nodes:
            while True:
                await self._start_ready(lambda job: nodes.start_soon(self._execute_one, job, settled))
                if not self._active:
                    break
                job, result = await arriving.receive()
                self._active -= 1
                await self._settle(job, result)
                if self._failure is not None:
                    # What has already happened is recorded before the rest is cancelled.
                    with suppress(anyio.WouldBlock):
                        while True:
                            await self._settle(*arriving.receive_nowait())
                    nodes.cancel_scope.cancel()
                    break
        return await self._stop()

    async def _start_ready(self, start: Callable[[JobRecord], object]) -> None:
        while True:
            ready, never = [], []
            for node_id, job in self._jobs.items():
                if job.status == "pending":
                    ready.append(job)
                elif job.status == "idle":
                    state = readiness(self._plan.nodes[node_id], self._plan, self._jobs)
                    if state is Readiness.READY:
                        ready.append(job)
                    elif state is Readiness.NEVER:
                        never.append(job)
            for job in never:
                job.status, job.skip_reason = "skipped", "branch_not_active"
            if never:
                await self._sink.skipped(never)
            if ready:
                now = format_time(self._clock())
                for job in ready:
                    job.status, job.started_at = "running", job.started_at or now
                    job.attempt += 1
                await self._sink.started(ready)
                for job in ready:
                    self._active += 1
                    start(job)
            if not never:
                return

    async def _execute_one(self, job: JobRecord, settled: MemoryObjectSendStream[Settled]) -> None:
        node = self._plan.nodes[job.node_id]
        arrived = msgspec.json.encode(delivered_values(node, self._plan, self._jobs))
        # Values given at launch sit below what edges deliver; what is no map is ignored (DATA-6).
        given = self._environment.initial.get(node.id)
        given = given if isinstance(given, Mapping) else {}
        while True:
            # Each attempt owns what arrives: a function that changes it changes nothing for others.
            result = await self._attempt(job, node, {**given, **msgspec.json.decode(arrived)})
            repeatable = isinstance(result, NodeError) and result.retryable is True
            if not (repeatable and job.attempt <= _retries(node)):
                break
            job.attempt += 1
        settled.send_nowait((job, result))

    async def _attempt(
        self, job: JobRecord, node: PlannedNode, delivered: Mapping[str, Any]
    ) -> Produced | NodeError | InterruptRequired:
        declared = node.executor.node_type.parameters
        context = NodeContext(
            node_id=node.id,
            run_id=self._environment.run_id,
            config=deepcopy(dict(node.config)),
            files=self._environment.files,
            turn=self._environment.turn,
            dynamic_inputs={port: value for port, value in delivered.items() if port not in declared},
            answers=self._environment.answers.get(job.id, ()),
        )
        try:
            return await execute_node(node, delivered, context, self._environment.limiter)
        except (NodeError, InterruptRequired) as stop:
            return stop

    async def _settle(self, job: JobRecord, result: Produced | NodeError | InterruptRequired) -> None:
        node = self._plan.nodes[job.node_id]
        if isinstance(result, InterruptRequired):
            job.status = "interrupted"
            try:
                await self._sink.interrupted(job, node, result.prompt)
            except NodeError as refused:
                result = refused
            else:
                return
        finished = self._clock()
        self._order += 1
        job.order = self._order
        job.completed_at = format_time(finished)
        seconds = seconds_between(job.started_at, job.completed_at)
        job.duration_us = None if seconds is None else round(seconds * 1_000_000)
        if isinstance(result, Produced):
            job.status, job.output = "completed", result.output
            job.active_branches = result.active_branches
        else:
            self._fail(job, node, result)
        await self._sink.finished(job, node)

    def _fail(self, job: JobRecord, node: PlannedNode, error: NodeError) -> None:
        envelope: dict[str, Any] = {
            "message": error.message,
            "code": error.code,
            "node_id": node.id,
            "retryable": error.retryable is True,  # nothing else counts (ERR-2)
        }
        if error.details:
            # Whatever a node puts there must not keep its failure from being recorded.
            envelope["details"] = msgspec.to_builtins(error.details, str_keys=True, enc_hook=repr)
        job.status, job.error = "failed", envelope
        if node.has_error_edge:
            job.error_routed, job.output = True, {"error": envelope}
        else:
            self._failure = envelope

    async def _stop(self) -> Outcome:
        if self._failure is not None:
            left = [job for job in self._jobs.values() if job.status in ("idle", "pending", "running")]
            for job in left:
                job.status = "cancelled" if job.status == "running" else "skipped"
                job.skip_reason = "run_failed"
            if left:
                await self._sink.skipped(left)
            return Outcome("failed", self._failure)
        if any(job.status == "interrupted" for job in self._jobs.values()):
            return Outcome("paused")
        left = [job for job in self._jobs.values() if job.status == "idle"]
        for job in left:
            job.status, job.skip_reason = "skipped", "branch_not_active"
        if left:
            await self._sink.skipped(left)
        return Outcome("completed")


def _retries(node: PlannedNode) -> int:
    """Return how many attempts may follow the first one (ERR-11, decision 18)."""
    configured = node.config.get("maxRetries", 0)
    return configured if isinstance(configured, int) and not isinstance(configured, bool) else 0
