"""What a store promises of opening and closing."""

from __future__ import annotations

import pytest

from ...errors import StoreClosed
from ...store import SessionFilter, Store
from ..rows import UNKNOWN, interrupt, message, new_session, session, workflow
from .suite import Suite, known, reopen


class OpeningConformance(Suite):
    """What a store promises of opening and closing."""

    async def test_a_store_that_was_not_opened_refuses_everything(self, closed_store: Store) -> None:
        store = closed_store
        with pytest.raises(StoreClosed):
            await store.workflows()
        with pytest.raises(StoreClosed):
            await store.create_session(session())
        with pytest.raises(StoreClosed):
            async with store.transaction(UNKNOWN):
                pass

    async def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        session_id = await new_session(store)
        await store.close()
        for call in (
            store.session(session_id),
            store.sessions(SessionFilter()),
            store.messages(session_id),
            store.interrupt(UNKNOWN),
            store.remove_session(session_id),
            store.save_workflow(workflow(), new=True),
            store.remove_workflow("w"),
        ):
            with pytest.raises(StoreClosed):
                await call

    async def test_closing_twice_is_fine(self, store: Store) -> None:
        await store.close()
        await store.close()

    async def test_everything_is_there_after_reopening(self, store: Store) -> None:
        session_id = await new_session(store, messages=3)
        prompt = interrupt(session_id)
        async with store.transaction(session_id) as transaction:
            transaction.put_interrupt(prompt)
        await store.save_workflow(workflow(), new=True)
        before = await store.messages(session_id), await store.events(session_id)
        await reopen(store)
        assert (await store.messages(session_id), await store.events(session_id)) == before
        assert await store.interrupt(prompt.id) == prompt
        assert await store.workflow("w") == workflow()

    async def test_numbers_and_times_go_on_after_reopening(self, store: Store) -> None:
        session_id = await new_session(store, messages=2)
        await reopen(store)
        async with store.transaction(session_id) as transaction:
            third = transaction.put_message(message(session_id))
        page = known(await store.messages(session_id))
        assert third.sequence_number == 3
        assert third.timestamp > page.messages[1].timestamp
        assert [event.seq for event in await store.events(session_id)] == [1, 2, 3]

    async def test_a_transaction_that_outlives_the_store_writes_nothing(self, store: Store) -> None:
        session_id = await new_session(store)

        async def close_inside() -> None:
            async with store.transaction(session_id) as transaction:
                transaction.put_message(message(session_id))
                await store.close()

        with pytest.raises(StoreClosed):
            await close_inside()
        await store.open()
        assert await store.events(session_id) == []
