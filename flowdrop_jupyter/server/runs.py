"""Routes of runs: launch, read, list, stop, logs and prompts (client contract §3).

A run is called a pipeline or an execution by different clients; the ids are the same.
"""

from __future__ import annotations

import sys
from typing import Any, Final, cast, get_args

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..clock import system_clock
from ..errors import InvalidInput
from ..sessions import interrupt_row
from ..sessions.run_rows import (
    drawn_document,
    execution_keys,
    log_entries,
    log_text,
    run_document,
    run_row,
    started_row,
    status_row,
)
from ..store.records import RunStatus
from .handlers import SESSION, SESSION_MESSAGE, FlowDropHandler, answers
from .paging import Window, one_of, page, scalar, window

DEFAULT_RUNS: Final = 50
_LEVELS: Final = ("debug", "info", "warning", "error")


class ExecuteHandler(FlowDropHandler):
    """``/workflows/{id}/execute``: start a run; its timeout is in milliseconds (§6 row 30).

    With the option ``wait`` the answer is the completed run with its declared outputs, 200; a run that
    takes longer, fails or waits for a person is answered 202 as it is then.
    """

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, workflow_id: str) -> None:
        body = await self.body(optional=True)
        options = _options(body)
        timeout = options.get("timeout")
        waiting = _flag(options.get("wait"), "wait")
        run = await self.host.runs.launch(
            workflow_id,
            self.principal,
            inputs=body.get("inputs"),
            timeout_seconds=_seconds(timeout) if timeout is not None else None,
            max_steps=_whole(options.get("maxSteps")),
            waiting=waiting,
        )
        if waiting:
            view, outputs = await self.host.runs.ended(run, self.principal)
            if outputs is not None:
                row = {**started_row(view.run), "outputs": outputs}
                self.answer(row, message="The run was completed.")
                return
            run = view.run
        self.answer(started_row(run), 202, message="The run was started.")


class PipelineHandler(FlowDropHandler):
    """``/pipeline/{id}`` and ``/executions/{id}``: the full document of one run (PIPE-1)."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        view = await self.host.runs.read(run_id, self.principal)
        data = {**run_document(view, system_clock), **execution_keys(view)}
        self.answer(data, **drawn_document(view, data["job_status_summary"]))


class PipelineStatusHandler(FlowDropHandler):
    """``/pipeline/{id}/status``: the light document (PIPE-1)."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        self.answer(status_row(await self.host.runs.read(run_id, self.principal, whole=False)))


class PipelineExecuteHandler(FlowDropHandler):
    """``/pipeline/{id}/execute``: a run that was not started yet; one that was, answers the same."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> None:
        _options(await self.body(optional=True))
        run = await self.host.runs.resubmit(run_id, self.principal)
        self.answer(started_row(run), 202, message="The run was started.")


class StopHandler(FlowDropHandler):
    """``/pipeline/{id}/stop`` and ``/executions/{id}/cancel``: cancel a run."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def post(self, run_id: str) -> None:
        await self.host.runs.stop(run_id, self.principal)
        self.acknowledge("The run was cancelled.", data={"id": run_id, "status": "cancelled"})


class LogsHandler(FlowDropHandler):
    """``/pipeline/{id}/logs`` and ``/executions/{id}/logs``: what the event log says of a run."""

    auth_resource = SESSION_MESSAGE

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        level = one_of(scalar(self.request, "level"), _LEVELS, "level")
        node_id = scalar(self.request, "node_id")
        as_text = scalar(self.request, "format") == "text"
        view = await self.host.runs.read(run_id, self.principal)
        entries = log_entries(await self.host.runs.events(run_id, self.principal), view)
        chosen = [
            entry
            for entry in entries
            if level in (None, entry["level"]) and node_id in (None, entry.get("node_id"))
        ]
        self.answer([log_text(entry) for entry in chosen] if as_text else chosen)


class RunsHandler(FlowDropHandler):
    """``/executions``: the runs of all workflows."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        await _list(self, scalar(self.request, "workflow_id"))


class WorkflowRunsHandler(FlowDropHandler):
    """``/workflow/{id}/pipelines``: the runs of one workflow."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, workflow_id: str) -> None:
        await _list(self, workflow_id)


class RunInterruptsHandler(FlowDropHandler):
    """``/pipelines/{id}/interrupts``: the prompts of one run, oldest first."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, run_id: str) -> None:
        rows = [interrupt_row(asked) for asked in await self.host.runs.interrupts(run_id, self.principal)]
        status = scalar(self.request, "status")
        self.answer([row for row in rows if status in (None, row["status"])])


async def _list(handler: FlowDropHandler, workflow_id: str | None) -> None:
    status = one_of(scalar(handler.request, "status"), get_args(RunStatus), "status")
    found = await handler.host.runs.find(
        handler.principal, workflow_id=workflow_id, status=cast("RunStatus | None", status)
    )
    part = window(handler.request)
    rows, block = page(found, Window(limit=part.limit or DEFAULT_RUNS, offset=part.offset))
    handler.answer([run_row(run) for run in rows], pagination=block)


def _options(body: dict[str, Any]) -> dict[str, Any]:
    options = body.get("options")
    if options is not None and not isinstance(options, dict):
        raise InvalidInput("The options have to be an object.", code="OPTION_INVALID")
    return options or {}


def _flag(value: Any, name: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"The option {name} has to be true or false.", code="OPTION_INVALID")
    return value is True


def _seconds(milliseconds: Any) -> float:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        raise InvalidInput("The option timeout has to be a number.", code="OPTION_INVALID")
    # A whole number of any length is JSON; one that no float can hold is out of range all the same.
    return max(min(milliseconds, sys.maxsize), -1) / 1000


def _whole(number: Any) -> Any:
    """Return 3.0 as 3, as JSON Schema counts it; whatever else it is, is judged later."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


ROUTES: Final = [
    (r"workflows/([^/]+)/execute", ExecuteHandler),
    (r"workflow/([^/]+)/pipelines", WorkflowRunsHandler),
    (r"executions", RunsHandler),
    (r"(?:pipeline|executions)/([^/]+)", PipelineHandler),
    (r"pipeline/([^/]+)/status", PipelineStatusHandler),
    (r"pipeline/([^/]+)/execute", PipelineExecuteHandler),
    (r"pipeline/([^/]+)/stop", StopHandler),
    (r"executions/([^/]+)/cancel", StopHandler),
    (r"(?:pipeline|executions)/([^/]+)/logs", LogsHandler),
    (r"pipelines/([^/]+)/interrupts", RunInterruptsHandler),
]
