"""Operations of triggers: schedules, watched files and watched kernels."""

from __future__ import annotations

from typing import Any, Final

from ....sessions.schedules import MAX_EXPRESSION
from ....sessions.trigger_bodies import (
    KERNEL_CHANGES,
    KINDS,
    MAX_JITTER_SECONDS,
    MAX_NAME,
    MAX_PATH,
    MAX_SETTLE_SECONDS,
    OVERLAPS,
)
from ..model import Body, Operation, acknowledged, array, obj, ok, one_of, page_of, ref, text

_SETTINGS: Final = obj(
    {
        "expression": text("Five cron fields; empty for none.", maxLength=MAX_EXPRESSION),
        "timezone": text("An IANA name."),
        "path": text("A file or a pattern below the server's root.", minLength=1, maxLength=MAX_PATH),
        "settle_seconds": {"type": "number", "minimum": 0, "maximum": MAX_SETTLE_SECONDS},
        "kernel": text("Only kernels of this kernelspec; empty for all.", maxLength=MAX_NAME),
        "on": {**array(one_of(*KERNEL_CHANGES)), "minItems": 1},
    },
    required=(),
    closed=True,
)
_SECONDS: Final = {"type": "number", "minimum": -MAX_JITTER_SECONDS, "maximum": MAX_JITTER_SECONDS}
_JITTER: Final = obj({"min_seconds": _SECONDS, "max_seconds": _SECONDS}, required=(), closed=True)
_CHANGES: Final[dict[str, Any]] = {
    "name": text(maxLength=MAX_NAME),
    "enabled": {"type": "boolean"},
    "settings": _SETTINGS,
    "inputs": {"type": "object", "description": "Values of the workflow's declared inputs by name."},
    "mapping": {
        "type": "object",
        "description": "Declared inputs by name, each a path into what fired or a quoted literal (LANG-18).",
        "additionalProperties": text(),
    },
    "overlap": one_of(*OVERLAPS),
    "jitter": _JITTER,
}

TRIGGERS: Final = (
    Operation(
        method="get",
        path="/workflows/{workflow_id}/triggers",
        id="listTriggers",
        summary="List the triggers of a workflow",
        tag="Triggers",
        query={"limit": "How many at most.", "offset": "How many to skip."},
        answers={200: page_of(ref("Trigger"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/workflows/{workflow_id}/triggers",
        id="createTrigger",
        summary="Have a workflow started by a schedule, a file or a kernel",
        tag="Triggers",
        body=Body(schema=obj({"kind": one_of(*KINDS), **_CHANGES}, required=("kind",), closed=True)),
        answers={201: ok(ref("Trigger"), "Made; it watches from now on.")},
        refusals=(404, 409),
    ),
    Operation(
        method="get",
        path="/triggers/{trigger_id}",
        id="getTrigger",
        summary="Read a trigger",
        tag="Triggers",
        answers={200: ok(ref("Trigger"))},
        refusals=(404,),
    ),
    Operation(
        method="patch",
        path="/triggers/{trigger_id}",
        id="changeTrigger",
        summary="Change a trigger; settings are merged",
        tag="Triggers",
        body=Body(schema=obj(_CHANGES, required=(), closed=True)),
        answers={200: ok(ref("Trigger"))},
        refusals=(404,),
    ),
    Operation(
        method="delete",
        path="/triggers/{trigger_id}",
        id="removeTrigger",
        summary="Remove a trigger; its runs go on",
        tag="Triggers",
        answers={200: acknowledged()},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/triggers/{trigger_id}/report",
        id="getTriggerReport",
        summary="Tell when a trigger is due next and what became of it (CRON-2, TRIG-3)",
        tag="Triggers",
        answers={200: ok(ref("TriggerReport"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/triggers/{trigger_id}/fire",
        id="fireTrigger",
        summary="Fire a trigger by hand; its overlap policy holds (TRIG-1)",
        tag="Triggers",
        answers={
            200: ok(ref("Firing"), "Nothing was started."),
            202: ok(ref("Firing"), "A run was started."),
        },
        refusals=(404,),
    ),
)
