"""Finding workflows, and the spelling of statuses (STORE-11, STORE-12, STORE-15)."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from contents import everything
from graphs import APPROVAL, ECHO
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store.records import JobStatus, MessageStatus, RunStatus, SessionStatus

NAMES = ("100% sure", "Unsure", "a_b", "axb", "0", "ÄRGER", r"back\slash")


@pytest.mark.rule("STORE-15")
@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("SURE", {"100% sure", "Unsure"}),
        ("%", {"100% sure"}),
        ("_", {"a_b"}),
        ("0", {"100% sure", "0"}),
        ("ärg", {"ÄRGER"}),
        ("\\", {r"back\slash"}),
        (".*", set()),
        ("nothing like it", set()),
        ("", set(NAMES)),
    ],
)
async def test_a_search_is_plain_text_in_any_case_at_any_place(
    api: Api, search: str, names: set[str]
) -> None:
    for name in NAMES:
        await api.post("workflows", {"name": name})
    reply = await api.get("workflows", params={"search": search, "limit": "100"})
    assert reply.status == 200
    assert {row["name"] for row in reply.data} == names
    assert reply.body["pagination"] == {"total": len(names), "limit": 100, "offset": 0, "has_more": False}


@pytest.mark.rule("STORE-15")
async def test_the_total_is_that_of_the_search(api: Api) -> None:
    for name in NAMES:
        await api.post("workflows", {"name": name})
    reply = await api.get("workflows", params={"search": "sure", "limit": "1"})
    assert len(reply.data) == 1
    assert reply.body["pagination"] == {"total": 2, "limit": 1, "offset": 0, "has_more": True}


@pytest.mark.rule("STORE-15")
@pytest.mark.parametrize(
    "query",
    [
        [("search", "a"), ("search", "b")],
        [("search[]", "a")],
        [("search[x]", "a")],
        [("limit", "1"), ("limit", "1")],
    ],
    ids=str,
)
async def test_a_parameter_that_is_not_one_scalar_is_400(api: Api, query: Any) -> None:
    assert_refused(await api.get("workflows", params=query), 400, "PARAMETER_REPEATED")


# Statuses


@pytest.mark.rule("STORE-11")
@pytest.mark.parametrize("workflow", [ECHO, APPROVAL], ids=["completes", "waits"])
async def test_a_status_is_spelled_alike_in_storage_payloads_and_events(
    api: Api, host: Host, workflow: dict[str, Any]
) -> None:
    session_id = await api.open(workflow)
    page = await api.turn(session_id, "hi")
    held = (await everything(host.store))["sessions"][session_id]
    session = (await api.get(f"playground/sessions/{session_id}")).data
    assert session["status"] == page["sessionStatus"] == held["session"]["status"]
    assert session["status"] in get_args(SessionStatus)
    assert [row["status"] for row in page["data"]] == [row["status"] for row in held["messages"]]
    assert {row["status"] for row in held["messages"]} <= set(get_args(MessageStatus))
    assert {row["status"] for row in held["runs"]} <= set(get_args(RunStatus))
    assert {job["status"] for jobs in held["jobs"] for job in jobs} <= set(get_args(JobStatus))
    announced = [event["data"] for event in held["events"] if event["type"] == "session"]
    assert announced
    assert {event["status"] for event in announced if "status" in event} <= set(get_args(SessionStatus))
    assert announced[-1]["status"] == session["status"]
    run_events = [event["data"]["status"] for event in held["events"] if event["type"] == "run"]
    assert run_events[-1] == held["runs"][-1]["status"]
    assert set(run_events) <= set(get_args(RunStatus))
    run = (await api.get(f"pipeline/{session['executions'][-1]}")).body
    assert any(event["type"] == "node" for event in held["events"])
    for job in (job for jobs in held["jobs"] for job in jobs):
        told = [
            event["data"]["status"]
            for event in held["events"]
            if event["type"] == "node" and event["data"]["nodeId"] == job["node_id"]
        ]
        assert told[-1:] in ([], [job["status"]])
        assert [row["status"] for row in run["data"]["jobs"] if row["id"] == job["id"]] == [job["status"]]


@pytest.mark.rule("STORE-12")
async def test_idle_is_before_the_first_turn_and_never_after_one(api: Api, host: Host) -> None:
    session_id = await api.open(ECHO)
    assert (await api.get(f"playground/sessions/{session_id}")).data["status"] == "idle"
    for text in ("one", "two"):
        page = await api.turn(session_id, text)
        assert page["sessionStatus"] == "completed"
    events = await host.store.events(session_id)
    later = [event.data.get("status") for event in events if event.type == "session"]
    assert later.count("idle") == 0
