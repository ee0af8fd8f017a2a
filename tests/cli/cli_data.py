"""Data directories with something of everything in them, and ways to damage them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import msgspec

from flowdrop_jupyter.cli.examine import examine
from flowdrop_jupyter.cli.report import Report
from flowdrop_jupyter.store import JobRecord, MessageRecord, Store, TinyDBStore
from flowdrop_jupyter.testing import (
    checkpoint,
    interrupt,
    job,
    memory,
    message,
    run,
    session,
    workflow,
)

LARGE: Final = "Ä" * 50_000
OUTPUT: Final = [1.5] * 20_000
FIRST: Final = "11111111-1111-4111-8111-111111111111"
SECOND: Final = "22222222-2222-4222-8222-222222222222"


class Contents(NamedTuple):
    """What can be asked of a session, to compare it."""

    session: object
    messages: list[MessageRecord]
    events: list[object]
    jobs: list[JobRecord]


async def fill(store: Store, *, offset: str = "") -> None:
    """Put something of everything into a store that is open."""
    await store.save_workflow(workflow("b" + offset, changed="2026-01-01T00:00:00Z"), new=True)
    await store.save_workflow(workflow("a" + offset, name="Grüße"), new=True)
    await store.put_memory(memory("small" + offset, {"n": 1}))
    await store.put_memory(memory("large" + offset, LARGE + "m"))
    await store.put_blob(b"nobody refers to this" + offset.encode())
    for session_id in (SECOND, FIRST):
        await store.create_session(session(id=session_id, name=f"Talk {session_id[:4]}"))
        turn = run(session_id)
        async with store.transaction(session_id) as transaction:
            transaction.session.metadata = {"note": "line\nbreak"}
            turn.snapshot_id = transaction.put_workflow_snapshot(workflow())
            for number in range(1, 6):
                transaction.put_message(
                    message(session_id, f"content {number} \u2028 end", id=f"{session_id}/{number}")
                )
            transaction.put_run(turn)
            transaction.put_job(
                job(turn.id, id=f"{session_id}/job", output={"list": OUTPUT}, status="completed")
            )
            transaction.put_checkpoint(checkpoint(session_id, turn.id, state={"k": [1, 2]}))
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id, LARGE, id=f"{session_id}/6"))
            transaction.put_interrupt(interrupt(session_id, run_id=turn.id))


def fill_directory(directory: Path, *, close: bool = True) -> TinyDBStore:
    """Make a data directory; without *close* it is left as a crash leaves it, but for the lock."""

    async def work() -> TinyDBStore:
        store = TinyDBStore(directory)
        await store.open()
        await fill(store)
        if close:
            await store.close()
        return store

    return anyio.run(work)


def contents(directory: Path, session_id: str) -> Contents:
    """Read one session with the store."""

    async def work() -> Contents:
        store = TinyDBStore(directory, read_only=True)
        await store.open()
        try:
            page = await store.messages(session_id)
            found = await store.session(session_id)
            assert page is not None
            assert found is not None
            jobs = [
                row
                for run_id in _runs(await store.session_rows(session_id))
                for row in await store.jobs(session_id, run_id)
            ]
            return Contents(found, page.messages, list(await store.events(session_id)), jobs)
        finally:
            await store.close()

    return anyio.run(work)


def _runs(tables: dict[str, list[bytes]] | None) -> list[str]:
    return [msgspec.json.decode(raw)["id"] for raw in (tables or {}).get("runs", [])]


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.problems]


def checked(directory: Path) -> Report:
    return examine(directory).report()


def snapshot_path(directory: Path, session_id: str = FIRST) -> Path:
    return directory / "sessions" / f"{session_id}.json"


def journal_path(directory: Path, session_id: str = FIRST) -> Path:
    return directory / "sessions" / f"{session_id}.journal"


def without_backups(directory: Path) -> None:
    """Leave a session nothing but its snapshot."""
    for path in (directory / "sessions").glob("*.bak"):
        path.unlink()


def flip(path: Path, place: int) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x15
    path.write_bytes(bytes(content))


def tree(directory: Path) -> dict[str, tuple[str, int]]:
    """Return hash and time of every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
