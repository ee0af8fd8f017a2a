"""Routes of prompts: read, answer, cancel (client contract §5.2)."""

from __future__ import annotations

from typing import Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import InvalidInput
from ..sessions import interrupt_row
from .handlers import SESSION, FlowDropHandler, answers


class InterruptHandler(FlowDropHandler):
    """``/interrupts/{id}``: read a prompt, or answer it.

    The reply to an answer comes when the run has stopped again, or a limit is over (way 1 of §5.3).
    """

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, interrupt_id: str) -> None:
        self.answer(interrupt_row(await self.host.sessions.interrupt(interrupt_id, self.principal)))

    @web.authenticated
    @authorized
    @answers
    async def post(self, interrupt_id: str) -> None:
        body = await self.body()
        if "value" not in body:
            raise InvalidInput("The answer's value is missing.", code="VALUE_MISSING")
        resolved = await self.host.sessions.resolve(interrupt_id, body["value"], self.principal)
        self.answer(interrupt_row(resolved))


class InterruptCancelHandler(FlowDropHandler):
    """``/interrupts/{id}/cancel``: withdraw a prompt."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, interrupt_id: str) -> None:
        cancelled = await self.host.sessions.cancel(interrupt_id, self.principal)
        self.answer(interrupt_row(cancelled), message="The prompt was cancelled.")


ROUTES: Final = [
    (r"interrupts/([^/]+)", InterruptHandler),
    (r"interrupts/([^/]+)/cancel", InterruptCancelHandler),
]
