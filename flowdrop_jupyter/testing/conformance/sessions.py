"""What a store promises of sessions."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from ...clock import format_time
from ...errors import Conflict, InvalidInput, NotFound
from ...store import Owner, SessionFilter, SessionRecord, Store, session_cursor
from ..rows import UNKNOWN, Clockwork, interrupt, job, message, new_session, run, session
from .suite import Suite, known, reopen


class SessionConformance(Suite):
    """What a store promises of sessions."""

    async def test_a_session_is_read_back_as_created(self, store: Store) -> None:
        record = session(
            created_at="2026-01-01T00:00:00.000000Z",
            updated_at="2026-01-01T00:00:00.000000Z",
            metadata={"deep": [{"x": None}]},
        )
        await store.create_session(record)
        assert await store.session(record.id) == record
        assert await store.session(UNKNOWN) is None

    async def test_missing_times_of_a_new_session_are_filled_in(self, store: Store, clock: Clockwork) -> None:
        record = known(await store.session(await new_session(store)))
        assert record.created_at == record.updated_at == format_time(clock())

    async def test_a_new_session_counts_from_the_start_whatever_its_record_says(self, store: Store) -> None:
        session_id = await new_session(
            store, last_sequence=7, last_event=9, last_timestamp="2030-01-01T00:00:00Z"
        )
        async with store.transaction(session_id) as transaction:
            assert transaction.put_message(message(session_id)).sequence_number == 1
        assert [event.seq for event in await store.events(session_id)] == [1]

    async def test_a_taken_session_id_is_a_conflict(self, store: Store) -> None:
        session_id = await new_session(store, messages=1)
        with pytest.raises(Conflict):
            await store.create_session(session(id=session_id))
        assert len(await store.events(session_id)) == 1

    async def test_of_two_that_create_one_session_at_once_one_gets_it(self, store: Store) -> None:
        outcomes: list[str] = []

        async def create(name: str) -> None:
            try:
                await store.create_session(session(id=UNKNOWN, name=name))
                outcomes.append(name)
            except Conflict:
                outcomes.append("conflict")

        async with anyio.create_task_group() as group:
            group.start_soon(create, "one")
            group.start_soon(create, "other")
        assert sorted(outcomes)[0] == "conflict"
        assert known(await store.session(UNKNOWN)).name in outcomes

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ({}, "dcba"),
            ({"workflow_id": "v"}, "b"),
            ({"owner_id": "bob"}, "c"),
            ({"owner_id": ""}, ""),
            ({"status": "failed"}, "d"),
            ({"search": "TALK"}, "ba"),
            ({"search": ""}, "dcba"),
            ({"workflow_id": "w", "search": "straße"}, "c"),
        ],
    )
    async def test_sessions_are_filtered_and_newest_first(
        self, store: Store, where: dict[str, Any], found: str
    ) -> None:
        rows: list[dict[str, Any]] = [
            {"name": "talk a"},
            {"name": "Talk b", "workflow_id": "v"},
            {"name": "STRASSE c", "owner": Owner("bob", "Bob")},
            {"name": "d", "status": "failed"},
        ]
        for second, fields in enumerate(rows):
            await store.create_session(session(updated_at=f"2026-01-01T00:00:0{second}.000000Z", **fields))
        assert "".join(row.name[-1] for row in await store.sessions(SessionFilter(**where))) == found

    async def test_archived_sessions_are_told_by_their_metadata(self, store: Store) -> None:
        for name, metadata in (("a", {"archived": True}), ("b", {"archived": "yes"}), ("c", {})):
            await store.create_session(
                session(name=name, metadata=metadata, updated_at=f"2026-01-01T00:00:00.{name}Z")
            )
        listed = {
            archived: "".join(row.name for row in await store.sessions(SessionFilter(archived=archived)))
            for archived in (None, True, False)
        }
        assert listed == {None: "cba", True: "a", False: "cb"}

    async def test_a_limit_and_a_cursor_walk_through_the_list(self, store: Store) -> None:
        for number in range(7):
            # Three moments, so that the id has to decide, too.
            moment = f"2026-01-01T00:00:0{number % 3}.000000Z"
            await store.create_session(session(updated_at=moment, name=f"talk {number}"))
        await store.create_session(session(name="other", updated_at="2026-01-01T00:00:01.000000Z"))
        where = SessionFilter(search="talk")
        whole = await store.sessions(where)
        walked: list[SessionRecord] = []
        cursor = None
        while page := await store.sessions(where, limit=2, cursor=cursor):
            assert len(page) <= 2
            walked += page
            cursor = session_cursor(page[-1])
        assert walked == whole
        assert len(whole) == 7
        assert await store.sessions(where, limit=0) == []
        assert await store.sessions(where, cursor=session_cursor(whole[-3])) == whole[-2:]

    async def test_a_cursor_stays_good_when_its_session_is_gone(self, store: Store, clock: Clockwork) -> None:
        held = []
        for _ in range(3):
            held.append(await new_session(store))
            clock.move(seconds=1)
        [newest] = await store.sessions(SessionFilter(), limit=1)
        await store.remove_session(newest.id)
        await new_session(store)
        rest = await store.sessions(SessionFilter(), cursor=session_cursor(newest))
        assert [row.id for row in rest] == [held[1], held[0]]

    @pytest.mark.parametrize("cursor", ["", "x", "ä", "W10", "WzEsMl0", "////"])
    async def test_a_cursor_that_no_list_gave_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            await store.sessions(SessionFilter(), cursor=cursor)
        assert refusal.value.code == "CURSOR_INVALID"

    async def test_a_commit_moves_its_session_to_the_top(self, store: Store, clock: Clockwork) -> None:
        first = await new_session(store)
        clock.move(seconds=1)
        second = await new_session(store)
        assert [row.id for row in await store.sessions(SessionFilter())] == [second, first]
        clock.move(seconds=1)
        async with store.transaction(first) as transaction:
            transaction.session.name = "Renamed"
        assert [row.id for row in await store.sessions(SessionFilter())] == [first, second]
        assert [row.name for row in await store.sessions(SessionFilter(search="renamed"))] == ["Renamed"]

    async def test_removing_a_session_removes_all_that_belongs_to_it(self, store: Store) -> None:
        session_id = await new_session(store, messages=1)
        other = await new_session(store, messages=1)
        turn, prompt = run(session_id), interrupt(session_id)
        async with store.transaction(session_id) as transaction:
            transaction.put_run(turn)
            transaction.put_job(job(turn.id))
            transaction.put_interrupt(prompt)
        assert await store.remove_session(session_id)
        for _ in range(2):
            assert await store.session(session_id) is None
            assert await store.messages(session_id) is None
            assert await store.events(session_id) == []
            assert await store.run(session_id, turn.id) is None
            assert list(await store.jobs(session_id, turn.id)) == []
            assert await store.interrupt(prompt.id) is None
            assert [row.id for row in await store.sessions(SessionFilter())] == [other]
            await reopen(store)

    async def test_removing_an_unknown_session_is_told(self, store: Store) -> None:
        assert not await store.remove_session(UNKNOWN)

    async def test_a_removal_waits_for_the_transaction_before_it(self, store: Store) -> None:
        session_id = await new_session(store)
        order: list[str] = []

        async def remove() -> None:
            await store.remove_session(session_id)
            order.append("removed")

        async with anyio.create_task_group() as group, store.transaction(session_id) as transaction:
            group.start_soon(remove)
            await anyio.wait_all_tasks_blocked()
            transaction.put_message(message(session_id))
            order.append("put")
        assert order == ["put", "removed"]
        assert await store.session(session_id) is None

    async def test_a_transaction_behind_a_removal_finds_no_session(self, store: Store) -> None:
        session_id = await new_session(store)
        outcomes: list[str] = []

        async def transact() -> None:
            try:
                async with store.transaction(session_id):
                    outcomes.append("entered")
            except NotFound as error:
                outcomes.append(error.code)

        async with anyio.create_task_group() as group, store.transaction(session_id):
            group.start_soon(store.remove_session, session_id)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(transact)
            await anyio.wait_all_tasks_blocked()
        assert outcomes == ["SESSION_NOT_FOUND"]
