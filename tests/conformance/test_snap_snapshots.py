"""Snapshots over the API: two letter cases, ownership, one per run (SNAP, INT-6, INT-7, INT-9)."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from graphs import document, edge, node, workflow
from jupyter_server.auth import IdentityProvider, User
from server_desk import Api, assert_refused
from trigger_desk import Bench

from flowdrop_jupyter.clock import format_time
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import MemoryRecord
from flowdrop_jupyter.workflow.structure import structural_version

CAMEL = {
    "workflowId": "somewhere",
    "executionId": "client-run-1",
    "status": "paused",
    "nodeStates": {
        "a.1": {"status": "completed", "output": {"snake_key": 1}, "executionOrder": 1, "jobId": "j1"},
        "b.1": {"status": "idle"},
    },
    "initialInput": {"say_it": {"some_key": 1}},
    "iterationCount": 3,
    "threadId": "thread-1",
}
SNAKE = {
    "workflow_id": "somewhere",
    "execution_id": "client-run-1",
    "status": "paused",
    "node_states": {
        "a.1": {"status": "completed", "output": {"snake_key": 1}, "execution_order": 1, "job_id": "j1"},
        "b.1": {"status": "idle"},
    },
    "initial_input": {"say_it": {"some_key": 1}},
    "iteration_count": 3,
    "thread_id": "thread-1",
}
GREETING = document(
    [node("text.1", "text_input", defaultValue="Hello."), node("text_output.1", "text_output")],
    [edge("text.1", "text", "text_output.1", "text")],
    id="greeting",
)


class NamedUsers(IdentityProvider):
    """Everybody is who they say they are."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get("X-User")
        return User(name) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        return True


async def run_of(api: Api, host: Host) -> str:
    """Run the greeting to its end and return the run's id."""
    await api.post("workflows", GREETING)
    run_id: str = (await api.post("workflows/greeting/execute")).data["id"]
    await Bench(api, host).ended(run_id)
    return run_id


@pytest.mark.rule("SNAP-1")
@pytest.mark.parametrize("body", [CAMEL, SNAKE])
async def test_both_spellings_are_saved_and_one_is_read(api: Api, body: dict[str, Any]) -> None:
    saved = await api.post("snapshots", body)
    assert saved.status == 201, saved.text
    assert list(saved.data) == ["entity_id", "execution_id"]
    read = await api.get("snapshots/client-run-1")
    assert read.status == 200
    snapshot = read.data["snapshot"]
    for key in ("workflowId", "executionId", "status", "initialInput", "iterationCount", "threadId"):
        assert snapshot[key] == CAMEL[key]
    assert {"createdAt", "updatedAt"} <= snapshot.keys()
    assert not any("_" in key for key in snapshot)
    state = snapshot["nodeStates"]["a.1"]
    assert (state["executionOrder"], state["jobId"]) == (1, "j1")
    # What nodes said is theirs, whatever its keys look like.
    assert state["output"] == {"snake_key": 1}
    deleted = await api.delete("snapshots/client-run-1")
    assert deleted.status == 200
    assert list(deleted.data) == ["message", "execution_id"]
    assert_refused(await api.get("snapshots/client-run-1"), 404, "SNAPSHOT_NOT_FOUND")


@pytest.mark.rule("SNAP-1")
async def test_a_row_of_the_list_has_its_keys_in_order_and_counts_node_states(api: Api) -> None:
    saved = (await api.post("snapshots", SNAKE)).data
    listed = await api.get("snapshots")
    (row,) = listed.data
    assert list(row) == [
        "entity_id",
        "execution_id",
        "workflow_id",
        "status",
        "thread_id",
        "created",
        "changed",
        "node_count",
    ]
    assert (row["entity_id"], row["node_count"], row["thread_id"]) == (saved["entity_id"], 2, "thread-1")
    assert listed.body["pagination"]["total"] == 1
    assert (await api.get("snapshots", params={"status": "failed"})).data == []
    assert (await api.get("snapshots", params={"workflow_id": "somewhere"})).data == [row]


@pytest.mark.rule("INT-9")
async def test_a_run_has_one_snapshot_which_is_replaced(api: Api) -> None:
    first = await api.post("snapshots", CAMEL)
    again = await api.post("snapshots", {**CAMEL, "status": "failed", "nodeStates": {}})
    assert (first.status, again.status) == (201, 200)
    assert again.data == first.data
    (row,) = (await api.get("snapshots")).data
    assert (row["status"], row["node_count"]) == ("failed", 0)
    assert row["changed"] >= row["created"]


@pytest.mark.rule("INT-9")
async def test_cleaning_up_asks_for_time_and_status_only(api: Api, host: Host) -> None:
    for number, status in enumerate(("paused", "failed", "completed")):
        await api.post("snapshots", {**CAMEL, "executionId": f"run-{number}", "status": status})
    later = format_time(host._clock())
    assert await host.snapshots.clean("2000") == 0
    assert await host.snapshots.clean(later, statuses=["failed"]) == 1
    assert [row["status"] for row in (await api.get("snapshots")).data] == ["completed", "paused"]
    assert await host.snapshots.clean(later) == 2
    assert await host.snapshots.clean(later) == 0


@pytest.mark.rule("INT-6")
async def test_the_snapshot_of_a_stored_run_is_taken_from_its_jobs(api: Api, host: Host) -> None:
    run_id = await run_of(api, host)
    assert (await api.post("snapshots", {"execution_id": run_id})).status == 201
    snapshot = (await api.get(f"snapshots/{run_id}")).data["snapshot"]
    assert (snapshot["workflowId"], snapshot["status"]) == ("greeting", "completed")
    assert snapshot["metadata"]["pipeline_id"] == run_id
    assert "engine" in snapshot["metadata"]
    jobs = {job["node_id"]: job for job in (await api.get(f"pipeline/{run_id}")).data["jobs"]}
    assert snapshot["nodeStates"].keys() == jobs.keys()
    for node_id, state in snapshot["nodeStates"].items():
        assert (state["status"], state["injected"], state["error"]) == ("completed", False, None)
        assert state["output"] == jobs[node_id]["output_data"]
        assert state["jobId"] == jobs[node_id]["id"]
    assert [state["executionOrder"] for state in snapshot["nodeStates"].values()] == [1, 2]


@pytest.mark.rule("INT-7")
def test_the_version_is_that_of_the_structure_alone() -> None:
    parts = GREETING["nodes"], GREETING["edges"]
    version = structural_version(workflow(*parts))
    assert len(version) == 16
    assert int(version, 16) >= 0
    moved = copy.deepcopy(parts)
    moved[0][0]["position"] = {"x": 900, "y": 1}
    moved[0][0]["data"]["label"] = "Another"
    moved[0][0]["data"]["config"]["instanceTitle"] = "A title"
    moved[0].reverse()
    assert structural_version(workflow(*moved, name="Renamed", description="x")) == version
    changed = copy.deepcopy(parts)
    changed[0][0]["data"]["config"]["defaultValue"] = "Bye."
    assert structural_version(workflow(*changed)) != version
    assert structural_version(workflow(parts[0], [])) != version


@pytest.mark.parametrize(
    ("change", "locator"),
    [
        ({"executionId": None}, "executionId"),
        ({"executionId": "a/b"}, "executionId"),
        ({"executionId": 3}, "executionId"),
        ({"status": "odd"}, "status"),
        ({"status": []}, "status"),
        ({"nodeStates": []}, "nodeStates"),
        ({"nodeStates": {"a": 1}}, "nodeStates.a"),
        ({"nodeStates": {"a": {"status": "odd"}}}, "nodeStates.a"),
        ({"nodeStates": {"a": {}}}, "nodeStates.a"),
        ({"iterationCount": -1}, "iterationCount"),
        ({"iterationCount": True}, "iterationCount"),
        ({"initialInput": "x"}, "initialInput"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_body_that_is_no_snapshot_is_refused_and_not_kept(
    api: Api, change: dict[str, Any], locator: str
) -> None:
    body = assert_refused(await api.post("snapshots", {**CAMEL, **change}), 400, "SNAPSHOT_INVALID")
    assert locator in {detail["locator"] for detail in body["details"]}
    assert (await api.get("snapshots")).data == []


async def test_a_run_that_is_not_there_has_no_state_to_take(api: Api) -> None:
    assert_refused(await api.post("snapshots", {"executionId": "nowhere"}), 404, "RUN_NOT_FOUND")


@pytest.mark.rule("SNAP-2")
@pytest.mark.parametrize("payload", [None, 7, {}, {"executionId": "client-run-1"}, {"nodeStates": []}])
async def test_an_unreadable_payload_is_missing_and_never_shown_in_part(
    api: Api, host: Host, payload: Any
) -> None:
    await api.post("snapshots", CAMEL)
    stored = await host.store.memory("snapshot", "all", "client-run-1")
    assert stored is not None
    value = {**stored.value, "payload": payload}
    await host.store.put_memory(
        MemoryRecord(scope="snapshot", scope_id="all", key="client-run-1", value=value)
    )
    assert_refused(await api.get("snapshots/client-run-1"), 404, "SNAPSHOT_NOT_FOUND")
    assert (await api.get("snapshots")).data == []
    assert (await api.delete("snapshots/client-run-1")).status == 200


class TestOwners:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"identity_provider_class": NamedUsers}

    @pytest.mark.rule("SNAP-2")
    async def test_missing_is_404_and_not_permitted_403(self, api: Api) -> None:
        ada, bob = (Api(api.fetch, {"X-User": name}) for name in ("ada", "bob"))
        await ada.post("snapshots", CAMEL)
        for verb in ("GET", "DELETE"):
            assert_refused(await bob(verb, "snapshots/client-run-1"), 403, "SNAPSHOT_FORBIDDEN")
            assert_refused(await bob(verb, "snapshots/unknown"), 404, "SNAPSHOT_NOT_FOUND")
        assert_refused(await bob.post("snapshots", CAMEL), 403, "SNAPSHOT_FORBIDDEN")
        assert (await ada.get("snapshots/client-run-1")).status == 200

    @pytest.mark.rule("SNAP-2")
    async def test_the_list_has_own_snapshots_only(self, api: Api) -> None:
        ada, bob = (Api(api.fetch, {"X-User": name}) for name in ("ada", "bob"))
        await ada.post("snapshots", CAMEL)
        await bob.post("snapshots", {**CAMEL, "executionId": "client-run-2"})
        listed = await bob.get("snapshots")
        assert [row["execution_id"] for row in listed.data] == ["client-run-2"]
        assert listed.body["pagination"]["total"] == 1

    async def test_nobody_takes_the_snapshot_of_a_run_that_they_may_not_see(
        self, api: Api, host: Host
    ) -> None:
        ada, bob = (Api(api.fetch, {"X-User": name}) for name in ("ada", "bob"))
        run_id = await run_of(ada, host)
        for body in ({"executionId": run_id}, {**CAMEL, "executionId": run_id}):
            assert_refused(await bob.post("snapshots", body), 403, "RUN_FORBIDDEN")
