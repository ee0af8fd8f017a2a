"""A process that holds a data directory until its standard input ends."""

import sys

import anyio

from flowdrop_jupyter.store import TinyDBStore


async def main(directory: str) -> None:
    store = TinyDBStore(directory)
    await store.open()
    sys.stdout.write("held\n")
    sys.stdout.flush()
    await anyio.to_thread.run_sync(sys.stdin.read)
    await store.close()


anyio.run(main, sys.argv[1])
