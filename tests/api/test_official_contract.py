"""Every route and method of the official client's description answers with a body that it accepts.

The description belongs to the official project and is not part of this one; where it does not lie
beside it, there is nothing to hold the server against.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from graphs import APPROVAL, ECHO
from schemathesis.core.failures import Failure, FailureGroup
from server_process import TOKEN, ServerProcess

DESCRIPTION = Path(
    os.environ.get("FLOWDROP_OFFICIAL_OPENAPI")
    or Path(__file__).parents[3] / "shared" / "reference" / "flowdrop-openapi.yaml"
)
UNKNOWN = "5d7fb6a0-0000-4000-8000-000000000000"

pytestmark = pytest.mark.skipif(not DESCRIPTION.is_file(), reason="the official description is not here")

OTHER_FORMAT = "agentspec"
"""Routes of another workflow format, which the official clients do not call (contract §6, row 28)."""


def with_deviations(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description as the clients behave, where they and it disagree (contract §6)."""
    schemas = description["components"]["schemas"]
    # Row 22: workflows, nodes and edges are named by any text.
    _drop(description, "format", "uuid")
    # Row 1: a session may wait for an answer.
    schemas["PlaygroundSessionStatus"]["enum"].append("awaiting_input")
    # Row 24: a branch needs no label.
    schemas["Branch"]["required"].remove("label")
    # Every refusal lists its causes (STORE-5), where the description has an object.
    schemas["ErrorResponse"]["allOf"][1]["properties"]["details"] = {"type": "array"}
    # A field without a type takes any value (R6.d); no word of JSON Schema says that (SCH-34).
    schemas["ConfigProperty"]["required"].remove("type")
    # Most configurations of prompts fit several of its alternatives.
    config = schemas["Interrupt"]["properties"]["config"]
    config["anyOf"] = config.pop("oneOf")
    return description


def _drop(part: Any, key: str, value: str) -> None:
    if isinstance(part, dict):
        if part.get(key) == value:
            del part[key]
        for inner in part.values():
            _drop(inner, key, value)
    elif isinstance(part, list):
        for inner in part:
            _drop(inner, key, value)


@pytest.fixture(scope="module")
def official() -> schemathesis.BaseSchema:
    description = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    return schemathesis.openapi.from_dict(with_deviations(description))


@pytest.fixture(scope="module")
def web(server: ServerProcess) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
        yield client


class Talk:
    """What the requests below refer to: a workflow, a session with an open prompt, and a run."""

    def __init__(self, web: httpx.Client) -> None:
        self._web = web
        self.workflow = self._data("POST", "workflows", {**APPROVAL, "id": "official"})["id"]
        self._data("POST", "workflows", {**ECHO, "id": "official-echo"})

    def session(self) -> str:
        """Return a new session."""
        session_id: str = self._data("POST", f"workflows/{self.workflow}/playground/sessions", {})["id"]
        return session_id

    def asked(self) -> tuple[str, str, str]:
        """Return a session in which a prompt is open, its message and its prompt."""
        session_id = self.session()
        message = self._data("POST", f"playground/sessions/{session_id}/messages", {"content": "go"})
        deadline = time.monotonic() + 20
        while not (found := self._data("GET", f"playground/sessions/{session_id}/interrupts")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return session_id, message["id"], found[0]["id"]

    def run(self) -> str:
        """Return a run that has ended."""
        run_id = self.paused()
        self._data("POST", f"executions/{run_id}/cancel")
        return run_id

    def paused(self) -> str:
        """Return a run that waits for an answer."""
        run_id: str = self._data("POST", f"workflows/{self.workflow}/execute")["execution_id"]
        deadline = time.monotonic() + 20
        while self._data("GET", f"pipeline/{run_id}/status")["status"] != "paused":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return run_id

    def _data(self, method: str, path: str, body: Any = None) -> Any:
        reply = self._web.request(method, path, json=body)
        assert reply.is_success, reply.text
        return reply.json()["data"]


@pytest.fixture(scope="module")
def talk(web: httpx.Client) -> Talk:
    return Talk(web)


def requests(talk: Talk) -> dict[tuple[str, str], list[tuple[str, Any]]]:
    """Return by official path and method what is asked for: addresses, with a body or None."""
    session_id, message_id, prompt = talk.asked()
    cancelled, answered = talk.asked()[2], talk.asked()[2]
    ended = talk.run()
    sessions = f"playground/sessions/{session_id}"
    workflow = f"workflows/{talk.workflow}"
    return {
        ("/health", "get"): [("health", None)],
        ("/system/config", "get"): [("system/config", None)],
        ("/system/version", "get"): [("system/version", None)],
        ("/nodes", "get"): [
            ("nodes", None),
            ("nodes?category=logic&limit=2", None),
            ("nodes?search=no", None),
        ],
        ("/nodes/{id}", "get"): [("nodes/if_else", None), ("nodes/nothing", None)],
        ("/port-config", "get"): [("port-config", None)],
        ("/categories", "get"): [("categories", None)],
        ("/workflows", "get"): [("workflows", None), ("workflows?search=test&limit=1&sort=name", None)],
        ("/workflows", "post"): [("workflows", {"name": "Made"}), ("workflows", {}), ("workflows", [])],
        ("/workflows/{id}", "get"): [(workflow, None), ("workflows/nothing", None)],
        ("/workflows/{id}", "put"): [(workflow, {"name": "Saved"}), ("workflows/nothing", {"name": "x"})],
        ("/workflows/{id}", "delete"): [("workflows/official-echo", None), ("workflows/nothing", None)],
        ("/workflows/validate", "post"): [("workflows/validate", APPROVAL)],
        ("/workflows/{id}/export", "get"): [(f"{workflow}/export", None), ("workflows/nothing/export", None)],
        ("/workflows/import", "post"): [("workflows/import", {**ECHO, "id": "x"}), ("workflows/import", {})],
        ("/workflows/{id}/execute", "post"): [(f"{workflow}/execute", {}), ("workflows/nothing/execute", {})],
        ("/executions", "get"): [("executions", None), ("executions?status=cancelled&limit=1", None)],
        ("/executions/{id}", "get"): [(f"executions/{ended}", None), (f"executions/{UNKNOWN}", None)],
        ("/executions/{id}/cancel", "post"): [
            (f"executions/{talk.paused()}/cancel", None),
            (f"executions/{ended}/cancel", None),
            (f"executions/{UNKNOWN}/cancel", None),
        ],
        ("/executions/{id}/logs", "get"): [(f"executions/{ended}/logs", None)],
        ("/workflow/{workflow_id}/pipelines", "get"): [(f"workflow/{talk.workflow}/pipelines", None)],
        ("/pipeline/{id}", "get"): [
            (f"pipeline/{ended}", None),
            (f"pipeline/{talk.paused()}", None),
            (f"pipeline/{UNKNOWN}", None),
        ],
        ("/pipeline/{id}/status", "get"): [(f"pipeline/{ended}/status", None)],
        ("/pipeline/{id}/execute", "post"): [(f"pipeline/{UNKNOWN}/execute", {})],
        ("/pipeline/{id}/stop", "post"): [
            (f"pipeline/{talk.paused()}/stop", None),
            (f"pipeline/{ended}/stop", None),
        ],
        ("/pipeline/{id}/logs", "get"): [(f"pipeline/{ended}/logs", None)],
        ("/workflows/{id}/playground/sessions", "get"): [(f"{workflow}/playground/sessions", None)],
        ("/workflows/{id}/playground/sessions", "post"): [
            (f"{workflow}/playground/sessions", {"name": "Talk"}),
            ("workflows/nothing/playground/sessions", {"name": "Talk"}),
        ],
        ("/playground/sessions/{sessionId}", "get"): [(sessions, None)],
        ("/playground/sessions/{sessionId}", "delete"): [
            (f"playground/sessions/{talk.session()}", None),
            (f"playground/sessions/{UNKNOWN}", None),
        ],
        ("/playground/sessions/{sessionId}/messages", "get"): [(f"{sessions}/messages", None)],
        ("/playground/sessions/{sessionId}/messages", "post"): [
            (f"playground/sessions/{talk.session()}/messages", {"content": "go"}),
            (f"{sessions}/messages", {"content": ""}),
        ],
        ("/playground/sessions/{sessionId}/messages/{messageId}", "get"): [
            (f"{sessions}/messages/{message_id}", None)
        ],
        ("/playground/sessions/{sessionId}/messages/{messageId}/status", "get"): [
            (f"{sessions}/messages/{message_id}/status", None)
        ],
        ("/playground/sessions/{sessionId}/stop", "post"): [
            (f"playground/sessions/{talk.asked()[0]}/stop", None),
            (f"playground/sessions/{UNKNOWN}/stop", None),
        ],
        ("/interrupts/{interruptId}", "get"): [(f"interrupts/{prompt}", None)],
        ("/interrupts/{interruptId}", "post"): [
            (f"interrupts/{answered}", {"value": True}),
            (f"interrupts/{answered}", {"value": True}),
        ],
        ("/interrupts/{interruptId}/cancel", "post"): [(f"interrupts/{cancelled}/cancel", None)],
        ("/playground/sessions/{sessionId}/interrupts", "get"): [(f"{sessions}/interrupts", None)],
        ("/pipelines/{pipelineId}/interrupts", "get"): [(f"pipelines/{ended}/interrupts", None)],
    }


def described_operations(official: schemathesis.BaseSchema) -> set[tuple[str, str]]:
    """Return the official paths and methods, without those of the other workflow format."""
    return {
        (operation.ok().path, operation.ok().method.lower())
        for operation in official.get_all_operations()
        if OTHER_FORMAT not in operation.ok().path
    }


def test_each_official_operation_answers_with_a_body_of_its_schema(
    official: schemathesis.BaseSchema, web: httpx.Client, talk: Talk
) -> None:
    asked = requests(talk)
    assert set(asked) == described_operations(official)
    wrong = []
    for (path, method), calls in asked.items():
        operation = official[path][method.upper()]
        for address, body in calls:
            reply = web.request(method, address, json=body)
            assert reply.status_code < 500, reply.text
            try:
                operation.validate_response(reply)
            except (Failure, FailureGroup) as error:
                found = error.exceptions if isinstance(error, FailureGroup) else [error]
                wrong += [
                    f"{method} {address} -> {reply.status_code}: {failure.message}" for failure in found
                ]
    assert not wrong, "\n\n".join(wrong)
