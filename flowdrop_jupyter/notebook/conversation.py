"""The notebook's copy of one session: rows, status and prompt, kept fresh and safe to use from any thread.

Widget and magics are two faces of it. A cell, the kernel's subshell threads and the follower thread use it
side by side; everything they share changes under one lock. Requests are never made under that lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ..client import FlowDropClient, MessagePage, MessageRow, SessionRow
from ..client.rows import SessionStatus
from ..errors import FlowDropError, InvalidInput, TransportError
from ..ids import new_id
from .follower import Follower
from .link import Link, State
from .messages import Messages
from .prompts import Prompt, answer_value
from .turn import Turn
from .workers import Workers

POLL_WAITED_FOR = 0.2
POLL_RUNNING = 0.5
POLL_IDLE = 3.0


class Listener(Protocol):
    """What a face wants to be told; calls may come from any thread."""

    def changed(self, rows: list[MessageRow]) -> None:
        """Rows are new or different, or the status or the link is; called under the lock: be short."""

    def settled(self) -> None:
        """The session rests and there is news since the last time; called without the lock."""


class Conversation:
    """One session, followed.

    :param client: shared by all threads; replaced by :meth:`adopt`.
    :param session: the session's row.
    :param workflow_name: for titles.
    :param clock: a monotonic clock in seconds.
    """

    def __init__(
        self,
        client: FlowDropClient,
        session: SessionRow,
        workflow_name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.session = session
        self.workflow_name = workflow_name
        self.workers = Workers()
        self.listener: Listener | None = None
        self._watched: Callable[[], bool] = lambda: False
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._messages = Messages()
        self._loaded = False
        self._status: SessionStatus = session["status"]
        self._link = Link()
        self._tickets = 0
        self._applied = 0
        self._waiters = 0
        self._news = False
        self._closed = False
        self._follower = Follower(self._look, self._delay)

    @property
    def session_id(self) -> str:
        """The session's id."""
        return self.session["id"]

    @property
    def status(self) -> SessionStatus:
        """The session's status as last read."""
        with self._changed:
            return self._status

    @property
    def link(self) -> tuple[State, str]:
        """Whether the server answers, and if not, why."""
        with self._changed:
            return self._link.state, self._link.detail

    @property
    def closed(self) -> bool:
        """Whether the session is not followed any more; see :meth:`close`."""
        return self._closed

    def rows(self, after: int = 0) -> list[MessageRow]:
        """The known messages after a sequence number, ascending; no request is made."""
        with self._changed:
            return self._messages.after(after)

    @property
    def prompt(self) -> Prompt | None:
        """The question that waits for an answer, the oldest if there are several."""
        with self._changed:
            return self._messages.open_prompt() if self._status == "awaiting_input" else None

    def follow(self, watched: Callable[[], bool]) -> None:
        """Keep up with the server in the background, beginning now.

        :param watched: whether somebody looks on; asked after each look at a quiet session.
        """
        self._watched = watched
        self._follower.wake()

    def adopt(self, client: FlowDropClient) -> None:
        """Go on with another client, for instance after the server has a new token."""
        with self._changed:
            self.client = client
        self._follower.wake()

    def reconnect(self) -> None:
        """Look at once instead of at the next appointed time.

        :raises FlowDropError: the server still does not answer.
        """
        with self._changed:
            if self._link.state == "offline":
                self._link.connecting()
                self._tell([])
        try:
            self.refresh()
        except FlowDropError as error:
            self._failed(error)
            raise
        finally:
            self._follower.wake()

    def close(self) -> None:
        """Follow no more; wakes everybody who waits."""
        with self._changed:
            self._closed = True
            self.listener = None
            self._changed.notify_all()
        self._follower.close()
        self.workers.close()

    def load(self) -> list[MessageRow]:
        """Read the whole conversation.

        :raises FlowDropError: it could not be read.
        """
        return self._load(self.client)

    def refresh(self) -> list[MessageRow]:
        """Read what is new and what may still change.

        :raises FlowDropError: it could not be read.
        """
        return self._refresh(self.client)

    def post(self, content: str) -> MessageRow:
        """Say something and return the stored message; the turn goes on by itself.

        :raises FlowDropError: the message was not accepted; nothing has changed.
        """
        key = new_id()
        try:
            row = self.client.post_message(self.session_id, content, idempotency_key=key)
        except TransportError:
            # The key makes the second try safe, whether or not the first one arrived.
            row = self.client.post_message(self.session_id, content, idempotency_key=key)
        self._started([row])
        return row

    def resolve(self, interrupt_id: str, value: Any) -> None:
        """Answer a prompt by its id; may take a minute.

        :raises FlowDropError: the answer was not accepted.
        """
        self.client.resolve_interrupt(interrupt_id, value)
        self._started([])

    def dismiss(self, interrupt_id: str) -> None:
        """Close a prompt by its id without an answer.

        :raises FlowDropError: the prompt cannot be cancelled or is not open any more.
        """
        self.client.cancel_interrupt(interrupt_id)
        self._started([])

    def halt(self) -> None:
        """Stop the run.

        :raises Conflict: nothing is running.
        """
        self.client.stop(self.session_id)
        self._try_refresh()

    def send(self, content: str, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Say something and wait for the turn's end or its question.

        :param timeout: seconds; ``None`` waits without limit.
        :raises TimeoutError: the turn still runs.
        :raises KeyboardInterrupt: the wait was interrupted; the turn goes on.
        :raises FlowDropError: the message was not accepted, or the session was lost while waiting.
        """
        self._ensure_open()
        return self._bring(lambda: self.post(content), 0, wait, timeout)

    def answer(self, value: Any, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Answer the open prompt and wait for the run's next stop.

        :param value: see ``prompts.parse_answer`` for texts; other values are sent as they are.
        :raises InvalidInput: nothing is asked, or this is no answer to it.
        """
        prompt, last = self._open_prompt()
        fitting = answer_value(prompt, value)
        return self._bring(lambda: self.resolve(prompt.id, fitting), last, wait, timeout)

    def cancel(self, *, wait: bool = True, timeout: float | None = None) -> Turn:
        """Close the open prompt without an answer and wait for the run's next stop.

        :raises InvalidInput: nothing is asked, or the question cannot be cancelled.
        """
        prompt, last = self._open_prompt()
        return self._bring(lambda: self.dismiss(prompt.id), last, wait, timeout)

    def stop(self) -> None:
        """Stop the run.

        :raises Conflict: nothing is running.
        """
        self._ensure_open()
        self.workers.call(self.halt)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the session does not run.

        :param timeout: seconds; ``None`` waits without limit.
        :raises TimeoutError: it still runs.
        :raises FlowDropError: the session is gone or the server out of reach for a minute.
        """
        with self._attending():
            self._await_rest(timeout)

    def turn(self, after: int) -> Turn:
        """What came after a sequence number, as it stands."""
        with self._changed:
            return Turn(tuple(self.rows(after)), self._status, self.prompt)

    def _bring(
        self, begin: Callable[[], MessageRow | None], last: int, wait: bool, timeout: float | None
    ) -> Turn:
        """Begin a turn on a worker; its rows come after the one it begins with, or else after ``last``."""
        with self._attending():
            row = self.workers.call(begin)
            if wait:
                self._await_rest(timeout)
            return self.turn(row["sequenceNumber"] if row else last)

    @contextmanager
    def _attending(self) -> Iterator[None]:
        """While a cell waits, it is the cell that tells of the end, as a part of its own output."""
        with self._changed:
            self._waiters += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiters -= 1
            self._tell_settled()

    def _await_rest(self, timeout: float | None) -> None:
        started = self._clock()
        self._follower.wake()
        with self._changed:
            while self._status == "running":
                self._check_waiting(started, timeout)
                # In slices: Windows does not interrupt a wait without limit.
                self._changed.wait(POLL_WAITED_FOR)

    def _check_waiting(self, started: float, timeout: float | None) -> None:
        now = self._clock()
        self._ensure_open()
        self._link.check_patience(now)
        if timeout is not None and now - started >= timeout:
            raise TimeoutError(f"The turn was still running after {timeout:g} seconds; it goes on.")

    def _ensure_open(self) -> None:
        if self._closed:
            raise InvalidInput("This conversation was closed.", code="CLOSED")

    def _open_prompt(self) -> tuple[Prompt, int]:
        self._ensure_open()
        if self.prompt is None:
            self.workers.call(self.refresh)
        with self._changed:
            prompt = self.prompt
            if prompt is None:
                raise InvalidInput("Nothing is asked at the moment.", code="NO_OPEN_PROMPT")
            return prompt, self._messages.last

    def _load(self, client: FlowDropClient) -> list[MessageRow]:
        ticket = self._ticket()
        session = client.session(self.session_id)
        page = client.newer(self.session_id, 0)
        with self._changed:
            self._loaded = True
            self.session = session
            return self._take(page, ticket)

    def _refresh(self, client: FlowDropClient) -> list[MessageRow]:
        if not self._loaded:
            return self._load(client)
        with self._changed:
            ticket = self._ticket()
            cursor = self._messages.cursor(self._status)
        return self._take(client.newer(self.session_id, cursor), ticket)

    def _take(self, page: MessagePage, ticket: int) -> list[MessageRow]:
        with self._changed:
            self._apply(page, ticket)
            self._messages.read_up_to(page.messages)
            return self._messages.after(0)

    def _ticket(self) -> int:
        with self._changed:
            self._tickets += 1
            return self._tickets

    def _started(self, rows: list[MessageRow]) -> None:
        with self._changed:
            self._apply(MessagePage(rows, False, False, "running"), self._ticket())
        self._try_refresh()
        self._follower.wake()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except FlowDropError as error:
            self._failed(error)

    def _apply(self, page: MessagePage, ticket: int) -> None:
        """Take in a read. An older read than the last one brings rows but does not say the status."""
        if self._closed:
            return
        newest = ticket > self._applied
        fresh = self._messages.merge(page.messages, newest=newest)
        before = (self._status, self._link.state)
        if newest:
            self._applied = ticket
            self._status = page.session_status
        self._link.up()
        if fresh or before != (self._status, self._link.state):
            self._news = self._news or bool(fresh) or before[0] != self._status
            self._tell(fresh)

    def _look(self) -> None:
        try:
            # Nobody asked for it: an idle server may be culled all the same.
            self._refresh(self.client.in_background())
        except Exception as error:
            # A background thread has nobody to tell but the link.
            self._failed(error)
        if not self._waiters:
            self._tell_settled()

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._link.down(error, self._clock())
            self._tell([])

    def _tell(self, rows: list[MessageRow]) -> None:
        if self.listener is not None:
            self.listener.changed(rows)
        self._changed.notify_all()

    def _tell_settled(self) -> None:
        with self._changed:
            if not self._news or self._status == "running":
                return
            self._news = False
            listener = self.listener
        if listener is not None:
            listener.settled()

    def _delay(self) -> float | None:
        with self._changed:
            if self._link.failures:
                return self._link.retry_delay()
            if self._waiters:
                return POLL_WAITED_FOR
            if self._status == "running":
                return POLL_RUNNING
            return POLL_IDLE if self._watched() else None
