"""Schedules: what an empty, broken or foreign one means, and how it is reported (CRON)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphs import ECHO
from server_desk import Api, assert_refused
from trigger_desk import EVERY_MINUTE, FIRED, Bench, soon

from flowdrop_jupyter.clock import parse_time
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.sessions.schedules import latest_due, next_run

MALFORMED = [
    "0",
    "* * * *",
    "61 * * * *",
    "@daily",
    " ",
    "a b c d e",
    0,
    None,
    [],
    "* * * * MON#1/2",
    "٣ * * * *",
]
NEVER = "0 0 30 2 *"
MORNING = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)


@pytest.fixture
def flowdrop_config() -> dict[str, Any]:
    return {"trigger_interval_seconds": 3600.0}


@pytest.fixture
def bench(api: Api, host: Host) -> Bench:
    return Bench(api, host)


@pytest.mark.rule("CRON-1", "CRON-2")
async def test_the_empty_expression_is_not_scheduled(bench: Bench) -> None:
    trigger = await bench.make(FIRED, settings={"expression": ""})
    report = await bench.report(trigger)
    assert (report["next_run"], report["code"]) == (None, "no_expression")
    await bench.tick(soon(days=400))
    assert await bench.runs(FIRED) == []


@pytest.mark.rule("CRON-1", "CRON-2")
@pytest.mark.parametrize("expression", [*MALFORMED, NEVER])
async def test_a_stored_expression_that_cannot_be_due_is_reported_and_never_fires(
    bench: Bench, expression: Any
) -> None:
    trigger = await bench.make(FIRED)
    await bench.break_settings(trigger, expression=expression)
    report = await bench.report(trigger)
    assert (report["next_run"], report["code"]) == (None, "invalid_expression")
    row = (await bench.api.get(f"triggers/{trigger}")).data
    assert (row["next_run"], row["code"]) == (None, "invalid_expression")
    assert (await bench.api.get(f"workflows/{FIRED['id']}/triggers")).status == 200
    await bench.tick(soon(days=400))
    assert await bench.runs(FIRED) == []


@pytest.mark.rule("CRON-2")
@pytest.mark.parametrize("timezone", ["Nowhere/At/All", "", "../UTC", 7, None, "Europe"])
async def test_an_unknown_time_zone_counts_as_utc_and_is_told(bench: Bench, timezone: Any) -> None:
    trigger = await bench.make(FIRED, settings={"expression": "0 9 * * *"})
    await bench.break_settings(trigger, timezone=timezone)
    report = await bench.report(trigger)
    assert report["code"] == "invalid_timezone"
    due = parse_time(report["next_run"])
    assert due is not None
    assert (due.hour, due.minute) == (9, 0)
    await bench.tick(due)
    assert len(await bench.runs(FIRED)) == 1


@pytest.mark.rule("CRON-2")
async def test_of_two_codes_the_one_of_the_expression_wins(bench: Bench) -> None:
    trigger = await bench.make(FIRED)
    await bench.break_settings(trigger, expression="nonsense", timezone="Nowhere")
    assert (await bench.report(trigger))["code"] == "invalid_expression"
    await bench.break_settings(trigger, expression="", timezone="Nowhere")
    assert (await bench.report(trigger))["code"] == "no_expression"


@pytest.mark.rule("CRON-2")
async def test_no_next_run_without_a_code_means_that_nothing_is_due(bench: Bench) -> None:
    off = await bench.make(FIRED, enabled=False)
    watching = await bench.make(FIRED, kind="file", settings={"path": "a.csv"})
    for trigger in (off, watching):
        report = await bench.report(trigger)
        assert (report["next_run"], report["code"]) == (None, None)


@pytest.mark.rule("CRON-1")
async def test_what_is_reported_as_next_is_when_it_fires(bench: Bench) -> None:
    trigger = await bench.make(FIRED, settings={"expression": "30 4 * * 1", "timezone": "Asia/Kolkata"})
    due = parse_time((await bench.report(trigger))["next_run"])
    assert due is not None
    assert (due.hour, due.minute) == (23, 0)
    await bench.tick(due - timedelta(microseconds=1))
    assert await bench.runs(FIRED) == []
    await bench.tick(due)
    assert len(await bench.runs(FIRED)) == 1
    await bench.tick(due + timedelta(seconds=1))
    assert len(await bench.runs(FIRED)) == 1


@pytest.mark.parametrize(
    ("body", "code", "locator"),
    [
        ({"settings": {"expression": "0"}}, "EXPRESSION_INVALID", "settings.expression"),
        ({"settings": {"expression": NEVER}}, "EXPRESSION_INVALID", "settings.expression"),
        ({"settings": {"expression": "* * * * *" * 60}}, "EXPRESSION_INVALID", "settings.expression"),
        ({"settings": {"timezone": "Nowhere"}}, "TIMEZONE_INVALID", "settings.timezone"),
        ({"settings": {"path": "a"}}, "KEY_UNKNOWN", "settings.path"),
        ({"settings": 3}, "SETTINGS_INVALID", "settings"),
        ({"kind": "tide"}, "KIND_INVALID", "kind"),
        ({"kind": ["schedule"]}, "KIND_INVALID", "kind"),
        ({"kind": "file"}, "KEY_MISSING", "settings.path"),
        ({"kind": "file", "settings": {"path": "../secret"}}, "PATH_INVALID", "settings.path"),
        ({"kind": "file", "settings": {"path": "/etc/passwd"}}, "PATH_INVALID", "settings.path"),
        ({"kind": "file", "settings": {"path": ".ssh/*"}}, "PATH_INVALID", "settings.path"),
        (
            {"kind": "file", "settings": {"path": "a", "settle_seconds": True}},
            "SETTLE_INVALID",
            "settings.settle_seconds",
        ),
        ({"kind": "kernel", "settings": {"on": ["born"]}}, "CHANGES_INVALID", "settings.on"),
        ({"overlap": "queue"}, "OVERLAP_INVALID", "overlap"),
        ({"jitter": {"max_seconds": "long"}}, "JITTER_INVALID", "jitter.max_seconds"),
        ({"enabled": 1}, "ENABLED_INVALID", "enabled"),
        ({"mapping": {"a": 1}}, "MAPPING_INVALID", "mapping"),
        ({"colour": "red"}, "KEY_UNKNOWN", "colour"),
    ],
)  # fmt: skip
async def test_a_trigger_that_says_something_wrong_is_refused_and_not_kept(
    bench: Bench, body: dict[str, Any], code: str, locator: str
) -> None:
    refusal = assert_refused(await bench.offer(FIRED, **body), 400, "TRIGGER_INVALID")
    assert (code, locator) in {(detail["code"], detail.get("locator")) for detail in refusal["details"]}
    assert (await bench.api.get(f"workflows/{FIRED['id']}/triggers")).data == []


async def test_inputs_have_to_be_declared(bench: Bench) -> None:
    for body in ({"inputs": {"nothing": 1}}, {"mapping": {"nothing": "path"}}):
        assert_refused(await bench.offer(ECHO, **body), 400, "INPUT_UNDECLARED")


async def test_a_trigger_is_changed_listed_and_removed(bench: Bench) -> None:
    trigger = await bench.make(FIRED, name="Nightly")
    path = f"triggers/{trigger}"
    changed = await bench.api("PATCH", path, {"settings": {"expression": "0 3 * * *"}, "overlap": "buffer"})
    assert changed.status == 200, changed.text
    assert changed.data["settings"] == {"expression": "0 3 * * *", "timezone": "UTC"}
    assert (changed.data["name"], changed.data["overlap"]) == ("Nightly", "buffer")
    assert_refused(await bench.api("PATCH", path, {"kind": "file"}), 400, "TRIGGER_INVALID")
    assert_refused(await bench.api("PATCH", path, {"settings": {"timezone": "x"}}), 400, "TRIGGER_INVALID")
    listed = await bench.api.get(f"workflows/{FIRED['id']}/triggers")
    assert listed.data == [changed.data]
    assert listed.body["pagination"]["total"] == 1
    assert (await bench.api.delete(path)).status == 200
    for verb, target in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/fire"),
        ("GET", f"{path}/report"),
    ):
        assert_refused(await bench.api(verb, target), 404, "TRIGGER_NOT_FOUND")
    assert_refused(await bench.api.get("workflows/nowhere/triggers"), 404, "WORKFLOW_NOT_FOUND")
    assert_refused(
        await bench.api.post("workflows/nowhere/triggers", {"kind": "schedule"}), 404, "WORKFLOW_NOT_FOUND"
    )


async def test_a_trigger_that_is_off_does_not_fire_and_does_not_catch_up(bench: Bench) -> None:
    trigger = await bench.make(FIRED, enabled=False)
    await bench.tick(soon(hours=1))
    assert await bench.runs(FIRED) == []
    assert (await bench.api("PATCH", f"triggers/{trigger}", {"enabled": True})).status == 200
    await bench.tick(soon())
    assert await bench.runs(FIRED) == []
    await bench.tick(soon(minutes=2))
    assert len(await bench.runs(FIRED)) == 1


def test_missed_times_count_once_and_the_latest_stands_for_them() -> None:
    settings = EVERY_MINUTE["expression"], EVERY_MINUTE["timezone"]
    year_ago = MORNING - timedelta(days=365)
    assert latest_due(*settings, year_ago, MORNING) == MORNING
    assert latest_due(*settings, MORNING, MORNING) is None
    assert latest_due("0 0 1 1 *", "UTC", year_ago, MORNING) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_time_that_the_clock_skips_or_repeats_comes_once() -> None:
    spring = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    skipped = next_run("30 2 * * *", "Europe/Berlin", spring).at
    assert skipped is not None
    following = next_run("30 2 * * *", "Europe/Berlin", skipped).at
    assert following is not None
    assert following.date() == (spring + timedelta(days=1)).date()
    autumn = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    first = next_run("30 2 * * *", "Europe/Berlin", autumn).at
    assert first is not None
    second = next_run("30 2 * * *", "Europe/Berlin", first).at
    assert second is not None
    assert second - first > timedelta(hours=20)
