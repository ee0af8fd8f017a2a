"""One session followed from several threads."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest
from notebook_fakes import FakeServer, Recorder

from flowdrop_jupyter.errors import Conflict, InvalidInput, NotFound
from flowdrop_jupyter.notebook.conversation import Conversation


class Face:
    """A listener that can be waited for."""

    def __init__(self, conversation: Conversation) -> None:
        self.news = Recorder()
        self.settlings = Recorder()
        self._conversation = conversation
        conversation.listener = self

    def changed(self, rows: list[Any]) -> None:
        self.news.add(
            (self._conversation.status, self._conversation.link[0], [row["content"] for row in rows])
        )

    def settled(self) -> None:
        self.settlings.add(threading.current_thread())


def contents(rows: Any) -> list[str]:
    return [row["content"] for row in rows]


def test_a_turn_brings_its_answers(conversation: Conversation) -> None:
    turn = conversation.send("hello")
    assert contents(turn.messages) == ["You said: hello"]
    assert turn.text == "You said: hello"
    assert turn.status == "completed"
    assert turn.prompt is None


def test_a_finished_turn_shows_the_user_message_as_completed(conversation: Conversation) -> None:
    conversation.send("hello")
    assert [row["status"] for row in conversation.rows()] == ["completed", "completed"]


def test_a_message_seen_as_pending_is_read_again(conversation: Conversation, server: FakeServer) -> None:
    server.held = True
    conversation.send("hello", wait=False)
    assert conversation.refresh()[0]["status"] == "pending"
    server.finish(conversation.session_id)
    assert [row["status"] for row in conversation.refresh()] == ["completed", "completed"]


def test_sending_without_waiting_comes_back_at_once(conversation: Conversation, server: FakeServer) -> None:
    server.held = True
    turn = conversation.send("hello", wait=False)
    assert (turn.status, turn.messages) == ("running", [])


def test_a_turn_that_takes_too_long_goes_on(conversation: Conversation, server: FakeServer) -> None:
    server.held = True
    with pytest.raises(TimeoutError, match="goes on"):
        conversation.send("hello", timeout=0.01)
    server.finish(conversation.session_id)
    conversation.wait(10)
    assert contents(conversation.rows()) == ["hello", "You said: hello"]


def test_a_question_is_answered_and_the_run_goes_on(conversation: Conversation, server: FakeServer) -> None:
    server.reply = lambda _: [{"interrupt_id": "i1", "content": "Delete it?"}]
    asked = conversation.send("clean up")
    assert asked.prompt is not None
    assert (asked.status, asked.prompt.text) == ("awaiting_input", "Delete it?")
    turn = conversation.answer("yes")
    assert contents(turn.messages) == ["Answered True"]
    assert conversation.prompt is None


def test_a_question_can_be_dismissed(conversation: Conversation, server: FakeServer) -> None:
    server.reply = lambda _: [{"interrupt_id": "i1"}]
    conversation.send("clean up")
    assert contents(conversation.cancel().messages) == ["Answered None"]


def test_answering_when_nothing_is_asked_is_refused(conversation: Conversation) -> None:
    with pytest.raises(InvalidInput, match="Nothing is asked"):
        conversation.answer(True)


def test_a_run_can_be_stopped(conversation: Conversation, server: FakeServer) -> None:
    server.held = True
    conversation.send("hello", wait=False)
    conversation.stop()
    assert conversation.status == "completed"
    assert contents(conversation.rows())[-1] == "The run was stopped."


def test_a_refusal_reaches_the_caller(conversation: Conversation, server: FakeServer) -> None:
    server.held = True
    conversation.send("one", wait=False)
    with pytest.raises(Conflict, match="running already"):
        conversation.send("two")


def test_a_broken_connection_while_posting_sends_the_message_once(
    conversation: Conversation, server: FakeServer
) -> None:
    broken = [True]

    def drop_the_reply(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and broken.pop(0) if broken else False:
            server.route(request, request.url.path.removeprefix("/flowdrop/api/").split("/"))
            raise httpx.ReadError("gone")
        return None

    server.failure = drop_the_reply
    conversation.send("hello")
    assert contents(conversation.rows()) == ["hello", "You said: hello"]


def test_messages_of_others_between_two_reads_are_not_missed(
    conversation: Conversation, server: FakeServer
) -> None:
    conversation.refresh()
    server.say(conversation.session_id, "from elsewhere", "user")
    conversation.send("hello")
    assert contents(conversation.rows()) == ["from elsewhere", "hello", "You said: hello"]


def test_long_news_are_read_page_by_page(conversation: Conversation, server: FakeServer) -> None:
    conversation.refresh()
    for number in range(1203):
        server.say(conversation.session_id, str(number))
    assert len(conversation.refresh()) == 1203


def test_a_watched_session_notices_what_others_do(conversation: Conversation, server: FakeServer) -> None:
    face = Face(conversation)
    conversation.follow(lambda: True)
    face.news.until(lambda seen: seen and seen[-1][1] == "online")
    server.say(conversation.session_id, "news")
    face.news.until(lambda seen: any("news" in rows for _, _, rows in seen))


def test_only_what_nobody_asked_for_is_read_in_the_background(
    conversation: Conversation, server: FakeServer
) -> None:
    asked: list[bool] = []
    polled = Recorder()

    def note(request: httpx.Request) -> None:
        background = "no_track_activity" in request.url.params
        if threading.current_thread().name == "flowdrop-follower":
            polled.add(background)
        else:
            asked.append(background)

    server.failure = note
    conversation.load()
    conversation.refresh()
    conversation.send("hello", wait=False)
    conversation.follow(lambda: True)
    polled.until(lambda seen: len(seen) >= 2)
    assert set(asked) == {False}
    assert set(polled.seen) == {True}


def test_a_quiet_session_is_polled_only_while_somebody_looks_on(conversation: Conversation) -> None:
    present = [True]
    conversation.refresh()
    conversation._watched = lambda: present[0]
    assert conversation._delay() is not None
    present[0] = False
    assert conversation._delay() is None


def test_an_unreachable_server_is_reported_and_found_again(
    conversation: Conversation, server: FakeServer
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    server.failure = fail
    face = Face(conversation)
    conversation.follow(lambda: True)
    face.news.until(lambda seen: seen and seen[-1][1] == "offline")
    assert "is it running" in conversation.link[1]
    server.failure = lambda _: None
    face.news.until(lambda seen: seen[-1][1] == "online")


def test_a_waiting_cell_learns_that_the_session_was_deleted(
    conversation: Conversation, server: FakeServer
) -> None:
    server.held = True
    conversation.send("hello", wait=False)
    del server.sessions[conversation.session_id]
    with pytest.raises(NotFound):
        conversation.wait(10)


def test_a_cell_that_waits_tells_of_the_end_itself(conversation: Conversation) -> None:
    face = Face(conversation)
    conversation.follow(lambda: True)
    face.news.until(lambda seen: seen)
    conversation.send("hello")
    assert face.settlings.seen[-1] is threading.current_thread()


def test_a_turn_that_nobody_waits_for_is_told_of_by_the_follower(
    conversation: Conversation, server: FakeServer
) -> None:
    server.held = True
    conversation.send("hello", wait=False)
    face = Face(conversation)
    server.finish(conversation.session_id)
    face.settlings.until(lambda seen: seen)
    assert face.settlings.seen[0].name == "flowdrop-follower"


def test_an_older_read_does_not_turn_the_status_back(conversation: Conversation, server: FakeServer) -> None:
    """A poll that began before the message was posted arrives after it."""
    conversation.refresh()
    began, go_on = threading.Event(), threading.Event()
    armed = [True]

    def hold_one_poll(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET" and armed.pop() if armed else False:
            status, body = server.page(conversation.session_id, request)
            server.lock.release()
            began.set()
            assert go_on.wait(10)
            server.lock.acquire()
            return httpx.Response(status, json=body)
        return None

    server.failure = hold_one_poll
    server.held = True
    slow = threading.Thread(target=conversation.refresh)
    slow.start()
    assert began.wait(10)
    conversation.send("hello", wait=False)
    go_on.set()
    slow.join(10)
    assert conversation.status == "running"


def test_closing_ends_the_follower_and_wakes_whoever_waits(
    conversation: Conversation, server: FakeServer
) -> None:
    server.held = True
    conversation.send("hello", wait=False)
    problems = Recorder()

    def wait() -> None:
        try:
            conversation.wait()
        except InvalidInput as error:
            problems.add(error.code)

    waiter = threading.Thread(target=wait)
    waiter.start()
    conversation.close()
    waiter.join(10)
    assert problems.seen == ["CLOSED"]
    assert conversation._follower.close(timeout=10)
    with pytest.raises(InvalidInput, match="closed"):
        conversation.send("more")
