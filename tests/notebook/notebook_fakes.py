"""A FlowDrop server in memory behind an httpx transport, and a comm that remembers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import comm.base_comm
import httpx

from flowdrop_jupyter.client import FlowDropClient

DEADLINE = 10.0
SERVER = "http://127.0.0.1:8888"

Row = dict[str, Any]


class FakeServer:
    """Answers as the API does. A turn ends at the first poll after it, unless it is held.

    ``reply`` decides what a turn brings: rows without the keys that every row has.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.workflows: dict[str, Row] = {}
        self.sessions: dict[str, Row] = {}
        self.messages: dict[str, list[Row]] = {}
        self.held = False
        self.reply: Callable[[str], list[Row]] = lambda content: [{"content": f"You said: {content}"}]
        self.after_answer: Callable[[Any], list[Row]] = lambda value: [{"content": f"Answered {value!r}"}]
        self.failure: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
        self.requests: list[tuple[str, str]] = []
        self.keys: dict[str, Row] = {}
        self.due: dict[str, list[Row]] = {}
        self.add_workflow("w1", "Data quality")

    def add_workflow(self, workflow_id: str, name: str) -> None:
        self.workflows[workflow_id] = {"id": workflow_id, "name": name, "nodes": [], "edges": []}

    def add_session(self, name: str, workflow_id: str = "w1", **metadata: Any) -> Row:
        with self.lock:
            number = len(self.sessions) + 1
            row: Row = {
                "id": f"00000000-0000-4000-8000-{number:012d}",
                "workflowId": workflow_id,
                "name": name,
                "status": "idle",
                "createdAt": f"2026-01-01T00:00:{number:02d}.000000Z",
                "updatedAt": f"2026-01-01T00:00:{number:02d}.000000Z",
                "metadata": metadata,
                "executions": [],
            }
            self.sessions[row["id"]] = row
            self.messages[row["id"]] = []
            return row

    def say(self, session_id: str, content: str, role: str = "assistant", **more: Any) -> Row:
        with self.lock:
            rows = self.messages[session_id]
            number = len(rows) + 1
            row: Row = {
                "id": f"{session_id}-{number}",
                "sessionId": session_id,
                "role": role,
                "content": content,
                "timestamp": f"2026-01-01T01:00:00.{number:06d}Z",
                "status": "completed",
                "sequenceNumber": number,
                "nodeId": None,
                "metadata": {},
                **more,
            }
            rows.append(row)
            return row

    def ask(self, session_id: str, interrupt_id: str, content: str = "Go on?", **metadata: Any) -> Row:
        about = {
            "type": "interrupt_request",
            "interrupt_id": interrupt_id,
            "interrupt_type": "confirmation",
            **metadata,
        }
        return self.say(session_id, content, status="pending", metadata=about)

    def finish(self, session_id: str) -> None:
        """Let the turn end now."""
        with self.lock:
            rows = self.due.pop(session_id, [])
            status = "completed"
            for row in self.messages[session_id]:
                if row["role"] == "user":
                    row["status"] = "completed"
            for row in rows:
                if "interrupt_id" in row:
                    self.ask(session_id, **row)
                    status = "awaiting_input"
                else:
                    self.say(session_id, **row)
            self.sessions[session_id]["status"] = status

    def client(self) -> FlowDropClient:
        return FlowDropClient(SERVER, "s3cret", transport=httpx.MockTransport(self.handle))

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            path = request.url.path.removeprefix("/flowdrop/api")
            self.requests.append((request.method, path))
            failed = self.failure(request)
            if failed is not None:
                return failed
            status, body = self.route(request, path.strip("/").split("/"))
            # A copy, as over a wire: rows change later.
            return httpx.Response(status, content=json.dumps(body))

    def route(self, request: httpx.Request, parts: list[str]) -> tuple[int, Row]:
        body = json.loads(request.content or b"{}")
        match [request.method, *parts]:
            case ["GET", "workflows"]:
                return ok(list(self.workflows.values()))
            case ["GET", "workflows", workflow] if workflow in self.workflows:
                return ok(self.workflows[workflow])
            case ["POST", "workflows"] if body["id"] in self.workflows:
                return refuse(409, "There is such a workflow already.", "CONFLICT")
            case ["POST", "workflows"]:
                self.workflows[body["id"]] = body
                return ok(body)
            case ["PUT", "workflows", workflow] if workflow in self.workflows:
                self.workflows[workflow] = body
                return ok(body)
            case ["GET", "playground", "sessions"]:
                return ok(list(self.sessions.values()))
            case ["GET", "workflows", workflow, "playground", "sessions"]:
                return ok([row for row in self.sessions.values() if row["workflowId"] == workflow])
            case ["POST", "workflows", workflow, "playground", "sessions"]:
                return ok(self.add_session(body.get("name", "?"), workflow, **body.get("metadata", {})))
            case ["GET", "playground", "sessions", session] if session in self.sessions:
                return ok(self.sessions[session])
            case ["GET", "playground", "sessions", session, "messages"] if session in self.sessions:
                return self.page(session, request)
            case ["POST", "playground", "sessions", session, "messages"] if session in self.sessions:
                return self.post(session, body, request.headers.get("idempotency-key", ""))
            case ["POST", "playground", "sessions", session, "stop"]:
                if self.sessions[session]["status"] != "running":
                    return refuse(409, "Nothing is running.", "NO_ACTIVE_RUN")
                self.due[session] = [{"content": "The run was stopped.", "role": "system"}]
                self.finish(session)
                return 200, {"success": True, "message": "stopped"}
            case ["POST", "interrupts", interrupt, *rest]:
                return self.answer(interrupt, body, cancelled=bool(rest))
        return refuse(404, "There is no such thing.", "NOT_FOUND")

    def page(self, session: str, request: httpx.Request) -> tuple[int, Row]:
        if not self.held and session in self.due:
            self.finish(session)
        since = int(request.url.params.get("since", 0))
        limit = int(request.url.params.get("limit", 100))
        rows = [row for row in self.messages[session] if row["sequenceNumber"] > since]
        rows = rows[:limit] if "since" in request.url.params else rows[-limit:]
        return ok(
            rows,
            hasMore=len(rows) == limit,
            hasOlder=False,
            sessionStatus=self.sessions[session]["status"],
        )

    def post(self, session: str, body: Row, key: str) -> tuple[int, Row]:
        if key in self.keys:
            return ok(self.keys[key])
        if self.sessions[session]["status"] == "running":
            return refuse(409, "A turn is running already.", "SESSION_BUSY")
        row = self.say(session, body["content"], "user", status="pending")
        self.keys[key] = row
        self.sessions[session]["status"] = "running"
        self.due[session] = self.reply(body["content"])
        return ok(row)

    def answer(self, interrupt: str, body: Row, *, cancelled: bool) -> tuple[int, Row]:
        for session, rows in self.messages.items():
            for row in rows:
                if row["metadata"].get("interrupt_id") == interrupt:
                    if row["status"] == "completed":
                        return refuse(409, "The question is not open any more.", "CONFLICT")
                    row["status"] = "completed"
                    row["metadata"]["response_value"] = None if cancelled else body["value"]
                    self.sessions[session]["status"] = "running"
                    self.due[session] = self.after_answer(None if cancelled else body["value"])
                    return ok({"id": interrupt, "status": "cancelled" if cancelled else "resolved"})
        return refuse(404, "There is no such question.", "NOT_FOUND")


def ok(data: Any, **more: Any) -> tuple[int, Row]:
    return 200, {"success": True, "data": data, **more}


def refuse(status: int, text: str, code: str) -> tuple[int, Row]:
    return status, {"success": False, "error": text, "code": code, "error_code": code, "details": []}


class Recorder:
    """Remembers what it is told and lets a test wait for it with a deadline."""

    def __init__(self) -> None:
        self.changed_condition = threading.Condition()
        self.seen: list[Any] = []

    def add(self, thing: Any) -> None:
        with self.changed_condition:
            self.seen.append(thing)
            self.changed_condition.notify_all()

    def until(self, predicate: Callable[[list[Any]], Any]) -> Any:
        with self.changed_condition:
            found = self.changed_condition.wait_for(lambda: predicate(self.seen), DEADLINE)
        assert found, f"not seen within {DEADLINE} s; seen: {self.seen[-5:]}"
        return found


class RecordingComm(comm.base_comm.BaseComm):
    """A comm whose outgoing messages a test can wait for."""

    def __init__(self) -> None:
        self.sent = Recorder()
        super().__init__(target_name="jupyter.widget", comm_id="widget-1", primary=False)

    def publish_msg(self, msg_type: str, data: Any = None, **_more: Any) -> None:
        self.sent.add({"type": msg_type, **(data or {})})

    def close(self, *_args: Any, **_more: Any) -> None:
        """It was never registered with a kernel, so there is nothing to take back."""

    @property
    def kernel(self) -> object:
        return self

    def custom(self) -> list[Any]:
        return [message["content"] for message in self.sent.seen if message.get("method") == "custom"]

    def response(self, request_id: str) -> Any:
        def find(seen: list[Any]) -> Any:
            for message in seen:
                content = message.get("content") or {}
                if content.get("kind") == "response" and content.get("id") == request_id:
                    return content
            return None

        return self.sent.until(find)

    def receive(self, content: Any) -> None:
        """As a message from the front end arrives."""
        data = {"method": "custom", "content": content}
        self.handle_msg({"content": {"data": data}, "buffers": []})
