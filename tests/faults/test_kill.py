"""A process is killed at random while it writes to many sessions: what it had acknowledged is there.

``FLOWDROP_KILLS`` says how often; 200 times by default.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest
from kill_writer import SESSIONS

import flowdrop_jupyter
from flowdrop_jupyter.store import SessionFilter, TinyDBStore

HERE = Path(__file__).parent
KILLS = int(os.environ.get("FLOWDROP_KILLS", "200"))


class Acknowledged:
    """What a writer was told is durable, and what it was about to remove."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.there: set[str] = set()
        self.leaving: set[str] = set()
        self.gone: set[str] = set()
        self.lives = 0
        """How many writers there were since the last check; each may have had one more commit on its way."""

    def take(self, lines: Iterable[str]) -> None:
        self.lives += 1
        for line in lines:
            if not line.endswith("\n"):
                continue
            match line.split():
                case "wrote", session_id, number:
                    self.last[session_id] = int(number)
                case "created", session_id:
                    self.there.add(session_id)
                case "removing", session_id:
                    self.leaving.add(session_id)
                case "removed", session_id:
                    self.gone.add(session_id)


def run_and_kill(directory: Path, seconds: float) -> list[str]:
    """Let a writer run for a moment, kill it, and return the lines it printed."""
    roots = [str(Path(flowdrop_jupyter.__file__).parents[1]), str(HERE)]
    with subprocess.Popen(
        [sys.executable, str(HERE / "kill_writer.py"), str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
    ) as child:
        assert child.stdout is not None
        lines: list[str] = []
        opened = threading.Event()

        def listen() -> None:
            assert child.stdout is not None
            for line in child.stdout:
                lines.append(line)
                opened.set()
            opened.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert opened.wait(30)
        time.sleep(seconds)
        child.kill()
        child.wait()
        listener.join()
    assert lines[0] == "opened\n"
    return lines


async def check(directory: Path, acknowledged: Acknowledged) -> int:
    """Hold what is there against what was acknowledged; return how many messages there are."""
    store = TinyDBStore(directory)
    await store.open()
    assert store.damaged == []
    listed = {row.id for row in await store.sessions(SessionFilter())}
    assert acknowledged.there - acknowledged.leaving <= listed
    assert not acknowledged.gone & listed
    total = 0
    for session_id in SESSIONS:
        page = await store.messages(session_id)
        last = acknowledged.last.get(session_id, 0)
        if page is None:
            assert session_id not in acknowledged.there
            continue
        kept = len(page.messages)
        assert last <= kept <= last + acknowledged.lives
        assert [row.sequence_number for row in page.messages] == list(range(1, kept + 1))
        assert [row.content.split()[0] for row in page.messages] == [str(n) for n in range(1, kept + 1)]
        events = await store.events(session_id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.data["number"] for event in events if event.type == "node"] == list(range(1, kept + 1))
        assert page.session == await store.session(session_id)
        assert page.session.metadata.get("count", 0) == kept
        acknowledged.last[session_id] = kept
        total += kept
    acknowledged.there, acknowledged.lives = listed, 0
    await store.close()
    return total


@pytest.mark.timeout(60 + 6 * KILLS)
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    chance = random.Random(KILLS)
    acknowledged, total = Acknowledged(), 0
    for _ in range(KILLS):
        acknowledged.take(run_and_kill(tmp_path / "data", chance.random() * 0.3))
        # Every second time the next writer has to recover by itself.
        if chance.random() < 0.5:
            total = anyio.run(check, tmp_path / "data", acknowledged)
    assert anyio.run(check, tmp_path / "data", acknowledged) >= total
    assert max(acknowledged.last.values()) > KILLS
