"""Operations of snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....sessions.snapshot_bodies import MAX_ID, NODE_STATUSES, SNAPSHOT_STATUSES
from ..model import (
    ANYTHING,
    COUNT,
    OBJECT,
    Body,
    Operation,
    Schema,
    nullable,
    obj,
    ok,
    one_of,
    page_of,
    ref,
    text,
)

_ID: Final = text(minLength=1, maxLength=MAX_ID, pattern="^[^/]+$")


def _both(keys: Mapping[str, tuple[str, Schema]]) -> dict[str, Schema]:
    """Return each key in both letter cases, and that it may be null."""
    return {spelled: nullable(schema) for one, (other, schema) in keys.items() for spelled in (one, other)}


_NODE_STATE: Final = obj(
    {
        "status": one_of(*NODE_STATUSES),
        "output": ANYTHING,
        "error": ANYTHING,
        "injected": nullable({"type": "boolean"}),
        **_both({"executionOrder": ("execution_order", COUNT), "jobId": ("job_id", text())}),
    },
    required=("status",),
    closed=True,
)
_DOCUMENT: Final = {
    **obj(
        {
            **_both(
                {
                    "workflowId": ("workflow_id", _ID),
                    "workflowVersion": ("workflow_version", text(maxLength=MAX_ID)),
                    "nodeStates": (
                        "node_states",
                        {"type": "object", "additionalProperties": _NODE_STATE},
                    ),
                    "initialInput": ("initial_input", OBJECT),
                    "iterationCount": ("iteration_count", COUNT),
                    "threadId": ("thread_id", _ID),
                    "createdAt": ("created_at", ANYTHING),
                    "updatedAt": ("updated_at", ANYTHING),
                }
            ),
            "status": nullable(one_of(*SNAPSHOT_STATUSES)),
            "metadata": nullable(OBJECT),
            "executionId": _ID,
            "execution_id": _ID,
        },
        required=(),
        closed=True,
    ),
    "anyOf": [{"required": ["executionId"]}, {"required": ["execution_id"]}],
}

SNAPSHOTS: Final = (
    Operation(
        method="get",
        path="/snapshots",
        id="listSnapshots",
        summary="List the snapshots that the caller saved (SNAP-2)",
        tag="Snapshots",
        query={
            "workflow_id": "Only snapshots of this workflow's runs.",
            "status": one_of(*SNAPSHOT_STATUSES),
            "limit": "How many at most.",
            "offset": "How many to skip.",
        },
        answers={200: page_of(ref("SnapshotRow"))},
    ),
    Operation(
        method="post",
        path="/snapshots",
        id="saveSnapshot",
        summary="Keep the state of a run: the one that is sent, or else the stored one (SNAP-1, INT-9)",
        tag="Snapshots",
        body=Body(schema=_DOCUMENT),
        answers={
            200: ok(ref("SavedSnapshot"), "It took the place of an earlier one."),
            201: ok(ref("SavedSnapshot"), "It is the first of its run."),
        },
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/snapshots/{execution_id}",
        id="getSnapshot",
        summary="Read the snapshot of a run",
        tag="Snapshots",
        answers={200: ok(obj({"snapshot": ref("Snapshot")}, closed=True))},
        refusals=(404,),
    ),
    Operation(
        method="delete",
        path="/snapshots/{execution_id}",
        id="deleteSnapshot",
        summary="Delete the snapshot of a run",
        tag="Snapshots",
        answers={200: ok(obj({"message": text(), "execution_id": text()}, closed=True))},
        refusals=(404,),
    ),
)
