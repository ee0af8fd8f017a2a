"""The shapes of runs and of what belongs to them: jobs, traces, triggers and snapshots."""

from __future__ import annotations

from typing import Any, Final, get_args

from ...sessions.run_rows import JOB_STATUSES
from ...store.records import (
    RunStatus,
)
from .model import ANYTHING, BOOLEAN, COUNT, OBJECT, TIME, UUID, array, nullable, obj, one_of, ref, text

_RUN: Final = obj(
    {
        "id": UUID,
        "workflow_id": text(),
        "session_id": UUID,
        "status": one_of(*get_args(RunStatus)),
        "created": TIME,
        "updated": TIME,
    },
    closed=True,
)
_STARTED: Final = obj(
    {
        "execution_id": UUID,
        "pipeline_id": UUID,
        "id": UUID,
        "workflowId": text(),
        "sessionId": UUID,
        "status": one_of("pending", "running"),
        "started_at": TIME,
        "startTime": TIME,
        "message": text(),
    }
)
_RUN_STATUS: Final = obj(
    {
        "id": UUID,
        "status": one_of(*get_args(RunStatus)),
        "createdAt": nullable(TIME),
        "lastExecuted": nullable(TIME),
        "pendingInterrupt": nullable(UUID),
        "pausedReason": nullable(text()),
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "updated": TIME,
    }
)
_JOB: Final = obj(
    {
        "id": UUID,
        "label": text(),
        "status": one_of(*JOB_STATUSES),
        "priority": {"type": "integer"},
        "node_id": text(),
        "pipeline_id": nullable(UUID),
        "created_at": nullable(TIME),
        "started": nullable(TIME),
        "completed": nullable(TIME),
        "execution_time_us": nullable(COUNT),
        "retry_count": COUNT,
        "max_retries": COUNT,
        "error_message": nullable(text()),
        "input_data": ANYTHING,
        "output_data": ANYTHING,
        "metadata": OBJECT,
        "timestamp": nullable(TIME),
    },
    closed=True,
)
_JOB_SUMMARY: Final = obj({"total": COUNT, **dict.fromkeys(JOB_STATUSES, COUNT)}, closed=True)
_RUN_DOCUMENT: Final = obj(
    {
        "id": UUID,
        "name": text(),
        "description": text(),
        "status": one_of(*get_args(RunStatus)),
        "createdAt": nullable(TIME),
        "lastExecuted": nullable(TIME),
        "executionCount": COUNT,
        "timestamp": TIME,
        "workflow_id": text(),
        "session_id": UUID,
        "error": nullable(OBJECT),
        "node_statuses": {"type": "object", "additionalProperties": OBJECT},
        "jobs": array(ref("Job")),
        "job_status_summary": ref("JobSummary"),
        "execution_data": OBJECT,
    }
)
_LOG_ENTRY: Final = obj(
    {
        "timestamp": TIME,
        "level": one_of("debug", "info", "warning", "error"),
        "message": text(),
        "node_id": text(),
        "context": OBJECT,
    },
    required=("timestamp", "level", "message"),
)
_DUE: Final = {
    "next_run": nullable(TIME),
    "code": nullable(one_of("no_expression", "invalid_expression", "invalid_timezone")),
    "last_run": nullable(TIME),
    "run_count": COUNT,
}
_TRIGGER: Final = obj(
    {
        "id": UUID,
        "workflow_id": text(),
        "kind": one_of("schedule", "file", "kernel"),
        "name": text(),
        "enabled": BOOLEAN,
        "owner": obj({"id": text(), "name": text()}, closed=True),
        "settings": OBJECT,
        "inputs": OBJECT,
        "mapping": OBJECT,
        "overlap": text(),
        "jitter": OBJECT,
        "created": TIME,
        "changed": TIME,
        **_DUE,
    },
    closed=True,
)
_FIRING: Final = obj(
    {
        "at": TIME,
        "outcome": one_of("executed", "skipped"),
        "event": text(),
        "execution_id": UUID,
        "reason": text(),
    },
    required=("at", "outcome", "event"),
)
_TRIGGER_REPORT: Final = obj(
    {
        "id": UUID,
        "enabled": BOOLEAN,
        "held_until": nullable(TIME),
        "buffered": BOOLEAN,
        "history": array(OBJECT),
        **_DUE,
    },
    closed=True,
)
_SPAN: Final = obj(
    {
        "job_id": UUID,
        "node_id": text(),
        "node_type_id": text(),
        "label": text(),
        "status": one_of(*JOB_STATUSES),
        "order": COUNT,
        "attempt": COUNT,
        "retries": COUNT,
        "restarts": COUNT,
        "started": nullable(TIME),
        "completed": nullable(TIME),
        "duration_us": nullable(COUNT),
        "output": ANYTHING,
        "truncated": BOOLEAN,
        "error": nullable(OBJECT),
        "error_routed": BOOLEAN,
        "active_branches": nullable(array(text())),
        "skip_reason": nullable(text()),
        "interrupt_id": nullable(UUID),
        "events": array(OBJECT),
    },
    closed=True,
)
_TRACE: Final = obj(
    {
        "id": UUID,
        "workflow_id": text(),
        "session_id": UUID,
        "rerun_of": nullable(UUID),
        "strategy": text(),
        "status": one_of(*get_args(RunStatus)),
        "created": nullable(TIME),
        "started": nullable(TIME),
        "completed": nullable(TIME),
        "duration_us": nullable(COUNT),
        "error": nullable(OBJECT),
        "spans": array(ref("Span")),
    },
    closed=True,
)
_CHECKPOINT: Final = obj(
    {
        "id": text(),
        "execution_id": UUID,
        "name": text(),
        "parent_id": nullable(text()),
        "created": TIME,
        "state": OBJECT,
        "truncated": BOOLEAN,
    },
    closed=True,
)
_SAVED_SNAPSHOT: Final = obj({"entity_id": UUID, "execution_id": text()}, closed=True)
_SNAPSHOT_ROW: Final = obj(
    {
        "entity_id": UUID,
        "execution_id": text(),
        "workflow_id": text(),
        "status": one_of(*get_args(RunStatus)),
        "thread_id": nullable(text()),
        "created": TIME,
        "changed": TIME,
        "node_count": COUNT,
    },
    closed=True,
)
_SNAPSHOT: Final = obj(
    {
        "workflowId": text(),
        "workflowVersion": text(),
        "executionId": text(),
        "status": one_of(*get_args(RunStatus)),
        "nodeStates": {"type": "object", "additionalProperties": OBJECT},
        "initialInput": OBJECT,
        "metadata": OBJECT,
        "iterationCount": COUNT,
        "threadId": nullable(text()),
        "createdAt": TIME,
        "updatedAt": TIME,
    },
    closed=True,
)

RUN_SCHEMAS: Final[dict[str, Any]] = {
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
"""The component schemas of runs by name."""
