"""One request builder: every operation of the API as a description that no IO has touched.

The sync and async clients send the same :class:`Call` objects and decode with the same readers. Routes,
bodies and envelopes: ``docs`` of the REST API; paths are relative to ``{server}/flowdrop/api``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from ..errors import InvalidInput, ServerError
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

T = TypeVar("T")

PAGE_LIMIT = 500
"""Rows asked for when a whole conversation is read; the largest page a server grants."""

HELD_SECONDS = 75.0
"""How long an answer may be held back by the server (60 s), with a margin."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be sent by either client.

    :param path: below the API's base, already quoted.
    :param read: turns the decoded success body into the result.
    :param held: the server may hold its reply for up to a minute.
    """

    method: str
    path: str
    read: Callable[[dict[str, Any]], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


def health() -> Call[HealthDoc]:
    return Call("GET", "/health", _health)


def node_types() -> Call[list[NodeTypeRow]]:
    return Call("GET", "/nodes", _list)


def categories() -> Call[list[CategoryRow]]:
    return Call("GET", "/categories", _list)


def workflows(search: str | None = None) -> Call[list[WorkflowDoc]]:
    return Call("GET", "/workflows", _list, query=_given(search=search))


def workflow(workflow_id: str) -> Call[WorkflowDoc]:
    return Call("GET", _path("workflows", workflow_id), _row)


def create_workflow(document: Mapping[str, Any]) -> Call[WorkflowDoc]:
    return Call("POST", "/workflows", _row, body=dict(document))


def workflow_document(text: bytes) -> dict[str, Any]:
    """The document in a ``*.flowdrop.json`` file.

    :raises InvalidInput: the file does not hold a JSON object.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"The file is not valid JSON: {error}", code="BODY_MALFORMED") from error
    if not isinstance(document, dict):
        raise InvalidInput("The file has to hold a workflow document.", code="BODY_NOT_AN_OBJECT")
    return document


def update_workflow(workflow_id: str, document: Mapping[str, Any]) -> Call[WorkflowDoc]:
    return Call("PUT", _path("workflows", workflow_id), _row, body=dict(document))


def delete_workflow(workflow_id: str) -> Call[None]:
    return Call("DELETE", _path("workflows", workflow_id), _nothing)


def sessions(workflow_id: str | None = None) -> Call[list[SessionRow]]:
    if workflow_id is None:
        return Call("GET", "/playground/sessions", _list)
    return Call("GET", _path("workflows", workflow_id, "playground", "sessions"), _list)


def create_session(
    workflow_id: str, name: str | None = None, metadata: Mapping[str, Any] | None = None
) -> Call[SessionRow]:
    body: dict[str, Any] = {}
    if name is not None:
        body["name"] = name
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return Call("POST", _path("workflows", workflow_id, "playground", "sessions"), _row, body=body)


def session(session_id: str) -> Call[SessionRow]:
    return Call("GET", _session(session_id), _row)


def delete_session(session_id: str) -> Call[None]:
    return Call("DELETE", _session(session_id), _nothing)


def post_message(
    session_id: str,
    content: str,
    inputs: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Call[MessageRow]:
    return Call(
        "POST",
        _session(session_id, "messages"),
        _row,
        body={"content": content, "inputs": dict(inputs or {})},
        headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
    )


def messages(
    session_id: str,
    since: int | str | None = None,
    before: int | str | None = None,
    limit: int | None = None,
) -> Call[MessagePage]:
    return Call(
        "GET",
        _session(session_id, "messages"),
        _page,
        query=_given(since=since, before=before, limit=limit),
    )


def message(session_id: str, message_id: str) -> Call[MessageRow]:
    return Call("GET", _session(session_id, "messages", message_id), _row)


def message_status(session_id: str, message_id: str) -> Call[MessageStatusRow]:
    return Call("GET", _session(session_id, "messages", message_id, "status"), _row)


def stop(session_id: str) -> Call[None]:
    return Call("POST", _session(session_id, "stop"), _nothing, held=True)


def interrupts(session_id: str, status: InterruptStatus | None = None) -> Call[list[InterruptRow]]:
    return Call("GET", _session(session_id, "interrupts"), _list, query=_given(status=status))


def interrupt(interrupt_id: str) -> Call[InterruptRow]:
    return Call("GET", _path("interrupts", interrupt_id), _row)


def resolve_interrupt(interrupt_id: str, value: Any) -> Call[InterruptRow]:
    return Call("POST", _path("interrupts", interrupt_id), _row, body={"value": value}, held=True)


def cancel_interrupt(interrupt_id: str) -> Call[InterruptRow]:
    return Call("POST", _path("interrupts", interrupt_id, "cancel"), _row, held=True)


def _path(*segments: str) -> str:
    for segment in segments:
        if segment in {"", ".", ".."}:
            raise ValueError(f"{segment!r} cannot be an id")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _session(session_id: str, *rest: str) -> str:
    return _path("playground", "sessions", session_id, *rest)


def _given(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _health(body: dict[str, Any]) -> HealthDoc:
    bare = {key: value for key, value in body.items() if key not in {"success", "data"}}
    return cast(HealthDoc, bare if "status" in bare else _row(body))


def _nothing(_body: dict[str, Any]) -> None:
    return None


def _row(body: dict[str, Any]) -> Any:
    data = body.get("data")
    if not isinstance(data, dict):
        raise ServerError("The server's answer holds no object under 'data'.", code="UNREADABLE_ANSWER")
    return data


def _list(body: dict[str, Any]) -> Any:
    data = body.get("data")
    if not isinstance(data, list):
        raise ServerError("The server's answer holds no list under 'data'.", code="UNREADABLE_ANSWER")
    return data


def _page(body: dict[str, Any]) -> MessagePage:
    status = body.get("sessionStatus")
    if not isinstance(status, str):
        raise ServerError("The server's answer does not say the session's status.", code="UNREADABLE_ANSWER")
    return MessagePage(
        messages=_list(body),
        has_more=bool(body.get("hasMore")),
        has_older=bool(body.get("hasOlder")),
        session_status=cast(Any, status),
    )
