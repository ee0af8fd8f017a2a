"""Times have one spelling, and compare as texts as they do as times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from flowdrop_jupyter.clock import format_time, strictly_after

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-01-01T12:00:00.000000Z"),
        (NOON + TICK, "2026-01-01T12:00:00.000001Z"),
        (NOON + timedelta(microseconds=120_000), "2026-01-01T12:00:00.120000Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))) + TICK, "2026-01-01T12:00:00.000001Z"),
    ],
)
def test_a_time_is_spelled_in_utc_with_six_decimals(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


@pytest.mark.parametrize(
    "previous",
    [
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:00Z",
        "2026-01-01 12:00:00.000000Z",
        "2026-01-01T12:00:00,000000Z",
        "20260101T120000.0000000000Z",
        "2026-01-01T13:00:00.000000+01:00",
    ],
)
def test_a_later_time_stays_and_an_earlier_one_moves_behind_however_the_previous_is_spelled(
    previous: str,
) -> None:
    assert strictly_after(NOON + TICK, previous) == format_time(NOON + TICK)
    assert strictly_after(NOON, previous) == format_time(NOON + TICK)
    assert strictly_after(NOON - timedelta(hours=1), previous) == format_time(NOON + TICK)


@pytest.mark.parametrize("previous", [None, "", "yesterday"])
def test_without_a_previous_time_a_time_stays(previous: str | None) -> None:
    assert strictly_after(NOON, previous) == format_time(NOON)
