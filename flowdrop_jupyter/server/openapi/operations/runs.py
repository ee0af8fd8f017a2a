"""Operations of runs, which clients also call pipelines and executions."""

from __future__ import annotations

from typing import Final, get_args

from ....sessions.runs import MAX_STEPS, MAX_TIMEOUT_SECONDS, MIN_TIMEOUT_SECONDS
from ....store.records import RunStatus
from ..model import OBJECT, Body, Operation, Query, array, nullable, obj, ok, one_of, page_of, ref, text

_LISTING: Final[Query] = {
    "status": one_of(*get_args(RunStatus)),
    "limit": "How many at most.",
    "offset": "How many to skip.",
}
_LOGS: Final[Query] = {
    "level": one_of("debug", "info", "warning", "error"),
    "node_id": "Only entries of this node.",
    "format": "`text` for lines instead of objects.",
}


def _options(unit_per_second: int) -> Body:
    shortest, longest = MIN_TIMEOUT_SECONDS * unit_per_second, MAX_TIMEOUT_SECONDS * unit_per_second
    limits = obj(
        {
            "timeout": nullable({"type": "number", "minimum": shortest, "maximum": longest}),
            "maxSteps": nullable({"type": "integer", "minimum": 1, "maximum": MAX_STEPS}),
            "wait": nullable({"type": "boolean", "description": "Whether to answer at the end of the run."}),
        },
        required=(),
    )
    return Body(
        schema=obj({"inputs": nullable(OBJECT), "options": nullable(limits)}, required=()), required=False
    )


def _reading(path: str, kind: str) -> Operation:
    return Operation(
        method="get",
        path=path,
        id=f"get{kind}",
        summary="Read a run with its jobs (PIPE-1)",
        tag="Runs",
        answers={
            200: ok(
                ref("RunDocument"),
                status=text(),
                jobs=array(OBJECT),
                node_statuses=OBJECT,
                job_status_summary=ref("JobSummary"),
            )
        },
        refusals=(404,),
    )


def _stopping(path: str, kind: str) -> Operation:
    return Operation(
        method="post",
        path=path,
        id=kind,
        summary="Cancel a run that is pending, at work or waiting",
        tag="Runs",
        answers={200: ok(obj({"id": text(), "status": text()}), message=text())},
        refusals=(404, 409),
    )


def _logging(path: str, kind: str) -> Operation:
    return Operation(
        method="get",
        path=path,
        id=f"get{kind}Logs",
        summary="Read what the event log says of a run",
        tag="Runs",
        query=_LOGS,
        answers={200: ok({"anyOf": [array(ref("LogEntry")), array(text())]})},
        refusals=(404,),
    )


RUNS: Final = (
    Operation(
        method="post",
        path="/workflows/{workflow_id}/execute",
        id="executeWorkflow",
        summary="Start a run of a workflow; the timeout is in milliseconds",
        tag="Runs",
        body=_options(1000),
        answers={
            200: ok({"allOf": [ref("StartedRun"), obj({"outputs": OBJECT})]}, "Completed.", message=text()),
            202: ok(ref("StartedRun"), "Started.", message=text()),
        },
        refusals=(404, 409, 422),
    ),
    Operation(
        method="get",
        path="/executions",
        id="listExecutions",
        summary="List the runs of all workflows",
        tag="Runs",
        query={"workflow_id": "Only runs of this workflow.", **_LISTING},
        answers={200: page_of(ref("Run"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/workflow/{workflow_id}/pipelines",
        id="listWorkflowPipelines",
        summary="List the runs of a workflow",
        tag="Runs",
        query=_LISTING,
        answers={200: page_of(ref("Run"))},
        refusals=(404,),
    ),
    _reading("/pipeline/{run_id}", "Pipeline"),
    _reading("/executions/{run_id}", "Execution"),
    Operation(
        method="get",
        path="/pipeline/{run_id}/status",
        id="getPipelineStatus",
        summary="Read a run's status only",
        tag="Runs",
        answers={200: ok(ref("RunStatus"))},
        refusals=(404,),
    ),
    Operation(
        method="post",
        path="/pipeline/{run_id}/execute",
        id="executePipeline",
        summary="Have a run that waits for its start taken up; the timeout is in seconds",
        tag="Runs",
        body=_options(1),
        answers={202: ok(ref("StartedRun"), "Started.", message=text())},
        refusals=(404, 409),
    ),
    _stopping("/pipeline/{run_id}/stop", "stopPipeline"),
    _stopping("/executions/{run_id}/cancel", "cancelExecution"),
    _logging("/pipeline/{run_id}/logs", "Pipeline"),
    _logging("/executions/{run_id}/logs", "Execution"),
    Operation(
        method="get",
        path="/pipelines/{run_id}/interrupts",
        id="listRunInterrupts",
        summary="List the prompts of a run, oldest first",
        tag="Prompts",
        query={"status": "Only prompts in this status."},
        answers={200: ok(array(ref("Interrupt")))},
        refusals=(404,),
    ),
)
