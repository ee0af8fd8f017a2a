"""A process that owns a data directory and writes to it until its standard input ends."""

import sys

import anyio
from cli_data import FIRST

from flowdrop_jupyter.store import TinyDBStore
from flowdrop_jupyter.testing import message


async def main(directory: str) -> None:
    store = TinyDBStore(directory)
    await store.open()
    async with store.transaction(FIRST) as transaction:
        transaction.put_message(message(FIRST, "while it is open"))
    sys.stdout.write("held\n")
    sys.stdout.flush()
    await anyio.to_thread.run_sync(sys.stdin.read)
    await store.close()


anyio.run(main, sys.argv[1])
