"""Turns as the official client sees them: what a poll may never miss (client contract §4.3, §5.3, §8.2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from contents import everything
from gates import Gate, ask
from graphs import APPROVAL, ECHO, document, edge, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import Host

HELD = document(
    [node("chat_input.1", "chat_input"), node("gate.1", "gate"), node("chat_output.1", "chat_output")],
    [
        edge("chat_input.1", "message", "gate.1", "data"),
        edge("gate.1", "result", "chat_output.1", "message"),
    ],
    id="held",
)
MANY = 12
CHORUS = document(
    [
        node("chat_input.1", "chat_input"),
        *(node(f"chat_output.{number}", "chat_output") for number in range(MANY)),
    ],
    [edge("chat_input.1", "message", f"chat_output.{number}", "message") for number in range(MANY)],
    id="chorus",
)
STOPPING = ("idle", "completed", "failed", "awaiting_input")


@pytest.fixture
def gate(host: Host) -> Gate:
    held = Gate()
    host.registry.add(held.function)
    return held


async def test_the_session_runs_already_when_the_message_is_acknowledged(api: Api, gate: Gate) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    assert (await api.messages(session_id))["sessionStatus"] == "running"
    assert (await api.get(f"playground/sessions/{session_id}")).data["status"] == "running"
    gate.opened.set()
    await api.until(session_id, "completed")


async def test_the_first_poll_sees_running_or_everything(api: Api) -> None:
    session_id = await api.open(ECHO)
    for number in range(1, 16):
        await api.say(session_id, "hello")
        page = await api.messages(session_id)
        if page["sessionStatus"] != "running":
            assert page["sessionStatus"] == "completed"
            assert len(page["data"]) == 2 * number
        await api.until(session_id, "completed")


async def test_a_poll_by_timestamp_misses_nothing_and_repeats_nothing(api: Api) -> None:
    session_id = await api.open(CHORUS)
    await api.say(session_id, "all together")
    seen: list[str] = []
    since: dict[str, str] = {}
    async with asyncio.timeout(10):
        while True:
            page = await api.messages(session_id, **since)
            seen += [row["id"] for row in page["data"]]
            if page["data"]:
                since = {"since": page["data"][-1]["timestamp"]}
            if page["sessionStatus"] in STOPPING:
                break
    whole = await api.messages(session_id)
    assert seen == [row["id"] for row in whole["data"]]
    assert len(seen) == MANY + 1


async def test_no_two_messages_of_a_session_share_a_timestamp(api: Api) -> None:
    session_id = await api.open(CHORUS)
    await api.turn(session_id, "all together")
    rows = (await api.turn(session_id, "once more"))["data"]
    times = [row["timestamp"] for row in rows]
    assert len(times) == 2 * (MANY + 1)
    assert times == sorted(set(times))
    assert [row["sequenceNumber"] for row in rows] == list(range(1, len(rows) + 1))


async def test_a_poll_with_a_cursor_is_not_cut(api: Api) -> None:
    session_id = await api.open(CHORUS)
    for _ in range(8):
        await api.turn(session_id, "la")
    page = await api.messages(session_id, since="0")
    assert len(page["data"]) == 8 * (MANY + 1)
    newest = await api.messages(session_id)
    assert [row["sequenceNumber"] for row in newest["data"]] == list(range(5, 105))


async def test_every_message_is_there_with_the_status_that_ends_the_poll(api: Api) -> None:
    session_id = await api.open(CHORUS)
    for turn in range(1, 6):
        page = await api.turn(session_id, "la")
        assert len(page["data"]) == turn * (MANY + 1)


async def test_a_message_while_a_turn_runs_is_refused_and_changes_nothing(
    api: Api, gate: Gate, host: Host
) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "first")
    await gate.entered()
    before = await everything(host.store)
    path = f"playground/sessions/{session_id}/messages"
    assert_refused(await api.post(path, {"content": "second"}), 409, "SESSION_RUNNING")
    assert await everything(host.store) == before
    gate.opened.set()
    page = await api.until(session_id, "completed")
    assert [row["content"] for row in page["data"]] == ["first", "first"]
    assert gate.executions == 1


async def test_stopping_a_run_ends_it_and_says_so(api: Api, gate: Gate) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    await gate.entered()
    path = f"playground/sessions/{session_id}/stop"
    assert (await api.post(path)).status == 200
    page = await api.messages(session_id)
    assert page["sessionStatus"] == "completed"
    assert [row["role"] for row in page["data"]] == ["user", "system"]
    assert gate.cancellations == 1


async def test_the_same_stop_may_be_repeated(api: Api, gate: Gate) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    path = f"playground/sessions/{session_id}/stop"
    both = await asyncio.gather(api.post(path), api.post(path))
    assert [reply.status for reply in both] == [200, 200]
    assert (await api.post(path)).status == 200
    page = await api.messages(session_id)
    assert [row["role"] for row in page["data"]] == ["user", "system"]


async def test_a_session_is_usable_after_a_stop(api: Api, gate: Gate) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "first")
    await api.post(f"playground/sessions/{session_id}/stop")
    gate.opened.set()
    page = await api.turn(session_id, "second")
    assert page["data"][-1]["content"] == "second"


async def test_a_prompt_is_a_pending_message_that_names_its_interrupt(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    page = await api.turn(session_id, "please")
    assert page["sessionStatus"] == "awaiting_input"
    shown = page["data"][-1]
    prompt = await api.prompt(session_id)
    assert (shown["role"], shown["status"], shown["content"]) == ("assistant", "pending", "Go on?")
    metadata = shown["metadata"]
    assert (metadata["type"], metadata["interrupt_type"]) == ("interrupt_request", "confirmation")
    assert metadata["interrupt_id"] == prompt["id"]
    assert (metadata["node_id"], metadata["execution_id"]) == ("confirmation.1", prompt["executionId"])
    assert metadata["allow_cancel"] is metadata["allowCancel"] is False
    assert (metadata["confirm_label"], metadata["cancel_label"]) == ("Yes", "No")
    assert prompt["messageId"] == shown["id"]


@pytest.mark.parametrize(("value", "said"), [(True, "Done."), (False, "Left as it is.")])
async def test_one_read_after_the_answer_shows_the_result(api: Api, value: bool, said: str) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "please")
    prompt = await api.prompt(session_id)
    assert (await api.post(f"interrupts/{prompt['id']}", {"value": value})).status == 200
    page = await api.messages(session_id)
    assert page["sessionStatus"] == "completed"
    assert page["data"][-1]["content"] == said
    answered = page["data"][1]
    assert (answered["status"], answered["metadata"]["response_value"]) == ("completed", value)
    assert answered["metadata"]["resolvedByUserName"]


@pytest.mark.parametrize("flowdrop_config", [{"answer_wait_seconds": 0.05}])
async def test_an_answer_is_acknowledged_at_the_limit_when_the_run_goes_on(
    api: Api, gate: Gate, host: Host
) -> None:
    host.registry.add(ask)
    graph = document(
        [node("ask.1", "ask"), node("gate.1", "gate")],
        [edge("ask.1", "result", "gate.1", "data")],
        id="slow",
    )
    session_id = await api.open(graph)
    await api.turn(session_id, "hello")
    prompt = await api.prompt(session_id)
    reply = await api.post(f"interrupts/{prompt['id']}", {"value": "yes"})
    assert (reply.status, reply.data["status"]) == (200, "resolved")
    assert (await api.messages(session_id))["sessionStatus"] == "running"
    gate.opened.set()
    await api.until(session_id, "completed")


async def test_a_message_while_a_prompt_is_open_withdraws_it_and_begins_a_turn(api: Api) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "first")
    old = await api.prompt(session_id)
    page = await api.turn(session_id, "second")
    assert page["sessionStatus"] == "awaiting_input"
    assert (await api.get(f"interrupts/{old['id']}")).data["status"] == "cancelled"
    assert (await api.prompt(session_id))["id"] != old["id"]
    assert [(row["role"], row["status"]) for row in page["data"]] == [
        ("user", "completed"),
        ("assistant", "completed"),
        ("system", "completed"),
        ("user", "processing"),
        ("assistant", "pending"),
    ]


async def test_deleting_a_session_ends_its_run_and_takes_everything(api: Api, gate: Gate, host: Host) -> None:
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    await gate.entered()
    assert (await api.delete(f"playground/sessions/{session_id}")).status == 200
    assert gate.cancellations == 1
    assert_refused(await api.get(f"playground/sessions/{session_id}/messages"), 404, "SESSION_NOT_FOUND")
    assert (await everything(host.store))["sessions"] == {}


@pytest.mark.rule("API-3")
async def test_a_session_whose_workflow_was_deleted_is_read_but_takes_no_turn(api: Api, host: Host) -> None:
    session_id = await api.open(ECHO)
    await api.turn(session_id, "hello")
    await api.delete("workflows/echo")
    before = await everything(host.store)
    path = f"playground/sessions/{session_id}/messages"
    assert_refused(await api.post(path, {"content": "hello"}), 409, "SESSION_WORKFLOW_MISSING")
    assert await everything(host.store) == before
    assert len((await api.get(path)).data) == 2
    assert [row["id"] for row in (await api.get("workflows/echo/playground/sessions")).data] == [session_id]


async def test_the_server_is_active_while_a_session_runs(
    api: Api, gate: Gate, host: Host, flowdrop: FlowDropApp, jp_serverapp: Any
) -> None:
    assert flowdrop.current_activity() is None
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    await gate.entered()
    assert flowdrop.current_activity() == {"flowdrop_sessions": 1}
    assert jp_serverapp.extension_manager.any_activity()
    gate.opened.set()
    await host.processor.settled(session_id)
    assert flowdrop.current_activity() is None


async def test_a_node_that_fails_is_told_in_the_conversation(api: Api) -> None:
    graph = document(
        [node("text_input.1", "text_input"), node("switch.1", "switch", branches=[])],
        [edge("text_input.1", "text", "switch.1", "expression")],
        id="fails",
    )
    session_id = await api.open(graph)
    page = await api.turn(session_id, "hello")
    assert page["sessionStatus"] == "failed"
    told = page["data"][-1]
    assert (told["role"], told["status"]) == ("system", "failed")
    assert told["metadata"]["level"] == "error"
    assert told["metadata"]["code"] == "BRANCH_NOT_CONFIGURED"
