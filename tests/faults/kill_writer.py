"""A process that writes to many sessions at once and prints what was acknowledged, until it is killed.

Checkpoints and compaction happen all the time, and sessions come and go meanwhile.
"""

import random
import sys

import anyio

from flowdrop_jupyter.ids import new_id
from flowdrop_jupyter.store import EventRecord, SessionFilter, TinyDBStore
from flowdrop_jupyter.store.tinydb import upkeep
from flowdrop_jupyter.testing.rows import message, session

SESSIONS = [f"00000000-0000-4000-8000-{number:012}" for number in range(16)]

upkeep.LOG_BYTES = 40_000
upkeep.JOURNAL_BYTES = 10_000


def tell(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def write(store: TinyDBStore, session_id: str) -> None:
    known = await store.session(session_id)
    if known is None:
        await store.create_session(session(id=session_id))
        tell("created", session_id)
    number = 0 if known is None else known.last_sequence
    while True:
        number += 1
        async with store.transaction(session_id) as transaction:
            transaction.session.status = "running" if number % 2 else "idle"
            transaction.session.metadata["count"] = number
            transaction.put_message(message(session_id, f"{number} " + "x" * random.randint(0, 900)))
            transaction.append_event(EventRecord(type="node", data={"number": number}))
        tell("wrote", session_id, number)


async def come_and_go(store: TinyDBStore) -> None:
    for left in await store.sessions(SessionFilter(search="passing")):
        tell("removing", left.id)
        await store.remove_session(left.id)
        tell("removed", left.id)
    while True:
        session_id = new_id()
        await store.create_session(session(id=session_id, name="passing"))
        tell("created", session_id)
        if random.random() < 0.8:
            tell("removing", session_id)
            await store.remove_session(session_id)
            tell("removed", session_id)


async def main(directory: str) -> None:
    store = TinyDBStore(directory)
    await store.open()
    tell("opened")
    async with anyio.create_task_group() as group:
        for session_id in SESSIONS:
            group.start_soon(write, store, session_id)
        group.start_soon(come_and_go, store)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
