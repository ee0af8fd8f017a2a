"""The node that gives what started its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from node_runs import run_node

from flowdrop_jupyter.nodes import Turn

FILE = {
    "event": "file",
    "path": "a/new.csv",
    "changes": [{"path": "a/new.csv", "change": "created"}, {"path": "b/old.txt", "change": "deleted"}],
}
KERNEL = {"event": "kernel", "kernel": "python3", "change": "started"}
SCHEDULE = {"event": "schedule", "at": "2026-03-01T06:00:00.000000Z"}


@pytest.mark.parametrize(
    ("config", "event", "given"),
    [
        ({}, None, False),
        ({}, SCHEDULE, True),
        ({"eventType": "schedule"}, SCHEDULE, True),
        ({"eventType": "file"}, SCHEDULE, False),
        ({"path": "*.txt"}, FILE, True),
        ({"path": "*.ipynb"}, FILE, False),
        ({"path": "*.csv"}, SCHEDULE, False),
        ({"kernel": "python3"}, KERNEL, True),
        ({"kernel": "ir"}, KERNEL, False),
        ({"kernel": "python3"}, FILE, False),
    ],
)
def test_it_gives_what_it_waits_for_and_null_for_anything_else(
    tmp_path: Path, config: dict[str, Any], event: dict[str, Any] | None, given: bool
) -> None:
    produced = run_node("trigger", {}, config, root=tmp_path, turn=Turn(event=event))
    assert produced.output["output"] == (event if given else None)
