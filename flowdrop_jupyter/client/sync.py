"""The blocking client: each method sends one call of ``calls`` or drives one flow of ``flows``.

Safe to share between threads. Its twin is :class:`~.aio.AsyncFlowDropClient`, method by method the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..errors import Conflict
from . import calls, flows
from .discovery import find_server
from .rows import (
    CategoryRow,
    HealthDoc,
    InterruptRow,
    InterruptStatus,
    MessagePage,
    MessageRow,
    MessageStatusRow,
    NodeTypeRow,
    SessionRow,
    WorkflowDoc,
)
from .transport import API_PATH, Sender, SyncTransport

R = TypeVar("R")


class FlowDropClient:
    """Talks to the FlowDrop extension of a Jupyter server, blocking the calling thread.

    :param server: the server's address; found as described in ``discovery`` when absent.
    :param token: the Jupyter token; found together with the server when absent.
    :param timeout: seconds for one request; answers that the server may hold get more.
    :param transport: an httpx transport, for tests and in-process servers.
    :param clock: a monotonic clock in seconds, for :meth:`wait`.
    :param sleep: how :meth:`wait` pauses.
    :raises ServerNotFound: no server was given and none could be found.
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        transport: SyncTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        found = find_server(server, token)
        self.server = found.url
        self._sender = Sender(found.url, found.token, timeout, transport)
        self._clock = clock
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; the client cannot be used afterwards."""
        self._sender.close()

    def in_background(self) -> Self:
        """This client for reads that no person asked for: they do not keep an idle server from being culled.

        It shares the connections of this one, and is closed together with it.
        """
        twin = copy(self)
        twin._sender = self._sender.in_background()
        return twin

    @property
    def base_url(self) -> str:
        """The address of the API, ``{server}/flowdrop/api``."""
        return f"{self.server}{API_PATH}"

    def _drive(self, flow: flows.Flow[R]) -> R:
        result: Any = None
        try:
            while True:
                step = flow.send(result)
                if isinstance(step, flows.Pause):
                    self._sleep(step.seconds)
                    result = None
                else:
                    result = self._sender.send(step)
        except StopIteration as stop:
            value: R = stop.value
            return value

    def health(self) -> HealthDoc:
        """Say whether the server is well; needs no token."""
        return self._sender.send(calls.health())

    def node_types(self) -> list[NodeTypeRow]:
        """All node types."""
        return self._sender.send(calls.node_types())

    def categories(self) -> list[CategoryRow]:
        """All categories of node types."""
        return self._sender.send(calls.categories())

    def workflows(self, search: str | None = None) -> list[WorkflowDoc]:
        """All workflows, last changed first.

        :param search: only those whose name or description holds this text.
        """
        return self._sender.send(calls.workflows(search))

    def workflow(self, workflow_id: str) -> WorkflowDoc:
        """One workflow (STORE-14).

        :raises NotFound: there is none with this id.
        """
        return self._sender.send(calls.workflow(workflow_id))

    def create_workflow(self, document: Mapping[str, Any]) -> WorkflowDoc:
        """Store a new workflow.

        :param document: ``name`` is required; ``id`` is kept when it is free.
        :raises WorkflowInvalid: with every error of the document in ``details`` (STORE-5).
        """
        return self._sender.send(calls.create_workflow(document))

    def update_workflow(self, workflow_id: str, document: Mapping[str, Any]) -> WorkflowDoc:
        """Change a workflow; keys that are absent keep their value, ``name`` is required (STORE-2).

        :raises NotFound: there is none with this id.
        :raises WorkflowInvalid: with every error of the document in ``details``.
        """
        return self._sender.send(calls.update_workflow(workflow_id, document))

    def save_workflow(self, document: Mapping[str, Any] | str | Path) -> WorkflowDoc:
        """Store a workflow under its own id, in place of an earlier version if there is one.

        :param document: the workflow, or the path of a ``*.flowdrop.json`` file.
        :raises InvalidInput: the file does not hold a JSON object.
        :raises OSError: the file cannot be read.
        :raises WorkflowInvalid: with every error of the document in ``details``.
        """
        if not isinstance(document, Mapping):
            document = calls.workflow_document(Path(document).read_bytes())
        try:
            return self.create_workflow(document)
        except Conflict:
            return self.update_workflow(document["id"], document)

    def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow; its sessions stay readable.

        :raises NotFound: there is none with this id.
        """
        self._sender.send(calls.delete_workflow(workflow_id))

    def sessions(self, workflow_id: str | None = None) -> list[SessionRow]:
        """The caller's sessions, last used first, of one workflow or of all (PLAY-5).

        :raises NotFound: there is no such workflow.
        """
        return self._sender.send(calls.sessions(workflow_id))

    def create_session(
        self, workflow_id: str, name: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> SessionRow:
        """Open a new session of a workflow.

        :raises NotFound: there is no such workflow.
        """
        return self._sender.send(calls.create_session(workflow_id, name, metadata))

    def session(self, session_id: str) -> SessionRow:
        """One session (PLAY-2).

        :raises NotFound: there is none with this id.
        """
        return self._sender.send(calls.session(session_id))

    def delete_session(self, session_id: str) -> None:
        """Delete a session with all its messages.

        :raises NotFound: there is none with this id.
        """
        self._sender.send(calls.delete_session(session_id))

    def post_message(
        self,
        session_id: str,
        content: str,
        inputs: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> MessageRow:
        """Say something: the stored user message; the turn it starts runs afterwards.

        :param inputs: values for declared inputs of the workflow (MAN-12, MAN-13).
        :param idempotency_key: the same key sends the same message once, however often it is sent.
        :raises InvalidInput: the content is empty or an input is not declared.
        :raises Conflict: a turn is running and the session refuses a second one.
        """
        return self._sender.send(calls.post_message(session_id, content, inputs, idempotency_key))

    def messages(
        self,
        session_id: str,
        since: int | str | None = None,
        before: int | str | None = None,
        limit: int | None = None,
    ) -> MessagePage:
        """One page of messages, ascending (PLAY-3).

        :param since: a sequence number (exclusive) or an ISO date-time; the newest page without it.
        :param before: the same, going backwards.
        :param limit: rows per page, 1 to 500.
        """
        return self._sender.send(calls.messages(session_id, since, before, limit))

    def history(self, session_id: str) -> list[MessageRow]:
        """All messages of a session, ascending."""
        return self._drive(flows.history(session_id))

    def newer(self, session_id: str, after: int) -> MessagePage:
        """Everything after a sequence number as one page, however much that is.

        :param after: a sequence number; 0 reads from the beginning.
        """
        return self._drive(flows.newer(session_id, after))

    def message(self, session_id: str, message_id: str) -> MessageRow:
        """One message (PLAY-4).

        :raises NotFound: there is none with this id.
        """
        return self._sender.send(calls.message(session_id, message_id))

    def message_status(self, session_id: str, message_id: str) -> MessageStatusRow:
        """The status of one message, without its content.

        :raises NotFound: there is none with this id.
        """
        return self._sender.send(calls.message_status(session_id, message_id))

    def wait(
        self,
        session_id: str,
        *,
        after: int | None = None,
        timeout: float | None = None,
        poll_interval: float = 0.2,
    ) -> MessagePage:
        """Wait until the session is not running; the messages after ``after``.

        :param after: a sequence number, usually that of the posted message.
        :param timeout: seconds; ``None`` waits without limit.
        :raises TimeoutError: the session was still running after ``timeout``.
        """
        return self._drive(
            flows.settled(
                session_id, after=after, timeout=timeout, poll_interval=poll_interval, clock=self._clock
            )
        )

    def stop(self, session_id: str) -> None:
        """Stop the run of a session.

        :raises Conflict: nothing is running (code ``NO_ACTIVE_RUN``).
        """
        self._sender.send(calls.stop(session_id))

    def interrupts(self, session_id: str, status: InterruptStatus | None = None) -> list[InterruptRow]:
        """The questions a session's runs have asked (INT-22)."""
        return self._sender.send(calls.interrupts(session_id, status))

    def interrupt(self, interrupt_id: str) -> InterruptRow:
        """One interrupt (INT-22).

        :raises NotFound: there is none with this id.
        """
        return self._sender.send(calls.interrupt(interrupt_id))

    def resolve_interrupt(self, interrupt_id: str, value: Any) -> InterruptRow:
        """Answer a question; comes back when the run has stopped again, within a minute.

        :raises InvalidInput: the value does not fit the question.
        :raises Conflict: the question is not open any more.
        """
        return self._sender.send(calls.resolve_interrupt(interrupt_id, value))

    def cancel_interrupt(self, interrupt_id: str) -> InterruptRow:
        """Refuse to answer a question.

        :raises InvalidInput: this question cannot be cancelled.
        :raises Conflict: the question is not open any more.
        """
        return self._sender.send(calls.cancel_interrupt(interrupt_id))
