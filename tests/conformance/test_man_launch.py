"""The launch check, the same at every door that starts a workflow (MAN-10 … MAN-17, API-2)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from contents import everything
from contract_desk import bound, calc, declaring, launches, saved
from graphs import document, edge, node, workflow
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store.records import SessionFilter
from flowdrop_jupyter.workflow.launch import declared_outputs, launch_values

ALL = ("values", "mode", "count", "ratio", "flag", "deep", "anything", "free", "digits", "either", "picture")


@pytest.fixture(autouse=True)
def _calc(request: pytest.FixtureRequest) -> None:
    if "api" in request.fixturenames:
        request.getfixturevalue("host").registry.add(calc)


def says(**keys: Any) -> dict[str, Any]:
    """Return a workflow that says what its input ``text`` is; a node has that very name too."""
    return document(
        [node("text", "text_input", defaultValue="unset"), node("said", "chat_output")],
        [edge("text", "text", "said", "message")],
        **{"id": "says", "interface": {"inputs": [bound("text", "data", to="text")]}, **keys},
    )


async def refused_everywhere(
    api: Api, host: Host, inputs: Any, code: str, *, of: str = "sums"
) -> dict[str, Any]:
    """Offer inputs at every door; check that all refuse alike and start nothing."""
    bodies = [assert_refused(reply, 400, code) for reply in await launches(api, of, inputs)]
    assert bodies[0] == bodies[1]
    for session in await host.store.sessions(SessionFilter()):
        assert session.executions == []
    return bodies[0]


@pytest.mark.rule("MAN-11", "API-2")
async def test_a_declared_value_arrives_at_its_port(api: Api) -> None:
    session_id = await api.open(says())
    path = f"playground/sessions/{session_id}/messages"
    sent = await api.post(path, {"content": "hi", "inputs": {"text": "Salve"}})
    assert sent.status == 200, sent.text
    page = await api.until(session_id, "completed")
    assert page["data"][-1]["content"] == "Salve"


@pytest.mark.rule("MAN-11")
async def test_the_runs_initial_data_holds_the_value_by_node_and_port(api: Api, host: Host) -> None:
    await api.post("workflows", says())
    for reply in await launches(api, "says", {"text": "Salve"}):
        assert reply.status in (200, 202), reply.text
    for session in await host.store.sessions(SessionFilter()):
        run = await host.store.run(session.id, session.executions[0])
        assert run is not None
        assert run.initial == {"text": {"data": "Salve"}}


@pytest.mark.rule("MAN-10")
async def test_a_key_that_is_both_a_declared_input_and_a_node_is_the_input(api: Api, host: Host) -> None:
    await api.post("workflows", says())
    value = {"data": "looks like a port"}
    for reply in await launches(api, "says", {"text": value}):
        assert reply.status in (200, 202), reply.text
    for session in await host.store.sessions(SessionFilter()):
        run = await host.store.run(session.id, session.executions[0])
        assert run is not None
        assert run.initial == {"text": {"data": value}}


@pytest.mark.rule("MAN-12", "MAN-13", "API-2")
@pytest.mark.parametrize("key", ["said", "said.message", "said:message", "calc.1", "TEXT", ""])
async def test_what_is_no_declared_input_is_refused_naming_the_key_and_the_workflow(
    api: Api, host: Host, key: str
) -> None:
    await api.post("workflows", says())
    refused = await refused_everywhere(
        api, host, {"text": "x", key: {"message": "sneaked in"}}, "INPUT_UNDECLARED", of="says"
    )
    assert repr(key) in refused["error"]
    assert "'Under test'" in refused["error"]
    assert refused["details"][0]["locator"] == f"inputs.{key}"
    assert "sneaked in" not in str(await everything(host.store))


@pytest.mark.rule("API-2")
async def test_no_inputs_and_empty_inputs_are_the_same(api: Api) -> None:
    await api.post("workflows", says())
    for inputs in (None, {}):
        assert [reply.status for reply in await launches(api, "says", inputs)] == [200, 202]


@pytest.mark.rule("API-2")
@pytest.mark.parametrize("inputs", [[], [1], "text", 1, True])
async def test_inputs_that_are_no_object_are_refused(api: Api, host: Host, inputs: Any) -> None:
    await api.post("workflows", says())
    await refused_everywhere(api, host, inputs, "INPUTS_INVALID", of="says")


@pytest.mark.rule("MAN-14")
def test_a_stored_entry_that_lacks_a_name_is_dropped_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = {"name": "good", "node_id": "a", "port": "p"}
    broken = [{key: value for key, value in whole.items() if key != absent} for absent in whole]
    empty = [{**whole, key: ""} for key in whole]
    odd = [{**whole, key: 1} for key in whole]
    record = workflow([], [], inputs=[*broken, *empty, *odd, whole])
    assert launch_values(record, {"good": 1}) == {"a": {"p": 1}}
    assert any(found.levelno == logging.WARNING for found in caplog.records)


@pytest.mark.rule("MAN-15", "MAN-13")
async def test_the_stages_come_in_order_and_the_first_that_fails_ends_the_check(api: Api, host: Host) -> None:
    await saved(api, declaring(bound("count", required=True), bound("mode"), bound("flag", required=True)))
    end = "The workflow accepts: count, mode, flag."
    everything_wrong = {"other": 1, "another": 2, "mode": "up"}
    undeclared = await refused_everywhere(api, host, everything_wrong, "INPUT_UNDECLARED")
    missing = await refused_everywhere(api, host, {"mode": "up"}, "INPUT_MISSING")
    wrong = await refused_everywhere(api, host, {"mode": "up", "count": "5", "flag": True}, "INPUT_INVALID")
    assert all(body["error"].endswith(end) for body in (undeclared, missing, wrong))
    found = [[detail["locator"] for detail in body["details"]] for body in (undeclared, missing, wrong)]
    assert found == [
        ["inputs.other", "inputs.another"],
        ["inputs.count", "inputs.flag"],
        ["inputs.count", "inputs.mode"],
    ]
    accepted = await launches(api, "sums", {"mode": "asc", "count": 5, "flag": False})
    assert [reply.status for reply in accepted] == [200, 202]


@pytest.mark.rule("MAN-15", "MAN-13")
async def test_a_workflow_without_inputs_says_so(api: Api, host: Host) -> None:
    await saved(api, declaring())
    refused = await refused_everywhere(api, host, {"x": 1}, "INPUT_UNDECLARED")
    assert refused["error"].endswith("The workflow accepts no inputs.")


@pytest.mark.rule("MAN-15", "MAN-16")
@pytest.mark.parametrize("source", ["manifest", "contract"])
async def test_either_source_makes_an_input_required(api: Api, host: Host, source: str) -> None:
    await saved(api, declaring(bound("mode", required=True)))
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.parameter_schema is not None
    if source == "manifest":
        del stored.parameter_schema["required"]
    else:
        del stored.inputs[0]["required"]
    await host.store.save_workflow(stored, new=False)
    await refused_everywhere(api, host, {}, "INPUT_MISSING")


@pytest.mark.rule("MAN-16", "API-2")
@pytest.mark.parametrize(
    "inputs",
    [
        {"count": "five"},
        {"count": "5"},
        {"count": 5.0},
        {"count": True},
        {"count": None},
        {"ratio": "1"},
        {"ratio": False},
        {"flag": 1},
        {"flag": "true"},
        {"mode": "up"},
        {"mode": 1},
        {"values": "a"},
        {"deep": 1},
        {"deep": None},
        {"anything": "1"},
        {"anything": True},
        {"anything": 1.0},
        {"digits": 12345678},
        {"picture": {}},
    ],
    ids=str,
)
async def test_a_value_of_another_type_or_outside_the_enum_is_refused(
    api: Api, host: Host, inputs: dict[str, Any]
) -> None:
    await saved(api, declaring(*[bound(name) for name in ALL]))
    refused = await refused_everywhere(api, host, inputs, "INPUT_INVALID")
    assert [detail["locator"] for detail in refused["details"]] == [f"inputs.{name}" for name in inputs]


@pytest.mark.rule("MAN-16")
async def test_breaches_of_several_inputs_are_one_refusal(api: Api, host: Host) -> None:
    await saved(api, declaring(*[bound(name) for name in ALL]))
    refused = await refused_everywhere(
        api, host, {"count": "x", "mode": "up", "flag": 0, "ratio": 1}, "INPUT_INVALID"
    )
    assert {detail["locator"] for detail in refused["details"]} == {
        "inputs.count", "inputs.mode", "inputs.flag",
    }  # fmt: skip


@pytest.mark.rule("MAN-16")
@pytest.mark.parametrize(
    "inputs",
    [
        {"digits": "abcdef"},
        {"count": 99},
        {"count": -1},
        {"ratio": 1},
        {"ratio": 0.5},
        {"values": ["no object", 1]},
        {"values": {"a": "a collection is a collection"}},
        {"deep": []},
        {"deep": {"any": {"shape": 1}}},
        {"free": {"a": [None]}},
        {"free": None},
        {"anything": None},
        {"anything": "x"},
        {"either": "neither"},
        {"either": None},
    ],
    ids=str,
)
async def test_nothing_but_type_and_enum_is_enforced(api: Api, host: Host, inputs: dict[str, Any]) -> None:
    await saved(api, declaring(*[bound(name) for name in ALL]))
    replies = await launches(api, "sums", inputs)
    assert [reply.status for reply in replies] == [200, 202], replies[0].text


@pytest.mark.rule("MAN-16")
async def test_an_input_without_a_fragment_is_not_checked(api: Api, host: Host) -> None:
    await saved(api, declaring(bound("count")))
    await refused_everywhere(api, host, {"count": "five"}, "INPUT_INVALID")
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.parameter_schema is not None
    del stored.parameter_schema["properties"]["count"]
    await host.store.save_workflow(stored, new=False)
    assert [reply.status for reply in await launches(api, "sums", {"count": "five"})] == [200, 202]


@pytest.mark.rule("MAN-16")
async def test_the_check_goes_by_the_stored_contract_and_not_by_the_node_type_of_today(
    api: Api, host: Host
) -> None:
    await saved(api, declaring(bound("count")))
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.parameter_schema is not None
    stored.parameter_schema["properties"]["count"]["type"] = "string"
    await host.store.save_workflow(stored, new=False)
    assert [reply.status for reply in await launches(api, "sums", {"count": "five"})] == [200, 202]


async def test_a_refusal_does_not_grow_with_what_was_sent(api: Api, host: Host) -> None:
    await saved(api, declaring())
    many = {f"{index}-{'x' * 1000}": 1 for index in range(1000)}
    (reply, _) = await launches(api, "sums", many)
    assert_refused(reply, 400, "INPUT_UNDECLARED")
    assert len(reply.raw) < 20_000


# Outputs


@pytest.mark.rule("MAN-17")
def test_a_declared_output_is_what_the_bound_node_produced_on_the_bound_port(
    caplog: pytest.LogCaptureFixture,
) -> None:
    record = workflow(
        [],
        [],
        outputs=[
            {"name": "said", "node_id": "a", "port": "text"},
            {"name": "nothing", "node_id": "a", "port": "null"},
            {"name": "absent", "node_id": "a", "port": "other"},
            {"name": "never-ran", "node_id": "b", "port": "text"},
            {"name": "malformed", "node_id": "a"},
            {"node_id": "a", "port": "text"},
        ],
    )
    produced = {"a": {"text": "hi", "null": None, "undeclared": 1}}
    assert declared_outputs(record, produced) == {"said": "hi", "nothing": None}
    warned = " ".join(found.getMessage() for found in caplog.records)
    assert "'absent'" in warned
    assert "'never-ran'" in warned


@pytest.mark.rule("MAN-17")
async def test_a_launch_that_waits_answers_with_the_declared_outputs(api: Api) -> None:
    outputs = [bound("answer", "text", to="text"), bound("told", "message", to="said")]
    interface = {"inputs": [bound("text", "data", to="text")], "outputs": outputs}
    await api.post("workflows", says(interface=interface))
    body = {"inputs": {"text": "Salve"}, "options": {"wait": True}}
    reply = await api.post("workflows/says/execute", body)
    assert reply.status == 200, reply.text
    assert reply.data["outputs"] == {"answer": "Salve", "told": "Salve"}
    assert reply.data["status"] == "completed"


# Waiting


@pytest.mark.rule("MAN-19")
async def test_nobody_waits_for_an_asynchronous_workflow_and_no_run_exists_afterwards(
    api: Api, host: Host
) -> None:
    await api.post("workflows", says(metadata={"execution": "asynchronous"}))
    before = await everything(host.store)
    refused = await api.post("workflows/says/execute", {"inputs": {"text": "x"}, "options": {"wait": True}})
    assert_refused(refused, 409, "WORKFLOW_ASYNCHRONOUS")
    assert await everything(host.store) == before
    started = await api.post("workflows/says/execute", {"inputs": {"text": "x"}})
    assert started.status == 202, started.text


async def test_the_option_wait_is_true_or_false(api: Api, host: Host) -> None:
    await api.post("workflows", says())
    before = await everything(host.store)
    for value in ("true", 1, []):
        refused = await api.post("workflows/says/execute", {"options": {"wait": value}})
        assert_refused(refused, 400, "OPTION_INVALID")
    assert await everything(host.store) == before
