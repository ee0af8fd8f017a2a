"""The session message worker: takes a session whose run is due as far as it will go.

It reads everything it needs from the store, so that the process which accepted the message and the
one which runs it need not be the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from ..clock import Clock, format_time, seconds_between, system_clock
from ..engine import Outcome, PlanCache, RunEnvironment, prepare_run, strategy_or_default
from ..errors import CompileError, FlowDropError, NodeError, RunEnded, StoreDamaged
from ..ids import IdFactory, new_id
from ..nodes import DEFAULT_WORLD, Answer, Files, Identity, NodeRegistry, Turn, World
from ..store.protocol import SessionTransaction, Store
from ..store.records import (
    TERMINAL_RUN,
    InterruptRecord,
    JobRecord,
    RunRecord,
    SessionRecord,
    WorkflowRecord,
)
from .closing import close_run, put_system_message
from .memory import StoredMemory
from .sink import SessionRunSink, node_event, run_event

logger = logging.getLogger(__name__)


HISTORY_MESSAGES: Final = 200
"""How many of the newest earlier messages a run is given as its history."""


class SessionMessageWorker:
    """Executes and closes the active run of one session at a time.

    :param root: the directory whose files nodes may touch.
    :param private: files and folders below it that they may not.
    :param world: what nodes may reach beside files.
    :param thread_limit: how many synchronous node functions run at once.
    """

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        *,
        root: Path,
        private: Sequence[Path] = (),
        world: World = DEFAULT_WORLD,
        thread_limit: int = 8,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._registry = registry
        self._plans = PlanCache(registry)
        self._root = root
        self._private = tuple(private)
        self._world = replace(world, memory=world.memory or StoredMemory(store))
        self._thread_limit = thread_limit
        self._limiter: anyio.CapacityLimiter | None = None
        self._clock = clock
        self._ids = ids

    async def process(self, session_id: str) -> None:
        """Execute the session's active run until it stops, and record how it stopped.

        A run that a dead process left behind is continued; finished nodes are not run again. On
        cancellation everything stays as it was last made durable.
        """
        due = await self._begin(session_id)
        while due is not None:
            outcome = await self._execute(due)
            due = await self._conclude(due, outcome)

    async def close_stopped(self, session_id: str, run_id: str) -> None:
        """Record that a run of the session was stopped on request, unless it has ended by itself."""
        async with self._store.transaction(session_id) as tx:
            run = await _active_run(tx)
            if run is None or run.id != run_id:
                return
            run.stop_requested = True
            await close_run(tx, run, "cancelled", self._clock, reason="stopped")
            put_system_message(tx, run, "The run was stopped.", self._ids)

    async def _begin(self, session_id: str) -> RunRecord | None:
        async with self._store.transaction(session_id) as tx:
            run = await _active_run(tx)
            if run is None or tx.session.status != "running":
                return None
            uncertain = await self._reopen_jobs(tx, run)
            if uncertain is not None:
                await self._close_uncertain(tx, run, uncertain)
                return None
            if run.status != "running":
                run.status = "running"
                run.paused_reason = None
                run.started_at = run.started_at or format_time(self._clock())
                tx.put_run(run)
                tx.append_event(run_event(run))
            message = await tx.message(run.message_id) if run.message_id else None
            if message is not None and message.status == "pending":
                message.status = "processing"
                tx.put_message(message)
            return run

    async def _reopen_jobs(self, tx: SessionTransaction, run: RunRecord) -> JobRecord | None:
        """Set jobs that a dead process left running back to pending.

        Returns the first one that must not be repeated: one whose node changes things outside the
        run (whether it did so cannot be known), or one that was repeated already.
        """
        for job in await tx.jobs(run.id):
            if job.status != "running":
                continue
            kind = self._registry.node_type(job.node_type_id)
            # A node that a process died at twice may be what it died of.
            if job.restarts or (kind is not None and kind.side_effects):
                return job
            job.status = "pending"
            job.restarts += 1
            tx.put_job(job)
            tx.append_event(node_event(job))
        return None

    async def _close_uncertain(self, tx: SessionTransaction, run: RunRecord, job: JobRecord) -> None:
        text = (
            f"The server stopped while “{job.node_id}” was at work. It may or may not have finished, "
            "so it was not repeated. Check its effect, then send your message again."
        )
        error = {"message": text, "code": "NODE_OUTCOME_UNKNOWN", "node_id": job.node_id, "retryable": False}
        job.status, job.error = "failed", error
        tx.put_job(job)
        run.error = error
        await close_run(tx, run, "failed", self._clock)
        put_system_message(tx, run, text, self._ids, error=error)

    async def _execute(self, run: RunRecord) -> Outcome:
        try:
            plan = self._plans.plan(await self._snapshot(run), run.snapshot_id)
            jobs = await self._store.jobs(run.session_id, run.id)
            environment = await self._environment(run, jobs)
            sink = SessionRunSink(self._store, run, clock=self._clock, ids=self._ids)
            with anyio.move_on_after(run.timeout_seconds):
                # A run goes on under the strategy it was begun with, and no other (ORC-13).
                strategy = strategy_or_default(run.strategy)
                started = prepare_run(
                    strategy, plan, jobs, environment, sink, clock=self._clock, ids=self._ids
                )
                return await started.execute()
            return _out_of_time(run.timeout_seconds)
        except Exception as error:
            # Whatever broke, the session must not stay `running` with nobody at work.
            first = _first(error)
            if isinstance(first, CompileError | NodeError | RunEnded):
                return Outcome("failed", {"message": first.message, "code": first.code, "node_id": None})
            logger.exception("The run %s failed outside of its nodes.", run.id)
            code = first.code if isinstance(first, FlowDropError) else "RUN_FAILED"
            message = "The run failed inside the server. The server's log has the details."
            return Outcome("failed", {"message": message, "code": code, "node_id": None})

    async def _snapshot(self, run: RunRecord) -> WorkflowRecord:
        found = await self._store.workflow_snapshot(run.session_id, run.snapshot_id)
        if found is None:
            raise StoreDamaged(f"The workflow that the run {run.id} was frozen from is missing.")
        return found

    async def _environment(self, run: RunRecord, jobs: Sequence[JobRecord]) -> RunEnvironment:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._thread_limit)
        session = await self._store.session(run.session_id)
        return RunEnvironment(
            run_id=run.id,
            turn=await self._turn(run),
            initial=run.initial,
            # Resolving a path asks the file system, which may be slow.
            files=await to_thread.run_sync(
                Files, self._root, _base_folder(session, self._root), self._private
            ),
            limiter=self._limiter,
            answers=_answers(await self._store.interrupts(run.session_id), run.id),
            world=self._world,
            identity=_identity(session, run),
            registry=self._registry,
            max_steps=run.max_steps,
            checkpoints=await self._store.checkpoints(run.session_id, run.id) if jobs else [],
        )

    async def _turn(self, run: RunRecord) -> Turn:
        message = await self._store.message(run.session_id, run.message_id) if run.message_id else None
        if message is None:
            return Turn(inputs=run.inputs, event=run.event)
        page = await self._store.messages(
            run.session_id, before=message.sequence_number, limit=HISTORY_MESSAGES
        )
        earlier = page.messages if page else []
        spoken = [*earlier, message]
        history = [
            {"role": said.role, "content": said.content}
            for said in spoken
            if said.role in ("user", "assistant")
        ]
        return Turn(message=message.content, history=history, inputs=message.metadata.get("inputs", {}))

    async def _conclude(self, run: RunRecord, outcome: Outcome) -> RunRecord | None:
        """Record how the run stopped; returns it when an answer arrived meanwhile (decision 17)."""
        async with self._store.transaction(run.session_id) as tx:
            current = await tx.run(run.id)
            if current is None or current.status in TERMINAL_RUN:
                return None
            if outcome.status == "paused":
                if outcome.paused_reason is None and await _any_pending(tx, current):
                    return current
                current.status = "paused"
                current.paused_reason = outcome.paused_reason
                tx.put_run(current)
                tx.append_event(run_event(current))
                tx.session.status = "awaiting_input"
                return None
            if outcome.checkpoint is not None:
                outcome.checkpoint.session_id = run.session_id
                tx.put_checkpoint(outcome.checkpoint)
            if outcome.status in ("failed", "max_iterations_exceeded"):
                error = outcome.error or {"message": "The run failed.", "code": "RUN_FAILED", "node_id": None}
                current.error = error
                put_system_message(tx, current, error["message"], self._ids, error=error)
            await close_run(tx, current, outcome.status, self._clock)
            return None


async def _active_run(tx: SessionTransaction) -> RunRecord | None:
    run = await tx.run(tx.session.active_run) if tx.session.active_run else None
    return None if run is None or run.status in TERMINAL_RUN else run


async def _any_pending(tx: SessionTransaction, run: RunRecord) -> bool:
    return any(job.status == "pending" for job in await tx.jobs(run.id))


def _answers(interrupts: Sequence[InterruptRecord], run_id: str) -> dict[str, list[Answer]]:
    answers: dict[str, list[Answer]] = {}
    for asked in interrupts:
        if asked.run_id == run_id and asked.status == "resolved":
            by = asked.resolved_by
            answers.setdefault(asked.job_id, []).append(
                Answer(
                    value=asked.response,
                    user_id=by.id if by else None,
                    user_name=by.name if by else None,
                    response_time=seconds_between(asked.created_at, asked.resolved_at) or 0.0,
                )
            )
    return answers


def _identity(session: SessionRecord | None, run: RunRecord) -> Identity:
    """Return on whose behalf a run remembers: the session's owner, whoever sent the turn (MEM-8)."""
    return Identity(
        user_id=session.owner.id if session else None,
        session_id=session.id if session else None,
        workflow_id=run.workflow_id,
    )


def _out_of_time(seconds: float | None) -> Outcome:
    message = f"The run was at work for longer than the {seconds:g} seconds it was given." if seconds else ""
    return Outcome("failed", {"message": message, "code": "RUN_TIMEOUT", "node_id": None})


def _base_folder(session: SessionRecord | None, root: Path) -> str:
    """Return the folder of the notebook that opened the session, relative to *root*."""
    notebook = session.metadata.get("notebook") if session else None
    if not isinstance(notebook, str) or not notebook or "\0" in notebook:
        return ""
    return str((root / notebook).parent)


def _first(error: BaseException) -> BaseException:
    found = error
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
