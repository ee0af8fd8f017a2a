"""The run loop: start what is ready, settle what finished, stop when nothing can go on.

The engine knows no session and no database. It is given a plan, the jobs as they stand, and a sink
that makes every step durable; a later process continues from the jobs that the sink kept.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

import anyio
import msgspec
from anyio.abc import TaskGroup

from ..clock import Clock, format_time, seconds_between, system_clock
from ..errors import EndRun, InterruptRequired, NodeError
from ..expressions import quoted
from ..ids import IdFactory, new_id
from ..store.records import JobRecord
from .attempts import Attempted, Result, perform
from .environment import Outcome, RunEnvironment, RunSink
from .execution import Produced
from .frontier import Frontier, Starved
from .places import Place
from .plan import Plan, PlannedNode
from .readiness import delivered_values
from .state import RunState, read_update, restored_state

logger = logging.getLogger(__name__)

MAX_ROUNDS: Final = 1000
"""Rounds of a loop whose head has no ``maxIterations`` (SG-7)."""

Settled: TypeAlias = tuple[Place, JobRecord, Attempted]


class Run:
    """One run of a plan, from wherever its jobs stand to its next stop.

    :param jobs: what an earlier process kept, in creation order; a job that is ``pending`` is executed,
        an ``interrupted`` one waits for its answer.
    """

    def __init__(
        self,
        plan: Plan,
        jobs: Iterable[JobRecord],
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
        self._ids = ids
        kept = list(jobs)
        self._frontier = Frontier(plan, kept)
        self._places = self._frontier.places
        self._state = restored_state(environment.checkpoints, environment.state)
        for job in sorted(kept, key=lambda job: job.order):
            if job.step is not None:
                self._state.go_through(job.node_id, job.step)
        self._order = max((job.order for job in kept), default=0)
        self._steps = sum(job.attempt > 0 for job in kept)
        self._waiting = [place for place in self._frontier.at_work if _status(place) == "pending"]
        self._settled: deque[Settled] = deque()
        self._arrived = anyio.Event()
        self._active = 0
        self._passes = 0
        self._deadline: float | None = None
        self._failure: dict[str, Any] | None = None
        self._stop_as: Literal["completed", "failed", "max_iterations_exceeded"] | None = None
        self._paused_reason: str | None = None

    @property
    def state(self) -> RunState:
        """The state that the nodes of the run share."""
        return self._state

    async def execute(self) -> Outcome:
        """Run until nothing more can start, and tell how it stopped.

        Cancelling the caller cancels every running node; jobs then stay as the sink last kept them.
        """
        if self._environment.max_seconds is not None:
            self._deadline = anyio.current_time() + self._environment.max_seconds
        async with anyio.create_task_group() as nodes:
            await self._start_ready(nodes)
            while self._active and self._stop_as is None:
                if not self._settled:
                    self._arrived = anyio.Event()
                    await self._arrived.wait()
                while self._settled:
                    # What has already happened is recorded, even if one of it stops the run.
                    await self._settle(*self._settled.popleft())
                if self._stop_as is None:
                    await self._start_ready(nodes)
            nodes.cancel_scope.cancel()
        return await self._stop()

    async def _start_ready(self, nodes: TaskGroup) -> None:
        """Start what can start; a lone node runs right here, and what comes after it too."""
        while self._stop_as is None:
            ready = await self._next()
            if not ready:
                return
            now = format_time(self._clock())
            jobs = []
            for place in ready:
                job = self._job(place)
                job.status, job.started_at = "running", job.started_at or now
                job.attempt += 1
                place.attempts += 1
                jobs.append(job)
            await self._sink.started(jobs)
            if len(ready) == 1 and not self._active and ready[0].node.is_async:
                await self._settle(ready[0], jobs[0], await self._perform(ready[0], jobs[0]))
                continue
            for place, job in zip(ready, jobs, strict=True):
                self._active += 1
                nodes.start_soon(self._execute_one, place, job)
            if self._environment.one_at_a_time:
                return

    async def _next(self) -> list[Place]:
        """Return the places to start now, after what has become certain was recorded."""
        if self._environment.one_at_a_time and self._active:
            return []
        while True:
            ready, never = self._frontier.next()
            if never:
                await self._skip(never, "branch_not_active")
                self._waiting += ready
                continue
            self._waiting += ready
            if not self._waiting:
                if (place := self._frontier.makes_do()) is not None:
                    self._waiting.append(place)
                elif (due := self._frontier.due_loop()) is not None:
                    if not self._reenter(*due) and self._stop_as is None:
                        continue
                elif (starved := self._frontier.starved()) is not None:
                    await self._fail_starved(starved)
                    if self._stop_as is None:
                        continue
            if not self._waiting or self._stop_as is not None or not self._may_start():
                return []
            if not self._environment.one_at_a_time:
                chosen, self._waiting = self._waiting, []
                return chosen
            return [self._waiting.pop(self._first_of_all())]

    def _first_of_all(self) -> int:
        """Return the index of what comes first in the plan's order among what waits (ORC-9)."""
        return min(range(len(self._waiting)), key=lambda index: self._waiting[index].position)

    def _reenter(self, head: str, targets: Sequence[Place]) -> bool:
        """Begin the next round of a loop if it has budget, and tell whether it was (SG-7, SG-14)."""
        going_on = any(place.node.id in self._state.iterations for place in targets)
        used_up = self._frontier.rounds.rounds[head] + 1 >= _max_rounds(self._places[head])
        if used_up and not going_on:
            logger.warning("The loop of %s has used up its rounds; it ends here.", quoted(head))
            self._frontier.refuse(head)
            return False
        count = self._state.iteration_count + 1
        if count > self._environment.max_iterations:
            self._exceed(count, head)
            return False
        self._state.change({"iterationCount": count})
        self._waiting += self._frontier.reenter(head)
        return True

    def _may_start(self) -> bool:
        """Tell whether what is ready may start; a limit that is reached pauses or fails the run."""
        most = self._environment.max_steps
        fresh = sum(place.newest is None or not place.at_work for place in self._waiting)
        if most is not None and self._steps + fresh > most:
            message = f"The run takes more than the {most:,} steps it was given."
            self._fail_run({"message": message, "code": "RUN_STEPS_EXCEEDED", "node_id": None})
            return False
        self._passes += 1
        if self._environment.max_passes is not None and self._passes > self._environment.max_passes:
            self._paused_reason = "max_passes_reached"
        elif self._deadline is not None and anyio.current_time() >= self._deadline:
            self._paused_reason = "max_execution_time_reached"
        return self._paused_reason is None

    def _job(self, place: Place) -> JobRecord:
        """Return the execution that *place* begins, or goes on with."""
        if place.at_work and place.newest is not None:
            return place.newest
        job = self._new_job(place)
        self._steps += 1
        self._frontier.began(place, job)
        return job

    def _new_job(self, place: Place) -> JobRecord:
        return JobRecord(
            id=self._ids(),
            run_id=self._environment.run_id,
            node_id=place.node.id,
            node_type_id=place.node.executor.node_type.id,
            execution=place.executions,
            stamp=self._frontier.rounds.stamp(place.wiring),
        )

    async def _execute_one(self, place: Place, job: JobRecord) -> None:
        attempted = await self._perform(place, job)
        self._settled.append((place, job, attempted))
        self._arrived.set()

    async def _perform(self, place: Place, job: JobRecord) -> Attempted:
        delivered = delivered_values(place, self._places, self._frontier.rounds) if place.wiring.data else {}
        return await perform(
            place,
            job,
            delivered,
            self._frontier.came_back(place) if place.wiring.closing else None,
            self._state,
            self._environment,
            self._clock,
        )

    async def _settle(self, place: Place, job: JobRecord, attempted: Attempted) -> None:
        node = place.node
        self._active = max(self._active - 1, 0)
        result: Result = attempted.result
        if isinstance(result, InterruptRequired):
            job.status = "interrupted"
            try:
                await self._sink.interrupted(job, node, result.prompt)
            except NodeError as refused:
                result = refused
            else:
                return
        self._finish(job)
        update = None
        if isinstance(result, Produced):
            try:
                update = read_update(result.output)
            except NodeError as refused:
                result = refused
        if isinstance(result, Produced):
            job.status, job.output = "completed", result.output
            job.active_branches = result.active_branches
        elif isinstance(result, EndRun):
            job.status, job.output = "completed", result.outputs
            job.error = None
            self._stop_as = self._stop_as or "completed"
        else:
            self._fail(job, node, result)
        step = attempted.step if job.status == "completed" else None
        checkpoint = None
        if self._environment.stateful:
            checkpoint = self._state.step(
                self._ids(), job.run_id, node.id, update=update, step=step, stamp=job.stamp
            )
        else:
            job.step = self._state.pass_by(node.id, update, step, job.stamp)
        self._frontier.ended(place, job)
        await self._sink.finished(job, node, checkpoint)
        _warn_of_conditions(node)
        count = self._state.iteration_count
        if count > self._environment.max_iterations:
            self._exceed(count, node.id)

    def _finish(self, job: JobRecord) -> None:
        self._order += 1
        job.order = self._order
        finished = self._clock()
        job.completed_at = format_time(finished)
        seconds = seconds_between(job.started_at, job.completed_at)
        job.duration_us = None if seconds is None else round(seconds * 1_000_000)

    async def _fail_starved(self, starved: Starved) -> None:
        """Fail a node whose port can no longer be filled (SG-20)."""
        place = starved.place
        job = self._new_job(place)
        self._finish(job)
        self._fail(job, place.node, starved.error())
        checkpoint = None
        if self._environment.stateful:
            checkpoint = self._state.step(self._ids(), job.run_id, place.node.id)
        self._frontier.passed(place, job)
        await self._sink.finished(job, place.node, checkpoint)

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
        if envelope["retryable"]:
            job.error = {**envelope, "error_retryable": True}  # absent otherwise (ERR-2)
        if node.has_error_edge:
            job.error_routed, job.output = True, {"error": envelope}
        else:
            self._fail_run(envelope)

    def _fail_run(self, envelope: dict[str, Any]) -> None:
        self._failure = self._failure or envelope
        self._stop_as = "failed"

    def _exceed(self, count: int, node_id: str) -> None:
        """End the run because its iterations are more than it may have (SG-14)."""
        if self._stop_as == "failed":
            return
        most = self._environment.max_iterations
        self._stop_as = "max_iterations_exceeded"
        self._failure = {
            "message": f"The run takes more than the {most:,} iterations it was given.",
            "code": "MAX_ITERATIONS_EXCEEDED",
            "node_id": node_id,
            "max_iterations": most,
            "current_iterations": count,
        }

    async def _skip(self, places: Iterable[Place], reason: str) -> None:
        """Record that nodes will not execute."""
        jobs = []
        for place in places:
            job = self._new_job(place)
            job.status, job.skip_reason = "skipped", reason
            self._frontier.passed(place, job)
            jobs.append(job)
        await self._sink.skipped(jobs)

    async def _stop(self) -> Outcome:
        """Record how everything stands, and tell how the run stopped: the first rung that fits (ORC-11)."""
        if self._stop_as is None and self._paused_reason is None:
            if any(_status(place) == "interrupted" for place in self._frontier.at_work):
                return Outcome("paused")
            self._stop_as = "completed"
            await self._leave("branch_not_active")
        elif self._stop_as is not None:
            await self._leave("run_failed" if self._failure else "run_ended")
        elif any(_status(place) == "interrupted" for place in self._frontier.at_work):
            # What is ready is found again when the answer is there.
            return Outcome("paused")
        else:
            await self._defer()
            return Outcome("paused", paused_reason=self._paused_reason)
        status = self._stop_as or "completed"
        checkpoint = None
        if self._environment.stateful:
            checkpoint = self._state.end(self._ids(), self._environment.run_id, status)
        return Outcome(status, self._failure, checkpoint=checkpoint)

    async def _leave(self, reason: str) -> None:
        """Record what will not execute any more, and what was at work."""
        left: list[JobRecord] = []
        for place in self._frontier.at_work:
            job = place.newest
            if job is not None and job.status in ("pending", "running"):
                job.status = "cancelled" if job.status == "running" else "skipped"
                job.skip_reason = reason
                left.append(job)
        for place in self._places.values():
            if place.newest is None:
                job = self._new_job(place)
                job.status, job.skip_reason = "skipped", reason
                left.append(job)
        if left:
            await self._sink.skipped(left)

    async def _defer(self) -> None:
        """Keep what is ready as pending, so that the run goes on with it when it is resumed (ORC-10)."""
        jobs = []
        for place in self._waiting:
            job = self._job(place)
            job.status = "pending"
            jobs.append(job)
        if jobs:
            await self._sink.skipped(jobs)


def _status(place: Place) -> str:
    return "" if place.newest is None else place.newest.status


def _max_rounds(place: Place) -> int:
    """Return how many rounds a loop may have, by the configuration of its head (SG-7)."""
    configured = place.node.config.get("maxIterations")
    if isinstance(configured, int) and not isinstance(configured, bool) and configured > 0:
        return configured
    return MAX_ROUNDS


def _warn_of_conditions(node: PlannedNode) -> None:
    """Say, each time a node's outgoing edges are followed, that conditions gate nothing (EDGE-8)."""
    for edge in node.outgoing:
        if edge.condition:
            logger.warning(
                "The edge %s of node %s has a condition, which is not evaluated; use a gateway instead.",
                quoted(edge.id),
                quoted(node.id),
            )
