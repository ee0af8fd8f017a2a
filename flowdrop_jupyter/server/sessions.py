"""Routes of sessions and their messages (client contract §4)."""

from __future__ import annotations

from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..sessions import interrupt_row, message_row, message_status_row, session_row
from .handlers import SESSION, SESSION_MESSAGE, FlowDropHandler, answers
from .paging import MAX_MESSAGES, number, page, scalar, window

STATUSES: Final = ("idle", "running", "awaiting_input", "completed", "failed")


class WorkflowSessionsHandler(FlowDropHandler):
    """``/workflows/{id}/playground/sessions``: the sessions of one workflow, or a new one."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        await _list(self, workflow_id)

    @web.authenticated
    @authorized
    @answers
    async def post(self, workflow_id: str) -> None:
        body = await self.body(optional=True)
        name, metadata = body.get("name"), body.get("metadata")
        if not isinstance(name, str | None):
            raise InvalidInput("The name has to be a text.", code="SESSION_NAME_INVALID")
        if not isinstance(metadata, dict | None):
            raise InvalidInput("The metadata has to be an object.", code="SESSION_METADATA_INVALID")
        session = await self.host.sessions.create(workflow_id, self.principal, name=name, metadata=metadata)
        self.answer(session_row(session), 201, message="The session was created.")


class SessionsHandler(FlowDropHandler):
    """``/playground/sessions``: the sessions of all workflows."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        await _list(self, scalar(self.request, "workflow"))


class SessionHandler(FlowDropHandler):
    """``/playground/sessions/{id}``: one session."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, session_id: str) -> None:
        self.answer(session_row(await self.host.sessions.read(session_id, self.principal)))

    @web.authenticated
    @authorized
    @answers
    async def delete(self, session_id: str) -> None:
        await self.host.sessions.delete(session_id, self.principal)
        self.acknowledge("The session was deleted.")


class MessagesHandler(FlowDropHandler):
    """``/playground/sessions/{id}/messages``: poll for messages, or send one."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, session_id: str) -> None:
        limit = number(self.request, "limit")
        found = await self.host.sessions.messages(
            session_id,
            self.principal,
            since=scalar(self.request, "since"),
            before=scalar(self.request, "before"),
            limit=None if limit is None else min(max(limit, 1), MAX_MESSAGES),
        )
        self.answer(
            [message_row(message) for message in found.messages],
            hasMore=found.has_more,
            hasOlder=found.has_older,
            sessionStatus=found.session.status,
        )

    @web.authenticated
    @authorized
    @answers
    async def post(self, session_id: str) -> None:
        body = await self.body()
        message = await self.host.sessions.post_message(
            session_id,
            body.get("content"),
            self.principal,
            inputs=body.get("inputs"),
            idempotency_key=self.request.headers.get("Idempotency-Key"),
        )
        self.answer(message_row(message), message="The message was accepted.")


class MessageHandler(FlowDropHandler):
    """``…/messages/{id}``: one message, the same row as in the list (PLAY-4)."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, session_id: str, message_id: str) -> None:
        self.answer(message_row(await self.host.sessions.message(session_id, message_id, self.principal)))


class MessageStatusHandler(FlowDropHandler):
    """``…/messages/{id}/status``: the light status document (PLAY-4)."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, session_id: str, message_id: str) -> None:
        message = await self.host.sessions.message(session_id, message_id, self.principal)
        self.answer(message_status_row(message))


class StopHandler(FlowDropHandler):
    """``…/stop``: end what runs."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, session_id: str) -> None:
        await self.host.sessions.stop(session_id, self.principal)
        self.acknowledge("The run was stopped.")


class SessionInterruptsHandler(FlowDropHandler):
    """``…/interrupts``: the prompts of one session."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, session_id: str) -> None:
        status = scalar(self.request, "status")
        found = await self.host.sessions.interrupts(session_id, self.principal)
        listed = [interrupt_row(asked) for asked in found if status in (None, asked.status)]
        rows, block = page(listed, window(self.request))
        self.answer(rows, pagination=block)


async def _list(handler: FlowDropHandler, workflow_id: str | None) -> None:
    status: Any = scalar(handler.request, "status")
    if status is not None and status not in STATUSES:
        raise InvalidInput(f"The status has to be one of {', '.join(STATUSES)}.", code="STATUS_UNKNOWN")
    found = await handler.host.sessions.find(
        handler.principal,
        workflow_id=workflow_id,
        status=status,
        search=scalar(handler.request, "search"),
    )
    rows, block = page([session_row(session) for session in found], window(handler.request))
    handler.answer(rows, pagination=block)


_SESSION: Final = r"playground/sessions/([^/]+)"

ROUTES: Final = [
    (r"workflows/([^/]+)/playground/sessions", WorkflowSessionsHandler),
    (r"playground/sessions", SessionsHandler),
    (_SESSION, SessionHandler),
    (_SESSION + r"/messages", MessagesHandler),
    (_SESSION + r"/messages/([^/]+)", MessageHandler),
    (_SESSION + r"/messages/([^/]+)/status", MessageStatusHandler),
    (_SESSION + r"/stop", StopHandler),
    (_SESSION + r"/interrupts", SessionInterruptsHandler),
]
