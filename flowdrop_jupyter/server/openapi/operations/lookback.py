"""Operations that look back at runs."""

from __future__ import annotations

from typing import Final

from ..model import Body, Operation, Query, obj, ok, page_of, ref, text

_PAGE: Final[Query] = {"limit": "How many at most.", "offset": "How many to skip."}

LOOKBACK: Final = (
    Operation(
        method="post",
        path="/executions/{run_id}/rerun",
        id="rerunExecution",
        summary="Start a new run from an old one's input (INT-11)",
        tag="Runs",
        body=Body(schema=obj({}), required=False),
        answers={202: ok(ref("StartedRun"), "Started.", message=text())},
        refusals=(404, 409, 422),
    ),
    Operation(
        method="get",
        path="/executions/{run_id}/trace",
        id="getTrace",
        summary="Tell what each node of a run did, and how long it took",
        tag="Runs",
        query=_PAGE,
        answers={200: ok(ref("Trace"), pagination=ref("Pagination"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/executions/{run_id}/checkpoints",
        id="listCheckpoints",
        summary="List the states that a run was kept at, oldest first",
        tag="Runs",
        query=_PAGE,
        answers={200: page_of(ref("Checkpoint"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/pipeline/{run_id}/jobs",
        id="listPipelineJobs",
        summary="List the jobs of a run, with their summary (PIPE-5)",
        tag="Runs",
        query=_PAGE,
        answers={
            200: ok(
                {"type": "array", "items": ref("Job")},
                status_summary=ref("JobSummary"),
                pagination=ref("Pagination"),
            )
        },
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/job/{job_id}",
        id="getJob",
        summary="Read one job (PIPE-7)",
        tag="Runs",
        answers={200: ok(ref("Job"))},
        refusals=(404,),
    ),
)
