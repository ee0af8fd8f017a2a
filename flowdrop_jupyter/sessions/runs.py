"""The run service: start a workflow without a conversation, and follow, stop and list runs.

A run always belongs to a session, so one that is launched by itself gets a session of its own; its
prompts are answered there. What is read comes from the store alone, so that every server and every
later process tells the same (PIPE-1).
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio

from ..clock import Clock, format_time, system_clock
from ..engine import background_strategy
from ..errors import Conflict, Forbidden, InvalidInput, NotFound
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..store.protocol import Store
from ..store.records import (
    TERMINAL_RUN,
    CheckpointRecord,
    EventRecord,
    InterruptRecord,
    JobRecord,
    MessageRecord,
    RunRecord,
    RunStatus,
    SessionFilter,
    SessionRecord,
    WorkflowRecord,
)
from .inputs import declared_outputs, launch_values, require_waitable
from .launching import named_strategy, require_launchable
from .permissions import (
    Principal,
    may,
    may_list,
    may_list_all,
    require_drive,
    require_launch,
)
from .processor import DeferredMessageProcessor
from .service import MAX_SESSION_NAME, SessionService

MIN_TIMEOUT_SECONDS: Final = 0.001
MAX_TIMEOUT_SECONDS: Final = 86_400.0
MAX_STEPS: Final = 1_000_000
WAIT_SECONDS: Final = 55.0
"""How long the reply to a launch that waits is held back at most; proxies give up after a minute."""
MAX_SESSIONS_SEARCHED: Final = 500
"""In how many sessions a job is looked for; jobs have no index of their own."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with everything that its documents are made of."""

    run: RunRecord
    session: SessionRecord
    jobs: Sequence[JobRecord]
    workflow: WorkflowRecord | None
    interrupts: Sequence[InterruptRecord]


class RunService:
    """Runs, whether a message or a launch began them.

    :param source: returns a stored workflow by its id, or None.
    """

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        processor: DeferredMessageProcessor,
        sessions: SessionService,
        source: Callable[[str], Awaitable[WorkflowRecord | None]],
        *,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._registry = registry
        self._processor = processor
        self._sessions = sessions
        self._source = source
        self._clock = clock
        self._ids = ids

    async def launch(
        self,
        workflow_id: str,
        principal: Principal,
        *,
        inputs: Any = None,
        timeout_seconds: float | None = None,
        max_steps: int | None = None,
        waiting: bool = False,
        run_id: str | None = None,
        event: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """Start a run of a workflow in a new session; it is durable on return and runs after that.

        :param inputs: values of the workflow's declared inputs by name (MAN-12).
        :param timeout_seconds: how long the run may be at work before it fails; waiting for a person
            does not count.
        :param max_steps: how many nodes it may execute before it fails.
        :param waiting: whether the caller is going to wait for its end.
        :param run_id: the run's id, if it has to be found again by a caller that may die meanwhile;
            its session's id follows from it.
        :param event: what fired, for a run that a trigger begins.
        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        :raises Conflict: ``WORKFLOW_ASYNCHRONOUS`` when nobody can wait for it (MAN-19).
        :raises Forbidden: without the permissions to create sessions and to execute workflows.
        :raises InvalidInput: for undeclared, missing or unsuitable inputs (MAN-15) and for limits out
            of range.
        :raises WorkflowInvalid: when the stored workflow does not validate (VAL-LAUNCH).
        """
        require_launch(principal)
        _check_limits(timeout_seconds, max_steps)
        workflow = await self._source(workflow_id)
        if workflow is None:
            raise NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        if waiting:
            require_waitable(workflow)
        initial = launch_values(workflow, inputs)
        await require_launchable(workflow, self._registry)
        run = RunRecord(
            id=run_id or self._ids(),
            session_id=self._ids() if run_id is None else str(uuid.uuid5(uuid.UUID(run_id), "session")),
            workflow_id=workflow.id,
            initiator=principal.id,
            strategy=background_strategy(trigger=named_strategy(workflow, fired=event is not None)).id,
            initial=initial,
            inputs=dict(inputs or {}),
            event=None if event is None else dict(event),
            timeout_seconds=timeout_seconds,
            max_steps=max_steps,
            created_at=format_time(self._clock()),
        )
        with anyio.CancelScope(shield=True):
            await self._begin(run, workflow, principal)
        return run

    async def rerun(self, run_id: str, principal: Principal) -> RunRecord:
        """Start a new run with the input of an old one, which is left as it was (INT-11).

        The workflow runs as it is stored now. Of a turn the message is said again, in a session of its
        own; nothing else carries over.

        :raises Forbidden: as :meth:`read` and :meth:`launch` do.
        :raises Conflict: ``RUN_INPUT_GONE`` when the message that began the run is not kept any more.
        :raises NotFound: ``RUN_NOT_FOUND``, and ``WORKFLOW_NOT_FOUND`` when the workflow was deleted.
        :raises InvalidInput: when the workflow has other inputs by now.
        :raises WorkflowInvalid: when the workflow does not validate any more.
        """
        session, source = await self._find(run_id, principal, whole=True)
        require_launch(principal)
        message = None
        if source.message_id is not None:
            message = await self._store.message(session.id, source.message_id)
            if message is None or message.metadata.get("trimmed") is True:
                raise Conflict("The message that began this run is not kept.", code="RUN_INPUT_GONE")
        inputs = source.inputs if message is None else message.metadata.get("inputs") or {}
        workflow = await self._source(source.workflow_id)
        if workflow is None:
            raise NotFound(f"There is no workflow {source.workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        initial = launch_values(workflow, inputs)
        await require_launchable(workflow, self._registry)
        run = RunRecord(
            id=self._ids(),
            session_id=self._ids(),
            workflow_id=workflow.id,
            initiator=principal.id,
            strategy=source.strategy,
            initial=initial,
            inputs=dict(inputs),
            event=source.event,
            rerun_of=source.id,
            created_at=format_time(self._clock()),
        )
        with anyio.CancelScope(shield=True):
            await self._begin(run, workflow, principal, message)
        return run

    async def _begin(
        self,
        run: RunRecord,
        workflow: WorkflowRecord,
        principal: Principal,
        message: MessageRecord | None = None,
    ) -> None:
        """Make a run durable in a session of its own, and have it taken up.

        :param message: what is said in that session first, in the words of another.
        """
        # An earlier process may have come as far as the session.
        if await self._store.session(run.session_id) is None:
            await self._sessions.create(
                workflow.id,
                principal,
                name=f"Run of {workflow.name}"[:MAX_SESSION_NAME],
                metadata={"launched": True},
                session_id=run.session_id,
            )
        async with self._store.transaction(run.session_id) as tx:
            if message is not None:
                run.message_id = tx.put_message(
                    MessageRecord(
                        id=self._ids(),
                        session_id=run.session_id,
                        role="user",
                        content=message.content,
                        status="pending",
                        execution_id=run.id,
                        metadata={
                            "userName": principal.name,
                            **({"inputs": run.inputs} if run.inputs else {}),
                        },
                    )
                ).id
            run.snapshot_id = tx.put_workflow_snapshot(workflow)
            tx.put_run(run)
            tx.session.executions = [*tx.session.executions, run.id]
            tx.session.active_run = run.id
            tx.session.status = "running"
        self._processor.submit(run.session_id, run.id)

    async def ended(self, run: RunRecord, principal: Principal) -> tuple[RunView, dict[str, Any] | None]:
        """Wait, within a limit, for the end of a run that was just started.

        :return: the run as it is then, and the workflow's declared outputs by name (MAN-17); None
            for these while it has not completed.
        """
        await self._processor.settled(run.session_id, within=WAIT_SECONDS)
        view = await self.read(run.id, principal)
        if view.run.status != "completed" or view.workflow is None:
            return view, None
        produced = {job.node_id: job.output for job in view.jobs if job.status == "completed"}
        return view, declared_outputs(view.workflow, produced)

    async def read(self, run_id: str, principal: Principal, *, whole: bool = True) -> RunView:
        """Return one run with its jobs.

        :param whole: whether what it was given and gave will be shown, which takes the permission to
            view the session's messages, too.
        :raises NotFound: ``RUN_NOT_FOUND``; it beats the next (PIPE-6).
        :raises Forbidden: ``RUN_FORBIDDEN`` when the caller may not view the run's session (PIPE-1).
        """
        session, run = await self._find(run_id, principal, whole=whole)
        return RunView(
            run=run,
            session=session,
            jobs=await self._store.jobs(session.id, run_id),
            workflow=await self._store.workflow_snapshot(session.id, run.snapshot_id),
            interrupts=[
                asked for asked in await self._store.interrupts(session.id) if asked.run_id == run_id
            ],
        )

    async def events(self, run_id: str, principal: Principal) -> list[EventRecord]:
        """Return the events of one run in order; raises as :meth:`read` does."""
        session, run = await self._find(run_id, principal)
        return [
            event
            for event in await self._store.events(session.id)
            if event.type in ("run", "node") and event.data.get("executionId") == run.id
        ]

    async def checkpoints(self, run_id: str, principal: Principal) -> list[CheckpointRecord]:
        """Return the checkpoints of one run, oldest first; raises as :meth:`read` does."""
        session, run = await self._find(run_id, principal, whole=True)
        return await self._store.checkpoints(session.id, run.id)

    async def job(self, job_id: str, principal: Principal) -> tuple[JobRecord, RunView]:
        """Return one job with the run that owns it (PIPE-5).

        It is looked for in the sessions that were active last, a bounded number of them.

        :raises NotFound: ``JOB_NOT_FOUND``; it beats the next (PIPE-6).
        :raises Forbidden: ``JOB_FORBIDDEN`` when the caller may not view the run it belongs to.
        """
        for session in await self._store.sessions(SessionFilter(), limit=MAX_SESSIONS_SEARCHED):
            job = await self._store.job(session.id, job_id)
            if job is not None:
                if not may(principal, "view", session):
                    raise Forbidden("You may not look at this job.", code="JOB_FORBIDDEN")
                return job, await self.read(job.run_id, principal)
        raise NotFound(f"There is no job {job_id!r}.", code="JOB_NOT_FOUND")

    async def find(
        self, principal: Principal, *, workflow_id: str | None = None, status: RunStatus | None = None
    ) -> list[RunRecord]:
        """Return the runs that the caller may see, those of the session last active first.

        :raises NotFound: ``WORKFLOW_NOT_FOUND`` for a workflow that neither exists nor has runs.
        """
        found: list[RunRecord] = []
        if may_list(principal):
            owner = None if may_list_all(principal) else principal.id
            held = await self._store.sessions(SessionFilter(workflow_id=workflow_id, owner_id=owner))
            for session in held:
                for run_id in reversed(session.executions):
                    run = await self._store.run(session.id, run_id)
                    if run is not None and status in (None, run.status):
                        found.append(run)
        if not found and workflow_id is not None and await self._source(workflow_id) is None:
            raise NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        return found

    async def stop(self, run_id: str, principal: Principal) -> None:
        """Cancel a run that is pending, at work or waiting; returns once it is closed.

        :raises Conflict: ``NO_ACTIVE_RUN`` when the run has ended.
        """
        session, run = await self._find(run_id, principal)
        if run.status in TERMINAL_RUN or session.active_run != run_id:
            raise Conflict(f"The run is already {run.status}.", code="NO_ACTIVE_RUN")
        await self._sessions.stop(session.id, principal)

    async def resubmit(self, run_id: str, principal: Principal) -> RunRecord:
        """Have a run that waits for its start taken up; one that is at work is left alone.

        One that a limit paused goes on, as :meth:`resume` has it.

        :raises Conflict: ``RUN_ENDED`` when the run has ended, ``RUN_PAUSED`` when it waits for a person.
        """
        session, run = await self._find(run_id, principal)
        require_drive(principal, session)
        if run.status in TERMINAL_RUN:
            raise Conflict(f"The run is already {run.status}.", code="RUN_ENDED")
        if run.status == "paused":
            return await self.resume(run_id, principal)
        self._processor.submit(session.id, run.id)
        return run

    async def resume(self, run_id: str, principal: Principal) -> RunRecord:
        """Let a run that a limit paused go on, with its limits anew (ORC-10).

        :raises Conflict: ``RUN_PAUSED`` when it waits for a person, ``NO_ACTIVE_PAUSE`` when it is not
            paused.
        """
        session, known = await self._find(run_id, principal)
        require_drive(principal, session)
        with anyio.CancelScope(shield=True):
            async with self._store.transaction(session.id) as tx:
                current = await tx.run(run_id)
                if current is None or current.status != "paused" or tx.session.active_run != run_id:
                    raise Conflict("The run is not paused.", code="NO_ACTIVE_PAUSE")
                if current.paused_reason is None:
                    raise Conflict("The run waits for an answer.", code="RUN_PAUSED")
                current.paused_reason = None
                tx.put_run(current)
                tx.session.status = "running"
                known = current
            self._processor.submit(session.id, run_id)
        return known

    async def interrupts(self, run_id: str, principal: Principal) -> Sequence[InterruptRecord]:
        """Return the prompts of one run, oldest first; raises as :meth:`read` does."""
        return (await self.read(run_id, principal, whole=False)).interrupts

    async def _find(
        self, run_id: str, principal: Principal, *, whole: bool = False
    ) -> tuple[SessionRecord, RunRecord]:
        session_id = await self._store.session_of(run_id)
        session = None if session_id is None else await self._store.session(session_id)
        run = None if session is None else await self._store.run(session.id, run_id)
        if session is None or run is None:
            raise NotFound(f"There is no run {run_id!r}.", code="RUN_NOT_FOUND")
        if not may(principal, "view", session):
            raise Forbidden("You may not look at this run.", code="RUN_FORBIDDEN")
        if whole and not may(principal, "view_messages", session):
            raise Forbidden("You may not look at what this run was given and gave.", code="RUN_FORBIDDEN")
        return session, run


def _check_limits(timeout_seconds: Any, max_steps: Any) -> None:
    wrong = []
    if timeout_seconds is not None and not _within(
        timeout_seconds, int | float, MIN_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS
    ):
        wrong.append(f"The timeout is from {MIN_TIMEOUT_SECONDS} to {MAX_TIMEOUT_SECONDS:,.0f} seconds.")
    if max_steps is not None and not _within(max_steps, int, 1, MAX_STEPS):
        wrong.append(f"maxSteps has to be a whole number from 1 to {MAX_STEPS:,}.")
    if wrong:
        raise InvalidInput(" ".join(wrong), code="OPTION_INVALID")


def _within(value: Any, kind: Any, least: float, most: float) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most
