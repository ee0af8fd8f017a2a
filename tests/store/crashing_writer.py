"""A process that commits to a session as fast as it can and prints what was acknowledged."""

import sys
from pathlib import Path

import anyio
from store_rows import message

from flowdrop_jupyter.store import EventRecord, TinyDBStore


async def main(directory: str, session_id: str, start: int) -> None:
    store = TinyDBStore(Path(directory))
    await store.open()
    number = start
    while True:
        async with store.transaction(session_id) as transaction:
            transaction.session.status = "running" if number % 2 else "idle"
            transaction.session.metadata["count"] = number
            transaction.put_message(message(session_id, str(number)))
            transaction.append_event(EventRecord(type="node", data={"number": number}))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
