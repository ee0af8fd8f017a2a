"""What a store promises of workflow snapshots and checkpoints."""

from __future__ import annotations

from ...clock import format_time
from ...store import Store
from ..rows import UNKNOWN, Clockwork, checkpoint, interrupt, new_session, run, workflow
from .suite import Suite, known, reopen


class RunConformance(Suite):
    """What a store promises of workflow snapshots and checkpoints."""

    async def test_a_snapshot_is_the_workflow_as_it_was_put(self, store: Store) -> None:
        session_id = await new_session(store)
        drawn = workflow(nodes=[{"id": "a"}], metadata={"deep": {"x": 1}})
        async with store.transaction(session_id) as transaction:
            snapshot_id = transaction.put_workflow_snapshot(drawn)
            drawn.metadata["deep"]["x"] = 2
            assert known(await transaction.workflow_snapshot(snapshot_id)).metadata == {"deep": {"x": 1}}
        await reopen(store)
        frozen = known(await store.workflow_snapshot(session_id, snapshot_id))
        assert (frozen.nodes, frozen.metadata) == ([{"id": "a"}], {"deep": {"x": 1}})

    async def test_the_same_workflow_is_the_same_snapshot(self, store: Store) -> None:
        one, other = await new_session(store), await new_session(store)
        ids = []
        for session_id in (one, one, other):
            async with store.transaction(session_id) as transaction:
                ids.append(transaction.put_workflow_snapshot(workflow(metadata={"a": 1, "b": 2})))
                ids.append(transaction.put_workflow_snapshot(workflow(metadata={"b": 2, "a": 1})))
        assert len(set(ids)) == 1

    async def test_a_snapshot_that_is_known_is_nothing_new(self, store: Store) -> None:
        session_id = await new_session(store)
        for _ in range(2):
            before = await store.session(session_id)
            async with store.transaction(session_id) as transaction:
                transaction.put_workflow_snapshot(workflow())
        assert await store.session(session_id) == before

    async def test_a_changed_workflow_is_another_snapshot(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            first = transaction.put_workflow_snapshot(workflow())
            second = transaction.put_workflow_snapshot(workflow(name="Other"))
        assert known(await store.workflow_snapshot(session_id, first)).name == "Greeter"
        assert known(await store.workflow_snapshot(session_id, second)).name == "Other"

    async def test_a_snapshot_belongs_to_its_session(self, store: Store) -> None:
        one, other = await new_session(store), await new_session(store)
        async with store.transaction(one) as transaction:
            snapshot_id = transaction.put_workflow_snapshot(workflow())
            assert await transaction.workflow_snapshot("x") is None
        assert await store.workflow_snapshot(other, snapshot_id) is None
        assert await store.workflow_snapshot(UNKNOWN, snapshot_id) is None

    async def test_a_run_and_a_prompt_are_found_without_knowing_their_session(self, store: Store) -> None:
        session_id = await new_session(store)
        turn, asked = run(session_id), interrupt(session_id)
        async with store.transaction(session_id) as transaction:
            transaction.put_run(turn)
            transaction.put_interrupt(asked)
        for _ in range(2):
            assert await store.session_of(turn.id) == session_id
            assert await store.session_of(asked.id) == session_id
            assert await store.session_of(UNKNOWN) is None
            await reopen(store)
        await store.remove_session(session_id)
        assert await store.session_of(turn.id) is None

    async def test_checkpoints_are_told_apart_by_run_and_keep_their_order(self, store: Store) -> None:
        session_id = await new_session(store)
        turn, other = run(session_id), run(session_id)
        first = checkpoint(session_id, turn.id, state={"n": {"out": 1}}, created_at="2026-01-01T00:00:00Z")
        second = checkpoint(session_id, turn.id, parent_id=first.id, created_at="2026-01-01T00:00:01Z")
        async with store.transaction(session_id) as transaction:
            transaction.put_checkpoint(first)
            transaction.put_checkpoint(checkpoint(session_id, other.id, name="workflow_end"))
        async with store.transaction(session_id) as transaction:
            transaction.put_checkpoint(second)
            assert await transaction.checkpoints(turn.id) == [first, second]
            assert await store.checkpoints(session_id, turn.id) == [first]
        await reopen(store)
        assert await store.checkpoints(session_id, turn.id) == [first, second]
        assert [row.name for row in await store.checkpoints(session_id, other.id)] == ["workflow_end"]
        assert await store.checkpoints(session_id, "x") == []
        assert await store.checkpoints(UNKNOWN, turn.id) == []

    async def test_a_checkpoint_put_again_is_replaced_in_its_place(self, store: Store) -> None:
        session_id = await new_session(store)
        rows = [checkpoint(session_id, "r", created_at="2026-01-01T00:00:00Z") for _ in range(2)]
        async with store.transaction(session_id) as transaction:
            for row in rows:
                transaction.put_checkpoint(row)
            rows[0].state = {"n": 1}
            transaction.put_checkpoint(rows[0])
        assert await store.checkpoints(session_id, "r") == rows

    async def test_a_checkpoint_without_a_time_gets_the_current_one(
        self, store: Store, clock: Clockwork
    ) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            transaction.put_checkpoint(checkpoint(session_id, "r"))
        [row] = await store.checkpoints(session_id, "r")
        assert row.created_at == format_time(clock())
