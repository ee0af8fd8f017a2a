"""The shapes of what is sent and served, each said once."""

from __future__ import annotations

from typing import Any, Final, get_args

from ...sessions.workflows import MAX_NAME, RESERVED_IDS
from ...store.records import (
    InterruptStatus,
    InterruptType,
    MessageRole,
    MessageStatus,
    SessionStatus,
)
from .model import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    NUMBER,
    OBJECT,
    TIME,
    UUID,
    array,
    nullable,
    obj,
    one_of,
    ref,
    text,
)
from .run_schemas import RUN_SCHEMAS

_PORT: Final = obj(
    {
        "id": text(),
        "name": text(),
        "type": one_of("input", "output", "metadata"),
        "dataType": text(),
        "required": BOOLEAN,
        "description": text(),
        "defaultValue": ANYTHING,
        "exposedByDefault": {"const": False},
        "displayOrder": NUMBER,
    },
    required=("id", "name", "type", "dataType"),
)
_NODE_TYPE: Final = obj(
    {
        "id": text(),
        "name": text(),
        "type": text(),
        "supportedTypes": array(text()),
        "description": text(),
        "category": text(),
        "icon": text(),
        "color": text(),
        "version": text(),
        "inputs": array(ref("Port")),
        "outputs": array(ref("Port")),
        "config": OBJECT,
        "configSchema": OBJECT,
        "uiSchema": nullable(OBJECT),
        "configEdit": OBJECT,
        "tags": array(text()),
        "node_type_id": text(),
    },
    required=(
        "id",
        "name",
        "description",
        "category",
        "version",
        "inputs",
        "outputs",
        "config",
        "configSchema",
        "tags",
    ),
)
_NODE: Final = obj(
    {
        "id": text(),
        "type": text(),
        "position": obj({"x": NUMBER, "y": NUMBER}, required=()),
        "data": obj({"label": text(), "config": OBJECT, "metadata": OBJECT}, required=()),
    },
    required=("id",),
)
_EDGE: Final = obj(
    {
        "id": text(),
        "source": text(),
        "target": text(),
        "sourceHandle": text(),
        "targetHandle": text(),
        "type": text(),
        "data": OBJECT,
    },
    required=("id", "source", "target"),
)
_WORKFLOW: Final = obj(
    {
        "id": text(),
        "name": text(),
        "description": text(),
        "nodes": array(ref("Node")),
        "edges": array(ref("Edge")),
        "metadata": OBJECT,
        "interface": OBJECT,
        "created": text(),
        "changed": text(),
        "uid": text(),
    },
    required=("id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid"),
    closed=True,
)
_WRITTEN: Final = {
    "name": text(minLength=1, maxLength=MAX_NAME),
    "description": nullable(text()),
    "nodes": nullable(array(OBJECT)),
    "edges": nullable(array(OBJECT)),
    "metadata": nullable(OBJECT),
    "interface": nullable(OBJECT),
    "tags": nullable(array(text())),
}
_NEW_ID: Final = {
    "description": "Honoured when it is free; one word of a web address.",
    "anyOf": [
        {"type": "null"},
        {"const": ""},
        {
            "type": "string",
            "maxLength": MAX_NAME,
            "pattern": r"^(?!\.{1,2}$)[^\s/\\?#%\u0000-\u001f\u007f\u0085]+$",
            "not": {"enum": sorted(RESERVED_IDS)},
        },
    ],
}
_DOCUMENT: Final = obj({"id": _NEW_ID, **_WRITTEN}, required=("name",))
_FOREIGN: Final = obj({"id": ANYTHING, **_WRITTEN}, required=("name",))
_SESSION: Final = obj(
    {
        "id": UUID,
        "workflowId": text(),
        "name": text(),
        "status": one_of(*get_args(SessionStatus)),
        "createdAt": TIME,
        "updatedAt": TIME,
        "metadata": OBJECT,
        "executions": array(UUID),
        "owner": obj({"id": text(), "name": text()}, closed=True),
    },
    closed=True,
)
_MESSAGE: Final = obj(
    {
        "id": UUID,
        "sessionId": UUID,
        "role": one_of(*get_args(MessageRole)),
        "content": text(),
        "timestamp": TIME,
        "status": one_of(*get_args(MessageStatus)),
        "sequenceNumber": {"type": "integer", "minimum": 1},
        "nodeId": nullable(text()),
        "metadata": OBJECT,
        "parentMessageId": UUID,
        "executionId": UUID,
    },
    required=(
        "id",
        "sessionId",
        "role",
        "content",
        "timestamp",
        "status",
        "sequenceNumber",
        "nodeId",
        "metadata",
    ),
    closed=True,
)
_MESSAGE_STATUS: Final = obj(
    {
        "id": UUID,
        "status": one_of(*get_args(MessageStatus)),
        "sequenceNumber": {"type": "integer", "minimum": 1},
        "timestamp": TIME,
    },
    closed=True,
)
_INTERRUPT: Final = obj(
    {
        "id": UUID,
        "type": one_of(*get_args(InterruptType)),
        "status": one_of(*get_args(InterruptStatus)),
        "message": text(),
        "nodeId": text(),
        "workflowId": text(),
        "pipelineId": UUID,
        "sessionId": UUID,
        "responseData": ANYTHING,
        "createdAt": TIME,
        "resolvedAt": nullable(TIME),
        "jobId": UUID,
        "allowCancel": BOOLEAN,
        "config": OBJECT,
    }
)
_REFUSAL: Final = obj(
    {
        "success": {"const": False},
        "error": text("For people; it may change."),
        "code": text("For programs; it never changes.", pattern="^[A-Z][A-Z0-9_]*$"),
        "error_code": text(pattern="^[A-Z][A-Z0-9_]*$"),
        "details": array(
            obj({"code": text(), "message": text(), "locator": text()}, required=("code", "message"))
        ),
    },
    closed=True,
)
_PAGINATION: Final = obj({"total": COUNT, "limit": COUNT, "offset": COUNT, "has_more": BOOLEAN}, closed=True)

SCHEMAS: Final[dict[str, Any]] = {
    "Refusal": _REFUSAL,
    "Pagination": _PAGINATION,
    "Port": _PORT,
    "NodeType": _NODE_TYPE,
    "Node": _NODE,
    "Edge": _EDGE,
    "Workflow": _WORKFLOW,
    "WorkflowDocument": _DOCUMENT,
    "ForeignWorkflow": _FOREIGN,
    "Session": _SESSION,
    "Message": _MESSAGE,
    "MessageStatus": _MESSAGE_STATUS,
    "Interrupt": _INTERRUPT,
    **RUN_SCHEMAS,
}
"""The component schemas by name."""
