"""Operations of sessions, their messages and their prompts."""

from __future__ import annotations

from typing import Final, get_args

from ....sessions.arguments import MAX_CONTENT
from ....sessions.service import MAX_SESSION_NAME
from ....store.records import SessionStatus
from ..model import (
    ANYTHING,
    BOOLEAN,
    OBJECT,
    Body,
    Operation,
    Query,
    acknowledged,
    array,
    nullable,
    obj,
    ok,
    one_of,
    page_of,
    ref,
    text,
)

_LISTING: Final[Query] = {
    "status": one_of(*get_args(SessionStatus)),
    "search": "A part of the name, case ignored.",
    "limit": "How many at most.",
    "offset": "How many to skip.",
}
_SESSION: Final = "/playground/sessions/{session_id}"

CONVERSATIONS: Final = (
    Operation(
        method="get",
        path="/workflows/{workflow_id}/playground/sessions",
        id="listWorkflowSessions",
        summary="List the sessions of a workflow, last active first",
        tag="Sessions",
        query=_LISTING,
        answers={200: page_of(ref("Session"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/workflows/{workflow_id}/playground/sessions",
        id="createSession",
        summary="Open a session on a workflow",
        tag="Sessions",
        body=Body(
            schema=obj(
                {
                    "name": nullable(text(minLength=1, maxLength=MAX_SESSION_NAME, pattern=r"\S")),
                    "metadata": nullable(OBJECT),
                },
                required=(),
            ),
            required=False,
        ),
        answers={201: ok(ref("Session"), message=text())},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/playground/sessions",
        id="listSessions",
        summary="List the sessions of all workflows, last active first",
        tag="Sessions",
        query={"workflow": "Only sessions of this workflow.", **_LISTING},
        answers={200: page_of(ref("Session"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path=_SESSION,
        id="getSession",
        summary="Read a session",
        tag="Sessions",
        answers={200: ok(ref("Session"))},
        refusals=(404,),
    ),
    Operation(
        method="delete",
        path=_SESSION,
        id="deleteSession",
        summary="Stop what runs in a session and remove it",
        tag="Sessions",
        answers={200: acknowledged()},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path=f"{_SESSION}/messages",
        id="listMessages",
        summary="Poll for messages, with the session's status in the same instant (PLAY-3)",
        tag="Messages",
        query={
            "since": "A sequence number or an ISO time; only what is after it.",
            "before": "A sequence number or an ISO time; only what is before it.",
            "limit": "How many at most.",
        },
        answers={
            200: ok(
                array(ref("Message")),
                hasMore=BOOLEAN,
                hasOlder=BOOLEAN,
                sessionStatus=one_of(*get_args(SessionStatus)),
            )
        },
        refusals=(404,),
    ),
    Operation(
        method="post",
        path=f"{_SESSION}/messages",
        id="sendMessage",
        summary="Send a message; the workflow runs after the reply",
        tag="Messages",
        headers={"Idempotency-Key": "Repeating a call with the same key sends once."},
        body=Body(
            schema=obj(
                {
                    "content": text(minLength=1, maxLength=MAX_CONTENT, pattern=r"\S"),
                    "inputs": nullable(OBJECT),
                },
                required=("content",),
            )
        ),
        answers={200: ok(ref("Message"), message=text())},
        refusals=(404, 409, 422),
    ),
    Operation(
        method="get",
        path=f"{_SESSION}/messages/{{message_id}}",
        id="getMessage",
        summary="Read a message",
        tag="Messages",
        answers={200: ok(ref("Message"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path=f"{_SESSION}/messages/{{message_id}}/status",
        id="getMessageStatus",
        summary="Read a message's status only",
        tag="Messages",
        answers={200: ok(ref("MessageStatus"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path=f"{_SESSION}/stop",
        id="stopSession",
        summary="End what runs in a session",
        tag="Sessions",
        answers={200: acknowledged()},
        refusals=(404, 409),
    ),
    Operation(
        method="get",
        path=f"{_SESSION}/interrupts",
        id="listSessionInterrupts",
        summary="List the prompts of a session, oldest first",
        tag="Prompts",
        query={
            "status": text("Only prompts in this status."),
            "limit": "How many at most.",
            "offset": "How many to skip.",
        },
        answers={200: page_of(ref("Interrupt"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/interrupts/{interrupt_id}",
        id="getInterrupt",
        summary="Read a prompt",
        tag="Prompts",
        answers={200: ok(ref("Interrupt"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/interrupts/{interrupt_id}",
        id="resolveInterrupt",
        summary="Answer a prompt; the reply comes at the run's next stop, or after a limit",
        tag="Prompts",
        body=Body(schema=obj({"value": ANYTHING})),
        answers={200: ok(ref("Interrupt"))},
        refusals=(404, 409),
    ),
    Operation(
        method="post",
        path="/interrupts/{interrupt_id}/cancel",
        id="cancelInterrupt",
        summary="Withdraw a prompt, and with it the run",
        tag="Prompts",
        answers={200: ok(ref("Interrupt"), message=text())},
        refusals=(400, 404, 409),
    ),
)
