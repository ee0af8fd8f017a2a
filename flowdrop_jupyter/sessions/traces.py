"""Looking back at a run: what each node did and how long it took, and the states it was kept at.

Read from the stored jobs, events and checkpoints alone. Values are shown up to a size; a larger one is
told by its size and its beginning.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ..clock import seconds_between
from ..store.records import CheckpointRecord, EventRecord, JobRecord
from ..workflow import node_label
from .run_rows import duration_us
from .runs import RunView

MAX_SHOWN_BYTES: Final = 8_192
_PREVIEW: Final = 1_000


def capped(value: Any) -> tuple[Any, bool]:
    """Return *value* and False, or what is told of one that takes too many bytes of JSON, and True."""
    raw = msgspec.json.encode(value)
    if len(raw) <= MAX_SHOWN_BYTES:
        return value, False
    return {"bytes": len(raw), "preview": raw[:_PREVIEW].decode("utf-8", "replace")}, True


def trace_head(view: RunView) -> dict[str, Any]:
    """Return what a trace tells of the run as a whole; ``duration_us`` is None until it has ended."""
    run = view.run
    seconds = seconds_between(run.started_at, run.completed_at)
    return {
        "id": run.id,
        "workflow_id": run.workflow_id,
        "session_id": run.session_id,
        "rerun_of": run.rerun_of,
        "strategy": run.strategy,
        "status": run.status,
        "created": run.created_at or None,
        "started": run.started_at,
        "completed": run.completed_at,
        "duration_us": None if seconds is None else round(seconds * 1_000_000),
        "error": run.error,
    }


def spans(view: RunView, jobs: Iterable[JobRecord], events: Sequence[EventRecord]) -> list[dict[str, Any]]:
    """Return one entry for each of *jobs*, which are all or some of the run's.

    ``events`` are what the log says of the job; it names nodes only, so the several jobs of a node in
    a loop go without.
    """
    labels = {
        str(node.get("id")): node_label(node) for node in (view.workflow.nodes if view.workflow else [])
    }
    rounds = Counter(job.node_id for job in view.jobs)
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        if event.type == "node":
            entry = {"seq": event.seq, "at": event.at, "status": event.data.get("status")}
            told[str(event.data.get("nodeId"))].append(entry)
    return [
        _span(
            job,
            labels.get(job.node_id, job.node_id),
            told[job.node_id] if rounds[job.node_id] == 1 else [],
        )
        for job in jobs
    ]


def checkpoint_row(checkpoint: CheckpointRecord) -> dict[str, Any]:
    """Return one checkpoint with the state that it kept, capped."""
    state, truncated = capped(checkpoint.state)
    return {
        "id": checkpoint.id,
        "execution_id": checkpoint.run_id,
        "name": checkpoint.name,
        "parent_id": checkpoint.parent_id,
        "created": checkpoint.created_at,
        "state": state,
        "truncated": truncated,
    }


def _span(job: JobRecord, label: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    output, truncated = capped(job.output)
    return {
        "job_id": job.id,
        "node_id": job.node_id,
        "node_type_id": job.node_type_id,
        "label": label,
        "status": job.status,
        "order": job.order,
        "attempt": job.attempt,
        "retries": max(job.attempt - 1, 0),
        "restarts": job.restarts,
        "started": job.started_at,
        "completed": job.completed_at,
        "duration_us": duration_us(job),
        "output": output,
        "truncated": truncated,
        "error": job.error,
        "error_routed": job.error_routed,
        "active_branches": job.active_branches,
        "skip_reason": job.skip_reason,
        "interrupt_id": job.interrupt_id,
        "events": events,
    }
