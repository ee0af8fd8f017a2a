"""The host holds its store to the retention policy, and a session keeps its workflow once."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from gates import DEADLINE
from graphs import ECHO
from sessions_desk import ADA, WrappedStore

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.store import MemoryStore, RetentionPolicy

pytestmark = pytest.mark.anyio


class SweptStore(WrappedStore):
    """A store that tells when it was swept, and may refuse to be."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.sweeps = 0
        self.refusals = 0
        self.enough = anyio.Event()

    async def collect_garbage(self, **options: Any) -> dict[str, int]:
        self.sweeps += 1
        if self.sweeps == 3:
            self.enough.set()
        if self.refusals:
            self.refusals -= 1
            raise StoreError("The disk is gone.")
        removed: dict[str, int] = await self._store.collect_garbage(**options)
        return removed


async def test_the_host_sweeps_at_the_start_and_at_intervals(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = SweptStore()
    store.refusals = 1
    with caplog.at_level(logging.WARNING):
        async with serve(on=store, sweep_interval_seconds=0.0) as desk:
            with anyio.fail_after(DEADLINE):
                await store.enough.wait()
            page = await desk.turn(await desk.open(ECHO))
            assert page.session.status == "completed"
    assert [record.message for record in caplog.records] == [
        "The store could not be swept; the next try is later: The disk is gone."
    ]


async def test_the_host_keeps_what_the_policy_says(serve: Any) -> None:
    store = SweptStore()
    async with serve(on=store) as desk:
        old, new = await desk.open(ECHO), await desk.open(ECHO)
        await desk.turn(new)
    async with serve(on=store, retention=RetentionPolicy(max_sessions=1), sweep_interval_seconds=0.0) as desk:
        with anyio.fail_after(DEADLINE):
            await store.enough.wait()
        assert [row.id for row in await desk.host.sessions.find(ADA)] == [new]
        assert await desk.host.store.session(old) is None


async def test_turns_of_one_workflow_share_its_snapshot(serve: Any) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        for _ in range(2):
            await desk.turn(session_id)
        changed = {**ECHO, "name": "Changed"}
        await desk.host.workflows.update(ECHO["id"], changed)
        page = await desk.turn(session_id)
        runs = [await desk.host.store.run(session_id, run_id) for run_id in page.session.executions]
        first, second, third = (run.snapshot_id for run in runs)
        assert first == second != third
        frozen = [await desk.host.store.workflow_snapshot(session_id, name) for name in (first, third)]
        assert [workflow.name for workflow in frozen] == [ECHO["name"], "Changed"]
