"""What all handlers share: the envelope, one way to answer an error, and the principal.

Handlers only parse, call and answer. Each verb of each concrete class carries its own
``@authenticated``, ``@authorized`` and ``@answers``: ``@authorized`` remembers the resource of the
first class it is called for, so it must not sit on a shared base.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, TypeAlias, cast

import msgspec
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado import web

from ..errors import (
    CompileError,
    Conflict,
    FlowDropError,
    Forbidden,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    Unavailable,
    WorkflowInvalid,
)
from ..sessions import Host, Principal
from .bodies import read_object
from .identity import principal_of

Parameters = ParamSpec("Parameters")

SESSION: Final = "flowdrop_session"
SESSION_MESSAGE: Final = "flowdrop_session_message"
WORKFLOW: Final = "flowdrop_workflow"

_STATUS: Final[tuple[tuple[type[FlowDropError], int], ...]] = (
    (InvalidInput, 400),
    (NotAuthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (WorkflowInvalid, 422),
    (CompileError, 422),
    (Unavailable, 503),
)
_CODES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
}
_TEXTS: Final = {
    400: "The request is malformed.",
    401: "You are not logged in, or your token is not valid.",
    403: "You may not do this, or the request lacks its XSRF token.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request body is too large.",
}
_REQUEST_HEADERS: Final = (
    "Accept, Content-Type, Authorization, X-API-Key, X-XSRFToken, Idempotency-Key, Last-Event-ID"
)
_ANSWER_HEADERS: Final = "X-Total-Count, X-Page-Size, X-Page-Offset"
_LAST_TROUBLE: Final = "flowdrop_last_trouble"


class FlowDropHandler(ExtensionHandlerMixin, APIHandler):
    """Base of every FlowDrop handler; concrete classes set ``auth_resource``.

    ``failure`` is what is answered when the cause is not known; it gives nothing away (API-7).
    """

    failure: ClassVar[str] = "The server failed to answer. Its log has the details."

    @property
    def host(self) -> Host:
        """The host that serves this server's sessions."""
        return cast(Host, self.settings["flowdrop_host"])

    @property
    def principal(self) -> Principal:
        """Who is asking, as a value that may outlive this request."""
        policy = self.settings["flowdrop_owner_policy"]
        return principal_of(self.current_user, self.identity_provider, policy)

    async def body(self, *, optional: bool = False) -> dict[str, Any]:
        """Return the request's JSON object, gated (API-1)."""
        return await read_object(self.request.body, optional=optional)

    def answer(self, data: Any, http_status: int = 200, **beside: Any) -> None:
        """Finish with ``{success: true, data}`` and what goes beside it."""
        self._finish_json({"success": True, "data": data, **beside}, http_status)

    def acknowledge(self, message: str, **beside: Any) -> None:
        """Finish an action that has nothing to show; never an empty body (client contract §1.2)."""
        self._finish_json({"success": True, "message": message, **beside}, 200)

    def refuse(self, error: FlowDropError) -> None:
        """Finish with the error envelope for *error* (API-8, decision 2)."""
        self._refuse(status_of(type(error)), error.code, error.message, error.details)

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Answer a preflight: all headers that the official clients send are allowed (§1.1)."""
        super().options(*args, **kwargs)
        if "Access-Control-Allow-Headers" not in self.settings.get("headers", {}):
            self.set_header("Access-Control-Allow-Headers", _REQUEST_HEADERS)
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what Jupyter or tornado refused in the same envelope, without any traceback."""
        if status_code >= 500:
            self._refuse(status_code, "INTERNAL_ERROR", self.failure)
            return
        if status_code == 403 and not self.current_user:
            # Jupyter answers 403 to strangers as well; clients renew their credentials on 401 only.
            status_code = 401
        if status_code == 405:
            self.set_header("Allow", ", ".join(self._methods()))
        code = _CODES.get(status_code, "BAD_REQUEST")
        self._refuse(status_code, code, _TEXTS.get(status_code, _TEXTS[400]))

    def _methods(self) -> list[str]:
        unimplemented = web.RequestHandler._unimplemented_method
        return [
            method
            for method in self.SUPPORTED_METHODS
            if getattr(type(self), method.lower()) is not unimplemented
        ]

    def _refuse(self, status: int, code: str, text: str, details: Any = ()) -> None:
        body = {"success": False, "error": text, "code": code, "error_code": code, "details": list(details)}
        # tornado has dropped every header by now; without this one a page cannot read the refusal.
        # What is refused before anybody asked who is calling, such as a broken path, goes without.
        if hasattr(self, "_jupyter_current_user"):
            self.set_cors_headers()
        self._finish_json(body, status)

    def _finish_json(self, body: Mapping[str, Any], status: int) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Access-Control-Expose-Headers", _ANSWER_HEADERS)
        self.finish(msgspec.json.encode(body), set_content_type="application/json")


def status_of(kind: type[FlowDropError]) -> int:
    """Return the HTTP status that an error of this kind is answered with."""
    return next((status for base, status in _STATUS if issubclass(kind, base)), 500)


Verb: TypeAlias = Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, None]]


def answers(verb: Verb[Parameters]) -> Verb[Parameters]:
    """Wrap a verb so that every deliberate error becomes its envelope, and any other a plain 500.

    The host is started first if nothing has started it yet.
    """

    @functools.wraps(verb)
    async def answered(self: Any, *args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        handler: FlowDropHandler = self
        try:
            await handler.settings["flowdrop_ensure_started"]()
            await verb(handler, *args, **kwargs)
        except FlowDropError as error:
            if isinstance(error, Unavailable) and handler.settings.get(_LAST_TROUBLE) != error.message:
                # Polls repeat it several times a minute; the log needs it once.
                handler.settings[_LAST_TROUBLE] = error.message
                handler.log.error("FlowDrop could not answer %s: %s", handler.request.path, error.message)
            handler.refuse(error)
        except web.HTTPError:
            raise
        except Exception:
            handler.log.exception(
                "FlowDrop failed to answer %s %s", handler.request.method, handler.request.path
            )
            handler.write_error(500)

    return cast("Verb[Parameters]", answered)
