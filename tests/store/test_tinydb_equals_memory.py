"""Whatever is done to it, the TinyDB store answers as the one in memory does."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st
from store_faults import FaultyFiles
from store_rows import Clockwork, interrupt, job, message, run, session, workflow

from flowdrop_jupyter.errors import FlowDropError, StoreError
from flowdrop_jupyter.store import (
    EventRecord,
    MemoryStore,
    SessionFilter,
    SessionTransaction,
    Store,
    TinyDBStore,
)

SESSIONS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
MESSAGES, RUNS, JOBS, INTERRUPTS, WORKFLOWS = (
    [f"{kind}{number}" for number in range(3)] for kind in ("message", "run", "job", "interrupt", "workflow")
)
STATUSES = ["idle", "running", "completed"]

Step: TypeAlias = tuple[Any, ...]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=2)
puts = st.one_of(
    st.tuples(st.just("message"), st.sampled_from(MESSAGES), st.text(max_size=5), objects),
    st.tuples(st.just("run"), st.sampled_from(RUNS), st.sampled_from(["running", "completed"])),
    st.tuples(st.just("job"), st.sampled_from(JOBS), st.sampled_from(RUNS), objects),
    st.tuples(st.just("interrupt"), st.sampled_from(INTERRUPTS), st.sampled_from(RUNS), values),
    st.tuples(st.just("event"), objects),
    st.tuples(st.just("status"), st.sampled_from(STATUSES)),
)
steps = st.one_of(
    st.tuples(st.just("transact"), st.sampled_from(SESSIONS), st.lists(puts, max_size=5)),
    st.tuples(st.just("transact and fail"), st.sampled_from(SESSIONS), st.lists(puts, max_size=3)),
    st.tuples(st.just("transact on a full disk"), st.sampled_from(SESSIONS), st.lists(puts, min_size=1)),
    st.tuples(st.just("create"), st.sampled_from(SESSIONS)),
    st.tuples(st.just("remove"), st.sampled_from(SESSIONS)),
    st.tuples(st.just("save"), st.sampled_from(WORKFLOWS), st.booleans(), objects),
    st.tuples(st.just("erase"), st.sampled_from(WORKFLOWS)),
    st.tuples(st.just("wait"), st.integers(-5, 5)),
    st.tuples(st.just("reopen")),
)
bounds = st.none() | st.integers(-1, 8)
queries = st.fixed_dictionaries({"after": bounds, "before": bounds, "limit": st.none() | st.integers(0, 5)})


async def put(transaction: SessionTransaction, session_id: str, what: Step) -> Any:
    """Do one thing inside a transaction; return what it showed."""
    match what:
        case "message", message_id, content, metadata:
            known = await transaction.message(message_id)
            fields = {"id": message_id, "content": content, "metadata": metadata}
            fields["sequence_number"] = known.sequence_number if known else 0
            return transaction.put_message(message(session_id, **fields))
        case "run", run_id, status:
            transaction.put_run(run(session_id, id=run_id, status=status))
            return await transaction.run(run_id)
        case "job", job_id, run_id, output:
            transaction.put_job(job(run_id + job_id, id=run_id + job_id, output=output))
            return await transaction.jobs(run_id + job_id)
        case "interrupt", interrupt_id, run_id, response:
            row_id = session_id + interrupt_id
            transaction.put_interrupt(interrupt(session_id, id=row_id, run_id=run_id, response=response))
            return await transaction.interrupts(run_id)
        case "event", data:
            return transaction.append_event(EventRecord(type="node", data=data))
        case "status", status:
            transaction.session.status = status
    return transaction.session


async def transact(store: Store, session_id: str, what: list[Step], *, fail: bool = False) -> list[Any]:
    async with store.transaction(session_id) as transaction:
        shown = [await put(transaction, session_id, item) for item in what]
        if fail:
            raise StoreError("on purpose")
    return shown


async def take(store: Store, clock: Clockwork, step: Step) -> Any:
    """Do one step; return what it showed or how it was refused."""
    actions: dict[str, Callable[..., Awaitable[Any]]] = {
        "transact": lambda session_id, what: transact(store, session_id, what),
        "transact and fail": lambda session_id, what: transact(store, session_id, what, fail=True),
        "create": lambda session_id: store.create_session(session(id=session_id)),
        "remove": store.remove_session,
        "save": lambda name, new, extra: store.save_workflow(workflow(name, extra=extra), new=new),
        "erase": store.remove_workflow,
    }
    try:
        if step[0] == "wait":
            return clock.move(seconds=step[1])
        if step[0] == "reopen":
            await store.close()
            return await store.open()
        return await actions[step[0]](*step[1:])
    except FlowDropError as error:
        return type(error), error.code


async def take_on_a_full_disk(stores: tuple[Store, Store], files: FaultyFiles, step: Step) -> None:
    """A block that raises and a commit that fails must come to the same."""
    _, session_id, what = step
    files.full = True
    for store, fail in zip(stores, (True, False), strict=True):
        try:
            await transact(store, session_id, what, fail=fail)
        except FlowDropError:
            pass
        else:
            assert all(item[0] == "status" for item in what)
    files.full = False


async def show(store: Store, query: dict[str, Any]) -> list[Any]:
    """All that readers can see of a store."""
    shown: list[Any] = [await store.workflows(), await store.sessions(SessionFilter())]
    for session_id in SESSIONS:
        shown += [
            await store.session(session_id),
            await store.messages(session_id),
            await store.messages(session_id, **query),
            await store.events(session_id),
            await store.events(session_id, after=query["after"] or 0, limit=query["limit"]),
            list(await store.interrupts(session_id)),
            [await store.interrupt(session_id + interrupt_id) for interrupt_id in INTERRUPTS],
            [await store.message(session_id, message_id) for message_id in MESSAGES],
            [await store.run(session_id, run_id) for run_id in RUNS],
            [list(await store.jobs(session_id, run_id + job_id)) for run_id in RUNS for job_id in JOBS],
        ]
    return shown


@settings(max_examples=40, deadline=None)
@given(history=st.lists(steps, min_size=3, max_size=25), query=queries)
def test_both_stores_show_the_same_after_the_same_history(history: list[Step], query: dict[str, Any]) -> None:
    async def compare() -> None:
        with TemporaryDirectory() as directory:
            clocks, files = (Clockwork(), Clockwork()), FaultyFiles()
            tinydb = TinyDBStore(Path(directory), clock=clocks[1], max_open=1, files=files)
            stores = MemoryStore(clock=clocks[0]), tinydb
            for store in stores:
                await store.open()
                await store.create_session(session(id=SESSIONS[0]))
            for step in history:
                if step[0] == "transact on a full disk":
                    await take_on_a_full_disk(stores, files, step)
                    continue
                outcomes = [await take(*pair, step) for pair in zip(stores, clocks, strict=True)]
                assert outcomes[0] == outcomes[1], step
            shown = await show(stores[0], query)
            assert await show(tinydb, query) == shown
            await tinydb.close()
            await tinydb.open()
            assert await show(tinydb, query) == shown
            for store in stores:
                await store.close()

    anyio.run(compare)
