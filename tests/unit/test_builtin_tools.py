"""The nodes for chance, dates, the log and messages on the way."""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from node_runs import REGISTRY, outputs_of, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin.dates import formatted


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


def branch(inputs: dict[str, Any] | None = None, **config: Any) -> Any:
    produced = run_node("a_or_b", inputs or {}, config)
    assert produced.active_branches == [produced.output["branch"]]
    return produced.output["branch"]


# --- chance


@pytest.mark.parametrize(("share", "taken"), [(0, {"B"}), (1, {"A"}), (0.5, {"A", "B"})])
def test_chance_decides_by_the_share(share: float, taken: set[str]) -> None:
    assert {branch(share=share) for _ in range(64)} == taken


def test_a_key_always_takes_the_same_branch() -> None:
    first = [branch({"key": f"user-{number}"}) for number in range(20)]

    assert [branch({"key": f"user-{number}"}) for number in range(20)] == first
    assert set(first) == {"A", "B"}


def test_keys_are_spread_by_the_share() -> None:
    counts = Counter(branch({"key": number}, share=0.25, seed="x") for number in range(400))

    assert 60 < counts["A"] < 140


def test_another_seed_spreads_them_differently() -> None:
    one, two = ([branch({"key": n}, seed=seed) for n in range(40)] for seed in ("one", "two"))

    assert one != two


def test_data_passes_a_random_split() -> None:
    assert outputs_of("a_or_b", {"data": {"x": 1}}, {"seed": "s"})["data"] == {"x": 1}


@pytest.mark.parametrize("share", [-0.1, 1.5, "half", True])
def test_a_share_is_between_nothing_and_all(share: Any) -> None:
    assert refusal("a_or_b", {}, {"share": share}).code == "PARAMETER_INVALID"


# --- dates

MOMENT = "2024-02-29T13:05:09Z"


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ({}, "2024-02-29 13:05:09"),
        ({"format": "d/m/y"}, "29/02/24"),
        ({"operation": "iso"}, "2024-02-29T13:05:09+00:00"),
        ({"operation": "unix"}, "1709211909"),
        ({"operation": "timestamp"}, "1709211909"),
        ({"operation": "custom", "customFormat": "H\\h"}, "13h"),
        ({"timezone": "America/New_York", "format": "H:i T"}, "08:05 EST"),
    ],
)
def test_forms_of_a_moment(config: dict[str, Any], shown: str) -> None:
    made = outputs_of("date_time", {"datetime": MOMENT}, config)

    assert made["datetime"] == shown
    assert made["timestamp"] == 1709211909


@pytest.mark.parametrize(
    ("given", "timestamp"),
    [
        (0, 0),
        ("-1.5", -2),
        (1709211909.9, 1709211909),
        ("1709211909", 1709211909),
        ("2024-02-29", 1709164800),
        ("20240229", 1709164800),
        ("2024-02-29T14:05:09+01:00", 1709211909),
        (" 2024-02-29 13:05:09 ", 1709211909),
    ],
)
def test_moments_may_be_given_in_many_ways(given: Any, timestamp: int) -> None:
    assert outputs_of("date_time", {"datetime": given})["timestamp"] == timestamp


def test_a_time_without_offset_is_one_of_the_zone() -> None:
    made = outputs_of("date_time", {"datetime": "2024-07-01T12:00"}, {"timezone": "Europe/Berlin"})

    assert made["iso"] == "2024-07-01T12:00:00+02:00"


@pytest.mark.parametrize("given", [None, "", "now"])
def test_the_present_moment(given: Any) -> None:
    before = int(time.time())

    assert before <= outputs_of("date_time", {"datetime": given})["timestamp"] <= before + 10


def test_every_letter_of_a_format() -> None:
    moment = datetime(2023, 1, 1, 0, 5, 9, 123456, tzinfo=UTC)

    assert formatted(moment, "d j D l N w S z W o") == "01 1 Sun Sunday 7 0 st 0 52 2022"
    assert formatted(moment, "m n M F t L Y y") == "01 1 Jan January 31 0 2023 23"
    assert formatted(moment, "a A g h G H i s v u") == "am AM 12 12 0 00 05 09 123 123456"
    assert formatted(moment, "e T I O P p Z U") == "UTC UTC 0 +0000 +00:00 Z 0 1672531509"
    assert formatted(moment, "c | r") == "2023-01-01T00:05:09+00:00 | Sun, 01 Jan 2023 00:05:09 +0000"
    assert formatted(moment, "\\Y\\\\ k\\") == "Y\\ k\\"


@pytest.mark.parametrize(
    ("day", "ordinal"), [(1, "st"), (2, "nd"), (3, "rd"), (4, "th"), (11, "th"), (22, "nd"), (31, "st")]
)
def test_ordinals(day: int, ordinal: str) -> None:
    assert formatted(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day - 1), "S") == ordinal


@pytest.mark.parametrize(
    ("given", "config", "code"),
    [
        ("tomorrow", {}, "DATETIME_INVALID"),
        (True, {}, "DATETIME_INVALID"),
        ([1], {}, "DATETIME_INVALID"),
        (1e300, {}, "DATETIME_INVALID"),
        ("9" * 400, {}, "DATETIME_INVALID"),
        (0, {"timezone": "Mars/Olympus"}, "TIMEZONE_UNKNOWN"),
        (0, {"timezone": "../../etc/passwd"}, "TIMEZONE_UNKNOWN"),
        (0, {"timezone": ""}, "TIMEZONE_UNKNOWN"),
        ("9999-12-31T23:59:59", {"timezone": "UTC", "format": "Y" * 501}, "DATE_FORMAT_TOO_LONG"),
        ("0001-01-01T00:00:00Z", {"timezone": "America/New_York"}, "DATETIME_INVALID"),
    ],
)
def test_what_is_no_moment_is_refused(given: Any, config: dict[str, Any], code: str) -> None:
    assert refusal("date_time", {"datetime": given}, config).code == code


# --- log and messages


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_line_is_logged_at_its_level(caplog: pytest.LogCaptureFixture, level: str) -> None:
    caplog.set_level(logging.DEBUG, logger="flowdrop_jupyter.workflow")

    made = outputs_of("logger", {"message": "rows left", "data": {"rows": 3}}, {"level": level})

    assert made == {"message": "rows left", "level": level, "data": {"rows": 3}}
    (record,) = (entry for entry in caplog.records if entry.name == "flowdrop_jupyter.workflow")
    assert record.levelname == level.upper()
    assert record.getMessage() == 'logger.1 of run run: rows left {"rows":3}'


def test_nobody_can_forge_a_line_or_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="flowdrop_jupyter.workflow")

    outputs_of("logger", {"message": "a\r\nERROR b\u2028c " + "x" * 100_000})

    line = caplog.records[-1].getMessage()
    assert "a ERROR b c" in line
    assert "\n" not in line
    assert len(line) < 2100


@pytest.mark.parametrize(
    ("kind", "message"), [("status", "hi"), ("warning", "**Warning:** hi"), ("error", "**Error:** hi")]
)
def test_a_messenger_speaks_to_the_user(kind: str, message: str) -> None:
    assert outputs_of("messenger", {"message": "hi"}, {"type": kind}) == {"message": message, "type": kind}


def test_what_a_messenger_says_becomes_a_message_of_the_session() -> None:
    kind = REGISTRY.node_type("messenger")

    assert kind is not None
    assert kind.message_output == "message"
