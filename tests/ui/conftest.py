"""A real JupyterLab in a real Chromium; ``FLOWDROP_CHROMIUM`` names the browser.

Screenshots of what each test ended with are left in ``test-output/``.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from flowdrop_jupyter import FlowDropClient
from flowdrop_jupyter.errors import TransportError

PROJECT = Path(__file__).resolve().parents[2]
PICTURES = PROJECT / "test-output"

# A deadline for a busy machine, not a claim about speed.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a browser more time than the other suites."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(180))


class Lab:
    """A JupyterLab server as a process of its own, restartable on the same data and port."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.data = folder / "data"
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        shutil.copytree(PROJECT / "notebooks", self.root)
        labconfig = folder / "config" / "labconfig"
        labconfig.mkdir(parents=True)
        quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
        (labconfig / "page_config.json").write_text(json.dumps(quiet))
        hidden = ("FLOWDROP_", "JUPYTER", "JPY_")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(hidden)},
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        }
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}", f"--FlowDropApp.data_dir={self.data}",
            "--LabApp.extension_manager=readonly",
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.root, env=self._environment, stdout=log, stderr=log
            )
        with self.client() as client:
            _until(lambda: _answers(client), self._process, self._log)

    def kill(self) -> None:
        """End the server as a crash would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def use_theme(self, name: str) -> None:
        httpx.put(
            f"{self.url}/lab/api/settings/@jupyterlab/apputils-extension:themes",
            headers={"Authorization": f"token {self.token}"},
            json={"raw": json.dumps({"theme": name})},
        ).raise_for_status()

    def client(self) -> FlowDropClient:
        return FlowDropClient(self.url, self.token)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")


def _answers(client: FlowDropClient) -> bool:
    try:
        client.health()
    except TransportError:
        return False
    return True


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if condition():
            return
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab that serves a copy of the tutorial."""
    server = Lab(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def dark_theme(lab: Lab) -> Iterator[None]:
    """JupyterLab's dark theme for pages that are opened during the test."""
    lab.use_theme("JupyterLab Dark")
    yield
    lab.use_theme("JupyterLab Light")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("FLOWDROP_CHROMIUM")
    if not path:
        pytest.fail("The browser tests need FLOWDROP_CHROMIUM; `make test-ui` sets it.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page; the test fails if FlowDrop's own code wrote an error to its console."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(45_000)
    opened = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "flowdrop" in (message.text + str(message.location)).lower():
            errors.append(message.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    PICTURES.mkdir(exist_ok=True)
    opened.screenshot(path=PICTURES / f"{request.node.name}.png")
    context.close()
    expected = request.node.get_closest_marker("server_goes_away") is not None
    assert expected or not errors, errors
