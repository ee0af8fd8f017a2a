"""The chat widget: its protocol, its traits, and what it leaves in the notebook."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from notebook_fakes import FakeServer, Recorder, RecordingComm

from flowdrop_jupyter.notebook.conversation import Conversation
from flowdrop_jupyter.notebook.views import SILENT_SECONDS, Views
from flowdrop_jupyter.notebook.widget import ChatWidget, chat, widget_for

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def comm() -> RecordingComm:
    return RecordingComm()


@pytest.fixture
def widget(conversation: Conversation, comm: RecordingComm, shell: InteractiveShell) -> Iterator[ChatWidget]:
    made = ChatWidget(conversation, comm=comm)
    yield made
    made.close()


def request(comm: RecordingComm, method: str, **params: Any) -> Any:
    request_id = f"r{len(comm.sent.seen)}"
    comm.receive({"kind": "request", "id": request_id, "method": method, "params": params})
    return comm.response(request_id)


def test_the_traits_say_what_is_shown(widget: ChatWidget, conversation: Conversation) -> None:
    assert widget.session_id == conversation.session_id
    assert (widget.session_name, widget.workflow_id, widget.workflow_name) == ("Talk", "w1", "Data quality")
    assert widget.height == "480px"


def test_history_is_answered_with_all_rows(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    server.say(widget.session_id, "old", "user")
    answer = request(comm, "history")
    assert answer["ok"] is True
    assert [row["content"] for row in answer["result"]["messages"]] == ["old"]


def test_a_sent_message_and_its_answer_are_pushed(widget: ChatWidget, comm: RecordingComm) -> None:
    assert request(comm, "send", content="hello")["ok"] is True

    def both_pushed(seen: list[Any]) -> bool:
        pushed = [
            row["content"]
            for message in seen
            if (message.get("content") or {}).get("kind") == "messages"
            for row in message["content"]["upsert"]
        ]
        return {"hello", "You said: hello"} <= set(pushed)

    comm.sent.until(both_pushed)
    assert widget.status == "completed"


def test_a_question_is_answered_by_its_id(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    server.ask(widget.session_id, "i1")
    server.sessions[widget.session_id]["status"] = "awaiting_input"
    answer = request(comm, "answer", interruptId="i1", value=False)
    assert (answer["ok"], answer["result"]) == (True, {})
    assert server.messages[widget.session_id][0]["metadata"]["response_value"] is False


def test_a_question_is_cancelled_by_its_id(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    server.ask(widget.session_id, "i1")
    assert request(comm, "cancel", interruptId="i1")["ok"] is True


def test_a_run_is_stopped(widget: ChatWidget, comm: RecordingComm, server: FakeServer) -> None:
    server.held = True
    request(comm, "send", content="hello")
    assert request(comm, "stop")["ok"] is True
    assert server.sessions[widget.session_id]["status"] == "completed"


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("fly", {}, "UNKNOWN_METHOD"),
        ("send", {}, "BAD_REQUEST"),
        ("send", {"content": 5}, "BAD_REQUEST"),
        ("answer", {"interruptId": "i1"}, "BAD_REQUEST"),
        ("answer", {"interruptId": "nope", "value": 1}, "NOT_FOUND"),
        ("answer", {"interruptId": "..", "value": 1}, "BAD_REQUEST"),
        ("stop", {}, "NO_ACTIVE_RUN"),
    ],
)
def test_every_refusal_is_an_answer_with_a_code(
    widget: ChatWidget, comm: RecordingComm, method: str, params: dict[str, Any], code: str
) -> None:
    answer = request(comm, method, **params)
    assert answer["ok"] is False
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    "odd", [{"kind": "request"}, {"kind": "request", "id": 5, "method": ["x"], "params": "y"}]
)
def test_a_malformed_request_is_still_answered(
    widget: ChatWidget, comm: RecordingComm, odd: dict[str, Any]
) -> None:
    comm.receive(odd)
    assert comm.response(str(odd.get("id", "")))["ok"] is False


@pytest.mark.parametrize(
    "odd", [None, "text", {"kind": "other"}, {"kind": "view"}, {"kind": "view", "state": 1}]
)
def test_anything_else_is_ignored(widget: ChatWidget, comm: RecordingComm, odd: Any) -> None:
    comm.receive(odd)
    assert request(comm, "history")["ok"] is True


def test_an_unexpected_failure_is_an_answer_too(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    def explode(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("surprise")

    server.failure = explode
    assert request(comm, "history")["error"] == {
        "message": "RuntimeError: surprise",
        "code": "INTERNAL_ERROR",
    }


def test_a_request_does_not_hold_up_the_thread_that_brings_it(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    go_on = threading.Event()

    def hold(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/interrupts/i1"):
            server.lock.release()
            assert go_on.wait(10)
            server.lock.acquire()
        return None

    server.failure = hold
    server.ask(widget.session_id, "i1")
    comm.receive(
        {"kind": "request", "id": "slow", "method": "answer", "params": {"interruptId": "i1", "value": 1}}
    )
    assert request(comm, "history")["ok"] is True
    go_on.set()
    assert comm.response("slow")["ok"] is True


def test_the_connection_goes_offline_and_reconnects_on_request(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    server.failure = fail
    assert request(comm, "reconnect")["error"]["code"] == "TRANSPORT_ERROR"
    assert widget.connection["state"] == "offline"
    assert "is it running" in widget.connection["detail"]
    server.failure = lambda _: None
    assert request(comm, "reconnect")["ok"] is True
    assert widget.connection == {"state": "online", "detail": ""}


def test_a_renamed_session_shows_its_new_name(
    widget: ChatWidget, comm: RecordingComm, server: FakeServer
) -> None:
    server.sessions[widget.session_id]["name"] = "New name"
    request(comm, "history")
    server.say(widget.session_id, "x")
    widget.refresh()
    assert widget.session_name == "New name"


def test_the_bundle_reads_without_a_widget(widget: ChatWidget) -> None:
    widget.send("hello")
    data, _ = widget._repr_mimebundle_()
    assert data[WIDGET_MIME]["model_id"] == widget.model_id
    for mime in ("text/plain", "text/markdown", "text/html"):
        assert "You said: hello" in data[mime]
        assert "Talk · Data quality" in data[mime]


def test_messages_are_the_last_known_ones_while_the_server_is_away(
    widget: ChatWidget, server: FakeServer
) -> None:
    widget.send("hello")

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    server.failure = fail
    assert [row["content"] for row in widget.messages] == ["hello", "You said: hello"]


def test_a_question_from_before_is_known_at_once(widget: ChatWidget, server: FakeServer) -> None:
    server.ask(widget.session_id, "i1", "Still there?")
    server.sessions[widget.session_id]["status"] = "awaiting_input"
    assert widget.prompt is not None
    assert widget.prompt.text == "Still there?"


def test_a_closed_widget_keeps_what_it_knew(widget: ChatWidget) -> None:
    widget.send("hello")
    widget.close()
    assert len(widget.messages) == 2
    assert widget.prompt is None


def test_closing_twice_is_closing_once(widget: ChatWidget, comm: RecordingComm) -> None:
    widget.close()
    widget.close()
    comm.receive({"kind": "request", "id": "late", "method": "history"})
    assert widget.conversation.closed


class Screen:
    """What has been displayed, in order: (is it an update, its plain text)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell) -> None:
        self.shown = Recorder()
        monkeypatch.setattr(shell.display_pub, "publish", self._publish)

    def _publish(self, data: dict[str, Any], **more: Any) -> None:
        self.shown.add((bool(more.get("update")), data["text/plain"], more["transient"]["display_id"]))

    def updates(self) -> list[str]:
        return [text for update, text, _ in self.shown.seen if update]


@pytest.fixture
def screen(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Screen:
    return Screen(monkeypatch, shell)


def test_the_display_is_brought_up_to_date_at_the_end_of_a_turn(widget: ChatWidget, screen: Screen) -> None:
    widget._ipython_display_()
    widget.send("hello")
    first, *updates = screen.shown.seen
    assert first[0] is False
    assert "You said: hello" in updates[-1][1]
    assert updates[-1][2] == first[2]


def test_nothing_is_displayed_for_a_widget_that_never_was(widget: ChatWidget, screen: Screen) -> None:
    widget.send("hello")
    assert screen.shown.seen == []


def test_while_a_view_has_the_focus_the_display_waits_for_it_to_leave(
    widget: ChatWidget, comm: RecordingComm, screen: Screen
) -> None:
    widget._ipython_display_()
    comm.receive({"kind": "view", "state": "attached"})
    comm.receive({"kind": "view", "state": "focus"})
    widget.send("hello")
    assert screen.updates() == []
    comm.receive({"kind": "view", "state": "blur"})
    screen.shown.until(lambda seen: any(update and "You said: hello" in text for update, text, _ in seen))


def test_a_view_that_leaves_without_news_changes_nothing(
    widget: ChatWidget, comm: RecordingComm, screen: Screen
) -> None:
    widget._ipython_display_()
    for state in ("focus", "blur", "detached"):
        comm.receive({"kind": "view", "state": state})
    assert request(comm, "history")["ok"] is True
    assert screen.updates() == []


def test_an_idle_session_is_watched_until_the_last_view_is_gone(
    widget: ChatWidget, comm: RecordingComm
) -> None:
    watched = [widget.conversation._watched()]
    for view, state in (
        ("a", "attached"),
        ("b", "attached"),
        ("b", "focus"),
        ("a", "detached"),
        ("b", "detached"),
        ("c", "attached"),
    ):
        comm.receive({"kind": "view", "view": view, "state": state})
        watched.append(widget.conversation._watched())
    assert watched == [True, True, True, True, True, False, True]


def test_the_server_is_looked_at_when_a_view_is_back_and_not_at_every_sign_of_life(
    widget: ChatWidget, comm: RecordingComm, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    state = ""
    monkeypatch.setattr(widget.conversation, "follow", lambda _watched: woken.append(state))
    for state in ("attached", "alive", "detached", "alive", "alive"):
        comm.receive({"kind": "view", "view": "a", "state": state})
    assert woken == ["attached", "alive"]


def test_a_tab_closed_with_the_focus_in_it_does_not_hold_up_the_display(
    widget: ChatWidget, comm: RecordingComm, screen: Screen
) -> None:
    now = [0.0]
    widget._views = Views(lambda: now[0])
    widget._ipython_display_()
    comm.receive({"kind": "view", "view": "a", "state": "focus"})
    widget.send("hello")
    assert screen.updates() == []
    now[0] += SILENT_SECONDS
    assert not widget._watched()
    screen.shown.until(lambda seen: any(update and "You said: hello" in text for update, text, _ in seen))


def test_the_saved_notebook_holds_a_picture_once(widget: ChatWidget, server: FakeServer) -> None:
    server.say(widget.session_id, "![a plot](data:image/png;base64,AAAA)")
    widget.refresh()
    data, _ = widget._repr_mimebundle_()
    assert [mime for mime, text in data.items() if "base64" in str(text)] == ["text/html"]
    assert "image: a plot" in data["text/markdown"]


def test_an_unreachable_server_does_not_keep_the_widget_from_showing(
    widget: ChatWidget, server: FakeServer, screen: Screen
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    server.failure = fail
    widget._ipython_display_()
    assert "No messages yet" in screen.shown.seen[0][1]


def test_running_the_cell_again_comes_back_to_the_same_session_and_widget(
    server: FakeServer, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/x/Report.ipynb")
    client = server.client()
    first = chat("w1", client=client)
    assert chat("Data quality", client=client, height="20em") is first
    assert (first.session_name, first.height) == ("Report", "20em")
    assert chat("w1", client=client, new=True).session_id != first.session_id
    assert server.sessions[first.session_id]["metadata"] == {"notebook": "/home/x/Report.ipynb"}


def test_a_closed_chat_is_opened_anew(server: FakeServer, shell: InteractiveShell) -> None:
    client = server.client()
    first = chat("w1", name="a", client=client)
    first.close()
    second = chat("w1", name="a", client=client)
    assert second is not first
    assert second.session_id == first.session_id


def test_one_conversation_has_one_widget(widget: ChatWidget) -> None:
    assert widget_for(widget.conversation) is widget
