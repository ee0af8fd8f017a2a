"""The session service: everything a face can do with sessions, messages and prompts.

Each method checks the permission, then the input, then the state; a refusal changes nothing. What
it acknowledges is durable before it returns; the workflow runs after that (DESIGN §2).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import anyio

from ..clock import Clock, format_time, parse_time, system_clock
from ..engine import interactive_strategy
from ..errors import Conflict, InvalidInput, NotFound, StoreError
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..store.protocol import SessionTransaction, Store
from ..store.records import (
    TERMINAL_RUN,
    InterruptRecord,
    MessagePage,
    MessageRecord,
    RunRecord,
    SessionFilter,
    SessionRecord,
    SessionStatus,
    WorkflowRecord,
)
from .arguments import message_text, read_cursor, repeatable_id
from .closing import close_run, put_system_message, settle_prompt
from .inputs import launch_values
from .launching import STRATEGY_KEY, require_launchable
from .permissions import Principal, may_list, may_list_all, require, require_create, require_drive
from .processor import DeferredMessageProcessor
from .prompts import check_answer
from .workflow_files import WorkflowSource

logger = logging.getLogger(__name__)

MAX_SESSION_NAME: Final = 100
DEFAULT_PAGE: Final = 100
STOP_ECHO_SECONDS: Final = 30
"""How long after a stop ended a run the same stop may be repeated (decision 9)."""


class SessionService:
    """Sessions, their messages, and the prompts in them.

    :param workflows: where the definitions are; the store by default.
    :param answer_wait: seconds that an answer waits for the run's next stop.
    :param stop_wait: seconds that a stop waits for nodes to react before they are left behind.
    """

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        processor: DeferredMessageProcessor,
        *,
        workflows: WorkflowSource | None = None,
        answer_wait: float = 55.0,
        stop_wait: float = 5.0,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._workflows: WorkflowSource = workflows or store
        self._registry = registry
        self._processor = processor
        self._answer_wait = answer_wait
        self._stop_wait = stop_wait
        self._clock = clock
        self._ids = ids

    # Sessions

    async def create(
        self,
        workflow_id: str,
        principal: Principal,
        *,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> SessionRecord:
        """Open a session on a workflow.

        :param name: at most 100 characters; ``Session N`` by default.
        :param session_id: its id; a new one by default.
        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        :raises InvalidInput: when the name is empty or too long.
        :raises Forbidden: without the permission to create sessions.
        """
        require_create(principal)
        if name is not None and not 1 <= len(name.strip()) <= MAX_SESSION_NAME:
            raise InvalidInput(
                f"A session's name has 1 to {MAX_SESSION_NAME} characters.", code="SESSION_NAME_INVALID"
            )
        await self._workflow(workflow_id)
        if name is None:
            mine = SessionFilter(workflow_id=workflow_id, owner_id=principal.id)
            held = await self._store.sessions(mine)
            name = f"Session {len(held) + 1}"
        now = format_time(self._clock())
        session = SessionRecord(
            id=session_id or self._ids(),
            workflow_id=workflow_id,
            name=name.strip(),
            owner=principal.owner,
            created_at=now,
            updated_at=now,
            metadata=dict(metadata or {}),
        )
        await self._store.create_session(session)
        return session

    async def read(self, session_id: str, principal: Principal) -> SessionRecord:
        """Return one session; raises NotFound when it is not there or may not be seen."""
        return require(principal, "view", await self._store.session(session_id))

    async def find(
        self,
        principal: Principal,
        *,
        workflow_id: str | None = None,
        status: SessionStatus | None = None,
        search: str | None = None,
    ) -> list[SessionRecord]:
        """Return the sessions the caller may see, newest activity first (PLAY-5).

        :raises NotFound: ``WORKFLOW_NOT_FOUND`` for a workflow that neither exists nor has sessions.
        """
        if not may_list(principal):
            return []
        owner = None if may_list_all(principal) else principal.id
        found = await self._store.sessions(
            SessionFilter(workflow_id=workflow_id, owner_id=owner, status=status, search=search)
        )
        if not found and workflow_id is not None:
            await self._workflow(workflow_id)
        return found

    async def delete(self, session_id: str, principal: Principal) -> None:
        """Stop what runs in a session and remove it with everything that belongs to it."""
        session = require(principal, "delete", await self._store.session(session_id))
        if session.active_run is not None:
            await self._end_work(session_id, session.active_run)
        await self._store.remove_session(session_id)
        try:
            for kept in await self._store.memories("session", session_id):
                await self._store.remove_memory(kept.scope, kept.scope_id, kept.key)
        except StoreError as error:
            # The session is gone all the same; no other one can read what it remembered.
            logger.warning("What the session %s remembered is still kept: %s", session_id, error.message)

    # Messages

    async def post_message(
        self,
        session_id: str,
        content: Any,
        principal: Principal,
        *,
        inputs: Any = None,
        idempotency_key: str | None = None,
    ) -> MessageRecord:
        """Accept a user message; the session is ``running`` and the message durable on return.

        A prompt that is open is closed as cancelled: the message begins a new turn.

        :param inputs: values of the workflow's declared inputs by name; none and ``{}`` are the same.
        :param idempotency_key: repeating a call with the caller's same key gives the first call's
            message and starts nothing.
        :raises InvalidInput: for blank or too long content, and for inputs the workflow does not
            declare or misses (API-2, MAN-13).
        :raises Conflict: ``SESSION_RUNNING`` while a turn runs, ``SESSION_WORKFLOW_MISSING`` when the
            workflow was deleted (API-3).
        :raises WorkflowInvalid: when the stored workflow no longer validates (VAL-LAUNCH).
        """
        session = require_drive(principal, await self._store.session(session_id))
        text = message_text(content)
        message_id = repeatable_id(session, principal, idempotency_key) or self._ids()
        repeated = await self._store.message(session_id, message_id) if idempotency_key else None
        if repeated is not None:
            return repeated
        if session.status == "running":
            raise _running()
        workflow = await self._workflows.workflow(session.workflow_id)
        if workflow is None:
            raise Conflict("The session has no workflow.", code="SESSION_WORKFLOW_MISSING")
        initial = launch_values(workflow, inputs)
        await require_launchable(workflow, self._registry)
        # A caller that gives up here must not leave a run behind that nobody was told of.
        with anyio.CancelScope(shield=True):
            async with self._store.transaction(session_id) as tx:
                repeated = await tx.message(message_id)
                if repeated is not None:
                    return repeated
                if tx.session.status == "running":
                    raise _running()
                await self._withdraw_open_run(tx)
                message = self._start_turn(tx, workflow, message_id, text, principal, initial, inputs)
            self._processor.submit(session_id, str(message.execution_id))
        return message

    async def messages(
        self,
        session_id: str,
        principal: Principal,
        *,
        since: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> MessagePage:
        """Return one page of messages and the session's state in the same instant (PLAY-3).

        :param since, before: digits are a sequence number, otherwise an ISO time; anything else is
            ignored (decision 4).
        :param limit: None means all that is newer than *since*, or without it the newest 100.
        """
        require(principal, "view_messages", await self._store.session(session_id))
        after, after_time = read_cursor(since)
        below, below_time = read_cursor(before)
        if limit is None and after is None and after_time is None:
            limit = DEFAULT_PAGE
        page = await self._store.messages(
            session_id,
            after=after,
            after_time=after_time,
            before=below,
            before_time=below_time,
            limit=limit,
        )
        if page is None:
            raise NotFound("There is no such session.", code="SESSION_NOT_FOUND")
        return page

    async def message(self, session_id: str, message_id: str, principal: Principal) -> MessageRecord:
        """Return one message.

        :raises NotFound: ``MESSAGE_NOT_FOUND``.
        """
        require(principal, "view_messages", await self._store.session(session_id))
        found = await self._store.message(session_id, message_id)
        if found is None:
            raise NotFound("There is no such message.", code="MESSAGE_NOT_FOUND")
        return found

    async def stop(self, session_id: str, principal: Principal) -> None:
        """End the session's run, started or not, and return once it is closed.

        :raises Conflict: ``NO_ACTIVE_RUN`` when nothing runs or waits (decision 9).
        """
        session = require_drive(principal, await self._store.session(session_id))
        run_id = session.active_run
        if run_id is None:
            if not await self._just_stopped(session):
                raise Conflict("Nothing is running in this session.", code="NO_ACTIVE_RUN")
            return
        await self._end_work(session_id, run_id)
        # A prompt waits without anything at work, and so does a run whose end could not be recorded.
        async with self._store.transaction(session_id) as tx:
            run = await self._open_run(tx)
            # A message that came meanwhile has begun a run which nobody asked to stop.
            if run is not None and run.id == run_id:
                run.stop_requested = True
                await close_run(tx, run, "cancelled", self._clock, reason="stopped")
                put_system_message(tx, run, "The run was stopped.", self._ids)

    # Prompts

    async def interrupt(self, interrupt_id: str, principal: Principal) -> InterruptRecord:
        """Return one prompt.

        :raises NotFound: ``INTERRUPT_NOT_FOUND``, also when its session may not be seen.
        """
        found = await self._store.interrupt(interrupt_id)
        try:
            require(principal, "view", await self._store.session(found.session_id) if found else None)
        except NotFound:
            found = None
        if found is None:
            raise NotFound("There is no such prompt.", code="INTERRUPT_NOT_FOUND")
        return found

    async def interrupts(self, session_id: str, principal: Principal) -> list[InterruptRecord]:
        """Return the prompts of a session, oldest first."""
        require(principal, "view", await self._store.session(session_id))
        return list(await self._store.interrupts(session_id))

    async def resolve(self, interrupt_id: str, value: Any, principal: Principal) -> InterruptRecord:
        """Answer a prompt and wait, within a limit, for the run's next stop.

        The answer is durable first; that the run fails afterwards is a message, not an error here.

        :raises InvalidInput: ``ANSWER_INVALID`` when the prompt does not accept *value*.
        :raises Conflict: ``INTERRUPT_NOT_PENDING`` when it was answered, cancelled or has expired.
        """
        found = await self.interrupt(interrupt_id, principal)
        require_drive(principal, await self._store.session(found.session_id))
        with anyio.CancelScope(shield=True):
            async with self._store.transaction(found.session_id) as tx:
                interrupt, run = await self._pending(tx, interrupt_id)
                check_answer(interrupt, value)
                by = principal.owner
                await settle_prompt(tx, interrupt, "resolved", self._clock, response=value, by=by)
                for job in await tx.jobs(run.id):
                    if job.id == interrupt.job_id:
                        job.status = "pending"
                        tx.put_job(job)
                tx.session.status = "running"
            self._processor.submit(found.session_id, run.id)
        await self._processor.settled(found.session_id, within=self._answer_wait)
        return await self.interrupt(interrupt_id, principal)

    async def cancel(self, interrupt_id: str, principal: Principal) -> InterruptRecord:
        """Withdraw a prompt; the run that asked it is cancelled.

        :raises InvalidInput: ``INTERRUPT_NOT_CANCELLABLE`` when its workflow does not allow it.
        :raises Conflict: ``INTERRUPT_NOT_PENDING`` when it is not open.
        """
        found = await self.interrupt(interrupt_id, principal)
        require_drive(principal, await self._store.session(found.session_id))
        async with self._store.transaction(found.session_id) as tx:
            interrupt, run = await self._pending(tx, interrupt_id)
            if not interrupt.allow_cancel:
                raise InvalidInput(
                    "This prompt has to be answered, it cannot be cancelled.",
                    code="INTERRUPT_NOT_CANCELLABLE",
                )
            await settle_prompt(tx, interrupt, "cancelled", self._clock, by=principal.owner)
            run.stop_requested = True
            await close_run(tx, run, "cancelled", self._clock, reason="cancelled")
            put_system_message(tx, run, "The prompt was cancelled, and with it the run.", self._ids)
        # Other branches of the run may still be at work.
        await self._end_work(found.session_id, run.id)
        return interrupt

    # Parts

    async def _end_work(self, session_id: str, run_id: str) -> None:
        """Stop what is at work for a run; what does not react in time is left behind."""
        if self._processor.stop(session_id, run_id) and not await self._processor.settled(
            session_id, within=self._stop_wait
        ):
            self._processor.abandon(session_id)

    async def _workflow(self, workflow_id: str) -> WorkflowRecord:
        found = await self._workflows.workflow(workflow_id)
        if found is None:
            raise NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        return found

    def _start_turn(
        self,
        tx: SessionTransaction,
        workflow: WorkflowRecord,
        message_id: str,
        text: str,
        principal: Principal,
        initial: dict[str, dict[str, Any]],
        inputs: Any,
    ) -> MessageRecord:
        run_id = self._ids()
        message = tx.put_message(
            MessageRecord(
                id=message_id,
                session_id=tx.session.id,
                role="user",
                content=text,
                status="pending",
                execution_id=run_id,
                metadata={"userName": principal.name, **({"inputs": inputs} if inputs else {})},
            )
        )
        tx.put_run(
            RunRecord(
                id=run_id,
                session_id=tx.session.id,
                workflow_id=workflow.id,
                snapshot_id=tx.put_workflow_snapshot(workflow),
                message_id=message.id,
                initiator=principal.id,
                strategy=interactive_strategy(
                    session=tx.session.metadata.get(STRATEGY_KEY),
                    workflow=workflow.metadata.get(STRATEGY_KEY),
                ).id,
                initial=initial,
                created_at=format_time(self._clock()),
            )
        )
        tx.session.executions = [*tx.session.executions, run_id]
        tx.session.active_run = run_id
        tx.session.status = "running"
        return message

    async def _open_run(self, tx: SessionTransaction) -> RunRecord | None:
        run = await tx.run(tx.session.active_run) if tx.session.active_run else None
        return None if run is None or run.status in TERMINAL_RUN else run

    async def _withdraw_open_run(self, tx: SessionTransaction) -> None:
        run = await self._open_run(tx)
        if run is not None:
            await close_run(tx, run, "cancelled", self._clock, reason="superseded")
            put_system_message(tx, run, "The open question was withdrawn by your next message.", self._ids)

    async def _pending(self, tx: SessionTransaction, interrupt_id: str) -> tuple[InterruptRecord, RunRecord]:
        interrupt = await tx.interrupt(interrupt_id)
        if interrupt is None:
            raise NotFound("There is no such prompt.", code="INTERRUPT_NOT_FOUND")
        run = await tx.run(interrupt.run_id)
        if interrupt.status != "pending" or run is None or run.status in TERMINAL_RUN:
            raise Conflict(f"This prompt is already {interrupt.status}.", code="INTERRUPT_NOT_PENDING")
        return interrupt, run

    async def _just_stopped(self, session: SessionRecord) -> bool:
        run = await self._store.run(session.id, session.executions[-1]) if session.executions else None
        if run is None or not run.stop_requested or run.status != "cancelled":
            return False
        ended = parse_time(run.completed_at or "")
        return ended is not None and (self._clock() - ended).total_seconds() <= STOP_ECHO_SECONDS


def _running() -> Conflict:
    return Conflict("The session is busy with an earlier message.", code="SESSION_RUNNING")
