"""What a store promises of workflows."""

from __future__ import annotations

import pytest

from ...errors import Conflict, NotFound
from ...store import Store, WorkflowHeader
from ..rows import new_session, workflow
from .suite import Suite, known, reopen


class WorkflowConformance(Suite):
    """What a store promises of workflows."""

    async def test_a_workflow_is_read_back_as_saved(self, store: Store) -> None:
        saved = workflow(
            nodes=[{"id": "a"}],
            inputs=[{"name": "q", "node_id": "a", "port": "p"}],
            changed="2026-01-01T00:00:00Z",
            extra={"x": 1},
        )
        await store.save_workflow(saved, new=True)
        assert await store.workflow("w") == saved
        assert await store.workflow("v") is None

    async def test_a_taken_workflow_id_is_a_conflict(self, store: Store) -> None:
        await store.save_workflow(workflow(), new=True)
        with pytest.raises(Conflict) as refusal:
            await store.save_workflow(workflow(name="Other"), new=True)
        assert refusal.value.code == "WORKFLOW_EXISTS"
        assert await store.workflow("w") == workflow()

    async def test_an_unknown_workflow_cannot_be_changed(self, store: Store) -> None:
        with pytest.raises(NotFound) as refusal:
            await store.save_workflow(workflow(), new=False)
        assert refusal.value.code == "WORKFLOW_NOT_FOUND"
        assert await store.workflows() == []

    async def test_a_known_workflow_is_replaced(self, store: Store) -> None:
        await store.save_workflow(workflow(description="old", nodes=[{"id": "a"}]), new=True)
        await store.save_workflow(workflow(description="new"), new=False)
        assert await store.workflows() == [workflow(description="new")]

    async def test_workflows_are_listed_newest_change_first_whatever_their_offset(self, store: Store) -> None:
        for name, changed in (
            ("b", "2026-01-01T12:00:00Z"),
            ("c", "2026-01-01T13:30:00+02:00"),
            ("a", "2026-01-01T12:00:00.500000Z"),
            ("d", ""),
        ):
            await store.save_workflow(workflow(name, changed=changed), new=True)
        assert [row.id for row in await store.workflows()] == ["a", "b", "c", "d"]

    async def test_the_headers_of_workflows_are_what_lists_need_of_them(self, store: Store) -> None:
        tagged = {"tags": ["x", 1, "y", None], "other": ["z"]}
        await store.save_workflow(
            workflow("a", name="Ä", metadata=tagged, created="2026-01-01T00:00:00Z"), new=True
        )
        await store.save_workflow(
            workflow("b", metadata={"tags": "x"}, changed="2026-01-02T00:00:00Z"), new=True
        )
        headers = [
            WorkflowHeader(id="b", name="Greeter", changed="2026-01-02T00:00:00Z"),
            WorkflowHeader(id="a", name="Ä", tags=frozenset("xy"), created="2026-01-01T00:00:00Z"),
        ]
        assert await store.workflow_headers() == headers
        await reopen(store)
        assert await store.workflow_headers() == headers

    async def test_headers_follow_every_change_and_come_in_the_order_of_the_workflows(
        self, store: Store
    ) -> None:
        for name in ("a", "b", "c"):
            await store.save_workflow(workflow(name, changed="2026-01-01T00:00:00Z"), new=True)
        await store.save_workflow(workflow("a", name="New", changed="2026-01-01T12:00:00Z"), new=False)
        await store.remove_workflow("b")
        with pytest.raises(Conflict):
            await store.save_workflow(workflow("c", name="Other"), new=True)
        headers = await store.workflow_headers()
        assert [(header.id, header.name) for header in headers] == [("a", "New"), ("c", "Greeter")]
        assert headers == [WorkflowHeader.of(row) for row in await store.workflows()]

    async def test_removing_a_workflow_tells_whether_it_was_there(self, store: Store) -> None:
        await store.save_workflow(workflow(), new=True)
        assert await store.remove_workflow("w")
        assert not await store.remove_workflow("w")
        await reopen(store)
        assert await store.workflow("w") is None

    async def test_the_sessions_of_a_removed_workflow_stay(self, store: Store) -> None:
        await store.save_workflow(workflow(), new=True)
        session_id = await new_session(store, messages=1)
        await store.remove_workflow("w")
        assert len(known(await store.messages(session_id)).messages) == 1

    async def test_a_removed_workflow_id_is_free_again(self, store: Store) -> None:
        for name in ("a", "b"):
            await store.save_workflow(workflow(name), new=True)
        await store.remove_workflow("a")
        await store.save_workflow(workflow("a", name="Second"), new=True)
        await reopen(store)
        assert {row.id: row.name for row in await store.workflows()} == {"a": "Second", "b": "Greeter"}
