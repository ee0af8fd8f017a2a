"""Opening, each time in a process of its own: a long conversation, and a directory of many sessions."""

from __future__ import annotations

from pathlib import Path

from .child import in_fresh_process
from .figures import Bar, Row, Samples
from .material import Conversations, make_sessions
from .plan import Plan


def opening_rows(conversations: Conversations, plan: Plan) -> list[Row]:
    """Measure the first look into a long conversation; ``json.load`` of its file takes turns with it."""
    store, json = [], []
    for _ in range(plan.openings):
        store.append(in_fresh_process("session", conversations.directory, conversations.long)["seconds"])
        json.append(in_fresh_process("json", conversations.snapshot())["seconds"])
    return [
        Row(
            name="cold open",
            what=f"first look into a session of {plan.messages:,} messages in a fresh process",
            unit="s",
            samples=Samples.of(store),
            against="json.load of its compacted file in a fresh process",
            reference=Samples.of(json),
            bar=Bar("at most", 2),
        )
    ]


async def directory_rows(work: Path, plan: Plan) -> list[Row]:
    """Measure the start on a directory of many sessions, its first page and its memory."""
    directory = work / "many"
    await make_sessions(directory, plan)
    found = [
        in_fresh_process("many", directory, str(plan.max_open), str(plan.touched)) for _ in range(plan.starts)
    ]
    samples = {name: Samples.of([figures[name] for figures in found]) for name in found[0]}
    there = f"{plan.sessions:,} sessions"
    return [
        Row(
            name="start",
            what=f"{there}: start with a valid index",
            unit="s",
            samples=samples["open"],
            bar=Bar("at most", 0.5),
        ),
        Row(
            name="first page",
            what=f"{there}: first page of 20",
            unit="s",
            samples=samples["page"],
            bar=Bar("at most", 5e-3),
        ),
        Row(
            name="memory, before",
            what="resident memory of the process before the store opens",
            unit="B",
            samples=samples["memory_before"],
        ),
        Row(
            name="memory, started",
            what=f"{there}: resident memory after start and first page",
            unit="B",
            samples=samples["memory_started"],
        ),
        Row(
            name="memory, LRU full",
            what=f"{there}: resident memory after {plan.max_open:,} were read (all that it keeps)",
            unit="B",
            samples=samples["memory_full"],
        ),
        Row(
            name="memory, many touched",
            what=f"{there}: resident memory after {plan.touched:,} were read",
            unit="B",
            samples=samples["memory_touched"],
        ),
    ]
