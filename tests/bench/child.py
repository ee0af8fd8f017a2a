"""Measurements that need a process without a past: ``python -m tests.bench.child KIND ARGUMENT…``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

import anyio

from flowdrop_jupyter.store import SessionFilter, TinyDBStore

ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = 20


def in_fresh_process(kind: str, *arguments: str | Path) -> dict[str, float]:
    """Return the figures that a new process prints; its own start is not among them."""
    command = [sys.executable, "-m", "tests.bench.child", kind, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


async def open_session(directory: str, session_id: str) -> dict[str, float]:
    """Look into one session for the first time."""
    store = TinyDBStore(directory)
    await store.open()
    start = perf_counter()
    page = await store.messages(session_id, limit=1)
    seconds = perf_counter() - start
    assert page is not None
    await store.close()
    return {"seconds": seconds}


async def load_json(path: str) -> dict[str, float]:
    """Read the same data without a store."""
    start = perf_counter()
    with open(path, encoding="utf-8") as file:  # noqa: ASYNC230
        json.load(file)
    return {"seconds": perf_counter() - start}


async def open_many(directory: str, max_open: str, touched: str) -> dict[str, float]:
    """Start on a directory of many sessions, list them and read some."""
    figures = {"memory_before": resident_bytes()}
    store = TinyDBStore(directory, max_open=int(max_open))
    start = perf_counter()
    await store.open()
    figures["open"] = perf_counter() - start
    start = perf_counter()
    page = await store.sessions(SessionFilter(), limit=_PAGE)
    figures["page"] = perf_counter() - start
    assert len(page) == _PAGE
    figures["memory_started"] = resident_bytes()
    sessions = [session.id for session in await store.sessions(SessionFilter(), limit=int(touched))]
    for number, session_id in enumerate(sessions, start=1):
        await store.messages(session_id)
        if number == int(max_open):
            figures["memory_full"] = resident_bytes()
    figures["memory_touched"] = resident_bytes()
    await store.close()
    return figures


def resident_bytes() -> float:
    """Return how much memory this process has that is not paged out."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


KINDS: Final[dict[str, Callable[..., Awaitable[dict[str, float]]]]] = {
    "session": open_session,
    "json": load_json,
    "many": open_many,
}


def main(kind: str, *arguments: str) -> None:
    """Print the figures of one kind as JSON."""
    sys.stdout.write(json.dumps(anyio.run(partial(KINDS[kind], *arguments))))


if __name__ == "__main__":
    main(*sys.argv[1:])
