"""Rows as earlier versions wrote them are read, and stay readable."""

import msgspec
import pytest
from store_rows import new_session, run, session, workflow

from flowdrop_jupyter.store import MemoryStore
from flowdrop_jupyter.store.records import RunRecord, WorkflowRecord
from flowdrop_jupyter.store.rows import freeze
from flowdrop_jupyter.store.state import SessionState

pytestmark = pytest.mark.anyio


def test_a_session_from_before_snapshots_checkpoints_and_trimming_is_read() -> None:
    row = msgspec.to_builtins(session(id="s"))
    del row["trimmed"]
    state = SessionState.load({"session": {1: msgspec.json.encode(row)}})
    assert state.session().trimmed == 0
    assert len(state.snapshots) == len(state.checkpoints) == 0


async def test_a_run_that_holds_its_workflow_is_its_own_snapshot() -> None:
    store = MemoryStore()
    await store.open()
    session_id = await new_session(store)
    old = run(session_id, id="r", snapshot_id="", workflow=workflow(nodes=[{"id": "a"}]))
    async with store.transaction(session_id) as transaction:
        transaction.put_run(old)
        assert (await transaction.workflow_snapshot("r")).nodes == [{"id": "a"}]
    kept = await store.run(session_id, "r")
    assert kept.snapshot_id == "r"
    async with store.transaction(session_id) as transaction:
        kept.status = "completed"
        transaction.put_run(kept)
    assert (await store.workflow_snapshot(session_id, "r")).nodes == [{"id": "a"}]


def test_a_run_of_today_holds_no_workflow() -> None:
    raw = freeze(run("s"))
    assert b'"workflow":' not in raw
    assert msgspec.json.decode(raw, type=RunRecord).snapshot_id == "s"


def test_an_interface_from_before_there_were_manifests_is_read_into_them() -> None:
    row = {
        "id": "w",
        "name": "W",
        "interface": {
            "inputs": [
                {"id": "q", "required": True, "bindings": [{"nodeId": "a", "portId": "p"}]},
                {"id": "draft", "bindings": []},
                "odd",
            ],
            "outputs": [{"id": "r", "bindings": [{"nodeId": "b", "portId": "o"}]}],
        },
    }
    read = msgspec.json.decode(msgspec.json.encode(row), type=WorkflowRecord)
    assert read.inputs == [{"name": "q", "node_id": "a", "port": "p", "required": True}]
    assert read.outputs == [{"name": "r", "node_id": "b", "port": "o"}]
    assert (read.contract_version, read.parameter_schema) == ("0.0.0", None)
    assert b'"interface"' not in freeze(read)
