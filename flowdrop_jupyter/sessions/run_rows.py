"""The published documents of runs: full, light, listed, and their logs (PIPE, client contract §3).

Official clients read some keys at the top level and others under ``data``, and know fewer statuses
than there are. So each document has two halves: the stored truth goes under ``data``, and beside it
what those clients draw.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from ..clock import Clock, format_time, parse_time
from ..store.records import TERMINAL_RUN, EventRecord, JobRecord, JobStatus, RunRecord
from ..workflow import node_label
from .runs import RunView

logger = logging.getLogger(__name__)

JOB_STATUSES: Final[tuple[str, ...]] = get_args(JobStatus)
"""Every defined status of a job, in the order in which summaries count them (PIPE-2)."""

_PUBLISHED_CONTEXT: Final = ("strategy", "inputs", "event", "rerun_of", "timeout_seconds", "max_steps")
_DRAWN_RUN: Final = {"paused": "running", "max_iterations_exceeded": "failed"}
_DRAWN_JOB: Final = {"interrupted": "pending"}
_DONE: Final = frozenset({"completed", "failed", "cancelled", "skipped"})
_LEVELS: Final = {"failed": "error", "cancelled": "warning", "skipped": "debug"}


def run_row(run: RunRecord) -> dict[str, Any]:
    """Return one run as lists show it."""
    return {
        "id": run.id,
        "workflow_id": run.workflow_id,
        "session_id": run.session_id,
        "status": run.status,
        "created": run.created_at,
        "updated": run.completed_at or run.started_at or run.created_at,
    }


def started_row(run: RunRecord) -> dict[str, Any]:
    """Return the reply to a launch: the union of what the official clients read (§3.3)."""
    return {
        "execution_id": run.id,
        "pipeline_id": run.id,
        "id": run.id,
        "workflowId": run.workflow_id,
        "sessionId": run.session_id,
        "status": _DRAWN_RUN.get(run.status, run.status),
        "started_at": run.started_at or run.created_at,
        "startTime": run.started_at or run.created_at,
        "message": "The run was started.",
    }


def status_row(view: RunView) -> dict[str, Any]:
    """Return the light status document, without any job (PIPE-1)."""
    run = view.run
    waiting = next((asked.id for asked in view.interrupts if asked.status == "pending"), None)
    return {
        "id": run.id,
        "status": run.status,
        "createdAt": run.created_at or None,
        "lastExecuted": run.completed_at,
        "pendingInterrupt": waiting,
        "pausedReason": run.paused_reason,
        "progress": progress(view),
        "updated": run.completed_at or run.started_at or run.created_at,
    }


def run_document(view: RunView, clock: Clock) -> dict[str, Any]:
    """Return the full document as it is stored (PIPE-1, PIPE-3, PIPE-4, PIPE-7, PIPE-9)."""
    run = view.run
    return {
        "id": run.id,
        "name": view.workflow.name if view.workflow else run.workflow_id,
        "description": view.workflow.description if view.workflow else "",
        "status": run.status,
        "createdAt": run.created_at or None,
        "lastExecuted": run.completed_at,
        "executionCount": 1 if run.started_at else 0,
        "timestamp": format_time(clock()),
        "workflow_id": run.workflow_id,
        "session_id": run.session_id,
        "error": run.error,
        "node_statuses": node_statuses(view.jobs),
        "jobs": job_entries(view),
        "job_status_summary": summary(view.jobs),
        "execution_data": {"context": published_context(run)},
    }


def published_context(run: RunRecord) -> dict[str, Any]:
    """Return what is told of the context a run executes in: this projection and nothing else (PIPE-8)."""
    return {name: getattr(run, name) for name in _PUBLISHED_CONTEXT}


def drawn_document(view: RunView, counted: Mapping[str, int]) -> dict[str, Any]:
    """Return what the canvas and the run screen read at the top level (client contract §3.2).

    :param counted: the summary of the run's jobs, which is taken once per read (PIPE-3).
    """
    return {
        "status": _DRAWN_RUN.get(view.run.status, view.run.status),
        "jobs": [_drawn_job(jobs) for jobs in _by_node(view.jobs).values()],
        "node_statuses": {
            node_id: {
                "status": _DRAWN_JOB.get(jobs[-1].status, jobs[-1].status),
                **_drawn_facts(jobs[-1], ("last_executed", "execution_time", "error")),
            }
            for node_id, jobs in _by_node(view.jobs).items()
        },
        "job_status_summary": counted,
    }


def execution_keys(view: RunView) -> dict[str, Any]:
    """Return the keys that a client of ``/executions/{id}`` reads under ``data`` (§6 row 11)."""
    run = view.run
    return {
        "workflowId": run.workflow_id,
        "startTime": run.started_at,
        "endTime": run.completed_at,
        "results": {job.result_key: job.output for job in view.jobs if job.output is not None},
        "logs": [],
    }


def job_entries(view: RunView) -> list[dict[str, Any]]:
    """Return the run's jobs in the order in which they were made (PIPE-5)."""
    nodes = {node.get("id"): node for node in (view.workflow.nodes if view.workflow else [])}
    return [_entry(job, view, nodes.get(job.node_id)) for job in view.jobs]


def job_entry(job: JobRecord, view: RunView) -> dict[str, Any]:
    """Return one job: exactly these keys in this order (PIPE-7)."""
    nodes = view.workflow.nodes if view.workflow else []
    return _entry(job, view, next((node for node in nodes if node.get("id") == job.node_id), None))


def duration_us(job: JobRecord) -> int | None:
    """Return how many microseconds a job took: as recorded, else in whole seconds (PIPE-7).

    None for one that did not complete.
    """
    begin, end = (parse_time(moment or "") for moment in (job.started_at, job.completed_at))
    if end is None:
        return None
    if job.duration_us is not None:
        return job.duration_us
    if begin is None:
        return None
    return max(int(end.timestamp()) - int(begin.timestamp()), 0) * 1_000_000


def _entry(job: JobRecord, view: RunView, node: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": job.id,
        "label": node_label(node) if node else job.node_id,
        "status": job.status,
        "priority": 0,
        "node_id": job.node_id,
        "pipeline_id": _pipeline_id(job, view),
        "created_at": None,
        "started": job.started_at,
        "completed": job.completed_at,
        "execution_time_us": duration_us(job),
        "retry_count": max(job.attempt - 1, 0),
        "max_retries": _max_retries(node),
        "error_message": _error_text(job),
        "input_data": None,
        "output_data": job.output,
        "metadata": {
            "node_type_id": job.node_type_id,
            "error_routed": job.error_routed,
            "skip_reason": job.skip_reason,
            "active_branches": job.active_branches,
        },
        "timestamp": job.completed_at or job.started_at,
    }


def node_statuses(jobs: Sequence[JobRecord]) -> dict[str, dict[str, Any]]:
    """Return the state of each node that produced jobs (PIPE-4); stored values are counted as they are."""
    found = {}
    for node_id, of_node in _by_node(jobs).items():
        newest = of_node[-1]
        # Of several that began at once the later one in the run's order counts.
        begun = [job for job in reversed(of_node) if job.started_at]
        ran = max(begun, key=lambda job: str(job.started_at)) if begun else None
        told = ran or newest
        found[node_id] = {
            "status": newest.status,
            "last_executed": ran.started_at if ran else None,
            "execution_time": _milliseconds(ran) if ran else None,
            "execution_time_us": duration_us(ran) if ran else None,
            "error": _error_text(told),
            "executions": sum(1 for job in of_node if job.started_at),
            "status_counts": dict(Counter(job.status for job in of_node)),
        }
    return found


def summary(jobs: Iterable[JobRecord]) -> dict[str, int]:
    """Return how many jobs there are, and how many in each defined status (PIPE-2, PIPE-3)."""
    counts: Counter[str] = Counter(job.status for job in jobs)
    for unknown in counts.keys() - set(JOB_STATUSES):
        logger.warning("A job has the unknown status %r.", unknown)
    return {"total": counts.total(), **{status: counts[status] for status in JOB_STATUSES}}


def progress(view: RunView) -> int:
    """Return how much of a run is done, in percent of its nodes."""
    if view.run.status in TERMINAL_RUN:
        return 100
    total = len(view.workflow.nodes) if view.workflow else 0
    done = sum(1 for job in view.jobs if job.status in _DONE)
    return min(100 * done // total, 99) if total else 0


def log_entries(events: Iterable[EventRecord], view: RunView) -> list[dict[str, Any]]:
    """Return the run's log: one entry per event, read from the session's one event log."""
    jobs = {job.node_id: job for job in view.jobs}
    return [_log_entry(event, jobs.get(str(event.data.get("nodeId")))) for event in events]


def log_text(entry: Mapping[str, Any]) -> str:
    """Return one entry as a line."""
    return f"{entry['timestamp']} {entry['level'].upper()} {entry['message']}"


def _log_entry(event: EventRecord, job: JobRecord | None) -> dict[str, Any]:
    status = str(event.data.get("status"))
    node_id = event.data.get("nodeId")
    message = f"Node {node_id} is {status}." if node_id else f"The run is {status}."
    if job is not None and status == "failed" and job.error:
        message = f"Node {node_id} failed: {job.error.get('message')}"
    entry: dict[str, Any] = {
        "timestamp": event.at,
        "level": _LEVELS.get(status, "info"),
        "message": message,
    }
    if node_id:
        entry["node_id"] = node_id
    context = {"seq": event.seq, "status": status}
    if "reason" in event.data:
        context["reason"] = event.data["reason"]
    return {**entry, "context": context}


def _drawn_job(jobs: Sequence[JobRecord]) -> dict[str, Any]:
    newest = jobs[-1]
    return {
        "id": newest.id,
        "node_id": newest.node_id,
        "status": _DRAWN_JOB.get(newest.status, newest.status),
        "execution_count": sum(job.attempt for job in jobs),
        **_drawn_facts(
            newest, ("started", "completed", "execution_time", "error_message", "error", "last_executed")
        ),
    }


def _drawn_facts(job: JobRecord, names: Iterable[str]) -> dict[str, Any]:
    """Return what is known of *names*; the official document has no nulls, so the rest is absent."""
    facts = {
        "started": job.started_at,
        "completed": job.completed_at,
        "execution_time": _milliseconds(job),
        "error_message": _error_text(job),
        "error": _error_text(job),
        "last_executed": job.completed_at or job.started_at,
    }
    return {name: facts[name] for name in names if facts[name] is not None}


def _by_node(jobs: Iterable[JobRecord]) -> dict[str, list[JobRecord]]:
    grouped: dict[str, list[JobRecord]] = {}
    for job in jobs:
        grouped.setdefault(job.node_id, []).append(job)
    return grouped


def _milliseconds(job: JobRecord) -> int | None:
    taken = duration_us(job)
    return None if taken is None else round(taken / 1000)


def _pipeline_id(job: JobRecord, view: RunView) -> str:
    """Return the run that a job says it belongs to, or the one it is read in when it says nonsense."""
    said: Any = job.run_id
    if isinstance(said, str | int) and not isinstance(said, bool):
        return str(said)
    logger.warning("The job %s has %r in the place of its run's id.", job.id, said)
    return view.run.id


def _error_text(job: JobRecord) -> str | None:
    return None if job.error is None else str(job.error.get("message"))


def _max_retries(node: Mapping[str, Any] | None) -> int:
    data = (node or {}).get("data")
    config = data.get("config") if isinstance(data, Mapping) else None
    found = config.get("maxRetries") if isinstance(config, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else 0
