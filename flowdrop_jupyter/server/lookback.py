"""Routes that look back: a run's trace, checkpoints and jobs, and the same run again."""

from __future__ import annotations

from typing import Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..sessions.run_rows import job_entries, job_entry, started_row, summary
from ..sessions.traces import checkpoint_row, spans, trace_head
from .handlers import SESSION, SESSION_MESSAGE, FlowDropHandler, answers
from .paging import page, window


class RerunHandler(FlowDropHandler):
    """``/executions/{id}/rerun``: a new run from an old one's input (INT-11)."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> None:
        await self.body(optional=True)
        run = await self.host.runs.rerun(run_id, self.principal)
        self.answer(started_row(run), 202, message="The run was started.")


class TraceHandler(FlowDropHandler):
    """``/executions/{id}/trace``: what each node did, a page of jobs at a time."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        view = await self.host.runs.read(run_id, self.principal)
        jobs, block = page(view.jobs, window(self.request))
        events = await self.host.runs.events(run_id, self.principal)
        self.answer({**trace_head(view), "spans": spans(view, jobs, events)}, pagination=block)


class CheckpointsHandler(FlowDropHandler):
    """``/executions/{id}/checkpoints``: the states that a run was kept at, oldest first."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        kept = await self.host.runs.checkpoints(run_id, self.principal)
        shown, block = page(kept, window(self.request))
        self.answer([checkpoint_row(checkpoint) for checkpoint in shown], pagination=block)


class RunJobsHandler(FlowDropHandler):
    """``/pipeline/{id}/jobs``: the jobs of one run with their summary (PIPE-5)."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        view = await self.host.runs.read(run_id, self.principal)
        shown, block = page(job_entries(view), window(self.request))
        self.answer(shown, status_summary=summary(view.jobs), pagination=block)


class JobHandler(FlowDropHandler):
    """``/job/{id}``: one job, whichever run it belongs to (PIPE-5, PIPE-7)."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, job_id: str) -> None:
        job, view = await self.host.runs.job(job_id, self.principal)
        self.answer(job_entry(job, view))


ROUTES: Final = [
    (r"executions/([^/]+)/rerun", RerunHandler),
    (r"executions/([^/]+)/trace", TraceHandler),
    (r"executions/([^/]+)/checkpoints", CheckpointsHandler),
    (r"pipeline/([^/]+)/jobs", RunJobsHandler),
    (r"job/([^/]+)", JobHandler),
]
