"""The nodes that remember conversations, and those that put them together."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from node_runs import run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Identity, World
from flowdrop_jupyter.nodes.memory import HeldMemory

ADA = Identity(user_id="ada", session_id="s1", workflow_id="w1")
BOB = Identity(user_id="bob", session_id="s2", workflow_id="w1")


class Desk:
    """Runs nodes one after the other with one memory."""

    def __init__(self) -> None:
        self.world = World(memory=HeldMemory())

    def buffer(self, message: Any = None, identity: Identity | None = ADA, **config: Any) -> dict[str, Any]:
        given = {"includeMetadata": False, **config}
        return run_node(
            "conversation_buffer", {"message": message}, given, world=self.world, identity=identity
        ).output

    def history(self, action: str, identity: Identity | None = ADA, **values: Any) -> dict[str, Any]:
        settings = {key: values.pop(key) for key in ("strategy", "windowSize", "scope") if key in values}
        delivered = {"action": action, **values}
        return run_node(
            "conversation_history", delivered, settings, world=self.world, identity=identity
        ).output


@pytest.fixture
def desk() -> Desk:
    return Desk()


def texts(given: dict[str, Any]) -> list[str]:
    return [entry["content"] for entry in given["buffer"]]


def test_a_buffer_keeps_the_newest_messages(desk: Desk) -> None:
    for number in range(4):
        given = desk.buffer(f"m{number}", maxMessages=3)

    assert texts(given) == ["m1", "m2", "m3"]
    assert (given["buffer_size"], given["max_messages"], given["added_count"], given["added"]) == (
        3,
        3,
        1,
        True,
    )


def test_a_buffer_is_the_sessions_own(desk: Desk) -> None:
    desk.buffer("mine")

    assert texts(desk.buffer("yours", BOB)) == ["yours"]


@pytest.mark.parametrize(("scope", "shared"), [("user", False), ("workflow", True), ("global", True)])
def test_a_buffer_may_be_kept_for_others(desk: Desk, scope: str, shared: bool) -> None:
    desk.buffer("mine", scope=scope)

    assert texts(desk.buffer(None, BOB, operation="get", scope=scope)) == (["mine"] if shared else [])


def test_a_run_has_a_buffer_of_its_own(desk: Desk) -> None:
    desk.buffer("this run", scope="execution")

    assert texts(desk.buffer(operation="get", scope="pipeline")) == []
    assert texts(desk.buffer(operation="get", scope="execution")) == ["this run"]


def test_keys_tell_buffers_apart(desk: Desk) -> None:
    desk.buffer("a", key="a")

    assert texts(desk.buffer(operation="get", key="b")) == []


def test_what_arrives_may_be_a_text_a_message_or_several(desk: Desk) -> None:
    desk.buffer("text", role="system")
    desk.buffer({"role": "assistant", "content": {"a": 1}})
    given = desk.buffer([{"role": "user", "content": "one"}, "no message", {"content": "no role"}])

    said = [(entry["role"], entry["content"]) for entry in given["buffer"]]
    assert said == [("system", "text"), ("assistant", '{"a":1}'), ("user", "one")]
    assert given["added_count"] == 1


@pytest.mark.parametrize("nothing", [None, "", [], {}], ids=repr)
def test_nothing_adds_nothing(desk: Desk, nothing: Any) -> None:
    desk.buffer("there")
    given = desk.buffer(nothing)

    assert (texts(given), given["added"]) == (["there"], False)


def test_a_buffer_is_looked_at_cut_and_cleared(desk: Desk) -> None:
    for number in range(3):
        desk.buffer(f"m{number}")

    assert texts(desk.buffer("unseen", operation="get")) == ["m0", "m1", "m2"]
    assert texts(desk.buffer("unseen", operation="truncate", maxMessages=2)) == ["m1", "m2"]
    assert texts(desk.buffer(operation="get")) == ["m1", "m2"]
    assert desk.buffer(operation="clear")["buffer_size"] == 0
    assert texts(desk.buffer(operation="get")) == []


def test_a_buffer_is_written_as_it_is_wanted(desk: Desk) -> None:
    desk.buffer("Hi")
    desk.buffer({"role": "assistant", "content": "Hello"})

    assert desk.buffer(operation="get", format="text")["buffer"] == "user: Hi\nassistant: Hello"
    assert json.loads(desk.buffer(operation="get", format="json")["buffer"])[0]["content"] == "Hi"


def test_a_buffer_tells_when_each_message_came(desk: Desk) -> None:
    desk.buffer({"role": "user", "content": "Hi", "mood": "good"})
    [entry] = desk.buffer(operation="get", includeMetadata=True)["buffer"]

    assert entry.keys() == {"role", "content", "mood", "timestamp"}


def test_a_history_is_created_once(desk: Desk) -> None:
    first = desk.history("create", conversationId="c", systemPrompt="Be brief.", metadata={"topic": "rain"})
    again = desk.history("create", conversationId="c", systemPrompt="Be long.")

    assert (first["created"], first["found"]) == (True, False)
    assert (again["created"], again["found"]) == (False, True)
    assert (again["systemPrompt"], again["metadata"]) == ("Be brief.", {"topic": "rain"})
    assert again["messages"] == [{"role": "system", "content": "Be brief."}]


def test_a_history_grows_and_may_be_shown_by_its_end(desk: Desk) -> None:
    for number in range(5):
        given = desk.history("add", content=f"m{number}", strategy="window", windowSize=2)

    assert [message["content"] for message in given["messages"]] == ["m3", "m4"]
    assert (given["messageCount"], given["added"], given["created"]) == (5, True, False)
    assert len(desk.history("get")["messages"]) == 5


def test_a_window_that_cuts_a_call_from_its_result_is_repaired(desk: Desk) -> None:
    desk.history("add", role="user", content="Add")
    desk.history("add", role="tool", content="4", toolCallId="a")
    given = desk.history("add", role="user", content="Thanks", strategy="window", windowSize=2)

    assert [message["content"] for message in given["messages"]] == ["Thanks"]


def test_a_history_is_cleared_and_deleted(desk: Desk) -> None:
    desk.history("add", conversationId="c", content="Hi", systemPrompt="Be brief.")

    cleared = desk.history("clear", conversationId="c")
    assert (cleared["cleared"], cleared["messageCount"], cleared["systemPrompt"]) == (True, 0, "Be brief.")
    deleted = desk.history("delete", conversationId="c")
    assert (deleted["deleted"], deleted["messages"]) == (True, [])
    assert desk.history("get", conversationId="c")["found"] is False


@pytest.mark.parametrize("action", ["get", "clear", "delete"])
def test_a_history_that_is_not_there_stays_away(desk: Desk, action: str) -> None:
    given = desk.history(action, conversationId="c")

    flags = [given[name] for name in ("found", "created", "added", "cleared", "deleted")]
    assert flags == [False] * 5
    assert desk.history("get", conversationId="c")["found"] is False


def test_a_history_is_not_everybodys(desk: Desk) -> None:
    desk.history("add", conversationId="c", content="mine")

    assert desk.history("get", BOB, conversationId="c")["found"] is False


def test_nothing_cannot_be_added_to_a_history(desk: Desk) -> None:
    with pytest.raises(NodeError) as caught:
        desk.history("add", content="")

    assert caught.value.code == "MESSAGE_EMPTY"


@pytest.mark.parametrize("action", ["create", "get", "add", "clear", "delete"])
def test_a_history_without_a_session_is_nobodys(
    desk: Desk, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    given = desk.history(action, None, content="Hi")

    flags = [given[name] for name in ("found", "created", "added", "cleared", "deleted")]
    assert (flags, given["messages"]) == ([False] * 5, [])
    assert len(caplog.records) == 1
