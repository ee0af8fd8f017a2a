"""Runs by themselves: launched, followed, stopped and listed without a conversation (client contract §3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gates import Gate
from graphs import APPROVAL, ECHO, document, edge, node
from server_desk import DEADLINE, Api, Reply, assert_refused

from flowdrop_jupyter.sessions import Host

UNKNOWN = "5d7fb6a0-0000-4000-8000-000000000000"
HELD = document(
    [
        node("text.1", "text_input", defaultValue="Hello."),
        node("gate.1", "gate"),
        node("chat_output.1", "chat_output"),
    ],
    [edge("text.1", "text", "gate.1", "data"), edge("gate.1", "result", "chat_output.1", "message")],
    id="held",
)
GREETING = document(
    [node("text.1", "text_input", defaultValue="Hello."), node("chat_output.1", "chat_output")],
    [edge("text.1", "text", "chat_output.1", "message")],
    id="greeting",
)
JOB_KEYS = [
    "id",
    "label",
    "status",
    "priority",
    "node_id",
    "pipeline_id",
    "created_at",
    "started",
    "completed",
    "execution_time_us",
    "retry_count",
    "max_retries",
    "error_message",
    "input_data",
    "output_data",
    "metadata",
    "timestamp",
]


@pytest.fixture
def gate(host: Host) -> Gate:
    held = Gate()
    host.registry.add(held.function)
    return held


async def launch(api: Api, workflow: dict[str, Any], **body: Any) -> str:
    saved = await api.post("workflows", workflow)
    assert saved.status in (201, 409), saved.text
    started = await api.post(f"workflows/{workflow['id']}/execute", body or None)
    assert started.status == 202, started.text
    run_id: str = started.data["execution_id"]
    return run_id


async def ended(api: Api, run_id: str) -> Reply:
    """Poll a run until it has stopped, and return its document."""
    async with asyncio.timeout(DEADLINE):
        while True:
            reply = await api.get(f"pipeline/{run_id}")
            if reply.data["status"] not in ("pending", "running"):
                return reply
            await asyncio.sleep(0.005)


async def test_a_launched_run_ends_with_the_outputs_of_its_nodes(api: Api) -> None:
    run_id = await launch(api, GREETING)
    document_of_run = await ended(api, run_id)
    assert document_of_run.data["status"] == "completed"
    execution = (await api.get(f"executions/{run_id}")).data
    assert execution["results"]["text.1"]["text"] == "Hello."
    assert (execution["id"], execution["workflowId"]) == (run_id, "greeting")
    assert execution["startTime"] <= execution["endTime"]


async def test_the_reply_to_a_launch_has_the_keys_of_every_client(api: Api) -> None:
    await api.post("workflows", GREETING)
    reply = await api.post("workflows/greeting/execute", {"inputs": {}, "options": {"timeout": 5000}})
    assert reply.status == 202
    assert reply.data["execution_id"] == reply.data["id"] == reply.data["pipeline_id"]
    assert reply.data["status"] in ("pending", "running")
    assert reply.data["startTime"] == reply.data["started_at"]
    await ended(api, reply.data["id"])


async def test_the_answer_comes_before_the_nodes_have_run(api: Api, gate: Gate) -> None:
    run_id = await launch(api, HELD)
    assert (await api.get(f"pipeline/{run_id}/status")).data["status"] in ("pending", "running")
    gate.opened.set()
    assert (await ended(api, run_id)).data["status"] == "completed"


@pytest.mark.rule("PIPE-1")
async def test_the_full_and_the_light_document_read_the_same_storage(api: Api) -> None:
    run_id = await launch(api, GREETING)
    full = (await ended(api, run_id)).data
    light = (await api.get(f"pipeline/{run_id}/status")).data
    assert {
        "id",
        "name",
        "description",
        "createdAt",
        "lastExecuted",
        "executionCount",
        "timestamp",
    } <= full.keys()
    assert {"node_statuses", "jobs", "job_status_summary", "execution_data"} <= full.keys()
    assert {"id", "status", "createdAt", "lastExecuted", "pendingInterrupt", "pausedReason"} <= light.keys()
    assert "jobs" not in light
    for key in ("id", "status", "createdAt", "lastExecuted"):
        assert full[key] == light[key]
    assert full["name"] == "Under test"


@pytest.mark.rule("PIPE-7")
async def test_a_job_has_exactly_its_keys_in_order(api: Api) -> None:
    full = (await ended(api, await launch(api, GREETING))).data
    assert [list(job) for job in full["jobs"]] == [JOB_KEYS, JOB_KEYS]
    timings = {job["node_id"]: job["execution_time_us"] for job in full["jobs"]}
    assert timings == {key: entry["execution_time_us"] for key, entry in full["node_statuses"].items()}


@pytest.mark.rule("PIPE-2")
async def test_the_summary_names_every_status_in_order(api: Api) -> None:
    full = (await ended(api, await launch(api, GREETING))).data
    assert list(full["job_status_summary"].items()) == [
        ("total", 2),
        ("idle", 0),
        ("pending", 0),
        ("running", 0),
        ("completed", 2),
        ("failed", 0),
        ("cancelled", 0),
        ("skipped", 0),
        ("interrupted", 0),
    ]


@pytest.mark.rule("PIPE-9")
async def test_no_time_is_invented_while_a_run_is_at_work(api: Api, gate: Gate) -> None:
    run_id = await launch(api, HELD)
    assert (await api.get(f"pipeline/{run_id}/status")).data["lastExecuted"] is None
    assert (await api.get(f"pipeline/{run_id}")).data["lastExecuted"] is None
    gate.opened.set()
    full = (await ended(api, run_id)).data
    assert full["lastExecuted"] == (await api.get(f"pipeline/{run_id}/status")).data["lastExecuted"]
    assert full["lastExecuted"] > full["createdAt"]


async def test_what_the_canvas_reads_is_beside_the_data_and_knows_its_statuses_only(api: Api) -> None:
    run_id = await launch(api, APPROVAL)
    asked = await ended(api, run_id)
    assert asked.data["status"] == "paused"
    assert asked.body["status"] == "running"
    assert asked.data["node_statuses"]["confirmation.1"]["status"] == "interrupted"
    assert asked.body["node_statuses"]["confirmation.1"]["status"] == "pending"
    assert [job["node_id"] for job in asked.body["jobs"]].count("confirmation.1") == 1


async def test_a_launched_run_is_answered_through_its_prompts(api: Api) -> None:
    run_id = await launch(api, APPROVAL)
    await ended(api, run_id)
    (prompt,) = (await api.get(f"pipelines/{run_id}/interrupts")).data
    light = (await api.get(f"pipeline/{run_id}/status")).data
    assert light["pendingInterrupt"] == prompt["id"]
    assert light["progress"] < 100
    answered = await api.post(f"interrupts/{prompt['id']}", {"value": True})
    assert answered.status == 200
    assert (await ended(api, run_id)).data["status"] == "completed"
    assert (await api.get(f"pipelines/{run_id}/interrupts", params={"status": "pending"})).data == []


async def test_a_stopped_run_is_cancelled_and_cannot_be_stopped_twice(api: Api, gate: Gate) -> None:
    run_id = await launch(api, HELD)
    stopped = await api.post(f"executions/{run_id}/cancel")
    assert stopped.status == 200
    assert stopped.body["message"]
    assert (await ended(api, run_id)).data["status"] == "cancelled"
    assert_refused(await api.post(f"pipeline/{run_id}/stop"), 409, "NO_ACTIVE_RUN")


async def test_the_log_tells_each_step_in_order(api: Api) -> None:
    run_id = await launch(api, GREETING)
    await ended(api, run_id)
    entries = (await api.get(f"pipeline/{run_id}/logs")).data
    assert [entry["context"]["seq"] for entry in entries] == sorted(e["context"]["seq"] for e in entries)
    assert entries[0]["message"] == "The run is running."
    assert entries[-1]["message"] == "The run is completed."
    of_node = (await api.get(f"executions/{run_id}/logs", params={"node_id": "text.1"})).data
    assert {entry["node_id"] for entry in of_node} == {"text.1"}
    lines = (await api.get(f"executions/{run_id}/logs", params={"format": "text"})).data
    assert all(isinstance(line, str) for line in lines)
    assert_refused(
        await api.get(f"pipeline/{run_id}/logs", params={"level": "loud"}), 400, "PARAMETER_INVALID"
    )


async def test_a_failure_is_an_error_in_the_log_and_in_the_document(api: Api) -> None:
    strict = node("x.1", "prompt_template", template="Hello {{ name }}", strictMode=True)
    failing = document([strict], [], id="failing")
    run_id = await launch(api, failing)
    full = (await ended(api, run_id)).data
    assert full["status"] == "failed"
    assert full["node_statuses"]["x.1"]["error"]
    errors = (await api.get(f"pipeline/{run_id}/logs", params={"level": "error"})).data
    assert [entry.get("node_id") for entry in errors] == ["x.1", None]


async def test_runs_are_listed_by_workflow_and_status(api: Api, gate: Gate) -> None:
    finished = await launch(api, GREETING)
    await ended(api, finished)
    held = await launch(api, HELD)
    rows = (await api.get("executions")).body
    assert {row["id"] for row in rows["data"]} == {finished, held}
    assert rows["pagination"] == {"total": 2, "limit": 50, "offset": 0, "has_more": False}
    done = (await api.get("workflow/greeting/pipelines", params={"status": "completed"})).data
    assert [row["id"] for row in done] == [finished]
    assert (await api.get("workflow/greeting/pipelines", params={"status": "failed"})).data == []
    assert_refused(await api.get("workflow/nothing/pipelines"), 404, "WORKFLOW_NOT_FOUND")
    gate.opened.set()
    await ended(api, held)


async def test_a_turn_is_a_run_like_any_other(api: Api) -> None:
    session_id = await api.open(ECHO)
    sent = await api.say(session_id, "hello")
    await api.until(session_id, "completed")
    full = (await api.get(f"pipeline/{sent['executionId']}")).data
    assert (full["status"], full["session_id"]) == ("completed", session_id)


async def test_a_run_that_takes_too_long_fails_and_says_so(api: Api, gate: Gate) -> None:
    run_id = await launch(api, HELD, options={"timeout": 50})
    full = (await ended(api, run_id)).data
    assert (full["status"], full["error"]["code"]) == ("failed", "RUN_TIMEOUT")


async def test_a_run_that_takes_too_many_steps_fails_before_the_next_one(api: Api) -> None:
    run_id = await launch(api, GREETING, options={"maxSteps": 1})
    full = (await ended(api, run_id)).data
    assert (full["status"], full["error"]["code"]) == ("failed", "RUN_STEPS_EXCEEDED")
    assert full["node_statuses"]["text.1"]["status"] == "completed"
    assert full["node_statuses"]["chat_output.1"]["executions"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"options": []}, "OPTION_INVALID"),
        ({"options": {"timeout": "soon"}}, "OPTION_INVALID"),
        ({"options": {"timeout": 0}}, "OPTION_INVALID"),
        ({"options": {"timeout": 1e12}}, "OPTION_INVALID"),
        ({"options": {"timeout": 10**400}}, "OPTION_INVALID"),
        ({"options": {"timeout": -(10**400)}}, "OPTION_INVALID"),
        ({"options": {"maxSteps": 1.5}}, "OPTION_INVALID"),
        ({"options": {"maxSteps": True}}, "OPTION_INVALID"),
        ({"inputs": {"undeclared": 1}}, "INPUT_UNDECLARED"),
        ({"inputs": [1]}, "INPUTS_INVALID"),
    ],
)
async def test_a_bad_launch_starts_nothing(api: Api, body: dict[str, Any], code: str) -> None:
    await api.post("workflows", GREETING)
    assert_refused(await api.post("workflows/greeting/execute", body), 400, code)
    assert (await api.get("executions")).data == []
    assert (await api.get("workflows/greeting/playground/sessions")).data == []


@pytest.mark.parametrize(
    "path",
    [
        "pipeline/{}",
        "pipeline/{}/status",
        "pipeline/{}/logs",
        "executions/{}",
        "executions/{}/logs",
        "pipelines/{}/interrupts",
    ],
)
@pytest.mark.rule("PIPE-6")
async def test_an_unknown_run_is_missing(api: Api, path: str) -> None:
    assert UNKNOWN in assert_refused(await api.get(path.format(UNKNOWN)), 404, "RUN_NOT_FOUND")["error"]


async def test_an_ended_run_is_not_started_again(api: Api) -> None:
    run_id = await launch(api, GREETING)
    await ended(api, run_id)
    assert_refused(await api.post(f"pipeline/{run_id}/execute"), 409, "RUN_ENDED")
    assert_refused(await api.post("workflows/nothing/execute"), 404, "WORKFLOW_NOT_FOUND")
