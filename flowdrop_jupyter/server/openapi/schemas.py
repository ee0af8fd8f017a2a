"""The shapes of what is sent and served, each said once."""

from __future__ import annotations

from typing import Any, Final, get_args

from ...sessions.run_rows import JOB_STATUSES
from ...sessions.workflows import MAX_NAME, RESERVED_IDS
from ...store.records import (
    InterruptStatus,
    InterruptType,
    MessageRole,
    MessageStatus,
    RunStatus,
    SessionStatus,
)
from .model import ANYTHING, array, nullable, obj, one_of, ref, text

_OBJECT: Final = {"type": "object"}
_TIME: Final = text("UTC, six decimals, `Z`.", format="date-time")
_COUNT: Final = {"type": "integer", "minimum": 0}
_BOOLEAN: Final = {"type": "boolean"}
_NUMBER: Final = {"type": "number"}
_UUID: Final = text(format="uuid")

_PORT: Final = obj(
    {
        "id": text(),
        "name": text(),
        "type": one_of("input", "output", "metadata"),
        "dataType": text(),
        "required": _BOOLEAN,
        "description": text(),
        "defaultValue": ANYTHING,
        "exposedByDefault": {"const": False},
        "displayOrder": _NUMBER,
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
        "config": _OBJECT,
        "configSchema": _OBJECT,
        "uiSchema": nullable(_OBJECT),
        "configEdit": _OBJECT,
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
        "position": obj({"x": _NUMBER, "y": _NUMBER}, required=()),
        "data": obj({"label": text(), "config": _OBJECT, "metadata": _OBJECT}, required=()),
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
        "data": _OBJECT,
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
        "metadata": _OBJECT,
        "interface": _OBJECT,
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
    "nodes": nullable(array(_OBJECT)),
    "edges": nullable(array(_OBJECT)),
    "metadata": nullable(_OBJECT),
    "interface": nullable(_OBJECT),
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
        "id": _UUID,
        "workflowId": text(),
        "name": text(),
        "status": one_of(*get_args(SessionStatus)),
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "metadata": _OBJECT,
        "executions": array(_UUID),
        "owner": obj({"id": text(), "name": text()}, closed=True),
    },
    closed=True,
)
_MESSAGE: Final = obj(
    {
        "id": _UUID,
        "sessionId": _UUID,
        "role": one_of(*get_args(MessageRole)),
        "content": text(),
        "timestamp": _TIME,
        "status": one_of(*get_args(MessageStatus)),
        "sequenceNumber": {"type": "integer", "minimum": 1},
        "nodeId": nullable(text()),
        "metadata": _OBJECT,
        "parentMessageId": _UUID,
        "executionId": _UUID,
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
        "id": _UUID,
        "status": one_of(*get_args(MessageStatus)),
        "sequenceNumber": {"type": "integer", "minimum": 1},
        "timestamp": _TIME,
    },
    closed=True,
)
_INTERRUPT: Final = obj(
    {
        "id": _UUID,
        "type": one_of(*get_args(InterruptType)),
        "status": one_of(*get_args(InterruptStatus)),
        "message": text(),
        "nodeId": text(),
        "workflowId": text(),
        "pipelineId": _UUID,
        "sessionId": _UUID,
        "responseData": ANYTHING,
        "createdAt": _TIME,
        "resolvedAt": nullable(_TIME),
        "jobId": _UUID,
        "allowCancel": _BOOLEAN,
        "config": _OBJECT,
    }
)
_RUN: Final = obj(
    {
        "id": _UUID,
        "workflow_id": text(),
        "session_id": _UUID,
        "status": one_of(*get_args(RunStatus)),
        "created": _TIME,
        "updated": _TIME,
    },
    closed=True,
)
_STARTED: Final = obj(
    {
        "execution_id": _UUID,
        "pipeline_id": _UUID,
        "id": _UUID,
        "workflowId": text(),
        "sessionId": _UUID,
        "status": one_of("pending", "running"),
        "started_at": _TIME,
        "startTime": _TIME,
        "message": text(),
    }
)
_RUN_STATUS: Final = obj(
    {
        "id": _UUID,
        "status": one_of(*get_args(RunStatus)),
        "createdAt": nullable(_TIME),
        "lastExecuted": nullable(_TIME),
        "pendingInterrupt": nullable(_UUID),
        "pausedReason": nullable(text()),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "updated": _TIME,
    }
)
_JOB: Final = obj(
    {
        "id": _UUID,
        "label": text(),
        "status": one_of(*JOB_STATUSES),
        "priority": {"type": "integer"},
        "node_id": text(),
        "pipeline_id": nullable(_UUID),
        "created_at": nullable(_TIME),
        "started": nullable(_TIME),
        "completed": nullable(_TIME),
        "execution_time_us": nullable(_COUNT),
        "retry_count": _COUNT,
        "max_retries": _COUNT,
        "error_message": nullable(text()),
        "input_data": ANYTHING,
        "output_data": ANYTHING,
        "metadata": _OBJECT,
        "timestamp": nullable(_TIME),
    },
    closed=True,
)
_JOB_SUMMARY: Final = obj({"total": _COUNT, **dict.fromkeys(JOB_STATUSES, _COUNT)}, closed=True)
_RUN_DOCUMENT: Final = obj(
    {
        "id": _UUID,
        "name": text(),
        "description": text(),
        "status": one_of(*get_args(RunStatus)),
        "createdAt": nullable(_TIME),
        "lastExecuted": nullable(_TIME),
        "executionCount": _COUNT,
        "timestamp": _TIME,
        "workflow_id": text(),
        "session_id": _UUID,
        "error": nullable(_OBJECT),
        "node_statuses": {"type": "object", "additionalProperties": _OBJECT},
        "jobs": array(ref("Job")),
        "job_status_summary": ref("JobSummary"),
        "execution_data": _OBJECT,
    }
)
_LOG_ENTRY: Final = obj(
    {
        "timestamp": _TIME,
        "level": one_of("debug", "info", "warning", "error"),
        "message": text(),
        "node_id": text(),
        "context": _OBJECT,
    },
    required=("timestamp", "level", "message"),
)
_DUE: Final = {
    "next_run": nullable(_TIME),
    "code": nullable(one_of("no_expression", "invalid_expression", "invalid_timezone")),
    "last_run": nullable(_TIME),
    "run_count": _COUNT,
}
_TRIGGER: Final = obj(
    {
        "id": _UUID,
        "workflow_id": text(),
        "kind": one_of("schedule", "file", "kernel"),
        "name": text(),
        "enabled": _BOOLEAN,
        "owner": obj({"id": text(), "name": text()}, closed=True),
        "settings": _OBJECT,
        "inputs": _OBJECT,
        "mapping": _OBJECT,
        "overlap": text(),
        "jitter": _OBJECT,
        "created": _TIME,
        "changed": _TIME,
        **_DUE,
    },
    closed=True,
)
_FIRING: Final = obj(
    {
        "at": _TIME,
        "outcome": one_of("executed", "skipped"),
        "event": text(),
        "execution_id": _UUID,
        "reason": text(),
    },
    required=("at", "outcome", "event"),
)
_TRIGGER_REPORT: Final = obj(
    {
        "id": _UUID,
        "enabled": _BOOLEAN,
        "held_until": nullable(_TIME),
        "buffered": _BOOLEAN,
        "history": array(_OBJECT),
        **_DUE,
    },
    closed=True,
)
_SPAN: Final = obj(
    {
        "job_id": _UUID,
        "node_id": text(),
        "node_type_id": text(),
        "label": text(),
        "status": one_of(*JOB_STATUSES),
        "order": _COUNT,
        "attempt": _COUNT,
        "retries": _COUNT,
        "restarts": _COUNT,
        "started": nullable(_TIME),
        "completed": nullable(_TIME),
        "duration_us": nullable(_COUNT),
        "output": ANYTHING,
        "truncated": _BOOLEAN,
        "error": nullable(_OBJECT),
        "error_routed": _BOOLEAN,
        "active_branches": nullable(array(text())),
        "skip_reason": nullable(text()),
        "interrupt_id": nullable(_UUID),
        "events": array(_OBJECT),
    },
    closed=True,
)
_TRACE: Final = obj(
    {
        "id": _UUID,
        "workflow_id": text(),
        "session_id": _UUID,
        "rerun_of": nullable(_UUID),
        "strategy": text(),
        "status": one_of(*get_args(RunStatus)),
        "created": nullable(_TIME),
        "started": nullable(_TIME),
        "completed": nullable(_TIME),
        "duration_us": nullable(_COUNT),
        "error": nullable(_OBJECT),
        "spans": array(ref("Span")),
    },
    closed=True,
)
_CHECKPOINT: Final = obj(
    {
        "id": text(),
        "execution_id": _UUID,
        "name": text(),
        "parent_id": nullable(text()),
        "created": _TIME,
        "state": _OBJECT,
        "truncated": _BOOLEAN,
    },
    closed=True,
)
_SAVED_SNAPSHOT: Final = obj({"entity_id": _UUID, "execution_id": text()}, closed=True)
_SNAPSHOT_ROW: Final = obj(
    {
        "entity_id": _UUID,
        "execution_id": text(),
        "workflow_id": text(),
        "status": one_of(*get_args(RunStatus)),
        "thread_id": nullable(text()),
        "created": _TIME,
        "changed": _TIME,
        "node_count": _COUNT,
    },
    closed=True,
)
_SNAPSHOT: Final = obj(
    {
        "workflowId": text(),
        "workflowVersion": text(),
        "executionId": text(),
        "status": one_of(*get_args(RunStatus)),
        "nodeStates": {"type": "object", "additionalProperties": _OBJECT},
        "initialInput": _OBJECT,
        "metadata": _OBJECT,
        "iterationCount": _COUNT,
        "threadId": nullable(text()),
        "createdAt": _TIME,
        "updatedAt": _TIME,
    },
    closed=True,
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
_PAGINATION: Final = obj(
    {"total": _COUNT, "limit": _COUNT, "offset": _COUNT, "has_more": _BOOLEAN}, closed=True
)

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
    "Run": _RUN,
    "StartedRun": _STARTED,
    "RunStatus": _RUN_STATUS,
    "Job": _JOB,
    "JobSummary": _JOB_SUMMARY,
    "RunDocument": _RUN_DOCUMENT,
    "LogEntry": _LOG_ENTRY,
    "Trigger": _TRIGGER,
    "Firing": _FIRING,
    "TriggerReport": _TRIGGER_REPORT,
    "Span": _SPAN,
    "Trace": _TRACE,
    "Checkpoint": _CHECKPOINT,
    "SavedSnapshot": _SAVED_SNAPSHOT,
    "SnapshotRow": _SNAPSHOT_ROW,
    "Snapshot": _SNAPSHOT,
}
"""The component schemas by name."""
