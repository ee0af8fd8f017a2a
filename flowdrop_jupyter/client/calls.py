"""One request builder: every operation of the API as a description that no IO has touched.

The sync and async clients send the same :class:`Call` objects and decode with the same readers. Paths are
relative to ``{server}/flowdrop/api``; ``server/`` has the routes. What each operation may raise is said at
the method of :class:`~.sync.FlowDropClient` of the same name.
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
"""Seconds to wait for an answer that the server may hold back: 55 unless it is configured, with a margin."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, ready to be sent by either client.

    :param path: below the API's base, already quoted.
    :param read: turns the decoded success body into the result.
    :param held: the server may hold its reply until the run stops again, for a minute at most.
    """

    method: str
    path: str
    read: Callable[[dict[str, Any]], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


def health() -> Call[HealthDoc]:
    """Whether the server is well."""
    return Call("GET", "/health", _health)


def node_types() -> Call[list[NodeTypeRow]]:
    """All node types."""
    return Call("GET", "/nodes", _list)


def categories() -> Call[list[CategoryRow]]:
    """All categories of node types."""
    return Call("GET", "/categories", _list)


def workflows(search: str | None = None) -> Call[list[WorkflowDoc]]:
    """All workflows, or those whose name or description holds ``search``."""
    return Call("GET", "/workflows", _list, query=_given(search=search))


def workflow(workflow_id: str) -> Call[WorkflowDoc]:
    """One workflow."""
    return Call("GET", _path("workflows", workflow_id), _row)


def create_workflow(document: Mapping[str, Any]) -> Call[WorkflowDoc]:
    """Store a new workflow."""
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
    """Change a workflow."""
    return Call("PUT", _path("workflows", workflow_id), _row, body=dict(document))


def delete_workflow(workflow_id: str) -> Call[None]:
    """Delete a workflow."""
    return Call("DELETE", _path("workflows", workflow_id), _nothing)


def sessions(workflow_id: str | None = None) -> Call[list[SessionRow]]:
    """The caller's sessions, of one workflow or of all."""
    if workflow_id is None:
        return Call("GET", "/playground/sessions", _list)
    return Call("GET", _path("workflows", workflow_id, "playground", "sessions"), _list)


def create_session(
    workflow_id: str, name: str | None = None, metadata: Mapping[str, Any] | None = None
) -> Call[SessionRow]:
    """Open a new session; an absent name is the server's to choose."""
    body: dict[str, Any] = {}
    if name is not None:
        body["name"] = name
    if metadata is not None:
        body["metadata"] = dict(metadata)
    return Call("POST", _path("workflows", workflow_id, "playground", "sessions"), _row, body=body)


def session(session_id: str) -> Call[SessionRow]:
    """One session."""
    return Call("GET", _session(session_id), _row)


def delete_session(session_id: str) -> Call[None]:
    """Delete a session with its messages."""
    return Call("DELETE", _session(session_id), _nothing)


def post_message(
    session_id: str,
    content: str,
    inputs: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> Call[MessageRow]:
    """Say something in a session; the key makes repeating it harmless."""
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
    """One page of messages: the newest, or those after ``since`` or before ``before``."""
    return Call(
        "GET",
        _session(session_id, "messages"),
        _page,
        query=_given(since=since, before=before, limit=limit),
    )


def message(session_id: str, message_id: str) -> Call[MessageRow]:
    """One message."""
    return Call("GET", _session(session_id, "messages", message_id), _row)


def message_status(session_id: str, message_id: str) -> Call[MessageStatusRow]:
    """The status of one message."""
    return Call("GET", _session(session_id, "messages", message_id, "status"), _row)


def stop(session_id: str) -> Call[None]:
    """Stop the run of a session."""
    return Call("POST", _session(session_id, "stop"), _nothing, held=True)


def interrupts(session_id: str, status: InterruptStatus | None = None) -> Call[list[InterruptRow]]:
    """The questions of a session, those of one status or all."""
    return Call("GET", _session(session_id, "interrupts"), _list, query=_given(status=status))


def interrupt(interrupt_id: str) -> Call[InterruptRow]:
    """One question."""
    return Call("GET", _path("interrupts", interrupt_id), _row)


def resolve_interrupt(interrupt_id: str, value: Any) -> Call[InterruptRow]:
    """Answer a question."""
    return Call("POST", _path("interrupts", interrupt_id), _row, body={"value": value}, held=True)


def cancel_interrupt(interrupt_id: str) -> Call[InterruptRow]:
    """Close a question without an answer."""
    return Call("POST", _path("interrupts", interrupt_id, "cancel"), _row, held=True)


def _path(*segments: str) -> str:
    for segment in segments:
        # Such a segment would name another route once the address is normalised.
        if segment in {"", ".", ".."}:
            raise InvalidInput(f"{segment!r} cannot be an id.")
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
