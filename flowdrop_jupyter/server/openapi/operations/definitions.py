"""Operations of workflow definitions: list, create, read, save, delete, validate."""

from __future__ import annotations

from typing import Final

from ..model import (
    OBJECT,
    Answer,
    Body,
    Operation,
    acknowledged,
    array,
    nullable,
    obj,
    ok,
    one_of,
    ref,
    success,
    text,
)

_TOTALS: Final = {
    "X-Total-Count": "How many there are.",
    "X-Page-Size": "How many this page may hold.",
    "X-Page-Offset": "How many were skipped.",
}
_FINDINGS: Final = array(
    obj({"code": text(), "message": text(), "locator": text()}, required=("code", "message"))
)
_BUMP: Final = {
    **one_of("major", "minor", "patch", "none"),
    "description": "Which digit of the contract version goes up when the declared ports changed.",
}
_CONTRACT: Final = obj(
    {
        "schema_version": text(pattern=r"^\d+\.\d+\.\d+$"),
        "parameter_schema": nullable(OBJECT),
        "output_schema": nullable(OBJECT),
    },
    closed=True,
)

DEFINITIONS: Final = (
    Operation(
        method="get",
        path="/workflows",
        id="listWorkflows",
        summary="List workflows, newest change first",
        tag="Workflows",
        query={
            "search": "A part of the name, case ignored (STORE-15).",
            "tags": "Names separated by commas; one of them has to fit.",
            "sort": "`created_at`, `updated_at` or `name`.",
            "order": "`asc` or `desc`.",
            "limit": "How many at most.",
            "offset": "How many to skip.",
        },
        answers={
            200: Answer(
                description="One page.",
                schema=success(array(ref("Workflow")), pagination=ref("Pagination")),
                headers=_TOTALS,
            )
        },
    ),
    Operation(
        method="post",
        path="/workflows",
        id="createWorkflow",
        summary="Store a new workflow",
        tag="Workflows",
        query={"bump": _BUMP},
        body=Body(schema=ref("WorkflowDocument")),
        answers={201: ok(ref("Workflow"), message=text())},
        refusals=(409, 422),
    ),
    Operation(
        method="post",
        path="/workflows/validate",
        id="validateWorkflow",
        summary="Say what a save would say, without saving",
        tag="Workflows",
        body=Body(schema=ref("ForeignWorkflow")),
        answers={
            200: ok(
                obj(
                    {
                        "valid": {"type": "boolean"},
                        "errors": array(text()),
                        "warnings": array(text()),
                        "suggestions": array(text()),
                        "details": _FINDINGS,
                    }
                )
            )
        },
    ),
    Operation(
        method="get",
        path="/workflows/{workflow_id}",
        id="getWorkflow",
        summary="Read a workflow",
        tag="Workflows",
        answers={200: ok(ref("Workflow"))},
        refusals=(404,),
    ),
    Operation(
        method="put",
        path="/workflows/{workflow_id}",
        id="saveWorkflow",
        summary="Change the keys that are given; the name always has to be (decision 5)",
        tag="Workflows",
        query={"bump": _BUMP},
        body=Body(schema=ref("ForeignWorkflow")),
        answers={200: ok(ref("Workflow"), message=text())},
        refusals=(404, 422),
    ),
    Operation(
        method="delete",
        path="/workflows/{workflow_id}",
        id="deleteWorkflow",
        summary="Remove a workflow; its sessions stay readable (decision 10)",
        tag="Workflows",
        answers={200: acknowledged()},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/workflows/{workflow_id}/schema",
        id="getWorkflowSchema",
        summary="Read the published contract; a conditional read (META-4 to META-9)",
        tag="Workflows",
        query={
            "annotated": {
                "type": "string",
                "enum": ["1", "true", "0", "false", ""],
                "description": "Whether to add the words that the bound ports have now.",
            }
        },
        headers={"If-None-Match": "The one tag that is known, exactly as it was given."},
        answers={
            200: Answer(
                description="The contract, without an envelope.",
                schema=_CONTRACT,
                headers={"ETag": "The quoted contract version, with a marker for the annotated variant."},
            ),
            304: Answer(description="What is known is still right.", schema=None),
        },
        refusals=(404,),
        refusal=obj({"error": {"const": "Workflow not found."}}, closed=True),
    ),
    Operation(
        method="post",
        path="/workflows/{workflow_id}/contract",
        id="buildWorkflowContract",
        summary="Build the contract again from the node types as they are now (MAN-18)",
        tag="Workflows",
        body=Body(schema=obj({"bump": nullable(_BUMP)}, required=()), required=False),
        answers={200: ok(_CONTRACT, message=text())},
        refusals=(404, 409),
    ),
)
