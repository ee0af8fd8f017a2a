"""The main job, end to end: a conversation with a real server that is killed while a question is open.

Everything happens in ``demo-output/``: a copy of the tutorial, an empty data directory, a Jupyter
server on a free loopback port. The executed notebook, the transcript as a page and, where a Chromium
is found, a screenshot of JupyterLab stay there.
"""

from __future__ import annotations

import html
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import nbformat
from chromium import find as find_chromium
from nbclient import NotebookClient

from flowdrop_jupyter import FlowDropClient
from flowdrop_jupyter.errors import TransportError
from flowdrop_jupyter.notebook.transcript import to_html, to_plain

PROJECT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = PROJECT / "demo-output"
WORK: Final = OUTPUT / "notebooks"
NOTEBOOK: Final = "01-first-conversation.ipynb"
RESTART_TAG: Final = "after-restart"
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<body style="max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif">
{body}
</body>
</html>
"""


class Server:
    """One Jupyter server after another, on the same port and the same data."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a server and wait until it answers."""
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
            f"--FlowDropApp.data_dir={OUTPUT / 'data'}", "--LabApp.extension_manager=readonly",
            f"--ServerApp.root_dir={WORK}",
        ]  # fmt: skip
        with (OUTPUT / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=WORK, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        with FlowDropClient(self.url, self.token) as client:
            while True:
                try:
                    client.health()
                except TransportError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise SystemExit(f"The server did not start; see {OUTPUT / 'server.log'}") from None
                    time.sleep(0.1)
                else:
                    return

    def kill(self) -> None:
        """End the server as a crash would, without any warning."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End the server in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def fresh_output() -> Iterator[None]:
    """Empty the output folder, and let kernels find this demo's server and no other."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    shutil.copytree(PROJECT / "notebooks", WORK)
    runtime = OUTPUT / "runtime"
    runtime.mkdir(mode=0o700)
    for name in ("FLOWDROP_SERVER_URL", "FLOWDROP_TOKEN"):
        os.environ.pop(name, None)
    os.environ["JUPYTER_RUNTIME_DIR"] = str(runtime)
    # The user's own settings stay out of it, and so does JupyterLab's question about its newsletter.
    labconfig = OUTPUT / "config" / "labconfig"
    labconfig.mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (labconfig / "page_config.json").write_text(json.dumps(quiet), encoding="utf-8")
    os.environ["JUPYTER_CONFIG_DIR"] = str(OUTPUT / "config")
    try:
        yield
    finally:
        shutil.rmtree(runtime, ignore_errors=True)


def run_cells(notebook: nbformat.NotebookNode, first: int, last: int) -> None:
    """Execute cells *first* up to *last* in a kernel of their own, saying what is asked."""
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(WORK)}})
    with client.setup_kernel():
        for index in range(first, last):
            cell = notebook.cells[index]
            if cell.cell_type == "code":
                say(f"  In: {cell.source.splitlines()[-1]}")
            client.execute_cell(cell, index)


def converse(server: Server) -> None:
    """Execute the tutorial; kill and restart the server while the approval is open."""
    notebook = nbformat.read(WORK / NOTEBOOK, as_version=4)
    restart = next(
        index for index, cell in enumerate(notebook.cells) if RESTART_TAG in cell.metadata.get("tags", [])
    )
    run_cells(notebook, 0, restart)
    say("")
    say("  A question is open. The kernel ends, and the server is killed (SIGKILL) and started again.")
    say("")
    server.kill()
    server.start()
    run_cells(notebook, restart, len(notebook.cells))
    nbformat.write(notebook, WORK / NOTEBOOK)
    nbformat.write(notebook, OUTPUT / "executed.ipynb")


def show(server: Server) -> None:
    """Print the transcript, and write it as a page."""
    with FlowDropClient(server.url, server.token) as client:
        (session,) = client.sessions("data-quality-assistant")
        messages = client.history(session["id"])
    say(to_plain(messages))
    page = PAGE.format(title=html.escape(session["name"]), body=to_html(messages, title=session["name"]))
    (OUTPUT / "transcript.html").write_text(page, encoding="utf-8")


def photograph(server: Server, chromium: str) -> Path:
    """Open the executed notebook beside the panel in JupyterLab and return a picture of it."""
    from playwright.sync_api import sync_playwright

    picture = OUTPUT / "jupyterlab.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}/lab?token={server.token}")
        page.locator('[data-id="flowdrop-sessions"]').first.click(timeout=60_000)
        page.get_by_role("button", name="Penguins").first.click(timeout=30_000)
        page.get_by_text("Wrote 333 rows").first.wait_for(timeout=30_000)
        page.screenshot(path=picture)
        browser.close()
    return picture


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    began = time.monotonic()
    with fresh_output():
        server = Server()
        say("Starting a Jupyter server with an empty data directory …")
        server.start()
        try:
            say(f"Executing {NOTEBOOK} …")
            converse(server)
            say("\nThe conversation, as the server kept it:\n")
            show(server)
            chromium = find_chromium()
            picture = photograph(server, chromium) if chromium else None
        finally:
            server.stop()
    say("")
    say(f"Executed notebook  {OUTPUT / 'executed.ipynb'}")
    say(f"Transcript         {OUTPUT / 'transcript.html'}")
    say(f"Screenshot         {picture or 'none: no Chromium was found'}")
    say(f"Took {time.monotonic() - began:.0f} s. Open the tutorial yourself with: make lab")
    return 0


if __name__ == "__main__":
    sys.exit(main())
