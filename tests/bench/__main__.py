"""Run all benchmarks in one go: ``python -m tests.bench [--quick] [--write PAGE] [--json FILE]``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import anyio
import msgspec

from .bench_append import append_rows
from .bench_group import group_rows
from .bench_opening import directory_rows, opening_rows
from .bench_reading import reading_rows
from .bench_validation import validation_rows
from .child import ROOT
from .figures import Row
from .material import make_conversations
from .plan import FULL, QUICK, Plan
from .report import machine, page, plain

PARTS: Final = ("opening", "reading", "append", "group", "directory", "validation")
_ORDER: Final = ("append", "group", "reading", "opening", "directory", "validation")


async def measure(work: Path, plan: Plan, parts: list[str]) -> list[Row]:
    """Run the *parts* and return their rows in the order of the report."""
    rows: dict[str, list[Row]] = {part: [] for part in _ORDER}
    if {"opening", "reading", "append"} & set(parts):
        conversations = await make_conversations(work / "conversations", plan)
        _tell("conversations made")
    # The one that writes to the conversations comes last.
    if "opening" in parts:
        rows["opening"] = opening_rows(conversations, plan)
        _tell("opening measured")
    if "reading" in parts:
        rows["reading"] = await reading_rows(conversations, plan)
        _tell("reading measured")
    if "append" in parts:
        rows["append"] = await append_rows(work, conversations, plan)
        _tell("append measured")
    if "group" in parts:
        rows["group"] = await group_rows(work, plan)
        _tell("group commit measured")
    if "directory" in parts:
        rows["directory"] = await directory_rows(work, plan)
        _tell("directory measured")
    if "validation" in parts:
        rows["validation"] = validation_rows(plan)
        _tell("validation measured")
    return [row for part in rows.values() for row in part]


def main() -> int:
    """Measure, print the table, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a little of everything; the figures mean nothing"
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the report as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument(
        "--directory", type=Path, default=ROOT / "test-output", help="where to work; decides the file system"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="leave out the other parts")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    arguments.directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=arguments.directory) as work:
        rows = anyio.run(
            measure, Path(work), QUICK if arguments.quick else FULL, arguments.only or list(PARTS)
        )
        about = machine(Path(work), load)
    sys.stdout.write(plain(rows, about))
    if arguments.write:
        arguments.write.write_text(page(rows, about), encoding="utf-8")
    if arguments.json:
        results = [{**msgspec.to_builtins(row), "result": row.result, "met": row.met} for row in rows]
        arguments.json.write_bytes(msgspec.json.encode(results))
    return 0


def _tell(what: str) -> None:
    sys.stderr.write(f"{perf_counter() - _START:6.1f} s  {what}\n")


_START: Final = perf_counter()

if __name__ == "__main__":
    sys.exit(main())
