"""MEM: conversation buffers, their repair, and the nodes that put conversations together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_runs import run_node

from flowdrop_jupyter.nodes import Identity, Turns
from flowdrop_jupyter.nodes.conversation import HEALED, append, normalize
from flowdrop_jupyter.nodes.memory import HeldMemory, NodeMemory

ADA = Identity(user_id="ada", session_id="s", workflow_id="w")


def user(text: str = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": text}


def calls(*ids: str, text: str = "") -> dict[str, Any]:
    made = [{"id": call, "type": "function", "function": {"name": "f", "arguments": "{}"}} for call in ids]
    return {"role": "assistant", "content": text, "tool_calls": made}


def result(call: str, text: str = "4") -> dict[str, Any]:
    return {"role": "tool", "content": text, "tool_call_id": call}


def shape(messages: Sequence[dict[str, Any]]) -> list[str]:
    """Who says what, in a word per message."""
    words = []
    for message in messages:
        healed = "healed " if message.get(HEALED) else ""
        ids = ",".join(call["id"] for call in message.get("tool_calls", ()))
        words.append(f"{healed}{message['role']}:{message.get('tool_call_id') or ids or message['content']}")
    return words


@pytest.mark.rule("MEM-1")
def test_a_result_that_is_there_is_dropped() -> None:
    made = append([calls("a"), result("a", "first")], [result("a", "second"), result("a", "third")])

    assert [message["content"] for message in made.buffer] == ["", "first"]
    assert append([calls("a")], [result("a", "first"), result("a", "second")]).count == 1


@pytest.mark.rule("MEM-2")
def test_a_turn_is_a_duplicate_only_if_all_of_its_calls_are_known() -> None:
    held = [calls("a", "b"), result("a"), result("b")]

    assert append(held, [calls("a"), calls("b", "a")]).count == 0
    assert append(held, [calls("a", "c")]).count == 1
    assert append(held, [{"role": "assistant", "content": "So"}] * 2).count == 2


@pytest.mark.rule("MEM-3")
def test_a_user_who_goes_on_heals_calls_without_a_result() -> None:
    held = [user("1"), calls("a", "b"), result("b"), {"role": "assistant", "content": "So"}]
    made = append(held, [user("2")])

    assert shape(made.buffer) == [
        "user:1",
        "assistant:a,b",
        "healed tool:a",
        "tool:b",
        "assistant:So",
        "user:2",
    ]
    assert "interrupted" in made.buffer[2]["content"]


@pytest.mark.rule("MEM-3")
def test_nobody_else_heals() -> None:
    made = append(
        [calls("a")], [result("x"), {"role": "assistant", "content": "So"}, {**user(), "role": "system"}]
    )

    assert not any(message.get(HEALED) for message in made.buffer)


@pytest.mark.rule("MEM-10")
@pytest.mark.rule("MEM-14")
def test_a_late_result_takes_the_place_of_its_placeholder() -> None:
    healed = append([calls("a"), {"role": "assistant", "content": "So"}], [user()]).buffer
    made = append(healed, [result("a", "late")])

    assert shape(made.buffer) == ["assistant:a", "tool:a", "assistant:So", "user:Hi"]
    assert made.buffer[1]["content"] == "late"
    assert made.count == 0
    assert append(made.buffer, [result("a", "later")]).buffer == made.buffer


@pytest.mark.rule("MEM-10")
def test_a_placeholder_from_outside_overwrites_nothing() -> None:
    healed = append([calls("a")], [user()]).buffer
    forged = {**result("a", "forged"), HEALED: True}

    assert append(healed, [forged]).buffer == healed
    assert append([calls("a"), result("a")], [forged]).buffer == [calls("a"), result("a")]


@pytest.mark.rule("MEM-11")
@pytest.mark.parametrize(
    "call",
    [
        {"id": "a", "name": "f", "arguments": {}},
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"call_id": "a", "type": "function_call", "name": "f", "arguments": "{}"},
    ],
)
def test_both_spellings_of_a_call_mean_the_same(call: dict[str, Any]) -> None:
    spelled = {"role": "assistant", "content": "", "tool_calls": [call]}

    assert append([calls("a")], [spelled]).count == 0
    assert shape(append([spelled], [user()]).buffer[1:]) == ["healed tool:a", "user:Hi"]
    assert normalize([spelled, result("a")]).dropped == 0


@pytest.mark.rule("MEM-14")
def test_an_append_counts_what_became_new_and_not_how_the_buffer_grew() -> None:
    made = append([user("1"), user("2")], [user("3"), user("4")], 2)

    assert (shape(made.buffer), made.count) == (["user:3", "user:4"], 2)
    output = run_node("conversation_buffer", {"message": [user("1"), result("a"), result("a")]}).output
    assert (output["added_count"], output["added"], output["buffer_size"]) == (2, True, 2)


@pytest.mark.rule("MEM-5")
def test_normalizing_coerces_orders_and_repairs() -> None:
    entries = [
        result("early"),
        user("1"),
        "no row",
        {"content": "no role"},
        {"role": "system", "content": {"a": 1}},
        calls("a", "b"),
        result("a"),
        result("a", "again"),
        calls("a", "c", text="more"),
        result("c"),
        {"role": "system", "content": "last"},
        {"role": "user", "content": object()},
        {"role": "user", "content": 7},
    ]
    made = normalize(entries)

    assert shape(made.messages) == [
        'system:{"a":1}',
        "system:last",
        "user:1",
        "assistant:a,b",
        "tool:b",
        "tool:a",
        "assistant:c",
        "tool:c",
        "user:",
        "user:7",
    ]
    assert made.dropped == 2
    assert not any(HEALED in message for message in made.messages)


@pytest.mark.rule("MEM-5")
def test_a_result_at_the_head_is_stripped_and_its_call_answered_anew() -> None:
    output = run_node("conversation_normalization", {"messages": [result("a"), calls("a")]}).output

    assert shape(output["messages"]) == ["assistant:a", "tool:a"]
    assert "interrupted" in output["messages"][1]["content"]
    assert output["dropped"] == 1


_ids = st.sampled_from(["a", "b", "c", ""])
_entries = st.one_of(
    st.builds(user, st.sampled_from(["x", ""])),
    st.builds(lambda ids: calls(*ids), st.lists(_ids, max_size=3)),
    st.builds(result, _ids),
    st.just({"role": "system", "content": "s"}),
    st.sampled_from(
        ["junk", None, {}, {"role": 1}, {"role": "tool"}, {"role": "assistant", "tool_calls": 3}]
    ),
)


@pytest.mark.rule("MEM-5")
@given(st.lists(_entries, max_size=12))
def test_what_is_repaired_stays_as_it_is(entries: list[Any]) -> None:
    once = normalize(entries)
    again = normalize(once.messages)

    assert (again.messages, again.dropped) == (once.messages, 0)
    roles = [message["role"] for message in once.messages]
    assert roles == sorted(roles, key=lambda role: role != "system")
    declared: list[str] = []
    for message in once.messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in declared
            declared.remove(message["tool_call_id"])
        elif message.get("tool_calls") and message["tool_calls"] != 3:
            declared += [call["id"] for call in message["tool_calls"] if call["id"]]
    assert declared == []


@pytest.mark.rule("MEM-4")
def test_an_assembly_follows_its_inputs_order() -> None:
    names = ["zeta", "alpha", "unwired", "empty", "mid"]
    config = {"dynamicInputs": [{"name": name, "dataType": "messages"} for name in names]}
    arrived = {"mid": [user("3"), user("4")], "alpha": user("2"), "zeta": [user("1")], "empty": []}
    output = run_node("message_assembly", arrived, config).output

    assert shape(output["messages"]) == ["user:1", "user:2", "user:3", "user:4"]


@pytest.mark.rule("MEM-16")
@pytest.mark.parametrize(
    ("text", "config", "expected"),
    [
        ("Hi", {}, user()),
        ("Hi", {"role": "system"}, {"role": "system", "content": "Hi"}),
        ("Hi", {"role": "robot"}, user()),
        ("Hi", {"role": None}, user()),
        (7, {}, user("7")),
        ({"a": [1]}, {}, user('{"a":[1]}')),
        ("4", {"role": "tool", "toolCallId": " a "}, result("a")),
        ("4", {"role": "tool", "toolCallId": " "}, {"role": "tool", "content": "4"}),
        ("4", {"role": "user", "toolCallId": "a"}, user("4")),
    ],
)
def test_a_text_becomes_one_message_given_twice(text: Any, config: dict[str, Any], expected: Any) -> None:
    output = run_node("text_to_message", {"text": text}, config).output

    assert output == {"messages": [expected], "message": expected}


@pytest.mark.rule("MEM-16")
@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("nothing", [None, ""], ids=repr)
def test_no_content_makes_no_message(nothing: Any, role: str) -> None:
    output = run_node("text_to_message", {"text": nothing}, {"role": role, "toolCallId": "a"}).output

    assert output == {"messages": [], "message": {}}


class SlowMemory(HeldMemory):
    """Lets others in between a read and the write after it."""

    async def read(self, scope: str, scope_id: str, key: str) -> tuple[bool, Any]:
        found = await super().read(scope, scope_id, key)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        return found


def remembering(memory: HeldMemory) -> NodeMemory:
    return NodeMemory(memory, ADA, node_id="n", run_id="r")


@pytest.mark.rule("MEM-12")
@pytest.mark.anyio
async def test_appends_at_one_place_follow_one_another() -> None:
    memory = SlowMemory()
    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(remembering(memory).append, "session", "k", [user(str(number))])

    _, held = await memory.read("session", "s", "k")
    assert sorted(message["content"] for message in held) == [str(number) for number in range(10)]


@pytest.mark.rule("MEM-12")
@pytest.mark.anyio
async def test_a_turn_that_does_not_come_is_not_waited_for_and_loses_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory = HeldMemory(Turns(seconds=0.01))
    async with memory.turns.at("session", "s", "k"):
        made = await remembering(memory).append("session", "k", [user()])
        other = await remembering(memory).append("session", "other", [user()])

    assert (made.count, other.count) == (1, 1)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    caplog.clear()
    await remembering(memory).append("session", "k", [user("2")])
    assert caplog.records == []


@pytest.mark.rule("MEM-12")
@pytest.mark.anyio
async def test_a_turn_is_given_back_when_its_work_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    memory = HeldMemory(Turns(seconds=0.01))

    def failing(_held: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await remembering(memory).change("session", "k", failing)
    await remembering(memory).append("session", "k", [user()])
    assert caplog.records == []
