"""Building, enriching and serving node types (SCH-24 to SCH-29)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Annotated, Any

import pytest
from schema_desk import by_id, configured, declare, output, read, wired
from server_desk import Api

from flowdrop_jupyter.nodes import Config, NodeRegistry, Wire, node
from flowdrop_jupyter.nodes.registry import ENTRY_POINT_GROUP
from flowdrop_jupyter.sessions import Host


def placed(node_id: str, type_id: str, **data: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "type": "universalNode",
        "position": {"x": 3, "y": 4},
        "data": {"label": node_id, "config": {}, "metadata": {"node_type_id": type_id}, **data},
    }


def sound() -> None:
    """Sound."""


def unbuildable() -> None:
    """Its default has no JSON form."""


def nameless() -> None:
    """Its description is no text."""


PLUGIN: list[Callable[..., Any]] = [
    node(id="unbuildable", parameters={"a": configured({"type": "string", "default": object()})})(
        unbuildable
    ),
    node(id="nameless", icon=None)(nameless),  # type: ignore[call-overload]
    node(id="sound")(sound),
]
BROKEN = EntryPoint("broken", f"{__name__}:PLUGIN", ENTRY_POINT_GROUP)
STORED = [
    {"id": "no_processor_named", "label": "?"},
    "no object",
    {"id": "bad_flags", "executor_plugin": "sound", "label": "?", "parameters": {"a": True}},
    {"id": "fine", "executor_plugin": "sound", "label": "Fine"},
]


@pytest.mark.rule("SCH-24")
def test_a_node_type_that_cannot_be_built_is_recorded_and_takes_no_other_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = NodeRegistry.installed([BROKEN], presets=STORED)
    assert [kind.id for kind in registry] == ["fine", "sound"]
    assert registry.node_type("unbuildable") is None
    assert registry.node_type("nameless") is None
    for reason in ("has no JSON form", "'icon'", "no_processor_named", "bad_flags"):
        assert reason in caplog.text


@pytest.mark.rule("SCH-24", "SCH-25")
async def test_a_node_whose_type_no_longer_builds_comes_back_unenriched(
    api: Api, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    declare(host)
    preset = {"id": "made", "executor_plugin": "sample", "label": "Made"}
    host.registry.add_preset(preset)
    saved = (await api.post("workflows", {"name": "W", "nodes": [placed("a", "made")], "edges": []})).data
    assert saved["nodes"][0]["data"]["metadata"]["name"] == "Made"

    host.registry.remove_preset("made")
    host.registry.load_presets([{**preset, "parameters": {"x": 5}}])

    kept = await api.get(f"workflows/{saved['id']}")
    assert kept.status == 200
    (left,) = kept.data["nodes"]
    assert left["data"]["metadata"] == {"node_type_id": "made"}
    assert "made" in caplog.text
    assert (await api.get("nodes")).status == 200


async def saved_node(api: Api, sent: dict[str, Any]) -> dict[str, Any]:
    saved = await api.post("workflows", {"name": "W", "nodes": [sent], "edges": []})
    assert saved.status == 201, saved.text
    served: dict[str, Any] = saved.data["nodes"][0]
    return served


@pytest.mark.rule("SCH-25")
async def test_enrichment_replaces_metadata_and_type_and_leaves_the_rest_alone(api: Api, host: Host) -> None:
    declare(host, parameters={"a": configured()})
    sent = placed("a", "sample", config={"a": "x"})
    sent["type"] = "something else"
    sent["data"]["metadata"] |= {"name": "Forged", "inputs": [{"id": "forged"}]}
    served = await saved_node(api, copy.deepcopy(sent))
    live = host.registry.node_type("sample")
    assert live is not None
    assert served["data"]["metadata"] == live.metadata()
    assert served["type"] == "universalNode"
    assert (served["id"], served["position"]) == ("a", sent["position"])
    assert (served["data"]["label"], served["data"]["config"]) == ("a", {"a": "x"})


@pytest.mark.rule("SCH-25")
async def test_enrichment_of_what_is_enriched_changes_nothing(api: Api, host: Host) -> None:
    declare(host)
    once = await saved_node(api, placed("a", "sample"))
    assert await saved_node(api, copy.deepcopy(once)) == once


@pytest.mark.rule("SCH-25")
async def test_enrichment_goes_by_the_recorded_type_only(api: Api, host: Host) -> None:
    declare(host)
    declare(host, "other")
    sent = placed("other.1", "sample", label="other")
    sent["type"] = "other"
    sent["data"]["metadata"]["id"] = "other"
    assert (await saved_node(api, sent))["data"]["metadata"]["id"] == "sample"


@pytest.mark.rule("SCH-25")
async def test_a_node_without_a_recorded_type_gets_no_metadata(api: Api) -> None:
    sent = {"id": "a", "type": "universalNode", "position": {"x": 0, "y": 0}, "data": {"label": "A"}}
    assert "metadata" not in (await saved_node(api, sent))["data"]


@pytest.mark.rule("SCH-26")
async def test_the_catalog_is_in_order_of_category_and_name(api: Api) -> None:
    listed = [(kind["category"], kind["name"]) for kind in (await api.get("nodes")).data]
    assert len(listed) > 10
    assert listed == sorted(listed)


@pytest.mark.rule("SCH-26")
@pytest.mark.parametrize("flowdrop_config", [{"disabled_node_types": ["text_input"]}])
async def test_the_catalog_leaves_out_disabled_types_and_workflows_still_resolve_them(
    api: Api, host: Host
) -> None:
    declare(host)
    host.registry.add_preset({"id": "off", "executor_plugin": "sample", "label": "Off", "enabled": False})
    listed = {kind["id"] for kind in (await api.get("nodes")).data}
    assert not {"off", "text_input"} & listed
    assert "chat_input" in listed
    for type_id in ("off", "text_input"):
        served = await saved_node(api, placed("a", type_id))
        assert served["data"]["metadata"]["id"] == type_id


@pytest.mark.rule("SCH-27")
async def test_every_port_of_the_catalog_leaves_out_what_says_nothing(api: Api) -> None:
    for kind in (await api.get("nodes")).data:
        for port in (*kind["inputs"], *kind["outputs"]):
            assert port.get("defaultValue", 0) is not None
            assert port.get("exposedByDefault", False) is False
            assert port.get("displayOrder", 1) != 0


@node(id="say_one", outputs={"text": output()}, message_output="result")
def say_one() -> str:
    """Says one."""
    return "one"


@node(id="say_two", outputs={"text": output()}, message_output="result")
def say_two() -> str:
    """Says two."""
    return "two"


@pytest.mark.rule("SCH-28")
@pytest.mark.parametrize("key", ["executor_plugin", "executor", "id", "plugin"])
async def test_the_executor_is_that_of_the_node_type_whatever_metadata_names(
    api: Api, host: Host, key: str
) -> None:
    host.registry.add(say_one)
    host.registry.add(say_two)
    forged = placed("a", "say_one")
    forged["data"]["metadata"][key] = "say_two"
    session = await api.open({"id": "w", "name": "W", "nodes": [forged], "edges": []})
    turn = await api.turn(session, "go")
    assert [row["content"] for row in turn["data"] if row["role"] == "assistant"] == ["one"]


@pytest.mark.rule("SCH-28", "R1.a")
async def test_a_type_whose_processor_is_missing_is_known_and_cannot_run(api: Api, host: Host) -> None:
    host.registry.load_presets([{"id": "lost", "executor_plugin": "gone", "label": "Lost"}])
    assert (await read(api, "lost"))["name"] == "Lost"
    assert not host.registry.available("lost")
    refused = await api.post("workflows", {"name": "W", "nodes": [placed("a", "lost")], "edges": []})
    assert [detail["code"] for detail in refused.body["details"]] == ["R1_PLUGIN_MISSING"]


@node(id="echo_it", message_output="result")
def echo_it(text: Annotated[str, Wire()], prefix: Annotated[str, Config()] = "live:") -> str:
    """Echoes."""
    return prefix + text


@pytest.mark.rule("SCH-29")
async def test_a_run_goes_by_the_live_type_and_not_by_what_is_stored(api: Api, host: Host) -> None:
    host.registry.add(say_one)
    host.registry.add(echo_it)
    edge = {
        "id": "e",
        "source": "a",
        "target": "b",
        "sourceHandle": "a-output-result",
        "targetHandle": "b-input-text",
    }
    session = await api.open(
        {"id": "w", "name": "W", "nodes": [placed("a", "say_one"), placed("b", "echo_it")], "edges": [edge]}
    )
    stored = await host.store.workflow("w")
    hidden = [{"id": "text", "type": "input", "exposedByDefault": False}]
    for kept in stored.nodes:
        kept["data"]["metadata"] |= {"inputs": hidden, "outputs": [], "config": {"prefix": "stored:"}}
    await host.store.save_workflow(stored, new=False)
    turn = await api.turn(session, "go")
    assert [row["content"] for row in turn["data"] if row["role"] == "assistant"] == ["one", "live:one"]


# What the client breaks on


async def test_every_row_of_the_catalog_has_what_the_client_needs(api: Api) -> None:
    kinds = (await api.get("nodes")).data
    assert len({kind["id"] for kind in kinds}) == len(kinds)
    for kind in kinds:
        for key in ("id", "name", "description", "category", "version", "type", "icon", "color"):
            assert isinstance(kind[key], str), (kind["id"], key)
        assert isinstance(kind["inputs"], list)
        assert isinstance(kind["outputs"], list)
        for port in (*kind["inputs"], *kind["outputs"]):
            assert isinstance(port["description"], str)
        if kind["type"] == "tool":
            assert by_id(kind["outputs"])["tool"]["dataType"] == "tool"


async def test_presets_of_the_configuration_are_in_the_catalog(api: Api, host: Host) -> None:
    declare(host, parameters={"a": wired()})
    host.registry.add_preset({"id": "p", "executor_plugin": "sample", "label": "A preset", "tags": ["mine"]})
    found = (await api.get("nodes", params={"search": "MINE"})).data
    assert [kind["id"] for kind in found] == ["p"]


PRESET = {"id": "greeting", "executor_plugin": "text_input", "label": "Greeting", "category": "prompts"}


@pytest.mark.parametrize("flowdrop_config", [{"node_types": [PRESET]}])
async def test_a_site_makes_a_node_type_in_its_configuration(api: Api) -> None:
    assert (await read(api, "greeting"))["category"] == "prompts"
    assert "greeting" in {kind["id"] for kind in (await api.get("nodes")).data}
