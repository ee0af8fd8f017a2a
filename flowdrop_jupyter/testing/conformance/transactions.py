"""What a store promises of transactions."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from ...errors import InvalidInput, NotFound, StoreClosed
from ...store import EventRecord, SessionFilter, Store
from ..rows import UNKNOWN, Clockwork, checkpoint, interrupt, job, message, new_session, run, workflow
from .suite import Suite, known


class TransactionConformance(Suite):
    """What a store promises of transactions."""

    async def test_a_transaction_on_an_unknown_session_is_refused_at_entry(self, store: Store) -> None:
        with pytest.raises(NotFound) as refusal:
            async with store.transaction(UNKNOWN):
                pytest.fail("entered")
        assert refusal.value.code == "SESSION_NOT_FOUND"

    async def test_readers_see_nothing_before_the_block_ends_and_all_after(self, store: Store) -> None:
        session_id = await new_session(store)
        turn, prompt = run(session_id), interrupt(session_id)
        step = job(turn.id)
        async with store.transaction(session_id) as transaction:
            put = transaction.put_message(message(session_id))
            transaction.put_run(turn)
            transaction.put_job(step)
            transaction.put_interrupt(prompt)
            transaction.session.name = "New"
            assert await store.message(session_id, put.id) is None
            assert await store.run(session_id, turn.id) is None
            assert list(await store.jobs(session_id, turn.id)) == []
            assert await store.interrupt(prompt.id) is None
            assert await store.events(session_id) == []
            assert known(await store.session(session_id)).name == "Talk"
        assert await store.message(session_id, put.id) == put
        assert await store.run(session_id, turn.id) == turn
        assert list(await store.jobs(session_id, turn.id)) == [step]
        assert await store.interrupt(prompt.id) == prompt
        assert list(await store.interrupts(session_id)) == [prompt]
        assert len(await store.events(session_id)) == 1
        assert known(await store.session(session_id)).name == "New"

    async def test_a_transaction_reads_its_own_puts(self, store: Store) -> None:
        session_id = await new_session(store)
        turn, prompt = run(session_id), interrupt(session_id)
        step = job(turn.id)
        async with store.transaction(session_id) as transaction:
            put = transaction.put_message(message(session_id))
            transaction.put_run(turn)
            transaction.put_job(step)
            transaction.put_interrupt(prompt)
            assert await transaction.message(put.id) == put
            assert await transaction.run(turn.id) == turn
            assert await transaction.jobs(turn.id) == [step]
            assert await transaction.interrupt(prompt.id) == prompt
            assert await transaction.interrupts() == [prompt]

    async def test_a_transaction_reads_what_earlier_ones_put(self, store: Store) -> None:
        session_id = await new_session(store)
        turn = run(session_id)
        first, second = job(turn.id), job(turn.id)
        async with store.transaction(session_id) as transaction:
            transaction.put_run(turn)
            transaction.put_job(first)
        async with store.transaction(session_id) as transaction:
            transaction.put_job(second)
            first.status = "completed"
            transaction.put_job(first)
            assert await transaction.jobs(turn.id) == [first, second]
            assert await transaction.run(turn.id) == turn
        assert list(await store.jobs(session_id, turn.id)) == [first, second]

    async def test_what_is_not_there_reads_as_none_or_empty(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            assert await transaction.message("x") is None
            assert await transaction.run("x") is None
            assert await transaction.jobs("x") == []
            assert await transaction.interrupt("x") is None
            assert await transaction.interrupts("x") == []
        assert await store.message(session_id, "x") is None
        assert await store.message(UNKNOWN, "x") is None
        assert await store.run(UNKNOWN, "x") is None
        assert list(await store.jobs(UNKNOWN, "x")) == []
        assert list(await store.interrupts(UNKNOWN)) == []
        assert await store.events(UNKNOWN) == []
        assert await store.messages(UNKNOWN) is None

    async def test_jobs_are_told_apart_by_run_and_keep_their_first_order(self, store: Store) -> None:
        session_id = await new_session(store)
        jobs = [job(run_id) for run_id in ("r1", "r2", "r1", "r2")]
        async with store.transaction(session_id) as transaction:
            for row in [*jobs, *reversed(jobs)]:
                transaction.put_job(row)
        assert list(await store.jobs(session_id, "r1")) == [jobs[0], jobs[2]]
        assert list(await store.jobs(session_id, "r2")) == [jobs[1], jobs[3]]

    async def test_interrupts_come_oldest_first_and_by_run(self, store: Store) -> None:
        session_id = await new_session(store)
        prompts = [interrupt(session_id, run_id=run_id) for run_id in ("r1", "r2", "r1")]
        async with store.transaction(session_id) as transaction:
            for prompt in prompts:
                transaction.put_interrupt(prompt)
            prompts[0].status = "resolved"
            transaction.put_interrupt(prompts[0])
            assert await transaction.interrupts("r1") == [prompts[0], prompts[2]]
        assert list(await store.interrupts(session_id)) == prompts

    async def test_an_exception_discards_the_whole_block(self, store: Store) -> None:
        session_id = await new_session(store, messages=1)
        before = await store.session(session_id), await store.events(session_id)

        async def put_and_fail() -> None:
            async with store.transaction(session_id) as transaction:
                transaction.put_message(message(session_id))
                transaction.put_run(run(session_id))
                transaction.session.status = "running"
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await put_and_fail()
        assert (await store.session(session_id), await store.events(session_id)) == before
        async with store.transaction(session_id) as transaction:
            assert transaction.put_message(message(session_id)).sequence_number == 2

    async def test_a_cancelled_block_is_discarded(self, store: Store) -> None:
        session_id = await new_session(store)
        with anyio.CancelScope() as scope:
            async with store.transaction(session_id) as transaction:
                transaction.put_message(message(session_id))
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        assert await store.events(session_id) == []
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id))
        assert len(await store.events(session_id)) == 1

    async def test_transactions_of_one_session_run_one_after_the_other(self, store: Store) -> None:
        session_id = await new_session(store, metadata={"count": 0})

        async def count() -> None:
            async with store.transaction(session_id) as transaction:
                seen = transaction.session.metadata["count"]
                await anyio.lowlevel.checkpoint()
                transaction.session.metadata["count"] = seen + 1
                transaction.put_message(message(session_id))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(count)
        page = known(await store.messages(session_id))
        assert page.session.metadata == {"count": 20}
        assert [row.sequence_number for row in page.messages] == list(range(1, 21))

    async def test_transactions_of_two_sessions_do_not_wait_for_each_other(self, store: Store) -> None:
        one, other = await new_session(store), await new_session(store)
        with anyio.fail_after(5):
            async with store.transaction(one), store.transaction(other) as transaction:
                transaction.put_message(message(other))
        assert len(await store.events(other)) == 1

    async def test_rows_that_are_read_are_copies(self, store: Store) -> None:
        session_id = await new_session(store, metadata={"tags": ["a"]})
        async with store.transaction(session_id) as transaction:
            put = transaction.put_message(message(session_id, metadata={"deep": {"x": 1}}))
            put.metadata["deep"]["x"] = 2
            read = known(await transaction.message(put.id))
            read.metadata["deep"]["x"] = 3
            read.content = "changed"
        kept = known(await store.message(session_id, put.id))
        assert (kept.content, kept.metadata) == ("hello", {"deep": {"x": 1}})
        kept.metadata["deep"]["x"] = 4
        page = known(await store.messages(session_id))
        page.messages[0].metadata["deep"]["x"] = 5
        page.session.metadata["tags"].append("b")
        known(await store.session(session_id)).metadata["tags"].append("c")
        (await store.sessions(SessionFilter()))[0].metadata["tags"].append("d")
        (await store.events(session_id))[0].data.clear()
        assert known(await store.message(session_id, put.id)).metadata == {"deep": {"x": 1}}
        assert known(await store.session(session_id)).metadata == {"tags": ["a"]}
        assert (await store.events(session_id))[0].data["messageId"] == put.id

    async def test_what_was_put_can_be_changed_by_the_caller_afterwards(self, store: Store) -> None:
        session_id = await new_session(store)
        step = job("r", output={"text": "kept"})
        async with store.transaction(session_id) as transaction:
            transaction.put_job(step)
            known(step.output)["text"] = "changed"
        assert (await store.jobs(session_id, "r"))[0].output == {"text": "kept"}
        saved = workflow(metadata={"x": 1})
        await store.save_workflow(saved, new=True)
        saved.metadata["x"] = 2
        known(await store.workflow("w")).metadata["x"] = 3
        assert (await store.workflows())[0].metadata == {"x": 1}

    async def test_updated_at_moves_on_at_every_commit_even_when_the_clock_does_not(
        self, store: Store
    ) -> None:
        session_id = await new_session(store)
        times = []
        for _ in range(3):
            async with store.transaction(session_id) as transaction:
                transaction.append_event(EventRecord(type="node", data={}))
            times.append(known(await store.session(session_id)).updated_at)
        assert times == sorted(set(times))

    async def test_a_block_that_changes_nothing_leaves_updated_at(
        self, store: Store, clock: Clockwork
    ) -> None:
        session_id = await new_session(store, messages=1)
        before = await store.session(session_id)
        clock.move(seconds=1)
        async with store.transaction(session_id) as transaction:
            await transaction.interrupts()
        assert await store.session(session_id) == before

    async def test_the_counters_of_a_session_are_the_stores(self, store: Store) -> None:
        session_id = await new_session(store, messages=2)
        async with store.transaction(session_id) as transaction:
            transaction.session.id = UNKNOWN
            transaction.session.last_sequence = 40
            transaction.session.last_event = 40
            transaction.session.last_timestamp = None
            transaction.put_message(message(session_id))
        record = known(await store.session(session_id))
        page = known(await store.messages(session_id))
        assert (record.last_sequence, record.last_event) == (3, 3)
        assert record.last_timestamp == page.messages[-1].timestamp
        assert await store.session(UNKNOWN) is None

    async def test_an_ended_transaction_takes_no_puts(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            pass
        with pytest.raises(StoreClosed):
            transaction.put_message(message(session_id))

    @pytest.mark.parametrize("value", [{"x": object()}, {"x": "\ud800"}], ids=["object", "str"])
    async def test_a_value_json_cannot_carry_is_refused_where_it_is_put(
        self, store: Store, value: dict[str, Any]
    ) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            with pytest.raises(InvalidInput) as refusal:
                transaction.put_job(job("r", output=value))
            transaction.put_message(message(session_id))
        assert refusal.value.code == "NOT_STORABLE"
        assert len(await store.events(session_id)) == 1

    async def test_a_row_of_another_shape_than_declared_is_refused(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            with pytest.raises(InvalidInput):
                transaction.put_run(run(session_id, status="Running"))
            with pytest.raises(InvalidInput):
                transaction.put_message(message(session_id, parent_message_id=7))
        assert await store.events(session_id) == []

    async def test_a_row_of_another_session_is_refused(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            with pytest.raises(InvalidInput):
                transaction.put_message(message(UNKNOWN))
            with pytest.raises(InvalidInput):
                transaction.put_run(run(UNKNOWN))
            with pytest.raises(InvalidInput):
                transaction.put_interrupt(interrupt(UNKNOWN))
            with pytest.raises(InvalidInput):
                transaction.put_checkpoint(checkpoint(UNKNOWN, "r"))
