"""What a store promises of messages and the event log."""

from __future__ import annotations

import pytest

from ...clock import format_time
from ...errors import Conflict, NotFound
from ...store import EventRecord, Store
from ..rows import Clockwork, message, new_session
from .suite import Suite, known


class LogConformance(Suite):
    """What a store promises of messages and the event log."""

    async def test_a_new_message_gets_the_next_number_and_a_later_time(
        self, store: Store, clock: Clockwork
    ) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            first = transaction.put_message(message(session_id, timestamp="1999-01-01T00:00:00Z"))
            second = transaction.put_message(message(session_id))
        clock.move(seconds=-60)
        async with store.transaction(session_id) as transaction:
            third = transaction.put_message(message(session_id))
        assert [row.sequence_number for row in (first, second, third)] == [1, 2, 3]
        assert first.timestamp == "2026-01-01T00:00:00.000000Z"
        assert first.timestamp < second.timestamp < third.timestamp

    async def test_a_replaced_message_keeps_its_number_and_time(self, store: Store, clock: Clockwork) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            first = transaction.put_message(message(session_id, status="pending"))
        clock.move(seconds=5)
        async with store.transaction(session_id) as transaction:
            row = known(await transaction.message(first.id))
            row.status = "completed"
            row.timestamp = "2030-01-01T00:00:00.000000Z"
            transaction.put_message(row)
        page = known(await store.messages(session_id))
        assert [row.status for row in page.messages] == ["completed"]
        assert (page.messages[0].sequence_number, page.messages[0].timestamp) == (1, first.timestamp)

    async def test_every_put_of_a_message_is_an_event(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            row = transaction.put_message(message(session_id, status="pending"))
            row.status = "processing"
            transaction.put_message(row)
        events = await store.events(session_id)
        assert [(event.seq, event.type) for event in events] == [(1, "message"), (2, "message")]
        assert all(event.data == {"messageId": row.id, "sequenceNumber": 1} for event in events)

    async def test_a_second_new_message_with_one_id_is_a_conflict(self, store: Store) -> None:
        session_id = await new_session(store)
        row = message(session_id)
        async with store.transaction(session_id) as transaction:
            transaction.put_message(row)
            with pytest.raises(Conflict):
                transaction.put_message(row)

    async def test_a_numbered_message_that_is_not_known_is_refused(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            with pytest.raises(NotFound):
                transaction.put_message(message(session_id, sequence_number=3))

    async def test_an_event_gets_the_next_seq_and_the_current_time(
        self, store: Store, clock: Clockwork
    ) -> None:
        session_id = await new_session(store, messages=1)
        clock.move(minutes=1)
        async with store.transaction(session_id) as transaction:
            event = transaction.append_event(
                EventRecord(type="node", data={"nodeId": "n"}, seq=99, at="never")
            )
        assert (event.seq, event.at) == (2, format_time(clock()))
        assert (await store.events(session_id))[1] == event

    async def test_a_changed_status_is_announced_behind_all_other_events(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            transaction.session.status = "running"
            transaction.put_message(message(session_id))
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id))
        events = await store.events(session_id)
        assert [event.type for event in events] == ["message", "session", "message"]
        assert events[1].data == {"status": "running"}
        assert known(await store.session(session_id)).last_event == 3

    async def test_a_status_that_ends_where_it_began_is_not_announced(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            transaction.session.status = "running"
            transaction.session.status = "idle"
        assert await store.events(session_id) == []

    @pytest.mark.parametrize(
        ("bounds", "seqs"),
        [
            ({}, [1, 2, 3, 4, 5]),
            ({"after": 0}, [1, 2, 3, 4, 5]),
            ({"after": 3}, [4, 5]),
            ({"after": 5}, []),
            ({"after": 10**30}, []),
            ({"after": -1, "limit": 1}, [1]),
            ({"after": 1, "limit": 2}, [2, 3]),
            ({"limit": 0}, []),
        ],
    )
    async def test_events_above_a_seq(self, store: Store, bounds: dict[str, int], seqs: list[int]) -> None:
        session_id = await new_session(store, messages=5)
        assert [event.seq for event in await store.events(session_id, **bounds)] == seqs
