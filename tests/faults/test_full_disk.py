"""A disk that is really full: a small file system of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.store import MessageRecord, Owner, SessionRecord, TinyDBStore

pytestmark = pytest.mark.anyio

SESSION = "5f0c9a52-6a52-4c6e-9a51-0e6b6d1c5d11"
SIZE_MB = 24


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB that is mounted for the time of the test."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "flowdrop-test", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a file system is not allowed here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Use up all space that is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(os.urandom(4096) * 16)
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return ballast


async def say(store: TinyDBStore, number: int) -> None:
    async with store.transaction(SESSION) as tx:
        tx.put_message(
            MessageRecord(
                id=f"m{number}", session_id=SESSION, role="user", content=f"{number} " + "x" * 20_000
            )
        )


async def say_until_refused(store: TinyDBStore, kept: list[int]) -> None:
    for number in range(1, 5_000):
        await say(store, number)
        kept.append(number)


async def numbers(store: TinyDBStore) -> list[int]:
    page = await store.messages(SESSION)
    assert page is not None
    return [int(message.content.split()[0]) for message in page.messages]


async def test_a_full_disk_refuses_commits_loses_none_and_goes_on_when_there_is_room(
    small_disk: Path,
) -> None:
    store = TinyDBStore(small_disk / "data")
    await store.open()
    await store.create_session(SessionRecord(id=SESSION, workflow_id="w", name="S", owner=Owner("a", "A")))
    await say(store, 0)
    ballast = fill(small_disk)
    kept = [0]
    with pytest.raises(StoreError) as refused:
        await say_until_refused(store, kept)
    assert refused.value.details[0]["code"] == "ENOSPC"
    assert await numbers(store) == kept
    with pytest.raises(StoreError):
        await say(store, 9_000)
    ballast.unlink()
    await say(store, 9_001)
    kept.append(9_001)
    assert await numbers(store) == kept
    await store.close()
    again = TinyDBStore(small_disk / "data")
    await again.open()
    assert await numbers(again) == kept
    assert again.damaged == []
    await again.close()
