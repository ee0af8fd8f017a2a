"""Where a session's run reports its steps: one transaction per step, messages and events included."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ..clock import Clock, format_time, seconds_between
from ..engine import PlannedNode
from ..errors import RunEnded
from ..ids import IdFactory
from ..store.protocol import SessionTransaction, Store
from ..store.records import (
    TERMINAL_RUN,
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessageRecord,
    RunRecord,
)
from .prompts import prompt_config, prompt_metadata


class SessionRunSink:
    """A :class:`~flowdrop_jupyter.engine.RunSink` that writes into one session of a store.

    Every method raises RunEnded when the run was closed meanwhile.
    """

    def __init__(self, store: Store, run: RunRecord, *, clock: Clock, ids: IdFactory) -> None:
        self._store = store
        self._run = run
        self._clock = clock
        self._ids = ids
        self._began = format_time(clock())

    async def started(self, jobs: Sequence[JobRecord]) -> None:
        """Keep jobs that are about to execute."""
        await self._keep(jobs)

    async def skipped(self, jobs: Sequence[JobRecord]) -> None:
        """Keep jobs that will never execute in this run."""
        await self._keep(jobs)

    async def finished(
        self, job: JobRecord, node: PlannedNode, checkpoint: CheckpointRecord | None = None
    ) -> None:
        """Keep a finished job with its checkpoint, and the assistant message that its node may write."""
        async with self._step() as tx:
            _put_job(tx, job)
            if checkpoint is not None:
                checkpoint.session_id = self._run.session_id
                tx.put_checkpoint(checkpoint)
            content = _message_content(job, node)
            if content is not None:
                tx.put_message(
                    MessageRecord(
                        id=self._ids(),
                        session_id=self._run.session_id,
                        role="assistant",
                        content=content,
                        node_id=job.node_id,
                        parent_message_id=self._run.message_id,
                        execution_id=self._run.id,
                        metadata=self._answer_metadata(job, node),
                    )
                )

    async def interrupted(self, job: JobRecord, node: PlannedNode, prompt: Mapping[str, Any]) -> None:
        """Keep an interrupted job with its interrupt and the message that asks (INT-1, INT-2).

        :raises NodeError: ``PROMPT_INVALID`` when the prompt cannot be asked.
        """
        config = prompt_config(prompt)
        message_id = self._ids()
        interrupt = InterruptRecord(
            id=self._ids(),
            session_id=self._run.session_id,
            run_id=self._run.id,
            job_id=job.id,
            node_id=job.node_id,
            workflow_id=self._run.workflow_id,
            type=prompt["type"],
            message=prompt["message"],
            config=config,
            allow_cancel=prompt.get("allow_cancel") is not False,
            message_id=message_id,
            created_at=format_time(self._clock()),
            initiator=self._run.initiator,
        )
        job.interrupt_id = interrupt.id
        async with self._step() as tx:
            _put_job(tx, job)
            tx.put_interrupt(interrupt)
            tx.put_message(
                MessageRecord(
                    id=message_id,
                    session_id=self._run.session_id,
                    role="assistant",
                    content=interrupt.message,
                    status="pending",
                    node_id=job.node_id,
                    parent_message_id=self._run.message_id,
                    execution_id=self._run.id,
                    metadata=prompt_metadata(interrupt),
                )
            )
            tx.append_event(interrupt_event(interrupt))

    def _answer_metadata(self, job: JobRecord, node: PlannedNode) -> dict[str, Any]:
        """Return what the screens show beside an answer.

        ``duration`` is milliseconds of work: since the run was started, or last went on.
        """
        metadata: dict[str, Any] = {"nodeLabel": node.label}
        seconds = seconds_between(self._began, job.completed_at)
        if seconds is not None:
            metadata["duration"] = round(seconds * 1000)
        return metadata

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[SessionTransaction]:
        """Open the transaction of one step.

        :raises RunEnded: when the run was closed meanwhile, such as by a stop that left it behind.
        """
        async with self._store.transaction(self._run.session_id) as tx:
            run = await tx.run(self._run.id)
            if run is None or run.status in TERMINAL_RUN:
                raise RunEnded("The run has ended.")
            yield tx

    async def _keep(self, jobs: Sequence[JobRecord]) -> None:
        async with self._step() as tx:
            for job in jobs:
                _put_job(tx, job)


def interrupt_event(interrupt: InterruptRecord) -> EventRecord:
    """Return the event that announces an interrupt's state."""
    data = {"interruptId": interrupt.id, "status": interrupt.status, "type": interrupt.type}
    return EventRecord(type="interrupt", data=data)


def run_event(run: RunRecord) -> EventRecord:
    """Return the event that announces a run's state."""
    return EventRecord(type="run", data={"executionId": run.id, "status": run.status})


def node_event(job: JobRecord) -> EventRecord:
    """Return the event that announces a job's state."""
    data: dict[str, Any] = {"executionId": job.run_id, "nodeId": job.node_id, "status": job.status}
    if job.skip_reason:
        data["reason"] = job.skip_reason
    return EventRecord(type="node", data=data)


def _put_job(tx: SessionTransaction, job: JobRecord) -> None:
    tx.put_job(job)
    tx.append_event(node_event(job))


def _message_content(job: JobRecord, node: PlannedNode) -> str | None:
    port = node.executor.node_type.message_output
    if port is None or job.status != "completed" or not job.output or port not in job.output:
        return None
    value = job.output[port]
    if isinstance(value, str):
        return value
    return "```json\n" + json.dumps(value, ensure_ascii=False, indent=2) + "\n```"
