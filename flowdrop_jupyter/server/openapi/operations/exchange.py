"""Operations of exchange and authoring: exports, imports, bundles, and help with forms."""

from __future__ import annotations

from typing import Final

from ..model import ANYTHING, OBJECT, Answer, Body, Operation, array, obj, ok, one_of, ref, text

_WORKFLOW: Final = "/workflows/{workflow_id}"
_FILE: Final = {"Content-Disposition": "The name to save it under."}
_VARIABLES: Final = obj({"variables": OBJECT})
_ENCLOSED: Final = obj({"workflow": text("The document as JSON or YAML.")})

EXCHANGE: Final = (
    Operation(
        method="get",
        path=f"{_WORKFLOW}/export",
        id="exportWorkflow",
        summary="Take the raw document out, as JSON or YAML (decision 5)",
        tag="Exchange",
        query={"format": one_of("json", "yaml", "yml")},
        answers={
            200: Answer(
                description="The document.",
                schema=ANYTHING,
                headers=_FILE,
                also=("application/x-yaml",),
            )
        },
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/workflows/import",
        id="importWorkflow",
        summary="Store a workflow under a new id",
        tag="Exchange",
        body=Body(schema={"anyOf": [_ENCLOSED, ref("ForeignWorkflow")]}),
        answers={201: ok(ref("Workflow"), message=text())},
        refusals=(409, 422),
    ),
    Operation(
        method="get",
        path=f"{_WORKFLOW}/bundle",
        id="exportBundle",
        summary="Take a workflow out with what it brings and needs",
        tag="Exchange",
        answers={200: Answer(description="The bundle.", schema=OBJECT, headers=_FILE)},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/workflows/import-bundle",
        id="importBundle",
        summary="Take a bundle in through its gates (STORE-9)",
        tag="Exchange",
        query={"confirm_publisher": "The publisher that an administrator vouches for."},
        body=Body(schema=OBJECT),
        answers={201: ok(ref("Workflow"), message=text())},
        refusals=(409, 422),
    ),
    Operation(
        method="get",
        path="/nodes/{type_id}/schema",
        id="getConfigSchema",
        summary="Read the JSON Schema of a node type's configuration",
        tag="Authoring",
        answers={200: ok(OBJECT)},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/nodes/{type_id}/config",
        id="getConfigDefaults",
        summary="Read the defaults of a node type's configuration",
        tag="Authoring",
        answers={200: ok(OBJECT)},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/nodes/{type_id}/config",
        id="completeConfig",
        summary="Complete a configuration with the defaults; nothing is judged (API-4)",
        tag="Authoring",
        body=Body(schema=obj({"config": OBJECT}, required=()), required=False),
        answers={200: ok(OBJECT)},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/variables/{workflow_id}/{node_id}",
        id="getVariables",
        summary="Read what a template of the node may use",
        tag="Authoring",
        answers={200: ok(_VARIABLES)},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/variables",
        id="askVariables",
        summary="Read what a template of the node may use",
        tag="Authoring",
        body=Body(schema=obj({"workflowId": text(), "nodeId": text()})),
        answers={200: ok(_VARIABLES)},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/files/suggest",
        id="suggestFiles",
        summary="List files below the root whose path begins so, bare as a form reads it",
        tag="Authoring",
        query={"q": "How the path begins."},
        answers={200: Answer(description="The files.", schema=array(OBJECT))},
    ),
)
