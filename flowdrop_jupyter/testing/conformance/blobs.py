"""What a store promises of large values and blobs."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from ...store import EventRecord, Store
from ..rows import UNKNOWN, checkpoint, interrupt, job, memory, message, new_session, run, workflow
from .suite import Suite, known, reopen

_LARGE: Final = 'äöü😀"\\\n' * 20_000
_OTHER: Final = _LARGE + "!"


class BlobConformance(Suite):
    """What a store promises of large values and blobs."""

    async def test_large_values_come_back_as_they_were_put(self, store: Store) -> None:
        session_id = await new_session(store)
        turn = run(session_id, initial={"n": {"text": _LARGE, "few": 1}})
        step = job(
            turn.id, output={"image": _LARGE, "list": [1] * 50_000, "n": 1}, error={"deep": {"x": _OTHER}}
        )
        prompt = interrupt(session_id, message=_LARGE, response=[_LARGE], config={"schema": {"x": [_OTHER]}})
        point = checkpoint(session_id, turn.id, state={"a/b~c": _LARGE, "": _OTHER}, created_at="now")
        drawn = workflow(nodes=[{"id": str(number)} for number in range(10_000)])
        async with store.transaction(session_id) as transaction:
            spoken = transaction.put_message(
                message(session_id, _LARGE, metadata={"image": _LARGE, "more": {"deep": [_OTHER]}, "x": None})
            )
            transaction.put_run(turn)
            transaction.put_job(step)
            transaction.put_interrupt(prompt)
            transaction.put_checkpoint(point)
            snapshot_id = transaction.put_workflow_snapshot(drawn)
            event = transaction.append_event(EventRecord(type="node", data={"x": _LARGE}))
            assert await transaction.message(spoken.id) == spoken
            assert await transaction.run(turn.id) == turn
            assert await transaction.jobs(turn.id) == [step]
            assert await transaction.interrupts() == [prompt]
            assert await transaction.checkpoints(turn.id) == [point]
        for _ in range(2):
            assert await store.message(session_id, spoken.id) == spoken
            assert known(await store.messages(session_id)).messages == [spoken]
            assert await store.run(session_id, turn.id) == turn
            assert list(await store.jobs(session_id, turn.id)) == [step]
            assert await store.interrupt(prompt.id) == prompt
            assert list(await store.interrupts(session_id)) == [prompt]
            assert await store.checkpoints(session_id, turn.id) == [point]
            assert await store.workflow_snapshot(session_id, snapshot_id) == drawn
            assert (await store.events(session_id))[-1] == event
            await reopen(store)

    async def test_a_large_memory_comes_back_as_it_was_put(self, store: Store) -> None:
        put = [
            await store.put_memory(memory(key, value)) for key, value in (("a", _LARGE), ("b", {"x": _OTHER}))
        ]
        await store.collect_garbage(grace_seconds=0)
        await reopen(store)
        assert await store.memory("user", "ada", "a") == put[0]
        assert await store.memories("user", "ada") == put

    async def test_the_keys_of_an_object_keep_their_order(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            spoken = transaction.put_message(
                message(session_id, metadata={"z": 1, "image": _LARGE, "a": 2, "b": _OTHER})
            )
        kept = known(await store.message(session_id, spoken.id))
        assert list(kept.metadata) == ["z", "image", "a", "b"]

    async def test_a_large_value_that_was_replaced_is_gone_for_readers(self, store: Store) -> None:
        session_id = await new_session(store)
        async with store.transaction(session_id) as transaction:
            spoken = transaction.put_message(message(session_id, _LARGE))
        async with store.transaction(session_id) as transaction:
            row = known(await transaction.message(spoken.id))
            row.content = "short"
            transaction.put_message(row)
        assert known(await store.message(session_id, spoken.id)).content == "short"

    async def test_bytes_are_kept_under_their_hash(self, store: Store) -> None:
        content = bytes(range(256)) * 4
        name = await store.put_blob(content)
        assert name == sha256(content).hexdigest()
        assert await store.put_blob(content) == name
        await reopen(store)
        assert await store.blob(name) == content
        assert await store.blob("0" * 64) is None
        assert await store.blob("../" + name) is None

    async def test_empty_bytes_are_bytes(self, store: Store) -> None:
        assert await store.blob(await store.put_blob(b"")) == b""

    async def test_what_rows_refer_to_is_no_garbage(self, store: Store) -> None:
        session_id = await new_session(store)
        named = await store.put_blob(b"an attachment")
        inside = await store.put_blob(b"an attachment named inside a large value")
        async with store.transaction(session_id) as transaction:
            spoken = transaction.put_message(
                message(session_id, _LARGE, metadata={"attachment": {"sha256": named}, "x": [_OTHER, inside]})
            )
        for _ in range(2):
            assert await store.collect_garbage(grace_seconds=0) == {}
            assert await store.message(session_id, spoken.id) == spoken
            assert await store.blob(named) == b"an attachment"
            assert await store.blob(inside) is not None
            await reopen(store)

    async def test_what_nothing_refers_to_any_more_is_removed(self, store: Store) -> None:
        session_id, other = await new_session(store), await new_session(store)
        name = await store.put_blob(b"an attachment")
        for holder in (session_id, other):
            async with store.transaction(holder) as transaction:
                transaction.put_message(message(holder, _LARGE, metadata={"attachment": name}))
        await store.remove_session(session_id)
        assert await store.collect_garbage(grace_seconds=0) == {}
        await store.remove_session(other)
        removed = await store.collect_garbage(grace_seconds=0)
        assert removed[name] == len(b"an attachment")
        assert await store.blob(name) is None
        assert (await store.usage()).blobs == {}
        assert await store.collect_garbage(grace_seconds=0) == {}

    async def test_a_blob_is_spared_until_it_was_unused_for_the_time_of_grace(
        self, store: Store, clock: Any
    ) -> None:
        name = await store.put_blob(b"an attachment")
        assert await store.collect_garbage(grace_seconds=60) == {}
        clock.move(seconds=59)
        assert await store.collect_garbage(grace_seconds=60) == {}
        await store.put_blob(b"an attachment")
        clock.move(seconds=59)
        assert await store.collect_garbage(grace_seconds=60) == {}
        clock.move(seconds=60)
        assert set(await store.collect_garbage(grace_seconds=60)) == {name}

    @pytest.mark.parametrize("stays", [True, False])
    async def test_garbage_is_collected_while_sessions_go_on(self, store: Store, stays: bool) -> None:
        session_id = await new_session(store)
        put: dict[str, str] = {}

        async def write() -> None:
            for number in range(8):
                # The values of two turns alternate, so what is garbage now is needed again soon.
                content = _LARGE + str(number % 2)
                async with store.transaction(session_id) as transaction:
                    if stays or not put:
                        row = transaction.put_message(message(session_id, content))
                    else:
                        row = known(await transaction.message(next(iter(put))))
                        row.content = content
                        transaction.put_message(row)
                put[row.id] = content
            group.cancel_scope.cancel()

        async def collect() -> None:
            while True:
                await store.collect_garbage(grace_seconds=0)
                await anyio.lowlevel.checkpoint()

        async def read() -> None:
            while True:
                await store.messages(session_id)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(collect)
            group.start_soon(read)
            group.start_soon(write)
        await store.collect_garbage(grace_seconds=0)
        page = known(await store.messages(session_id))
        assert {row.id: row.content for row in page.messages} == put

    async def test_usage_counts_rows_and_the_blobs_they_refer_to(self, store: Store) -> None:
        empty, full = await new_session(store), await new_session(store)
        loose = await store.put_blob(b"an attachment")
        async with store.transaction(full) as transaction:
            transaction.put_message(message(full, _LARGE))
        usage = await store.usage()
        assert set(usage.sessions) == {empty, full}
        assert min(usage.sessions.values()) > 0
        assert usage.references.get(empty, frozenset()) == frozenset()
        held = sum(usage.blobs[name] for name in usage.references.get(full, frozenset()))
        assert held + usage.sessions[full] > len(_LARGE.encode())
        assert usage.blobs[loose] == len(b"an attachment")
        assert UNKNOWN not in usage.sessions
