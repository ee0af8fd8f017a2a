"""A server killed with -9 while a prompt is open loses nothing (issue 2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphs import APPROVAL
from server_process import ServerProcess


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path)
    yield process
    process.kill()


@pytest.mark.timeout(150)
def test_a_server_killed_while_a_prompt_is_open_loses_nothing(server: ServerProcess) -> None:
    server.start()
    workflow = server("POST", "workflows", APPROVAL)["data"]
    session_id = server("POST", "workflows/approval/playground/sessions", {"name": "Talk"})["data"]["id"]
    server("POST", f"playground/sessions/{session_id}/messages", {"content": "please"})
    page = server.until_stopped(session_id)
    assert page["sessionStatus"] == "awaiting_input"
    session = server("GET", f"playground/sessions/{session_id}")["data"]
    prompts = server("GET", f"playground/sessions/{session_id}/interrupts")["data"]

    server.kill()
    server.start()

    assert server("GET", "workflows")["data"] == [workflow]
    assert server("GET", f"playground/sessions/{session_id}")["data"] == session
    assert server("GET", f"playground/sessions/{session_id}/messages") == page
    assert server("GET", f"playground/sessions/{session_id}/interrupts")["data"] == prompts
    server("POST", f"interrupts/{prompts[0]['id']}", {"value": True})
    page = server("GET", f"playground/sessions/{session_id}/messages")
    assert (page["sessionStatus"], page["data"][-1]["content"]) == ("completed", "Done.")
