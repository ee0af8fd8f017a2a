"""The shapes of what the server sends: plain dicts, described but never rebuilt.

A key marked ``NotRequired`` may be absent; keys not named here are passed on untouched, so that a newer
server can say more than this client knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

SessionStatus = Literal["idle", "running", "awaiting_input", "completed", "failed"]
MessageRole = Literal["user", "assistant", "system", "log"]
MessageStatus = Literal["pending", "processing", "completed", "failed"]
InterruptStatus = Literal["pending", "resolved", "cancelled", "expired"]


class HealthDoc(TypedDict):
    """What ``GET /health`` answers."""

    status: str
    version: NotRequired[str]
    timestamp: NotRequired[str]
    service: NotRequired[str]
    uptime: NotRequired[float]


class CategoryRow(TypedDict):
    """One category of node types."""

    name: str
    label: str
    icon: NotRequired[str]
    color: NotRequired[str]
    description: NotRequired[str]
    weight: NotRequired[int]


class NodeTypeRow(TypedDict):
    """One node type of the palette."""

    id: str
    name: str
    description: str
    category: str
    version: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    configSchema: NotRequired[dict[str, Any]]
    tags: NotRequired[list[str]]


class WorkflowDoc(TypedDict):
    """A workflow document (STORE-14)."""

    id: str
    name: str
    description: NotRequired[str]
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    metadata: NotRequired[dict[str, Any]]


class OwnerRow(TypedDict):
    """Who owns a session."""

    id: str
    name: str


class SessionRow(TypedDict):
    """One session (PLAY-2)."""

    id: str
    workflowId: str
    name: str
    status: SessionStatus
    createdAt: str
    updatedAt: str
    metadata: NotRequired[dict[str, Any]]
    executions: NotRequired[list[str]]
    owner: NotRequired[OwnerRow]


class MessageRow(TypedDict):
    """One message (PLAY-4)."""

    id: str
    sessionId: str
    role: MessageRole
    content: str
    timestamp: str
    status: MessageStatus
    sequenceNumber: int
    nodeId: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any]]
    parentMessageId: NotRequired[str]
    executionId: NotRequired[str]


class MessageStatusRow(TypedDict):
    """The light read of one message (PLAY-4)."""

    id: str
    status: MessageStatus
    sequenceNumber: int
    timestamp: str


class InterruptRow(TypedDict):
    """One interrupt: the question a run asks a person (INT-22)."""

    id: str
    type: str
    status: InterruptStatus
    message: str | None
    sessionId: NotRequired[str | None]
    nodeId: NotRequired[str | None]
    config: NotRequired[dict[str, Any]]
    responseValue: NotRequired[Any]


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of a session's messages with the status they were read together with (PLAY-3).

    :param messages: rows in ascending order.
    :param has_more: the page is full, newer rows may exist.
    :param has_older: older rows do exist.
    :param session_status: the session's status in the same read.
    """

    messages: list[MessageRow]
    has_more: bool
    has_older: bool
    session_status: SessionStatus
