"""A `jupyter server` in a process of its own, for tests that kill it or talk to it from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

TOKEN = "s3cret-token-of-the-test"
START_SECONDS = 40.0


class ServerProcess:
    """A `jupyter server` of its own on a free loopback port."""

    def __init__(self, place: Path, *options: str) -> None:
        self._place = place
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._base = ""

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for name in ("home", "root"):
            (self._place / name).mkdir(exist_ok=True)
        home = str(self._place / "home")
        inherited = {
            key: text
            for key, text in os.environ.items()
            if not key.startswith(("JUPYTER", "FLOWDROP", "JPY"))
        }
        with (self._place / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--no-browser",
                    "--allow-root",
                    f"--ServerApp.port={port}",
                    "--ServerApp.port_retries=0",
                    "--ServerApp.ip=127.0.0.1",
                    f"--ServerApp.root_dir={self._place / 'root'}",
                    f"--IdentityProvider.token={TOKEN}",
                    "--ServerApp.jpserver_extensions={'flowdrop_jupyter': True}",
                    f"--FlowDropApp.data_dir={self._place / 'data'}",
                    *self._options,
                ],
                env={
                    **inherited,
                    "HOME": home,
                    "JUPYTER_CONFIG_DIR": home,
                    "JUPYTER_DATA_DIR": home,
                    "JUPYTER_RUNTIME_DIR": home,
                    "JUPYTER_NO_CONFIG": "1",
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._base = f"http://127.0.0.1:{port}/flowdrop/api/"
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            log_text = (self._place / "server.log").read_text()
            assert self._process.poll() is None, log_text
            assert time.monotonic() < deadline, log_text
            time.sleep(0.05)

    @property
    def url(self) -> str:
        """The base of the API, with a slash at its end."""
        return self._base

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __call__(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            reply: dict[str, Any] = json.load(answer)
        return reply

    def until_stopped(self, session_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while True:
            page = self("GET", f"playground/sessions/{session_id}/messages")
            if page["sessionStatus"] != "running":
                return page
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self("GET", "workflows")["success"] is True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
