"""What a bundle brings is judged before it is kept, and works once it is: entries, ids and node types."""

from typing import Any

import pytest
from graphs import node
from server_desk import Api, Reply, assert_refused

from flowdrop_jupyter.sessions import Host

PUBLISHER = "acme"
PATH = {"id": "acme_path", "executor_plugin": "data_extractor", "label": "Path"}
FREE = {"connectable": True, "configurable": True}


@pytest.fixture
def flowdrop_config() -> dict[str, Any]:
    return {"trusted_publishers": [PUBLISHER]}


async def take_in(api: Api, flow: dict[str, Any], *node_types: dict[str, Any]) -> Reply:
    bundle = {
        "format": "flowdrop-bundle",
        "schemaVersion": "1.0",
        "publisher": PUBLISHER,
        "capabilities": {"processors": []},
        "node_types": list(node_types),
        "flow": {"id": "brought", "name": "Brought", "nodes": [], "edges": [], **flow},
    }
    return await api.post("workflows/import-bundle", bundle)


def causes(reply: Reply) -> list[tuple[str, str]]:
    return [(cause["code"], cause["locator"]) for cause in reply.body["details"]]


# Ids and tags


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize("word", ["import", "validate", "import-bundle"])
async def test_a_word_of_the_api_is_no_id_of_a_flow(api: Api, word: str) -> None:
    reply = await take_in(api, {"id": word})
    assert_refused(reply, 422, "FLOW_ID_INVALID")
    assert causes(reply) == [("FLOW_ID_INVALID", "flow.id")]


@pytest.mark.rule("STORE-9")
async def test_a_word_of_the_api_is_seen_after_what_is_wrong_with_the_flow(api: Api) -> None:
    assert_refused(await take_in(api, {"id": "import", "nodes": [{"id": ""}]}), 422, "VALIDATION_ERROR")


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize("tags", [5, "x", {}, [1], ["a", None]])
async def test_tags_of_the_wrong_form_are_refused_at_their_place(api: Api, tags: Any) -> None:
    reply = await take_in(api, {"tags": tags})
    assert_refused(reply, 422, "FLOW_MALFORMED")
    assert causes(reply) == [("FLOW_MALFORMED", "flow.tags")]


@pytest.mark.rule("STORE-9")
async def test_a_contract_that_a_flow_brings_is_not_believed(api: Api) -> None:
    entry = {"name": "start", "node_id": "r", "port": "start"}
    flow = {
        "nodes": [node("r", "range", end=5)],
        "inputs": [entry],
        "contract_version": "7.0.0",
        "parameter_schema": {"properties": {"start": {"type": "string"}}},
    }
    assert (await take_in(api, flow)).status == 201
    schema = (await api.get("workflows/brought/schema")).body
    assert schema["schema_version"] == "1.0.0"
    assert schema["parameter_schema"]["properties"]["start"]["type"] == "number"


# Entries


@pytest.mark.rule("STORE-9", "MAN-11")
async def test_an_entry_that_is_accepted_as_text_can_be_launched(api: Api, host: Host) -> None:
    entry = {"name": 1, "node_id": 2, "port": "start"}
    result = {"name": True, "node_id": 2, "port": "values"}
    flow = {"nodes": [node("2", "range", end=5)], "inputs": [entry], "outputs": [result]}
    reply = await take_in(api, flow)
    assert reply.status == 201, reply.text
    assert [each["id"] for each in reply.data["interface"]["inputs"]] == ["1"]
    assert [each["id"] for each in reply.data["interface"]["outputs"]] == ["true"]
    record = await host.store.workflow("brought")
    assert record is not None
    assert (record.inputs, record.outputs) == ([entry], [result])
    schema = (await api.get("workflows/brought/schema")).body
    assert schema["parameter_schema"]["properties"]["1"]["type"] == "number"
    launch = {"inputs": {"1": 3}, "options": {"wait": True}}
    ran = await api.post("workflows/brought/execute", launch)
    assert (ran.status, ran.data["outputs"]) == (200, {"true": [3, 4, 5]})
    wrong = await api.post("workflows/brought/execute", {"inputs": {"1": "three"}})
    assert_refused(wrong, 400, "INPUT_INVALID")


# Node types


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    ("flags", "place"),
    [
        ({"engine": {"default": "nope"}}, "node_types.0.parameters.engine.default"),
        ({"engine": {"configurable": True, "default": "nope"}}, "node_types.0.parameters.engine.default"),
        ({"engine": {"default": 5}}, "node_types.0.parameters.engine.default"),
        ({"path": {**FREE, "default": ["x"]}}, "node_types.0.parameters.path.default"),
        ({"path": {**FREE, "default": "$.y[["}}, "node_types.0.parameters.path.default"),
        (
            {"engine": {"default": "expression_language"}, "path": {**FREE, "default": "1 +"}},
            "node_types.0.parameters.path.default",
        ),
    ],
)
async def test_a_default_that_its_parameter_does_not_take_is_refused(
    api: Api, host: Host, flags: dict[str, Any], place: str
) -> None:
    parameters = {"data": {"connectable": True}, **flags}
    reply = await take_in(api, {"nodes": [node("p", "acme_path")]}, {**PATH, "parameters": parameters})
    assert_refused(reply, 422, "NODE_TYPE_INVALID")
    assert causes(reply) == [("NODE_TYPE_INVALID", place)]
    assert await host.store.node_types() == []
    assert host.registry.node_type("acme_path") is None


@pytest.mark.rule("STORE-9")
async def test_the_defaults_of_all_node_types_together_take_so_long_and_no_longer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdrop_jupyter.sessions.bundles.MAX_EXPRESSION_SECONDS", 0.0)
    reply = await take_in(api, {}, {**PATH, "parameters": {"path": {**FREE, "default": "$.a"}}})
    assert_refused(reply, 422, "NODE_TYPE_INVALID")
    assert causes(reply) == [("NODE_TYPE_INVALID", "node_types.0.parameters.path.default")]
    assert "seconds" in reply.body["error"]


@pytest.mark.rule("STORE-9")
async def test_a_default_that_fits_is_taken_over(api: Api) -> None:
    flags = {"engine": {"default": "twig"}, "path": {**FREE, "default": "{{ a }}"}}
    reply = await take_in(api, {"nodes": [node("p", "acme_path")]}, {**PATH, "parameters": flags})
    assert reply.status == 201, reply.text
    broken = {"name": "x", "nodes": [node("p", "acme_path", path="{{ a")]}
    refused = await api.put("workflows/brought", broken)
    assert [code for code, _ in causes(refused)] == ["R11_EXPRESSION_INVALID"]


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("visual_type", "evil<script>"),
        ("visual_type", "x" * 1000),
        ("visual_type", "unheard_of"),
        ("supported_types", ["default", "evil<script>"]),
        ("supported_types", ["default"] * 1000),
        ("icon", "x" * 100_000),
        ("color", "x" * 100_000),
        ("label", "x" * 100_000),
        ("description", "x" * 100_000),
        ("category", "x" * 100_000),
        ("version", "x" * 100_000),
        ("tags", ["x" * 100_000]),
        ("tags", ["x"] * 1000),
    ],
)
async def test_a_node_type_without_bounds_is_refused(api: Api, key: str, value: Any) -> None:
    reply = await take_in(api, {}, {**PATH, key: value})
    assert_refused(reply, 422, "NODE_TYPE_INVALID")
    assert len(reply.raw) < 5000
    assert all(place.startswith("node_types.0") for _, place in causes(reply))


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize("shape", ["default", "simple", "square", "tool", "terminal", "idea", "acme:fancy"])
async def test_a_shape_that_editors_know_or_have_registered_is_taken_over(api: Api, shape: str) -> None:
    reply = await take_in(api, {}, {**PATH, "visual_type": shape, "supported_types": [shape, "note"]})
    assert reply.status == 201, reply.text
    assert (await api.get("nodes/acme_path")).data["type"] == shape
