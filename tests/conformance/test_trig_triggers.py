"""Triggers: overlap, jitter, the record, what they watch, and what a death in between leaves (TRIG)."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from gates import Gate
from graphs import node
from jupyter_server.auth import IdentityProvider, User
from server_desk import Api, assert_refused
from trigger_desk import FIRED, HELD, TOLD, Bench, soon

from flowdrop_jupyter.clock import format_time, parse_time
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.sessions.trigger_records import Firing, TriggerState
from flowdrop_jupyter.sessions.unattended import jitter_bounds
from flowdrop_jupyter.store import MemoryRecord


@pytest.fixture
def flowdrop_config() -> dict[str, Any]:
    return {"trigger_interval_seconds": 3600.0}


@pytest.fixture
def bench(api: Api, host: Host) -> Bench:
    return Bench(api, host)


@pytest.fixture
def gate(bench: Bench) -> Gate:
    return bench.gate()


# Overlap


@pytest.mark.rule("TRIG-1")
@pytest.mark.parametrize("overlap", ["skip", "buffer", "cancel", "terminate"])
async def test_with_no_unfinished_run_every_policy_goes_on_with_what_fired(
    bench: Bench, overlap: str
) -> None:
    trigger = await bench.make(FIRED, overlap=overlap, name="By hand")
    for _ in range(2):
        entry = await bench.fire(trigger)
        output = await bench.fired(entry["execution_id"])
        assert output is not None
        assert (output["event"], output["trigger"], output["at"]) == ("manual", "By hand", entry["at"])


@pytest.mark.rule("TRIG-1")
@pytest.mark.parametrize("overlap", ["skip", "a policy of the future"])
async def test_skip_and_what_is_unknown_are_blocked_by_an_unfinished_run(
    bench: Bench, gate: Gate, overlap: str
) -> None:
    trigger = await bench.make(HELD)
    stored = await bench.host.unattended.shelf.get(trigger)
    assert stored is not None
    stored.overlap = overlap
    await bench.host.unattended.shelf.put(stored)
    # Anybody's run of the same workflow counts, not only the trigger's own.
    started = (await bench.api.post(f"workflows/{HELD['id']}/execute")).data["id"]
    assert (await bench.fire(trigger))["reason"] == "overlap"
    assert [run["id"] for run in await bench.runs(HELD)] == [started]
    gate.opened.set()
    await bench.ended(started)
    assert (await bench.fire(trigger))["outcome"] == "executed"


@pytest.mark.rule("TRIG-1")
async def test_of_two_triggers_that_are_due_together_the_second_sees_the_run_of_the_first(
    bench: Bench, gate: Gate
) -> None:
    triggers = [await bench.make(HELD) for _ in range(2)]
    await bench.tick(soon(minutes=2))
    assert len(await bench.runs(HELD)) == 1
    assert sum([(await bench.report(trigger))["run_count"] for trigger in triggers]) == 1
    gate.opened.set()


@pytest.mark.rule("TRIG-1")
async def test_a_run_of_another_workflow_does_not_block(bench: Bench, gate: Gate) -> None:
    trigger = await bench.make(FIRED)
    await bench.offer(HELD)
    assert (await bench.api.post(f"workflows/{HELD['id']}/execute")).status == 202
    assert (await bench.fire(trigger))["outcome"] == "executed"
    gate.opened.set()


@pytest.mark.rule("TRIG-1")
@pytest.mark.parametrize("overlap", ["cancel", "terminate"])
async def test_cancel_and_terminate_end_every_unfinished_run_and_go_on(
    bench: Bench, gate: Gate, overlap: str
) -> None:
    trigger = await bench.make(HELD, overlap=overlap)
    before = [(await bench.api.post(f"workflows/{HELD['id']}/execute")).data["id"] for _ in range(2)]
    entry = await bench.fire(trigger)
    assert entry["outcome"] == "executed"
    for run_id in before:
        run = await bench.ended(run_id)
        assert run["status"] == "cancelled"
        assert {job["status"] for job in run["jobs"]} <= {"cancelled"}
        said = [log["message"] for log in (await bench.api.get(f"pipeline/{run_id}/logs")).data]
        assert said.count("The run is cancelled.") == 1
    gate.opened.set()
    assert (await bench.ended(entry["execution_id"]))["status"] == "completed"


@pytest.mark.rule("TRIG-1")
async def test_buffer_holds_one_firing_and_drops_the_next(bench: Bench, gate: Gate) -> None:
    trigger = await bench.make(WAITING, overlap="buffer")
    blocking = (await bench.api.post(f"workflows/{WAITING['id']}/execute")).data["id"]
    first = await bench.fire(trigger)
    second = await bench.fire(trigger)
    assert (first["reason"], second["reason"]) == ("buffered", "buffer_full")
    assert (await bench.report(trigger))["buffered"] is True
    assert len(await bench.runs(WAITING)) == 1
    gate.opened.set()
    await bench.ended(blocking)
    third = await bench.fire(trigger)
    assert third["outcome"] == "executed"
    # What was held back replaces what fired just now, and is gone then.
    run = await bench.ended(third["execution_id"])
    (output,) = [job["output_data"]["output"] for job in run["jobs"] if job["node_id"] == "trigger.1"]
    assert output["at"] == first["at"]
    assert (await bench.report(trigger))["buffered"] is False


@pytest.mark.rule("TRIG-1")
@pytest.mark.parametrize("run_id", ["", "5d7fb6a0-0000-4000-8000-000000000000"])
async def test_a_buffered_firing_whose_run_is_not_known_any_more_is_released(
    bench: Bench, run_id: str
) -> None:
    trigger = await bench.make(FIRED, overlap="buffer")
    shelf = bench.host.unattended.shelf
    held = {"cursor": {}, "buffer": {"event": {"event": "manual", "at": "then"}, "run_id": run_id}}
    await bench.host.store.put_memory(
        MemoryRecord(scope="trigger_state", scope_id="all", key=trigger, value=held)
    )
    assert (await shelf.state(trigger)).buffer is not None
    output = await bench.fired((await bench.fire(trigger))["execution_id"])
    assert output is not None
    assert output["at"] == "then"


WAITING = {**HELD, "id": "waiting", "nodes": [node("gate.1", "gate"), node("trigger.1", "trigger")]}


# Jitter


@pytest.mark.rule("TRIG-2")
@pytest.mark.parametrize(
    ("jitter", "bounds"),
    [
        ({}, None),
        ({"max_seconds": 0, "min_seconds": 5}, None),
        ({"max_seconds": -1}, None),
        ({"max_seconds": "9"}, None),
        ({"max_seconds": 9}, (0, 9)),
        ({"max_seconds": 9, "min_seconds": -3}, (0, 9)),
        ({"max_seconds": 9, "min_seconds": 4}, (4, 9)),
        ({"max_seconds": 9, "min_seconds": 20}, (20, 20)),
    ],
)
def test_the_bounds_of_jitter_are_clamped(jitter: dict[str, Any], bounds: Any) -> None:
    assert jitter_bounds(jitter) == bounds


@pytest.mark.rule("TRIG-2")
async def test_a_due_firing_is_held_for_a_time_that_is_drawn_once(bench: Bench) -> None:
    drawn: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return 7.0

    bench.host.unattended.draw = draw
    held = await bench.make(FIRED, jitter={"min_seconds": 5, "max_seconds": 10})
    other = await bench.make({**FIRED, "id": "other"}, jitter={"max_seconds": 3})
    due = soon(minutes=2)
    await bench.tick(due)
    assert sorted(drawn) == [(0, 3), (5, 10)]
    assert parse_time((await bench.report(held))["held_until"]) == due + timedelta(seconds=7)
    await bench.tick(due + timedelta(seconds=6))
    assert len(drawn) == 2
    assert await bench.runs(FIRED) == []
    await bench.tick(due + timedelta(seconds=7))
    assert len(await bench.runs(FIRED)) == 1
    for trigger in (held, other):
        report = await bench.report(trigger)
        assert (report["held_until"], report["run_count"]) == (None, 1)
    assert len(drawn) == 2


@pytest.mark.rule("TRIG-2")
async def test_without_jitter_nothing_is_held_and_nothing_is_drawn(bench: Bench) -> None:
    def draw(_least: float, _most: float) -> float:
        raise AssertionError("Nothing may be drawn.")

    bench.host.unattended.draw = draw
    trigger = await bench.make(FIRED, jitter={"min_seconds": 5, "max_seconds": 0})
    await bench.tick(soon(minutes=2))
    assert (await bench.report(trigger))["run_count"] == 1


# The record


@pytest.mark.rule("TRIG-3")
async def test_an_execution_advances_the_record_and_a_skip_only_its_history(bench: Bench, gate: Gate) -> None:
    trigger = await bench.make(HELD)
    fresh = await bench.report(trigger)
    assert (fresh["last_run"], fresh["run_count"], fresh["history"]) == (None, 0, [])
    ran = await bench.fire(trigger)
    skipped = await bench.fire(trigger)
    report = await bench.report(trigger)
    assert (report["last_run"], report["run_count"]) == (ran["at"], 1)
    assert report["history"] == [skipped, ran]
    assert skipped["reason"] == "overlap"
    gate.opened.set()


@pytest.mark.rule("TRIG-3")
async def test_the_history_has_ten_entries_at_most_newest_first(bench: Bench, gate: Gate) -> None:
    trigger = await bench.make(HELD)
    entries = [await bench.fire(trigger) for _ in range(8)]
    gate.opened.set()
    await bench.ended(entries[0]["execution_id"])
    for _ in range(4):
        entries.append(await bench.fire(trigger))
        await bench.ended(entries[-1]["execution_id"])
    report = await bench.report(trigger)
    assert report["history"] == entries[:1:-1]
    assert report["run_count"] == 5


@pytest.mark.rule("TRIG-3")
@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        "x",
        {"record": 3},
        {"record": {"run_count": "many", "last_run": "then"}},
        {"record": {"history": 1}},
    ],
)
async def test_a_state_of_an_unexpected_shape_reads_as_nothing_yet(bench: Bench, value: Any) -> None:
    trigger = await bench.make(FIRED)
    await bench.fire(trigger)
    await bench.host.store.put_memory(
        MemoryRecord(scope="trigger_state", scope_id="all", key=trigger, value=value)
    )
    report = await bench.report(trigger)
    assert (report["last_run"], report["run_count"], report["history"]) == (None, 0, [])
    assert (await bench.fire(trigger))["outcome"] == "executed"
    assert (await bench.report(trigger))["run_count"] == 1


async def test_what_cannot_be_launched_is_skipped_with_its_code(bench: Bench) -> None:
    trigger = await bench.make(FIRED)
    await bench.api.delete(f"workflows/{FIRED['id']}")
    entry = await bench.fire(trigger)
    assert (entry["outcome"], entry["reason"]) == ("skipped", "WORKFLOW_NOT_FOUND")


# What a death in between leaves


async def test_a_firing_that_was_at_hand_is_launched_by_the_next_process(bench: Bench) -> None:
    trigger = await bench.make(FIRED)
    firing = Firing(id="5d7fb6a0-0000-4000-8000-0000000000aa", event={"event": "schedule", "at": "then"})
    await bench.host.unattended.shelf.put_state(trigger, TriggerState(cursor={}, firing=firing))
    await bench.tick(soon())
    assert [run["id"] for run in await bench.runs(FIRED)] == [firing.id]


async def test_a_firing_that_was_launched_already_is_not_launched_again(bench: Bench) -> None:
    trigger = await bench.make(FIRED)
    due = soon(minutes=2)
    await bench.tick(due)
    (run,) = await bench.runs(FIRED)
    # As the process that launched it would have left it, had it died before it could say so.
    firing = Firing(id=run["id"], event={"event": "schedule", "at": "then"})
    state = TriggerState(cursor={"after": format_time(due)}, firing=firing)
    await bench.host.unattended.shelf.put_state(trigger, state)
    await bench.tick(due)
    assert [each["id"] for each in await bench.runs(FIRED)] == [run["id"]]
    report = await bench.report(trigger)
    assert (report["run_count"], report["history"][0]["execution_id"]) == (1, run["id"])


async def test_what_was_missed_fires_once(bench: Bench) -> None:
    trigger = await bench.make(FIRED)
    await bench.tick(soon(days=3))
    await bench.tick(soon(days=3))
    assert (await bench.report(trigger))["run_count"] == 1


# What is watched


async def test_a_file_that_was_changed_fires_once_it_has_settled(bench: Bench, jp_root_dir: Path) -> None:
    (jp_root_dir / "data").mkdir()
    (jp_root_dir / "data" / "old.csv").write_text("a")
    trigger = await bench.make(
        FIRED, kind="file", settings={"path": "data/*.csv", "settle_seconds": 5}, name="Data"
    )
    await bench.tick(soon())
    (jp_root_dir / "data" / "new.csv").write_text("b")
    (jp_root_dir / "data" / "new.txt").write_text("b")
    (jp_root_dir / "data" / ".hidden.csv").write_text("b")
    seen = soon(minutes=1)
    await bench.tick(seen)
    (jp_root_dir / "data" / "new.csv").write_text("longer")
    await bench.tick(seen + timedelta(seconds=5))
    assert await bench.runs(FIRED) == []
    await bench.tick(seen + timedelta(seconds=10))
    (run,) = await bench.runs(FIRED)
    output = await bench.fired(run["id"])
    assert output is not None
    assert output["changes"] == [{"path": "data/new.csv", "change": "created"}]
    await bench.tick(seen + timedelta(seconds=60))
    assert (await bench.report(trigger))["run_count"] == 1


@pytest.mark.parametrize("pattern", ["**/*.csv", "data/**", "data/old.csv", "d?ta/[o]ld.*"])
async def test_a_file_that_is_removed_fires_too(bench: Bench, jp_root_dir: Path, pattern: str) -> None:
    (jp_root_dir / "data").mkdir()
    (jp_root_dir / "data" / "old.csv").write_text("a")
    await bench.make(FIRED, kind="file", settings={"path": pattern, "settle_seconds": 0})
    (jp_root_dir / "data" / "old.csv").unlink()
    await bench.tick(soon())
    (run,) = await bench.runs(FIRED)
    output = await bench.fired(run["id"])
    assert output is not None
    assert output["changes"] == [{"path": "data/old.csv", "change": "deleted"}]


async def test_a_link_that_leads_out_of_the_root_is_not_watched(
    bench: Bench, jp_root_dir: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a")
    os.symlink(outside, jp_root_dir / "link.csv")
    await bench.make(FIRED, kind="file", settings={"path": "*.csv", "settle_seconds": 0})
    outside.write_text("longer")
    await bench.tick(soon())
    assert await bench.runs(FIRED) == []


async def test_a_kernel_that_started_or_ended_fires(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[dict[str, Any]] = []

    class Kernels:
        async def running(self) -> list[dict[str, Any]]:
            return running

    monkeypatch.setattr(bench.host.unattended._watches, "_kernels", Kernels())
    both = await bench.make(FIRED, kind="kernel", settings={"kernel": "python3"})
    ended = await bench.make({**FIRED, "id": "other"}, kind="kernel", settings={"on": ["ended"]})
    running.append({"id": "k1", "name": "python3"})
    await bench.tick(soon())
    (run,) = await bench.runs(FIRED)
    output = await bench.fired(run["id"])
    assert output is not None
    assert (output["kernel"], output["change"], output["kernel_id"]) == ("python3", "started", "k1")
    running[:] = [{"id": "k2", "name": "other"}]
    await bench.tick(soon())
    assert [(await bench.report(trigger))["run_count"] for trigger in (both, ended)] == [2, 1]


# Inputs, and whose runs they are


@pytest.mark.rule("LANG-18")
@pytest.mark.parametrize(
    ("text", "said"),
    [("literal:event", "event"), ("'event'", "event"), ('"event"', "event"), ("event", "manual")],
)
async def test_a_mapping_reads_what_fired_or_is_a_literal(bench: Bench, text: str, said: str) -> None:
    trigger = await bench.make(TOLD, mapping={"say": text})
    run = await bench.ended((await bench.fire(trigger))["execution_id"])
    assert {job["node_id"]: job["output_data"] for job in run["jobs"]}["text.1"]["text"] == said


async def test_fixed_inputs_reach_the_run(bench: Bench) -> None:
    trigger = await bench.make(TOLD, inputs={"say": "literal:kept"})
    run = await bench.ended((await bench.fire(trigger))["execution_id"])
    assert {job["node_id"]: job["output_data"] for job in run["jobs"]}["text.1"]["text"] == "literal:kept"


async def test_a_run_without_a_trigger_has_no_event(bench: Bench) -> None:
    await bench.api.post("workflows", FIRED)
    started = (await bench.api.post(f"workflows/{FIRED['id']}/execute")).data["id"]
    assert await bench.fired(started) is None


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

    async def test_the_trigger_of_somebody_else_does_not_exist(self, api: Api, host: Host) -> None:
        ada, bob = (Bench(Api(api.fetch, {"X-User": name}), host) for name in ("ada", "bob"))
        trigger = await ada.make(FIRED)
        mine = await bob.make(FIRED)
        path = f"triggers/{trigger}"
        for reply in (
            await bob.api.get(path),
            await bob.api("PATCH", path, {"enabled": False}),
            await bob.api.delete(path),
            await bob.api.post(f"{path}/fire"),
            await bob.api.get(f"{path}/report"),
        ):
            assert_refused(reply, 404, "TRIGGER_NOT_FOUND")
        listed = await bob.api.get(f"workflows/{FIRED['id']}/triggers")
        assert [row["id"] for row in listed.data] == [mine]
        assert listed.body["pagination"]["total"] == 1

    async def test_a_run_belongs_to_the_owner_of_its_trigger(self, api: Api, host: Host) -> None:
        ada, bob = (Bench(Api(api.fetch, {"X-User": name}), host) for name in ("ada", "bob"))
        await ada.make(FIRED)
        await ada.tick(soon(minutes=2))
        (run,) = await ada.runs(FIRED)
        assert_refused(await bob.api.get(f"pipeline/{run['id']}"), 403, "RUN_FORBIDDEN")

    async def test_a_trigger_does_not_cancel_the_run_of_somebody_else(self, api: Api, host: Host) -> None:
        ada, bob = (Bench(Api(api.fetch, {"X-User": name}), host) for name in ("ada", "bob"))
        gate = ada.gate()
        trigger = await bob.make(HELD, overlap="cancel")
        started = (await ada.api.post(f"workflows/{HELD['id']}/execute")).data["id"]
        assert (await bob.fire(trigger))["reason"] == "overlap_forbidden"
        gate.opened.set()
        assert (await ada.ended(started))["status"] == "completed"
