"""Real processes: one owner per directory, and nothing acknowledged is lost to ``kill -9``."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from store_rows import new_session

import flowdrop_jupyter
from flowdrop_jupyter.errors import StoreLocked
from flowdrop_jupyter.store import EventRecord, MessagePage, TinyDBStore

HERE = Path(__file__).parent
KILLS = 10


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script of this folder with pipes to it; it is gone afterwards."""
    roots = [str(Path(flowdrop_jupyter.__file__).parents[1]), str(HERE)]
    with subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


async def create(directory: Path) -> str:
    store = TinyDBStore(directory)
    await store.open()
    session_id = await new_session(store)
    await store.close()
    return session_id


async def look(directory: Path, session_id: str) -> tuple[MessagePage, list[EventRecord]]:
    store = TinyDBStore(directory)
    await store.open()
    assert store.damaged == []
    page = await store.messages(session_id)
    assert page is not None
    assert page.session == await store.session(session_id)
    events = await store.events(session_id)
    await store.close()
    return page, events


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(directory: Path) -> None:
    chance = random.Random(7)
    session_id = anyio.run(create, directory)
    kept = 0
    for _ in range(KILLS):
        with process("crashing_writer.py", directory, session_id, kept + 1) as child:
            assert child.stdout is not None
            acknowledged = [child.stdout.readline() for _ in range(chance.randint(1, 40))]
            time.sleep(chance.random() * 0.01)
            child.kill()
            acknowledged += child.stdout.readlines()
        last = int([line for line in acknowledged if line.endswith("\n")][-1])
        page, events = anyio.run(look, directory, session_id)
        kept = len(page.messages)
        assert last <= kept <= last + 1
        assert [row.content for row in page.messages] == [str(number) for number in range(1, kept + 1)]
        assert [row.sequence_number for row in page.messages] == list(range(1, kept + 1))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert sum(event.type == "node" for event in events) == kept
        assert page.session.metadata == {"count": kept}


def test_a_directory_in_use_is_refused_and_the_holder_named(directory: Path) -> None:
    with process("lock_holder.py", directory) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked) as refusal:
            anyio.run(create, directory)
        child.communicate("", timeout=20)
        assert child.returncode == 0
    assert str(directory) in refusal.value.message
    assert f"process {child.pid}" in refusal.value.message
    anyio.run(create, directory)


def test_the_lock_of_a_killed_process_is_free(directory: Path) -> None:
    with process("lock_holder.py", directory) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.kill()
        child.wait()
    anyio.run(create, directory)


def test_a_second_store_in_the_same_process_is_refused(directory: Path) -> None:
    async def twice() -> None:
        first = TinyDBStore(directory)
        await first.open()
        with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
            await TinyDBStore(directory).open()
        await first.close()
        await TinyDBStore(directory).open()

    anyio.run(twice)
