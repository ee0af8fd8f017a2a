"""Requests that are sent again: a message with an idempotency key is kept and run once."""

from __future__ import annotations

from graphs import APPROVAL, ECHO
from server_desk import Api, assert_refused


async def test_a_repeated_message_gets_the_first_answer_and_starts_nothing(api: Api) -> None:
    session = await api.open(ECHO)
    path, once = f"playground/sessions/{session}/messages", {"Idempotency-Key": "once"}
    first = await api.post(path, {"content": "hello"}, headers=once)
    await api.until(session, "completed")
    again = await api.post(path, {"content": "hello"}, headers=once)
    assert again.status == 200
    assert again.data["id"] == first.data["id"]
    page = await api.messages(session)
    assert [row["content"] for row in page["data"]] == ["hello", "hello"]
    assert [row["role"] for row in page["data"]] == ["user", "assistant"]
    assert len((await api.get(f"playground/sessions/{session}")).data["executions"]) == 1


async def test_a_repeat_while_the_turn_waits_is_no_second_message(api: Api) -> None:
    session = await api.open(APPROVAL)
    path, once = f"playground/sessions/{session}/messages", {"Idempotency-Key": "once"}
    await api.post(path, {"content": "go"}, headers=once)
    await api.until(session, "awaiting_input")
    assert (await api.post(path, {"content": "go"}, headers=once)).status == 200
    assert (await api.prompt(session))["status"] == "pending"


async def test_another_key_is_another_message(api: Api) -> None:
    session = await api.open(ECHO)
    for key in ("first", "second"):
        sent = await api.post(
            f"playground/sessions/{session}/messages", {"content": key}, headers={"Idempotency-Key": key}
        )
        assert sent.status == 200
        await api.until(session, "completed")
    assert len((await api.messages(session))["data"]) == 4


async def test_an_unusable_key_is_refused(api: Api) -> None:
    session = await api.open(ECHO)
    reply = await api.post(
        f"playground/sessions/{session}/messages", {"content": "x"}, headers={"Idempotency-Key": "k" * 256}
    )
    assert_refused(reply, 400, "IDEMPOTENCY_KEY_INVALID")
    assert (await api.messages(session))["data"] == []


async def test_an_id_that_names_a_route_cannot_be_taken(api: Api) -> None:
    reply = await api.post("workflows", {"name": "Sly", "id": "validate"})
    assert_refused(reply, 400, "WORKFLOW_ID_RESERVED")
