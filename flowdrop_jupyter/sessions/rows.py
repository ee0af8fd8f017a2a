"""The published rows: one derivation for each thing, used by every face (PLAY-2, PLAY-4, INT-22)."""

from __future__ import annotations

from typing import Any

from ..store.records import InterruptRecord, MessageRecord, SessionRecord

_CAMEL = {
    "confirm_label": "confirmLabel",
    "cancel_label": "cancelLabel",
    "min_selections": "minSelections",
    "max_selections": "maxSelections",
    "min_length": "minLength",
    "max_length": "maxLength",
    "default_value": "defaultValue",
    "default_values": "defaultValues",
    "accept_all_label": "acceptAllLabel",
    "reject_all_label": "rejectAllLabel",
    "submit_label": "submitLabel",
}


def session_row(session: SessionRecord) -> dict[str, Any]:
    """Return the session row: exactly these keys in this order (PLAY-2)."""
    return {
        "id": session.id,
        "workflowId": session.workflow_id,
        "name": session.name,
        "status": session.status,
        "createdAt": session.created_at,
        "updatedAt": session.updated_at,
        "metadata": session.metadata,
        "executions": session.executions,
        "owner": {"id": session.owner.id, "name": session.owner.name},
    }


def message_row(message: MessageRecord) -> dict[str, Any]:
    """Return the message row: nine keys always, the others only when the message has them (PLAY-4)."""
    row: dict[str, Any] = {
        "id": message.id,
        "sessionId": message.session_id,
        "role": message.role,
        "content": message.content,
        "timestamp": message.timestamp,
        "status": message.status,
        "sequenceNumber": message.sequence_number,
        "nodeId": message.node_id,
        "metadata": message.metadata,
    }
    if message.parent_message_id is not None:
        row["parentMessageId"] = message.parent_message_id
    if message.execution_id is not None:
        row["executionId"] = message.execution_id
    return row


def message_status_row(message: MessageRecord) -> dict[str, Any]:
    """Return the light status document of a message: exactly four keys (PLAY-4)."""
    return {
        "id": message.id,
        "status": message.status,
        "sequenceNumber": message.sequence_number,
        "timestamp": message.timestamp,
    }


def interrupt_row(interrupt: InterruptRecord) -> dict[str, Any]:
    """Return the published interrupt: INT-22's 24 keys in order, then what the clients also read."""
    by = interrupt.resolved_by
    answered: dict[str, Any] = {}
    if interrupt.resolved_at is not None:
        answered["response_time"] = interrupt.resolved_at
    if by is not None:
        answered["user_id"] = by.id
    config = {"message": interrupt.message, **interrupt.config}
    config |= {_CAMEL[key]: value for key, value in interrupt.config.items() if key in _CAMEL}
    return {
        "id": interrupt.id,
        "type": interrupt.type,
        "status": interrupt.status,
        "message": interrupt.message,
        "nodeId": interrupt.node_id,
        "workflowId": interrupt.workflow_id,
        "pipelineId": interrupt.run_id,
        "sessionId": interrupt.session_id,
        "schema": interrupt.config.get("schema"),
        "options": interrupt.config.get("options"),
        "context": interrupt.config.get("context"),
        "defaultValue": interrupt.config.get("default_value"),
        "responseData": interrupt.response,
        "createdAt": interrupt.created_at,
        "expiresAt": interrupt.expires_at,
        "scheduledAt": None,
        "resolvedAt": interrupt.resolved_at,
        "resolvedBy": by.id if by else None,
        "direction": "outward",
        "jobId": interrupt.job_id,
        "targetPipelineId": None,
        "initiatorUid": interrupt.initiator or None,
        "reason": interrupt.reason,
        "linkedInterruptId": None,
        "messageId": interrupt.message_id,
        "executionId": interrupt.run_id,
        "allowCancel": interrupt.allow_cancel,
        "config": config,
        "responseValue": interrupt.response,
        "response": interrupt.response,
        "resolvedByUserId": by.id if by else None,
        "resolvedByUserName": by.name if by else None,
        "metadata": {},
        # The official document knows no null in these.
        **answered,
    }
