"""Language models of a real server: configured by traits, asked by turns, and their key seen nowhere."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphs import document, edge, node
from model_endpoint import (
    DONE,
    SECRET,
    ModelEndpoint,
    Reply,
    called,
    delta,
    event,
    model_endpoint,
    said,
    streamed,
)
from server_desk import Api
from traitlets import TraitError
from traitlets.config import Config

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.server.models import FlowDropModels


@pytest.fixture
def neighbour() -> Iterator[ModelEndpoint]:
    with model_endpoint() as host:
        yield host


@pytest.fixture
def jp_server_config(jp_server_config: Config, neighbour: ModelEndpoint) -> Config:
    jp_server_config.FlowDropModels.base_url = neighbour.url
    jp_server_config.FlowDropModels.api_key = SECRET
    jp_server_config.FlowDropModels.default_model = "tiny"
    jp_server_config.FlowDropModels.retries = 0
    jp_server_config.FlowDropModels.endpoints = {"other": {"base_url": neighbour.url + "/other"}}
    jp_server_config.FlowDropModels.scripts = {"hello": ["Hello from a script"]}
    return jp_server_config


def chat(type_id: str = "chat_model", **config: Any) -> dict[str, Any]:
    """A workflow that has a model answer."""
    return document(
        [
            node("chat_input.1", "chat_input"),
            node("model.1", type_id, **config),
            node("chat_output.1", "chat_output"),
        ],
        [
            edge("chat_input.1", "message", "model.1", "message"),
            edge("model.1", "response", "chat_output.1", "message"),
        ],
        id="chat",
    )


async def turn(api: Api, workflow: dict[str, Any]) -> dict[str, Any]:
    """Return the last message of a turn."""
    page = await api.turn(await api.open(workflow), "Hi")
    last: dict[str, Any] = page["data"][-1]
    return last


async def test_a_turn_asks_the_configured_model_though_it_is_on_this_machine(
    api: Api, neighbour: ModelEndpoint
) -> None:
    answer = await turn(api, chat())

    assert (answer["role"], answer["content"]) == ("assistant", "Hello")
    assert neighbour.bodies[0]["model"] == "tiny"
    assert neighbour.asked[0]["headers"]["authorization"] == f"Bearer {SECRET}"


async def test_another_endpoint_is_not_given_the_key_of_the_default_one(
    api: Api, neighbour: ModelEndpoint
) -> None:
    await turn(api, chat(endpoint="other"))

    assert neighbour.asked[0]["path"] == "/v1/other/chat/completions"
    assert "authorization" not in neighbour.asked[0]["headers"]


async def test_a_configured_script_answers_without_a_network(api: Api, neighbour: ModelEndpoint) -> None:
    assert (await turn(api, chat(model="scripted:hello")))["content"] == "Hello from a script"
    assert neighbour.asked == []


async def test_an_agent_calls_a_tool_in_a_turn(api: Api, neighbour: ModelEndpoint) -> None:
    call = called("form_data_receiver", json.dumps({"form_data": {"name": "Ada"}}))
    neighbour.replies[:] = [Reply(call), Reply(said("It is Ada."))]
    workflow = chat("simple_agent")
    # The tools are part of the conversation with the node: a list that another node gives.
    workflow["nodes"].append(node("tools.1", "json_to_data"))
    workflow["nodes"].append(node("text.1", "text_input", defaultValue='["form_data_receiver"]'))
    workflow["edges"] += [
        edge("text.1", "text", "tools.1", "json"),
        edge("tools.1", "data", "model.1", "tools"),
    ]

    assert (await turn(api, workflow))["content"] == "It is Ada."
    assert '"name":"Ada"' in neighbour.bodies[1]["messages"][-1]["content"]


def holding(directory: Path, text: str) -> list[str]:
    """Return the files that hold a text."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


QUOTING = {"error": {"message": f"Bad key {SECRET}", "code": SECRET}}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(QUOTING, 401),
        Reply(QUOTING, 400),
        Reply(QUOTING, 500),
        Reply(SECRET.encode()),
        Reply(said(f"The key is {SECRET}.", model=SECRET)),
        streamed(delta("stop", content=f"The key is {SECRET}."), DONE),
        streamed(delta(content="Half"), event(QUOTING)),
    ],
)
async def test_the_key_is_in_no_record_no_answer_and_no_log(
    api: Api, neighbour: ModelEndpoint, data_dir: Path, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    neighbour.replies[:] = [reply]
    session = await api.open(chat())
    page = await api.turn(session, "Hi")
    [run] = (await api.get(f"playground/sessions/{session}")).data["executions"]
    answers = [json.dumps(page), (await api.get(f"executions/{run}")).text, (await api.get("nodes")).text]

    assert SECRET in neighbour.asked[0]["headers"]["authorization"]
    assert [text for text in (*answers, caplog.text) if SECRET in text] == []
    assert holding(data_dir, "Hi")
    assert holding(data_dir, SECRET) == []


def test_the_traits_are_in_the_help() -> None:
    assert FlowDropModels in FlowDropApp.classes


@pytest.mark.parametrize(
    "value",
    [
        {"timeout_seconds": 0},
        {"timeout_seconds": float("nan")},
        {"retries": -1},
        {"token_limit": "tokens"},
        {"endpoints": {"a": {}}},
        {"endpoints": {"a": "http://h/v1"}},
        {"endpoints": {"a": {"base_url": "http://h/v1", "api_key": 7}}},
        {"endpoints": {"a": {"base_url": "http://h/v1", "key": SECRET}}},
        {"endpoints": {"a": {"base_url": "http://h/v1", "timeout_seconds": -1}}},
        {"endpoints": {"a": {"base_url": "http://h/v1", "token_limit": "tokens"}}},
        {"scripts": {"a": []}},
        {"scripts": {"a": "text"}},
        {"scripts": {"a": [7]}},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_setting_that_makes_no_sense_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(TraitError) as refusal:
        FlowDropModels(**value)

    assert SECRET not in str(refusal.value)
