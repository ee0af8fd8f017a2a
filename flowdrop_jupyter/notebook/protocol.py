"""The custom messages between the chat front end and Python, as both sides write them.

The front end sends requests and says how it is looked at; Python answers every request, and pushes rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from ..client.rows import MessageRow
from ..errors import FlowDropError, InvalidInput
from .conversation import Conversation

Method = Literal["history", "send", "answer", "cancel", "stop", "reconnect"]
ViewState = Literal["attached", "alive", "detached", "focus", "blur"]


class Request(TypedDict):
    """``params``: ``content`` to send, ``interruptId`` and ``value`` to answer, ``interruptId`` to cancel."""

    kind: Literal["request"]
    id: str
    method: Method
    params: NotRequired[dict[str, Any]]


class View(TypedDict):
    """A view came, is still there, went, took or lost the keyboard's focus.

    ``view`` tells views apart. A view whose page is in sight and in use says ``alive`` every 20 seconds; see
    ``views`` for what silence means.
    """

    kind: Literal["view"]
    view: str
    state: ViewState


class Problem(TypedDict):
    """Why a request failed: a sentence for a person and a stable code."""

    message: str
    code: str


class Response(TypedDict):
    """The one answer to a request; ``result`` when ``ok``, ``error`` otherwise."""

    kind: Literal["response"]
    id: str
    ok: bool
    result: NotRequired[dict[str, Any]]
    error: NotRequired[Problem]


class Push(TypedDict):
    """Rows that are new or have changed."""

    kind: Literal["messages"]
    upsert: list[MessageRow]


class Connection(TypedDict):
    """The value of the ``connection`` trait."""

    state: Literal["online", "connecting", "offline"]
    detail: str


_Perform: TypeAlias = Callable[[Conversation, dict[str, Any]], dict[str, Any]]


def respond(conversation: Conversation, request: dict[str, Any]) -> Response:
    """Carry out a request; whatever happens, there is an answer with its id.

    :param request: as it came from the front end, not checked in any way.
    """
    request_id = str(request.get("id", ""))
    try:
        perform = _METHODS.get(str(request.get("method")))
        if perform is None:
            raise InvalidInput(f"There is no request {request.get('method')!r}.", code="UNKNOWN_METHOD")
        params = request.get("params") or {}
        if not isinstance(params, dict):
            raise InvalidInput("The parameters must be an object.")
        return {"kind": "response", "id": request_id, "ok": True, "result": perform(conversation, params)}
    except Exception as error:
        # The front end waits for an answer in every case.
        return {"kind": "response", "id": request_id, "ok": False, "error": _problem(error)}


def _problem(error: Exception) -> Problem:
    if isinstance(error, FlowDropError):
        return {"message": error.message, "code": error.code}
    return {"message": f"{type(error).__name__}: {error}", "code": "INTERNAL_ERROR"}


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"The parameter {name!r} must be a text.")
    return value


def _history(conversation: Conversation, _params: dict[str, Any]) -> dict[str, Any]:
    return {"messages": conversation.load()}


def _send(conversation: Conversation, params: dict[str, Any]) -> dict[str, Any]:
    return {"message": conversation.post(_text(params, "content"))}


def _answer(conversation: Conversation, params: dict[str, Any]) -> dict[str, Any]:
    if "value" not in params:
        raise InvalidInput("The parameter 'value' is missing.")
    conversation.resolve(_text(params, "interruptId"), params["value"])
    return {}


def _cancel(conversation: Conversation, params: dict[str, Any]) -> dict[str, Any]:
    conversation.dismiss(_text(params, "interruptId"))
    return {}


def _stop(conversation: Conversation, _params: dict[str, Any]) -> dict[str, Any]:
    conversation.halt()
    return {}


def _reconnect(conversation: Conversation, _params: dict[str, Any]) -> dict[str, Any]:
    conversation.reconnect()
    return {}


_METHODS: dict[str, _Perform] = {
    "history": _history,
    "send": _send,
    "answer": _answer,
    "cancel": _cancel,
    "stop": _stop,
    "reconnect": _reconnect,
}
