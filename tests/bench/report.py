"""The figures as people read them: a table for the terminal, a page for the documentation."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from .figures import Bar, Row, Samples

_HEAD: Final = ("What", "Median", "Min … max", "Against", "Median there", "Result", "Bar", "Met")
_PAGE: Final = """\
# Benchmarks

Written by `make bench`. All figures are from one run on one machine; ways of doing the same thing take turns,
so that what drifts, drifts for all.

- A durable append is one transaction with one `put_message` through the public interface of `TinyDBStore`.
  When it returns, the message, its event and the session's row are on disk. The time includes the way to
  the writer thread and back, so it grows when other programs keep the processors busy. The message holds
  500 bytes of text.
- Stock TinyDB and SQLite insert the message alone, SQLite into a table with a unique index of ids. Stock
  TinyDB does not sync its file, and here it need not. They and the plain file block the thread that calls
  them, so they could not serve an event loop meanwhile. What SQLite and the plain file cost when they are
  awaited has rows of its own.
- What is opened or started is measured in fresh processes, with the files in the system's cache.
- What is validated is a whole document against all rules of a save, in one thread. Half of its nodes hold an
  expression, no two alike; beyond the largest workflow that is accepted the limits are raised.

{machine}

{table}
"""


def machine(directory: Path, load: float) -> list[tuple[str, str]]:
    """Return what the figures depend on beside the code.

    :param load: the system's load before anything was measured.
    """
    names = ("tinydb", "msgspec", "anyio")
    return [
        ("Processor", f"{os.cpu_count()} cores, {_processor()}"),
        ("File system", _file_system(directory)),
        ("System", f"{platform.system()} {platform.release()}"),
        ("Load", f"{load:.1f} before, {os.getloadavg()[0]:.1f} after (1 is the benchmark's own)"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}, asyncio"),
        ("Libraries", ", ".join([*(f"{n} {version(n)}" for n in names), f"SQLite {sqlite3.sqlite_version}"])),
    ]


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return the cells of the table, its head first."""
    return [_HEAD, *(_cells(row) for row in rows)]


def plain(rows: Sequence[Row], about: Sequence[tuple[str, str]]) -> str:
    """Return the report for a terminal."""
    lines = [f"{name}: {text}" for name, text in about]
    for row in rows:
        what, median, spread, against, there, result, bar, met = _cells(row)
        lines += ["", what, f"  {median} ({spread}, n={row.samples.count})"]
        if against:
            lines.append(f"  against {against}: {there}")
        lines.append(f"  {result}" + (f", bar {bar}: {'met' if met == 'yes' else 'MISSED'}" if bar else ""))
    return "\n".join(lines) + "\n"


def page(rows: Sequence[Row], about: Sequence[tuple[str, str]]) -> str:
    """Return the report as Markdown."""
    head, *body = table(rows)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cells) + " |" for cells in body]
    return _PAGE.format(
        machine="\n".join(f"- {name}: {text}" for name, text in about), table="\n".join(lines)
    )


def _cells(row: Row) -> tuple[str, ...]:
    reference = row.reference
    return (
        row.what,
        _value(row.samples.median, row.unit),
        _spread(row.samples, row.unit),
        row.against,
        "" if reference is None else f"{_value(reference.median, row.unit)} ({_spread(reference, row.unit)})",
        _result(row.result, row),
        "" if row.bar is None else _bar(row.bar, row),
        "" if row.met is None else "yes" if row.met else "**no**",
    )


def _result(result: float, row: Row) -> str:
    if row.reference is None:
        return _value(result, row.unit)
    number = f"{result:,.0f}" if result >= 100 else f"{result:.2f}"
    return f"{number} times faster" if row.faster else f"{number} times"


def _bar(bar: Bar, row: Row) -> str:
    sign = "≤" if bar.sense == "at most" else "≥"
    if row.reference is None:
        return f"{sign} {_value(bar.value, row.unit)}"
    return f"{sign} {bar.value:,g} times"


def _spread(samples: Samples, unit: str) -> str:
    return f"{_value(samples.low, unit)} … {_value(samples.high, unit)}"


def _value(value: float, unit: str) -> str:
    if unit == "/s":
        return f"{value:,.0f}/s"
    if unit == "B":
        return f"{value / 2**20:,.1f} MiB"
    if value < 1e-3:
        return f"{value * 1e6:,.3g} µs"
    return f"{value * 1e3:,.3g} ms" if value < 1 else f"{value:,.3g} s"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _file_system(directory: Path) -> str:
    """Return the kind of the file system that *directory* is on, with its options."""
    if sys.platform != "linux":
        return "unknown"
    here = str(directory.resolve())
    mounts = [line.split()[:4] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    above = [m for m in mounts if m[1] == "/" or here == m[1] or here.startswith(m[1] + "/")]
    device, _, kind, options = max(above, key=lambda mount: len(mount[1]))
    memory = "; in memory, so syncing is free and no bar means anything" if kind == "tmpfs" else ""
    return f"{kind} on {device} ({options}){memory}"
