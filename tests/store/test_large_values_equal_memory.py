"""Large values, memory, blobs and trimming: the TinyDB store answers as the one in memory does."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st
from store_rows import Clockwork, checkpoint, memory, message, session, workflow

from flowdrop_jupyter.errors import FlowDropError
from flowdrop_jupyter.store import MemoryStore, RetentionPolicy, SessionFilter, Store, TinyDBStore, sweep

SESSIONS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(2)]
LARGE = "x" * 70_000

Step: TypeAlias = tuple[Any, ...]

values = st.sampled_from(["", "small", LARGE, LARGE + "1", [LARGE], {"a": LARGE, "b": [LARGE + "1"], "c": 1}])
sessions = st.sampled_from(SESSIONS)
keys = st.sampled_from("abc")
steps = st.one_of(
    st.tuples(st.just("say"), sessions, values),
    st.tuples(st.just("change"), sessions, st.integers(1, 4), values),
    st.tuples(st.just("checkpoint"), sessions, keys, values),
    st.tuples(st.just("snapshot"), sessions, values),
    st.tuples(st.just("remember"), keys, values),
    st.tuples(st.just("forget"), keys),
    st.tuples(st.just("blob"), st.sampled_from([b"", b"some", b"other"])),
    st.tuples(st.just("create"), sessions),
    st.tuples(st.just("remove"), sessions),
    st.tuples(st.just("trim"), sessions, st.integers(0, 5)),
    st.tuples(st.just("collect"), st.sampled_from([0, 10])),
    st.tuples(st.just("sweep"), st.sampled_from([1, 2, None]), st.sampled_from([1, 3, None])),
    st.tuples(st.just("wait"), st.sampled_from([1, 10])),
    st.tuples(st.just("reopen")),
)


async def take(store: Store, clock: Clockwork, step: Step) -> Any:
    """Do one step; return what it showed or how it was refused."""
    try:
        match step:
            case "say", session_id, value:
                async with store.transaction(session_id) as transaction:
                    number = transaction.session.last_sequence + 1
                    row = message(session_id, str(value), id=f"m{number}", metadata={"value": value})
                    return transaction.put_message(row)
            case "change", session_id, number, value:
                async with store.transaction(session_id) as transaction:
                    row = await transaction.message(f"m{number}")
                    if row is not None:
                        row.metadata = {**row.metadata, "more": value}
                        transaction.put_message(row)
                    return row
            case "checkpoint", session_id, key, value:
                async with store.transaction(session_id) as transaction:
                    transaction.put_checkpoint(checkpoint(session_id, "r", id=key, state={"value": value}))
                    return await transaction.checkpoints("r")
            case "snapshot", session_id, value:
                async with store.transaction(session_id) as transaction:
                    return transaction.put_workflow_snapshot(workflow(metadata={"value": value}))
            case "remember", key, value:
                return await store.put_memory(memory(key, value))
            case "forget", key:
                return await store.remove_memory("user", "ada", key)
            case "blob", content:
                return await store.put_blob(content)
            case "create", session_id:
                return await store.create_session(session(id=session_id))
            case "remove", session_id:
                return await store.remove_session(session_id)
            case "trim", session_id, through:
                return await store.trim_messages(session_id, through)
            case "collect", grace:
                return await store.collect_garbage(grace_seconds=grace)
            case "sweep", most, messages:
                policy = RetentionPolicy(max_sessions=most, max_messages_per_session=messages)
                report = await sweep(store, policy, clock, blob_grace_seconds=0)
                return report.sessions, report.messages, report.blobs, report.failed
            case "wait", seconds:
                return clock.move(seconds=seconds)
        # What is unused is remembered until closing, which is the same for both.
        await store.close()
        return await store.open()
    except FlowDropError as error:
        return type(error), error.code


async def show(store: Store) -> list[Any]:
    usage = await store.usage()
    shown: list[Any] = [
        await store.sessions(SessionFilter()),
        await store.memories("user", "ada"),
        usage.blobs,
        usage.references,
        [await store.blob(name) for name in sorted(usage.blobs)],
    ]
    for session_id in SESSIONS:
        shown += [
            await store.messages(session_id),
            await store.checkpoints(session_id, "r"),
            await store.events(session_id),
        ]
    return shown


@settings(max_examples=30, deadline=None)
@given(history=st.lists(steps, min_size=5, max_size=25))
def test_both_stores_show_the_same_after_the_same_history(history: list[Step]) -> None:
    async def compare() -> None:
        with TemporaryDirectory() as directory:
            clocks = Clockwork(), Clockwork()
            stores = MemoryStore(clock=clocks[0]), TinyDBStore(Path(directory), clock=clocks[1], max_open=1)
            for store in stores:
                await store.open()
                await store.create_session(session(id=SESSIONS[0]))
            for step in history:
                outcomes = [await take(*pair, step) for pair in zip(stores, clocks, strict=True)]
                assert outcomes[0] == outcomes[1], step
            shown = await show(stores[0])
            assert await show(stores[1]) == shown
            for store in stores:
                await store.close()
                await store.open()
            assert await show(stores[1]) == shown
            for store in stores:
                await store.close()

    anyio.run(compare)
