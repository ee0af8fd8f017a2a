"""What came back, read once: a success body for the call's reader, or the error the answer stands for.

Pure: status, headers and bytes in, a dict out or an exception. The class follows the HTTP status, the
message, ``code`` and ``details`` follow the body (contract §1.2, API-8).
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import (
    Conflict,
    FlowDropError,
    Forbidden,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    ServerError,
    Unavailable,
    WorkflowInvalid,
)

NOT_ENABLED = "this Jupyter server does not have the FlowDrop extension enabled"
_LOGIN_MARKS = ("jupyterhub", "login", 'name="password"', "_xsrf")
_BY_STATUS: dict[int, type[FlowDropError]] = {
    400: InvalidInput,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: InvalidInput,
    422: WorkflowInvalid,
    503: Unavailable,
}
_REFUSED = "the Jupyter server refused the token; check FLOWDROP_TOKEN or the token argument"
_MISSING = (
    "no token was found for this server; pass server=… and token=…, and if the server has only a password,"
    " set c.IdentityProvider.token beside it in its configuration"
)


def read(status: int, content: bytes, *, location: str = "", token_sent: bool = True) -> dict[str, Any]:
    """The body of a successful answer.

    :param status: the HTTP status.
    :param content: the body as received.
    :param location: the ``Location`` header, empty when there is none.
    :param token_sent: whether the request carried a token; decides what a refusal advises.
    :raises FlowDropError: the class that the status stands for, see ``errors``.
    :raises ServerError: for every 5xx but 503, and when the body is not what FlowDrop answers.
    """
    hint = _REFUSED if token_sent else _MISSING
    if 300 <= status < 400:
        raise _redirected(location, hint)
    body = _decode(content)
    if body is None:
        raise _not_json(status, content, hint)
    if 200 <= status < 300 and body.get("success") is not False:
        return body
    if "success" not in body:
        raise _not_ours(status, body, hint)
    if status == 401 and not token_sent:
        raise NotAuthenticated(f"Not let in: {hint}.")
    raise _refusal(status, body)


def _decode(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _refusal(status: int, body: dict[str, Any]) -> FlowDropError:
    error = _BY_STATUS.get(status, ServerError if status >= 500 or status < 400 else InvalidInput)
    message = body.get("error") or body.get("message") or f"The server answered with status {status}."
    code = body.get("error_code") or body.get("code")
    details = body.get("details")
    return error(
        str(message),
        code=code if isinstance(code, str) else None,
        details=[entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else (),
    )


def _not_ours(status: int, body: dict[str, Any], hint: str) -> FlowDropError:
    """Answers of Jupyter itself, ``{"message", "reason"}``: they never reached FlowDrop."""
    said = str(body.get("message") or "").strip()
    if status == 404:
        return ServerError(f"No FlowDrop here: {NOT_ENABLED}.", code="EXTENSION_NOT_ENABLED")
    if status in {401, 403}:
        error = Forbidden if status == 403 else NotAuthenticated
        return error(f"Not let in ({said or status}): {hint}.")
    kind = ServerError if status >= 500 else _BY_STATUS.get(status, ServerError)
    return kind(f"The server answered with status {status}{f': {said}' if said else ''}.")


def _not_json(status: int, content: bytes, hint: str) -> FlowDropError:
    text = content[:20_000].decode("utf-8", "replace").lower()
    if status == 404:
        return ServerError(f"No FlowDrop here: {NOT_ENABLED}.", code="EXTENSION_NOT_ENABLED")
    if "<html" in text and any(mark in text for mark in _LOGIN_MARKS):
        return ServerError(f"A login page came back instead of an answer: {hint}.", code="UNREADABLE_ANSWER")
    if status == 503:
        return Unavailable("The server cannot answer right now (503).")
    return ServerError(
        f"The server's answer (status {status}) is not one of FlowDrop's; is this a Jupyter server?",
        code="UNREADABLE_ANSWER",
    )


def _redirected(location: str, hint: str) -> FlowDropError:
    if "login" in location or "/hub/" in location:
        return NotAuthenticated(f"The Jupyter server asks for a login: {hint}.")
    return ServerError("The server sends requests elsewhere; check its address.", code="UNEXPECTED_REDIRECT")
