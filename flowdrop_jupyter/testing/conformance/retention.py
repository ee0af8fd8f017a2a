"""What a store promises of removing what is not wanted any more."""

from __future__ import annotations

from typing import Final

import pytest

from ...errors import NotFound
from ...store import RetentionPolicy, SessionStatus, Store, sweep
from ..rows import UNKNOWN, Clockwork, checkpoint, job, message, new_session, run
from .suite import Suite, known, reopen

_LARGE: Final = "x" * 100_000


class RetentionConformance(Suite):
    """What a store promises of removing what is not wanted any more."""

    async def test_a_session_is_removed_only_as_it_was_seen(self, store: Store) -> None:
        session_id = await new_session(store, messages=1)
        seen = known(await store.session(session_id)).updated_at
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id))
        assert not await store.remove_session(session_id, updated_at=seen)
        seen = known(await store.session(session_id)).updated_at
        assert await store.remove_session(session_id, updated_at=seen)
        assert await store.session(session_id) is None

    async def test_trimmed_messages_are_empty_and_numbered_as_before(self, store: Store) -> None:
        session_id = await new_session(store, messages=5)
        before = known(await store.messages(session_id)).messages
        assert await store.trim_messages(session_id, 3) == 3
        for _ in range(2):
            after = known(await store.messages(session_id)).messages
            assert [row.content for row in after] == ["", "", "", "4", "5"]
            assert [row.metadata for row in after[:4]] == [{"trimmed": True}] * 3 + [{}]
            for one, other in zip(before, after, strict=True):
                assert (one.id, one.sequence_number, one.timestamp) == (
                    other.id,
                    other.sequence_number,
                    other.timestamp,
                )
            await reopen(store)

    async def test_trimming_is_no_activity(self, store: Store, clock: Clockwork) -> None:
        session_id = await new_session(store, messages=5)
        session, events = known(await store.session(session_id)), await store.events(session_id)
        clock.move(days=1)
        await store.trim_messages(session_id, 2)
        after = known(await store.session(session_id))
        assert (after.updated_at, after.last_event) == (session.updated_at, session.last_event)
        assert after.trimmed == 2
        assert await store.events(session_id) == events

    async def test_trimming_goes_on_where_it_stopped(self, store: Store) -> None:
        session_id = await new_session(store, messages=1_200)
        assert await store.trim_messages(session_id, 1) == 1
        assert await store.trim_messages(session_id, 1_100) == 1_099
        assert await store.trim_messages(session_id, 7) == 0
        assert await store.trim_messages(session_id, 10**9) == 100
        page = known(await store.messages(session_id))
        assert {row.content for row in page.messages} == {""}
        assert page.session.trimmed == page.session.last_sequence == 1_200

    async def test_the_runs_of_trimmed_messages_keep_no_values(self, store: Store) -> None:
        session_id = await new_session(store)
        turns = [run(session_id, status="completed", initial={"n": {"x": "secret"}}) for _ in range(2)]
        async with store.transaction(session_id) as transaction:
            for turn in turns:
                transaction.put_message(message(session_id, execution_id=turn.id))
                transaction.put_run(turn)
                transaction.put_job(job(turn.id, status="completed", output={"x": _LARGE}))
                transaction.put_checkpoint(checkpoint(session_id, turn.id, state={"x": "secret"}))
        await store.trim_messages(session_id, 1)
        emptied, kept = [await store.jobs(session_id, turn.id) for turn in turns]
        assert (emptied[0].output, emptied[0].status) == (None, "completed")
        assert kept[0].output == {"x": _LARGE}
        states = [(await store.checkpoints(session_id, turn.id))[0].state for turn in turns]
        assert states == [{}, {"x": "secret"}]
        assert known(await store.run(session_id, turns[0].id)).initial == {}
        assert known(await store.run(session_id, turns[1].id)) == turns[1]

    async def test_trimmed_large_values_become_garbage(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            transaction.put_message(message(session_id, _LARGE))
        await store.collect_garbage(grace_seconds=0)
        await store.trim_messages(session_id, 1)
        await store.collect_garbage(grace_seconds=0)
        assert (await store.usage()).blobs == {}

    @pytest.mark.parametrize("status", ["running", "awaiting_input"])
    async def test_a_session_at_work_is_not_trimmed(self, store: Store, status: SessionStatus) -> None:
        session_id = await new_session(store, messages=3, status=status)
        assert await store.trim_messages(session_id, 2) == 0
        assert [row.content for row in known(await store.messages(session_id)).messages] == ["1", "2", "3"]

    async def test_an_unknown_session_cannot_be_trimmed(self, store: Store) -> None:
        with pytest.raises(NotFound) as refusal:
            await store.trim_messages(UNKNOWN, 1)
        assert refusal.value.code == "SESSION_NOT_FOUND"

    async def test_a_sweep_removes_what_is_too_old(self, store: Store, clock: Clockwork) -> None:
        old = await new_session(store, messages=1)
        waiting = await new_session(store, status="awaiting_input")
        clock.move(days=20)
        young = await new_session(store)
        clock.move(days=11)
        report = await sweep(store, RetentionPolicy(max_age_days=30), clock)
        assert report.sessions == [old]
        assert report.freed_bytes > 0
        assert await store.session(old) is None
        assert await store.session(waiting) is not None
        assert await store.session(young) is not None

    async def test_a_sweep_leaves_as_many_sessions_as_wanted(self, store: Store, clock: Clockwork) -> None:
        held = []
        for status in ("running", "completed", "failed", "idle", "completed"):
            held.append(await new_session(store, status=status))
            clock.move(seconds=1)
        report = await sweep(store, RetentionPolicy(max_sessions=3), clock)
        assert report.sessions == held[1:3]

    async def test_a_sweep_empties_the_oldest_messages(self, store: Store, clock: Clockwork) -> None:
        long, short = await new_session(store, messages=5), await new_session(store, messages=2)
        busy = await new_session(store, messages=5, status="running")
        policy = RetentionPolicy(max_messages_per_session=2)
        assert (await sweep(store, policy, clock)).messages == {long: 3}
        assert [row.content for row in known(await store.messages(long)).messages] == ["", "", "", "4", "5"]
        assert known(await store.session(short)).trimmed == 0
        assert known(await store.session(busy)).trimmed == 0
        assert not await sweep(store, policy, clock)

    async def test_a_sweep_makes_room_with_the_oldest_first(self, store: Store, clock: Clockwork) -> None:
        held = []
        for content in (_LARGE, _LARGE + "1", _LARGE, _LARGE + "2"):
            session_id = await new_session(store)
            async with store.transaction(session_id) as transaction:
                transaction.put_message(message(session_id, content))
            held.append(session_id)
            clock.move(seconds=1)
        report = await sweep(
            store, RetentionPolicy(max_bytes=2 * len(_LARGE) + 50_000), clock, blob_grace_seconds=0
        )
        # What the first has is shared with the third, so only the second makes room.
        assert report.sessions == held[:2]
        assert report.excess_bytes == 0
        assert await store.session(held[2]) is not None
        assert report.freed_bytes > len(_LARGE)

    async def test_a_sweep_tells_what_it_cannot_make_room_for(self, store: Store, clock: Clockwork) -> None:
        session_id = await new_session(store, messages=3, status="running")
        report = await sweep(store, RetentionPolicy(max_bytes=1, max_sessions=0), clock)
        assert report.sessions == []
        assert report.excess_bytes > 0
        assert await store.session(session_id) is not None

    async def test_a_sweep_without_limits_keeps_everything(self, store: Store, clock: Clockwork) -> None:
        session_id = await new_session(store, messages=3)
        clock.move(days=10_000)
        assert not await sweep(store, RetentionPolicy(), clock)
        assert len(known(await store.messages(session_id)).messages) == 3
