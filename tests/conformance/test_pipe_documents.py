"""Reads of runs and jobs over the API, and what looks back at them (PIPE, INT-11)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from gates import Gate
from graphs import ECHO, document, edge, node
from jupyter_server.auth import IdentityProvider, User
from server_desk import Api, assert_refused
from trigger_desk import HELD, TOLD, Bench

from flowdrop_jupyter.clock import system_clock
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.sessions.run_rows import JOB_STATUSES, run_document, summary
from flowdrop_jupyter.sessions.runs import RunView
from flowdrop_jupyter.sessions.traces import MAX_SHOWN_BYTES
from flowdrop_jupyter.store import CheckpointRecord, JobRecord, Owner, RunRecord, SessionRecord

UNKNOWN = "5d7fb6a0-0000-4000-8000-000000000000"
SUMMARY_KEYS = ["total", *JOB_STATUSES]
JOB_KEYS = [
    "id", "label", "status", "priority", "node_id", "pipeline_id", "created_at", "started", "completed",
    "execution_time_us", "retry_count", "max_retries", "error_message", "input_data", "output_data",
    "metadata", "timestamp",
]  # fmt: skip
BROKEN = document(
    [
        node("text.1", "text_input", defaultValue="Hello."),
        node("regex.1", "regex_extractor", pattern="("),
        node("text_output.1", "text_output"),
    ],
    [edge("text.1", "text", "regex.1", "text"), edge("regex.1", "matches", "text_output.1", "text")],
    id="broken",
)


@pytest.fixture
def bench(api: Api, host: Host) -> Bench:
    return Bench(api, host)


async def launch(bench: Bench, workflow: dict[str, Any], **body: Any) -> str:
    assert (await bench.api.post("workflows", workflow)).status in (201, 409)
    started = await bench.api.post(f"workflows/{workflow['id']}/execute", body or None)
    assert started.status == 202, started.text
    run_id: str = started.data["id"]
    return run_id


async def store_run(host: Host, *jobs: JobRecord, **fields: Any) -> str:
    """Put a run with its jobs into the store, as another process would have, and return its id."""
    session = SessionRecord(
        id="00000000-0000-4000-8000-0000000000aa",
        workflow_id="w",
        name="Stored",
        owner=Owner(id="local", name="L"),
    )
    await host.store.create_session(session)
    run = RunRecord(**{"id": RUN_ID, "session_id": session.id, "workflow_id": "w", **fields})
    async with host.store.transaction(session.id) as tx:
        tx.put_run(run)
        tx.session.executions = [run.id]
        for job in jobs:
            tx.put_job(job)
    return run.id


RUN_ID = "00000000-0000-4000-8000-0000000000bb"


def job(number: int, node_id: str = "n.1", **fields: Any) -> JobRecord:
    return JobRecord(
        **{
            "id": f"00000000-0000-4000-8000-{number:012}",
            "run_id": RUN_ID,
            "node_id": node_id,
            "node_type_id": "text_input",
            **fields,
        }
    )


def view(*jobs: JobRecord, **fields: Any) -> RunView:
    run = RunRecord(**{"id": RUN_ID, "session_id": "s", "workflow_id": "w", **fields})
    owner = Owner(id="local", name="L")
    session = SessionRecord(id="s", workflow_id="w", name="S", owner=owner)
    return RunView(run=run, session=session, jobs=jobs, workflow=None, interrupts=())


# Status reads


@pytest.mark.rule("PIPE-1")
async def test_both_reads_tell_what_another_process_wrote_unmapped(bench: Bench) -> None:
    await bench.api.get("workflows")
    run_id = await store_run(bench.host, job(1), status="max_iterations_exceeded")
    full = (await bench.api.get(f"pipeline/{run_id}")).data
    light = (await bench.api.get(f"pipeline/{run_id}/status")).data
    assert full["status"] == light["status"] == "max_iterations_exceeded"
    async with bench.host.store.transaction("00000000-0000-4000-8000-0000000000aa") as tx:
        run = await tx.run(run_id)
        assert run is not None
        run.status = "paused"
        tx.put_run(run)
    assert (await bench.api.get(f"pipeline/{run_id}")).data["status"] == "paused"
    assert (await bench.api.get(f"pipeline/{run_id}/status")).data["status"] == "paused"
    assert "jobs" not in light


@pytest.mark.rule("PIPE-9")
async def test_times_that_were_not_recorded_are_null_in_both_documents(bench: Bench) -> None:
    await bench.api.get("workflows")
    run_id = await store_run(bench.host, status="running", started_at="2025-01-01T00:00:00.000000Z")
    for path in (f"pipeline/{run_id}", f"pipeline/{run_id}/status"):
        data = (await bench.api.get(path)).data
        assert (data["createdAt"], data["lastExecuted"]) == (None, None)


# Summaries


@pytest.mark.rule("PIPE-2")
async def test_every_surface_has_the_same_summary_also_of_no_job(bench: Bench) -> None:
    await bench.api.get("workflows")
    run_id = await store_run(bench.host)
    full = (await bench.api.get(f"pipeline/{run_id}")).data["job_status_summary"]
    listed = (await bench.api.get(f"pipeline/{run_id}/jobs")).body["status_summary"]
    assert list(full.items()) == list(listed.items()) == [(key, 0) for key in SUMMARY_KEYS]
    assert list(summary(())) == SUMMARY_KEYS


@pytest.mark.rule("PIPE-3")
def test_an_unknown_status_counts_in_the_total_only_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd: Any = "melted"
    jobs = [job(1, status="completed"), job(2, status=odd), job(3, status=odd)]
    shown = run_document(view(*jobs), system_clock)
    counts = shown["job_status_summary"]
    assert list(counts) == SUMMARY_KEYS
    assert (counts["total"], sum(counts.values()) - counts["total"]) == (3, 1)
    (said,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "melted" in said.getMessage()
    # The counts of a node are raw.
    assert shown["node_statuses"]["n.1"]["status_counts"] == {"completed": 1, "melted": 2}
    assert shown["node_statuses"]["n.1"]["status"] == "melted"


# Nodes


@pytest.mark.rule("PIPE-4")
async def test_the_rounds_of_a_node_are_one_entry_told_by_the_newest_and_by_the_last_that_began(
    bench: Bench,
) -> None:
    await bench.api.get("workflows")
    ran = job(
        1,
        status="completed",
        started_at="2025-01-01T00:00:00.000000Z",
        completed_at="2025-01-01T00:00:01.500000Z",
        duration_us=1_500_000,
    )
    never = job(2, status="failed", error={"message": "It never began.", "code": "X"})
    alone = job(3, "m.1", status="failed", error={"message": "Alone.", "code": "X"})
    run_id = await store_run(bench.host, ran, never, alone)
    nodes = (await bench.api.get(f"pipeline/{run_id}")).data["node_statuses"]
    assert nodes == {
        "n.1": {
            "status": "failed",
            "last_executed": ran.started_at,
            "execution_time": 1500,
            "execution_time_us": 1_500_000,
            "error": None,
            "executions": 1,
            "status_counts": {"completed": 1, "failed": 1},
        },
        "m.1": {
            "status": "failed",
            "last_executed": None,
            "execution_time": None,
            "execution_time_us": None,
            "error": "Alone.",
            "executions": 0,
            "status_counts": {"failed": 1},
        },
    }


@pytest.mark.rule("PIPE-4")
async def test_of_two_rounds_that_began_the_one_that_began_last_counts(bench: Bench) -> None:
    await bench.api.get("workflows")
    late = job(1, status="completed", started_at="2025-01-01T00:00:09.000000Z")
    early = job(2, status="running", started_at="2025-01-01T00:00:02.000000Z")
    run_id = await store_run(bench.host, late, early)
    entry = (await bench.api.get(f"pipeline/{run_id}")).data["node_statuses"]["n.1"]
    assert (entry["status"], entry["last_executed"], entry["executions"]) == ("running", late.started_at, 2)


# Jobs


@pytest.mark.rule("PIPE-5", "PIPE-7")
async def test_all_surfaces_give_the_same_jobs(bench: Bench) -> None:
    run_id = await launch(bench, BROKEN)
    full = await bench.ended(run_id)
    listed = await bench.api.get(f"pipeline/{run_id}/jobs")
    assert listed.data == full["jobs"]
    assert len(listed.data) == 3
    assert listed.body["status_summary"] == full["job_status_summary"]
    assert listed.body["status_summary"]["total"] == 3
    for entry in listed.data:
        assert list(entry) == JOB_KEYS
        single = await bench.api.get(f"job/{entry['id']}")
        assert single.status == 200
        assert list(single.data.items()) == list(entry.items())
        assert single.data["pipeline_id"] == run_id
    assert {job["node_id"] for job in listed.data} == {"text.1", "regex.1", "text_output.1"}


@pytest.mark.rule("PIPE-7")
async def test_a_time_that_was_not_measured_is_counted_in_whole_seconds_and_told_once(bench: Bench) -> None:
    await bench.api.get("workflows")
    times = {"started_at": "2023-11-14T22:13:20.900000Z", "completed_at": "2023-11-14T22:13:30.100000Z"}
    open_job = job(2, "m.1", status="running", started_at=times["started_at"], duration_us=5)
    run_id = await store_run(bench.host, job(1, status="completed", **times), open_job)
    full = (await bench.api.get(f"pipeline/{run_id}")).data
    assert [entry["execution_time_us"] for entry in full["jobs"]] == [10_000_000, None]
    assert full["node_statuses"]["n.1"]["execution_time_us"] == 10_000_000
    assert full["node_statuses"]["m.1"]["execution_time_us"] is None


@pytest.mark.rule("PIPE-7")
@pytest.mark.parametrize(("said", "told"), [(["a"], RUN_ID), (True, RUN_ID), (None, RUN_ID), (7, "7")])
def test_a_run_id_that_is_none_is_discarded_and_reported(
    caplog: pytest.LogCaptureFixture, said: Any, told: str
) -> None:
    (entry,) = run_document(view(job(1, run_id=said)), system_clock)["jobs"]
    assert entry["pipeline_id"] == told
    assert bool(caplog.records) is (told == RUN_ID)


@pytest.mark.rule("PIPE-6")
@pytest.mark.parametrize(
    "path", ["job/{}", "pipeline/{}/jobs", "executions/{}/trace", "executions/{}/checkpoints"]
)
async def test_an_unknown_id_is_missing_and_named(bench: Bench, path: str) -> None:
    code = "JOB_NOT_FOUND" if path.startswith("job") else "RUN_NOT_FOUND"
    assert UNKNOWN in assert_refused(await bench.api.get(path.format(UNKNOWN)), 404, code)["error"]


class NamedUsers(IdentityProvider):
    """Everybody is who they say they are."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(name) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        return True


class TestOwners:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"identity_provider_class": NamedUsers}

    @pytest.mark.rule("PIPE-1", "PIPE-5", "PIPE-6")
    async def test_the_run_of_somebody_else_is_refused_whole_and_no_reply_is_kept(
        self, api: Api, host: Host
    ) -> None:
        ada, bob = (Bench(Api(api.fetch, {"X-User": name}), host) for name in ("ada", "bob"))
        run_id = await launch(ada, ECHO)
        (one, *_) = (await ada.ended(run_id))["jobs"]
        for path in (
            f"pipeline/{run_id}",
            f"pipeline/{run_id}/status",
            f"pipeline/{run_id}/jobs",
            f"executions/{run_id}/trace",
            f"executions/{run_id}/checkpoints",
            f"job/{one['id']}",
        ):
            mine = await ada.api.get(path)
            assert (mine.status, mine.headers["Cache-Control"]) == (200, "no-store")
            theirs = await bob.api.get(path)
            assert_refused(theirs, 403, "JOB_FORBIDDEN" if path.startswith("job") else "RUN_FORBIDDEN")
            assert theirs.headers["Cache-Control"] == "no-store"
            assert "Under test" not in theirs.text
        assert_refused(await bob.api.get(f"job/{UNKNOWN}"), 404, "JOB_NOT_FOUND")
        assert_refused(await bob.api.post(f"executions/{run_id}/rerun"), 403, "RUN_FORBIDDEN")


@pytest.mark.rule("PIPE-8")
async def test_of_the_context_only_what_is_meant_for_readers_is_published(bench: Bench) -> None:
    run_id = await launch(bench, TOLD, inputs={"say": "hello"})
    context = (await bench.ended(run_id))["execution_data"]["context"]
    assert context.keys() == {"strategy", "inputs", "event", "rerun_of", "timeout_seconds", "max_steps"}
    assert context["inputs"] == {"say": "hello"}


# Again


@pytest.mark.rule("INT-11")
async def test_a_rerun_is_a_new_run_with_the_old_input_and_leaves_the_old_one_as_it_was(bench: Bench) -> None:
    first = await launch(bench, TOLD, inputs={"say": "hello"})
    before = await bench.ended(first)
    started = await bench.api.post(f"executions/{first}/rerun")
    assert started.status == 202, started.text
    second = await bench.ended(started.data["id"])
    assert second["id"] != first
    assert second["execution_data"]["context"]["rerun_of"] == first
    assert second["execution_data"]["context"]["inputs"] == {"say": "hello"}
    assert second["jobs"][0]["output_data"] == before["jobs"][0]["output_data"]
    assert {one["id"] for one in second["jobs"]}.isdisjoint(one["id"] for one in before["jobs"])
    assert {**(await bench.ended(first)), "timestamp": ""} == {**before, "timestamp": ""}


@pytest.mark.rule("INT-11")
async def test_a_rerun_of_a_turn_says_the_same_again_in_a_session_of_its_own(bench: Bench) -> None:
    session_id = await bench.api.open(ECHO)
    page = await bench.api.turn(session_id, "hello there")
    source = page["data"][0]["executionId"]
    run = await bench.ended((await bench.api.post(f"executions/{source}/rerun")).data["id"])
    assert run["session_id"] != session_id
    said = (await bench.api.messages(run["session_id"]))["data"]
    assert [(row["role"], row["content"]) for row in said] == [
        ("user", "hello there"),
        ("assistant", "hello there"),
    ]
    assert len((await bench.api.messages(session_id))["data"]) == 2


async def test_what_cannot_be_run_again_is_refused_and_starts_nothing(bench: Bench) -> None:
    assert_refused(await bench.api.post(f"executions/{UNKNOWN}/rerun"), 404, "RUN_NOT_FOUND")
    run_id = await launch(bench, TOLD, inputs={"say": "hello"})
    await bench.ended(run_id)
    await bench.api.delete("workflows/told")
    assert_refused(await bench.api.post(f"executions/{run_id}/rerun"), 404, "WORKFLOW_NOT_FOUND")
    assert len((await bench.api.get("executions")).data) == 1


# The trace


async def test_a_trace_tells_of_each_node_what_it_did_and_how_long(bench: Bench) -> None:
    run_id = await launch(bench, BROKEN)
    await bench.ended(run_id)
    trace = (await bench.api.get(f"executions/{run_id}/trace")).data
    assert (trace["id"], trace["status"]) == (run_id, "failed")
    assert trace["duration_us"] >= 0
    spans = {span["node_id"]: span for span in trace["spans"]}
    text, broken = spans["text.1"], spans["regex.1"]
    assert (text["attempt"], text["retries"], text["output"]["text"]) == (1, 0, "Hello.")
    assert text["started"] <= text["completed"]
    assert [event["status"] for event in text["events"]] == ["running", "completed"]
    assert (broken["status"], broken["output"]) == ("failed", None)
    assert broken["error"]["message"]


async def test_a_large_output_is_told_by_its_size(bench: Bench) -> None:
    await bench.api.get("workflows")
    large = "x" * (MAX_SHOWN_BYTES + 1)
    run_id = await store_run(bench.host, job(1, status="completed", output={"text": large}))
    reply = await bench.api.get(f"executions/{run_id}/trace")
    (span,) = reply.data["spans"]
    assert (span["truncated"], span["output"]["bytes"]) == (True, len(large) + len('{"text":""}'))
    assert len(reply.raw) < MAX_SHOWN_BYTES


async def test_a_trace_is_read_in_pages(bench: Bench) -> None:
    await bench.api.get("workflows")
    run_id = await store_run(bench.host, *(job(number) for number in range(1, 6)))
    reply = await bench.api.get(f"executions/{run_id}/trace", params={"limit": "2", "offset": "3"})
    assert [span["job_id"] for span in reply.data["spans"]] == [job(4).id, job(5).id]
    assert reply.body["pagination"] == {"total": 5, "limit": 2, "offset": 3, "has_more": False}


async def test_the_trace_of_a_run_at_work_has_no_end(bench: Bench) -> None:
    gate: Gate = bench.gate()
    run_id = await launch(bench, HELD)
    trace = (await bench.api.get(f"executions/{run_id}/trace")).data
    assert (trace["completed"], trace["duration_us"]) == (None, None)
    gate.opened.set()
    await bench.ended(run_id)


async def test_the_checkpoints_of_a_run_are_listed_oldest_first(bench: Bench) -> None:
    await bench.api.get("workflows")
    run_id = await store_run(bench.host)
    session_id = "00000000-0000-4000-8000-0000000000aa"
    async with bench.host.store.transaction(session_id) as tx:
        for number, parent in ((1, None), (2, "c1")):
            tx.put_checkpoint(
                CheckpointRecord(
                    id=f"c{number}",
                    run_id=run_id,
                    session_id=session_id,
                    name="n.1",
                    state={"data": number},
                    parent_id=parent,
                )
            )
    rows = (await bench.api.get(f"executions/{run_id}/checkpoints")).data
    assert [(row["id"], row["parent_id"], row["state"]) for row in rows] == [
        ("c1", None, {"data": 1}),
        ("c2", "c1", {"data": 2}),
    ]
