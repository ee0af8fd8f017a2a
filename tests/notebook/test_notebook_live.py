"""Real notebooks against a real Jupyter server, and what they keep when nobody can run a widget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from flowdrop_jupyter.client import FlowDropClient
from flowdrop_jupyter.errors import FlowDropError

DEADLINE = 60.0
EXAMPLES = Path(__file__).parents[2] / "notebooks"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

pytestmark = pytest.mark.timeout(180)


@dataclass
class LiveServer:
    """A Jupyter server in a process of its own."""

    url: str
    token: str = field(repr=False)
    root: Path
    environ: dict[str, str] = field(repr=False)

    def run(self, *cells: str, name: str = "live.ipynb") -> list[Any]:
        """Run cells in a kernel of their own and give their outputs, one list for each."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
        self.execute(notebook, name)
        return [cell.outputs for cell in notebook.cells]

    def execute(self, notebook: Any, name: str) -> None:
        client = NotebookClient(
            notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(self.root)}}
        )
        client.execute(env={**self.environ, "JPY_SESSION_NAME": str(self.root / name)})


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    base = tmp_path_factory.mktemp("live")
    root = base / "root"
    root.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY"))}
    environ.update(
        JUPYTER_CONFIG_DIR=str(base / "config"),
        JUPYTER_DATA_DIR=str(base / "data"),
        JUPYTER_RUNTIME_DIR=str(base / "runtime"),
        IPYTHONDIR=str(base / "ipython"),
        FLOWDROP_TOKEN="",
        FLOWDROP_SERVER_URL="",
    )
    process = subprocess.Popen(
        [
            sys.executable,
            *(
                "-m",
                "jupyter_server",
                "--no-browser",
                "--allow-root",
                "--ServerApp.port=0",
                "--ServerApp.ip=127.0.0.1",
            ),
            f"--ServerApp.root_dir={root}",
            "--ServerApp.jpserver_extensions={'flowdrop_jupyter': True}",
        ],
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    log: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            log.append(line)
            # Said after the server has noted itself in the runtime directory.
            if "To access the server" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert ready.wait(DEADLINE)
        assert process.poll() is None, "".join(log)
        [note] = (base / "runtime").glob("jpserver-*.json")
        about = json.loads(note.read_text())
        yield LiveServer(about["url"], about["token"], root, environ)
    finally:
        process.terminate()
        process.wait(DEADLINE)
        reader.join(DEADLINE)
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(scope="module")
def client(live: LiveServer) -> Iterator[FlowDropClient]:
    with FlowDropClient(live.url, live.token) as made:
        made.save_workflow(EXAMPLES / "data-quality-assistant.flowdrop.json")
        data = live.root / "data"
        data.mkdir()
        (data / "penguins.csv").write_bytes((EXAMPLES / "data" / "penguins.csv").read_bytes())
        yield made


def text_of(outputs: list[Any], mime: str = "text/plain") -> str:
    parts = [output.get("text", "") or output.get("data", {}).get(mime, "") for output in outputs]
    return "\n".join(parts)


def test_a_kernel_finds_its_server_by_the_runtime_directory(live: LiveServer, client: FlowDropClient) -> None:
    [outputs] = live.run(
        "from flowdrop_jupyter import FlowDropClient\nprint(FlowDropClient().health()['status'])"
    )
    assert text_of(outputs).strip() == "healthy"


def test_the_stored_output_holds_the_conversation_after_a_later_cell(
    live: LiveServer, client: FlowDropClient
) -> None:
    opened, said = live.run(
        "from flowdrop_jupyter import chat\nassistant = chat('data-quality-assistant')\nassistant",
        "assistant.send('describe')",
    )
    [shown] = opened
    assert WIDGET_MIME in shown["data"]
    for mime in ("text/plain", "text/markdown", "text/html"):
        assert "describe" in shown["data"][mime]
        assert "344" in shown["data"][mime]
    assert "344" in text_of(said, "text/markdown")


def test_a_new_kernel_comes_back_to_the_session_and_its_question(
    live: LiveServer, client: FlowDropClient
) -> None:
    opening = "from flowdrop_jupyter import chat\nassistant = chat('data-quality-assistant')\n"
    live.run(f"{opening}assistant.send('clean')", name="back.ipynb")
    shown, answered = live.run(
        f"{opening}print(assistant.prompt.text)", "assistant.answer(False)", name="back.ipynb"
    )
    assert text_of(shown).strip()
    assert text_of(answered, "text/markdown").strip()
    [row] = [row for row in client.sessions() if row["name"] == "back"]
    assert row["status"] == "completed"


def test_the_magics_hold_a_conversation(live: LiveServer, client: FlowDropClient) -> None:
    _, listed, opened, said, asked, answered = live.run(
        "%load_ext flowdrop_jupyter",
        "%flowdrop workflows",
        "%flowdrop open data-quality-assistant -s 'with magics'",
        "%%flowdrop\ndescribe",
        "%flowdrop send clean",
        "%flowdrop answer no",
    )
    assert "data-quality-assistant" in text_of(listed)
    assert "344" in text_of(opened)
    assert "344" in text_of(said)
    assert "%flowdrop answer yes" in text_of(asked)
    assert text_of(answered).strip()


def test_the_shipped_example_can_be_run_from_where_it_was_copied(
    live: LiveServer, client: FlowDropClient
) -> None:
    (live.root / "deep").mkdir()
    shown, _, said = live.run(
        "%load_ext flowdrop_jupyter\n%flowdrop example 'the example'",
        "%flowdrop open data-quality-assistant --new",
        "%flowdrop send describe",
        name="deep/other.ipynb",
    )
    assert "%flowdrop open data-quality-assistant" in text_of(shown)
    assert (live.root / "deep" / "the example" / "data" / "penguins.csv").is_file()
    assert "344" in text_of(said)


def test_a_background_read_is_no_activity_of_the_server(live: LiveServer, client: FlowDropClient) -> None:
    def last_activity() -> str:
        answer = httpx.get(f"{live.url}api/status", headers={"Authorization": f"token {live.token}"})
        return str(answer.json()["last_activity"])

    before = last_activity()
    client.in_background().workflows()
    assert last_activity() == before
    client.workflows()
    assert last_activity() != before


def test_a_refusal_stops_the_notebook_with_one_line(live: LiveServer, client: FlowDropClient) -> None:
    with pytest.raises(CellExecutionError) as caught:
        live.run("%load_ext flowdrop_jupyter", "%flowdrop open nothing")
    assert "There is no workflow 'nothing'" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_wrong_token_is_explained(live: LiveServer) -> None:
    with FlowDropClient(live.url, "wrong") as stranger, pytest.raises(FlowDropError, match="token"):
        stranger.sessions()


def test_an_interrupt_during_a_wait_leaves_the_kernel_usable(
    live: LiveServer, client: FlowDropClient
) -> None:
    _, outputs, after = live.run(
        "import _thread, threading\n"
        "from flowdrop_jupyter import chat\n"
        "assistant = chat('data-quality-assistant', name='interrupted')\n"
        "conversation = assistant.conversation",
        "waiting = threading.Event()\n"
        "def never(*args, **kwargs):\n"
        "    waiting.set()\n"
        "    threading.Event().wait()\n"
        "conversation.client.newer = never\n"
        "threading.Thread(target=lambda: (waiting.wait(), _thread.interrupt_main()), daemon=True).start()\n"
        "try:\n"
        "    assistant.send('describe')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')",
        "print(6 * 7)",
    )
    assert text_of(outputs).strip() == "interrupted"
    assert text_of(after).strip() == "42"
