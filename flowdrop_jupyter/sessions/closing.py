"""Closing a run: everything that has to change together when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..clock import Clock, format_time
from ..ids import IdFactory
from ..store.protocol import SessionTransaction
from ..store.records import InterruptRecord, MessageRecord, Owner, RunRecord
from .prompts import prompt_metadata
from .sink import interrupt_event, node_event, run_event


async def close_run(
    tx: SessionTransaction,
    run: RunRecord,
    status: Literal["completed", "failed", "cancelled", "max_iterations_exceeded"],
    clock: Clock,
    *,
    reason: str | None = None,
) -> None:
    """End *run* with *status*: its open jobs and prompts, its message, and the session.

    :param reason: why prompts that are still open are withdrawn.
    """
    for interrupt in await tx.interrupts(run.id):
        if interrupt.status == "pending":
            await settle_prompt(tx, interrupt, "cancelled", clock, reason=reason or f"run_{status}")
    for job in await tx.jobs(run.id):
        if job.status in ("idle", "pending", "running", "interrupted"):
            job.status = "cancelled"
            tx.put_job(job)
            tx.append_event(node_event(job))
    failed = status in ("failed", "max_iterations_exceeded")
    run.status = status
    run.completed_at = format_time(clock())
    tx.put_run(run)
    message = await tx.message(run.message_id) if run.message_id else None
    if message is not None:
        message.status = "failed" if failed else "completed"
        tx.put_message(message)
    tx.append_event(run_event(run))
    tx.session.active_run = None
    tx.session.status = "failed" if failed else "completed"


async def settle_prompt(
    tx: SessionTransaction,
    interrupt: InterruptRecord,
    status: Literal["resolved", "cancelled", "expired"],
    clock: Clock,
    *,
    response: Any = None,
    by: Owner | None = None,
    reason: str | None = None,
) -> None:
    """Close a prompt, and mark the message that shows it as answered (client contract §5.1)."""
    interrupt.status = status
    interrupt.resolved_at = format_time(clock())
    interrupt.resolved_by = by
    interrupt.response = response
    interrupt.reason = reason
    tx.put_interrupt(interrupt)
    message = await tx.message(interrupt.message_id) if interrupt.message_id else None
    if message is not None:
        message.status = "completed"
        message.metadata = prompt_metadata(interrupt)
        tx.put_message(message)
    tx.append_event(interrupt_event(interrupt))


def put_system_message(
    tx: SessionTransaction,
    run: RunRecord,
    text: str,
    ids: IdFactory,
    *,
    error: Mapping[str, Any] | None = None,
) -> None:
    """Put a one-line notice into the conversation; with *error* it is marked as one."""
    metadata: dict[str, Any] = {"level": "info"}
    if error is not None:
        metadata = {"level": "error", "code": error.get("code"), "details": error.get("details", [])}
    tx.put_message(
        MessageRecord(
            id=ids(),
            session_id=run.session_id,
            role="system",
            content=text,
            status="failed" if error is not None else "completed",
            node_id=error.get("node_id") if error is not None else None,
            parent_message_id=run.message_id,
            execution_id=run.id,
            metadata=metadata,
        )
    )
