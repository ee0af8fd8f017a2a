"""The benchmarks run: every row is there and has figures. How fast it was is not looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

NAMES = {
    "append against stock TinyDB",
    "append against the floor",
    "append against the awaited floor",
    "append against SQLite",
    "append against awaited SQLite",
    "append growth",
    "group commit",
    "messages since",
    "messages since, growth",
    "cold open",
    "start",
    "first page",
    "memory, before",
    "memory, started",
    "memory, LRU full",
    "memory, many touched",
    "validation",
    "validation, again",
    "validation, growth 10",
    "validation, growth 100",
    "validation, growth 1000",
}


def test_the_quick_run_produces_every_row_with_positive_figures(tmp_path: Path) -> None:
    figures, page = tmp_path / "rows.json", tmp_path / "page.md"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--directory", str(tmp_path)]
    done = subprocess.run(
        [*command, "--json", str(figures), "--write", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text(encoding="utf-8"))
    assert {row["name"] for row in rows} == NAMES
    for row in rows:
        measured = [row["samples"], *([row["reference"]] if row["reference"] else [])]
        assert all(value > 0 for samples in measured for value in samples.values()), row
        assert row["result"] > 0
    assert all(row["what"] in page.read_text(encoding="utf-8") for row in rows)
