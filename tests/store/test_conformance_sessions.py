"""What the Store protocol promises of sessions, held against every implementation."""

from typing import Any

import anyio
import pytest
from store_rows import UNKNOWN, Clockwork, Reopen, interrupt, job, message, new_session, run, session

from flowdrop_jupyter.clock import format_time
from flowdrop_jupyter.errors import Conflict, NotFound
from flowdrop_jupyter.store import Owner, SessionFilter, Store

pytestmark = pytest.mark.anyio


async def test_a_session_is_read_back_as_created(store: Store) -> None:
    record = session(
        created_at="2026-01-01T00:00:00.000000Z",
        updated_at="2026-01-01T00:00:00.000000Z",
        metadata={"deep": [{"x": None}]},
    )
    await store.create_session(record)
    assert await store.session(record.id) == record
    assert await store.session(UNKNOWN) is None


async def test_missing_times_of_a_new_session_are_filled_in(store: Store, clock: Clockwork) -> None:
    record = await store.session(await new_session(store))
    assert record.created_at == record.updated_at == format_time(clock())


async def test_a_new_session_counts_from_the_start_whatever_its_record_says(store: Store) -> None:
    session_id = await new_session(
        store, last_sequence=7, last_event=9, last_timestamp="2030-01-01T00:00:00Z"
    )
    async with store.transaction(session_id) as transaction:
        assert transaction.put_message(message(session_id)).sequence_number == 1
    assert [event.seq for event in await store.events(session_id)] == [1]


async def test_a_taken_session_id_is_a_conflict(store: Store) -> None:
    session_id = await new_session(store, messages=1)
    with pytest.raises(Conflict):
        await store.create_session(session(id=session_id))
    assert len(await store.events(session_id)) == 1


async def test_of_two_that_create_one_session_at_once_one_gets_it(store: Store) -> None:
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
    assert (await store.session(UNKNOWN)).name in outcomes


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
    store: Store, where: dict[str, Any], found: str
) -> None:
    for second, fields in enumerate(
        (
            {"name": "talk a"},
            {"name": "Talk b", "workflow_id": "v"},
            {"name": "STRASSE c", "owner": Owner("bob", "Bob")},
            {"name": "d", "status": "failed"},
        )
    ):
        await store.create_session(session(updated_at=f"2026-01-01T00:00:0{second}.000000Z", **fields))
    assert "".join(row.name[-1] for row in await store.sessions(SessionFilter(**where))) == found


async def test_a_commit_moves_its_session_to_the_top(store: Store, clock: Clockwork) -> None:
    first = await new_session(store)
    clock.move(seconds=1)
    second = await new_session(store)
    assert [row.id for row in await store.sessions(SessionFilter())] == [second, first]
    clock.move(seconds=1)
    async with store.transaction(first) as transaction:
        transaction.session.name = "Renamed"
    assert [row.id for row in await store.sessions(SessionFilter())] == [first, second]
    assert [row.name for row in await store.sessions(SessionFilter(search="renamed"))] == ["Renamed"]


async def test_removing_a_session_removes_all_that_belongs_to_it(store: Store, reopen: Reopen) -> None:
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


async def test_removing_an_unknown_session_is_told(store: Store) -> None:
    assert not await store.remove_session(UNKNOWN)


async def test_a_removal_waits_for_the_transaction_before_it(store: Store) -> None:
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


async def test_a_transaction_behind_a_removal_finds_no_session(store: Store) -> None:
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
