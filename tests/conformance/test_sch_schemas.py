"""What a node type declares, and the schemas derived from it (SCH-1 to SCH-8, SCH-33)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from schema_desk import by_id, configured, declare, ids, output, published, read, wired
from server_desk import Api

from flowdrop_jupyter.errors import Conflict, InvalidInput
from flowdrop_jupyter.nodes import Config, Wire, node
from flowdrop_jupyter.nodes.tool_schema import tool_schema
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Parameter


class Found(msgspec.Struct):
    """Two outputs."""

    best: str
    count: int


@node(id="find", category="data", icon="mdi:magnify")
def find(table: Annotated[dict[str, Any], Wire()], limit: Annotated[int, Config()] = 3) -> Found:
    """Finds."""
    return Found(best="", count=limit)


PRESET = {
    "id": "find_ten",
    "executor_plugin": "find",
    "label": "Find ten",
    "category": "tools",
    "icon": "x:y",
}


@pytest.mark.rule("SCH-1")
async def test_the_ports_are_those_of_the_two_declared_schemas(api: Api, host: Host) -> None:
    host.registry.add(find)
    kind = await read(api, "find")
    assert ids(kind["inputs"]) == ["table", "trigger", "loop_back"]
    assert ids(kind["outputs"]) == ["best", "count", "trigger", "error"]


@pytest.mark.rule("SCH-1")
async def test_icon_and_category_belong_to_the_node_type_and_not_to_its_processor(
    api: Api, host: Host
) -> None:
    host.registry.add(find)
    host.registry.add_preset(PRESET)
    made, own = await read(api, "find_ten"), await read(api, "find")
    assert (made["name"], made["category"], made["icon"]) == ("Find ten", "tools", "x:y")
    assert (made["inputs"], made["outputs"]) == (own["inputs"], own["outputs"])


@pytest.mark.rule("SCH-1")
@pytest.mark.parametrize("ports", [{"inputs": []}, {"ports": {"inputs": []}}, {"outputs": [{"id": "best"}]}])
def test_a_declaration_that_lists_ports_is_refused(host: Host, ports: dict[str, Any]) -> None:
    host.registry.add(find)
    with pytest.raises(InvalidInput) as caught:
        host.registry.add_preset({**PRESET, **ports})
    assert caught.value.code == "NODE_TYPE_INVALID"
    assert host.registry.node_type("find_ten") is None


LOUD = {"type": "string", "connectable": True, "configurable": True, "required": True}


@pytest.mark.rule("SCH-2")
async def test_flags_in_the_declared_schema_say_nothing_of_themselves(api: Api, host: Host) -> None:
    kind = await published(api, host, parameters={"loud": Parameter(schema=LOUD)})
    for schema in (kind["inputSchema"], kind["configSchema"]):
        assert "loud" not in schema["properties"]
        assert "loud" not in schema["required"]
    assert "loud" not in by_id(kind["inputs"])


@pytest.mark.rule("SCH-2")
async def test_flags_in_the_declared_schema_are_served_unaltered(api: Api, host: Host) -> None:
    kind = await published(
        api, host, parameters={"a": wired(dict(LOUD)), "b": configured({"type": "string", "required": False})}
    )
    assert kind["inputSchema"]["properties"]["a"] == LOUD
    assert kind["configSchema"]["properties"]["b"] == {"type": "string", "required": False}
    assert kind["inputSchema"]["required"] == []


@pytest.mark.rule("SCH-2")
async def test_a_parameter_without_an_entry_is_in_neither_schema(api: Api, host: Host) -> None:
    host.registry.add(find)
    host.registry.add_preset({**PRESET, "parameters": {"limit": {"configurable": True}}})
    kind = await read(api, "find_ten")
    assert "table" not in kind["inputSchema"]["properties"]
    assert "table" not in kind["inputSchema"]["required"]
    assert "table" not in kind["configSchema"]["properties"]
    assert kind["config"]["limit"] == 3


@pytest.mark.rule("SCH-3")
@pytest.mark.parametrize("connectable", [True, False])
@pytest.mark.parametrize("configurable", [True, False])
async def test_each_flag_puts_a_parameter_into_its_own_schema(
    api: Api, host: Host, connectable: bool, configurable: bool
) -> None:
    made = Parameter(schema={"type": "string"}, connectable=connectable, configurable=configurable)
    kind = await published(api, host, parameters={"x": made})
    assert ("x" in kind["inputSchema"]["properties"]) is connectable
    assert ("x" in by_id(kind["inputs"])) is connectable
    assert ("x" in kind["configSchema"]["properties"]) is configurable


@pytest.mark.rule("SCH-4")
@pytest.mark.parametrize("spelling", [{"format": "hidden"}, {"hidden": True}])
async def test_a_hidden_parameter_is_nowhere(api: Api, host: Host, spelling: dict[str, Any]) -> None:
    schema = {"type": "string", "default": "x", **spelling}
    made = Parameter(schema=schema, connectable=True, configurable=True, required=True)
    kind = await published(api, host, parameters={"secret": made})
    assert "secret" not in kind["inputSchema"]["properties"]
    assert "secret" not in kind["configSchema"]["properties"]
    assert "secret" not in kind["config"]
    assert "secret" not in by_id(kind["inputs"])


@pytest.mark.rule("SCH-4", "SCH-5")
async def test_a_hidden_reserved_parameter_still_has_its_field(api: Api, host: Host) -> None:
    branches = configured({"type": "array", "format": "hidden", "default": [{"name": "yes"}]})
    kind = await published(api, host, parameters={"branches": branches})
    assert kind["configSchema"]["properties"]["branches"]["format"] == "hidden"
    assert kind["config"]["branches"] == [{"name": "yes"}]


RESERVED = ("dynamicInputs", "dynamicOutputs", "branches")


@pytest.mark.rule("SCH-5")
@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize(
    ("schema", "stored", "default"),
    [
        ({"type": "array"}, None, []),
        ({"type": "array", "default": None}, None, []),
        ({"type": "array", "default": [{"name": "a"}]}, None, [{"name": "a"}]),
        ({"type": "array", "default": [{"name": "a"}]}, [{"name": "b"}], [{"name": "b"}]),
    ],
)
async def test_a_reserved_parameter_is_configuration_only_and_always_has_a_default(
    api: Api, host: Host, name: str, schema: dict[str, Any], stored: Any, default: list[Any]
) -> None:
    made = Parameter(schema=schema, connectable=True, configurable=True, stored_default=stored)
    kind = await published(api, host, parameters={name: made})
    assert name not in by_id(kind["inputs"])
    assert name not in kind["inputSchema"]["properties"]
    assert name in kind["configSchema"]["properties"]
    assert kind["config"][name] == default


@pytest.mark.rule("SCH-5")
@pytest.mark.parametrize("name", RESERVED)
async def test_a_reserved_parameter_without_opting_in_is_nowhere(api: Api, host: Host, name: str) -> None:
    kind = await published(api, host, parameters={name: wired({"type": "array"})})
    assert name not in by_id(kind["inputs"])
    assert name not in kind["configSchema"]["properties"]
    assert name not in kind["config"]


@pytest.mark.rule("SCH-5")
async def test_an_ordinary_parameter_whose_default_is_null_has_no_defaults_entry(
    api: Api, host: Host
) -> None:
    made = configured({"type": ["string", "null"], "default": None})
    assert "plain" not in (await published(api, host, parameters={"plain": made}))["config"]


@pytest.mark.rule("SCH-6")
@pytest.mark.parametrize("connectable", [True, False])
@pytest.mark.parametrize("configurable", [True, False])
async def test_a_required_parameter_is_required_only_where_it_has_one_way_in(
    api: Api, host: Host, connectable: bool, configurable: bool
) -> None:
    made = Parameter(
        schema={"type": "string"}, connectable=connectable, configurable=configurable, required=True
    )
    kind = await published(api, host, parameters={"x": made})
    assert ("x" in kind["inputSchema"]["required"]) is (connectable and not configurable)
    assert ("x" in kind["configSchema"]["required"]) is (configurable and not connectable)


@pytest.mark.rule("SCH-7")
async def test_an_output_is_published_unless_the_node_type_says_it_is_not_exposed(
    api: Api, host: Host
) -> None:
    kind = await published(api, host, outputs={"silent": output(), "kept": output(exposed=False)})
    assert "silent" in by_id(kind["outputs"])
    assert "kept" not in by_id(kind["outputs"])
    assert "kept" not in kind["outputSchema"]["properties"]


@pytest.mark.rule("SCH-8")
async def test_every_key_of_a_port_comes_from_its_schema(api: Api, host: Host) -> None:
    schema = {
        "type": "integer",
        "title": "How many",
        "description": "A count.",
        "default": 7,
        "x-port-order": 5,
    }
    kind = await published(
        api,
        host,
        parameters={
            "count": wired(schema, required=True, exposed_by_default=False),
            "plain": wired({"type": "string"}),
        },
    )
    ports = by_id(kind["inputs"])
    assert ports["count"] == {
        "id": "count",
        "name": "How many",
        "type": "input",
        "dataType": "number",
        "required": True,
        "description": "A count.",
        "defaultValue": 7,
        "exposedByDefault": False,
        "displayOrder": 5,
    }
    assert (ports["plain"]["name"], ports["plain"]["required"]) == ("plain", False)


@pytest.mark.rule("SCH-8", "SCH-17", "SCH-18")
async def test_the_unified_ports_are_json_without_an_order(api: Api, host: Host) -> None:
    shown = {"inputs": {"input": True}, "outputs": {"output": True}}
    kind = await published(
        api, host, parameters={"a": wired()}, outputs={"b": output()}, reserved_exposure=shown
    )
    for port in (by_id(kind["inputs"])["input"], by_id(kind["outputs"])["output"]):
        assert port["dataType"] == "json"
        assert "displayOrder" not in port


# A schema that cannot be read


@pytest.mark.rule("SCH-33")
def test_parameters_of_a_type_whose_schema_is_gone_cannot_be_overwritten(host: Host) -> None:
    stored = {**PRESET, "executor_plugin": "gone", "parameters": {"limit": {"configurable": True}}}
    host.registry.load_presets([stored])
    with pytest.raises(Conflict) as caught:
        host.registry.change_preset({**stored, "parameters": {}})
    assert caught.value.code == "NODE_TYPE_SCHEMA_UNAVAILABLE"
    assert host.registry.preset("find_ten") == stored


@pytest.mark.rule("SCH-33")
async def test_the_rest_of_such_a_type_can_be_edited(api: Api, host: Host) -> None:
    stored = {**PRESET, "executor_plugin": "gone", "parameters": {"limit": {"configurable": True}}}
    host.registry.load_presets([stored])
    host.registry.change_preset({**stored, "label": "Other"})
    assert (await read(api, "find_ten"))["name"] == "Other"
    assert host.registry.preset("find_ten") == {**stored, "label": "Other"}


@pytest.mark.rule("SCH-33")
async def test_with_nothing_stored_such_a_type_can_be_edited_and_has_no_rows(api: Api, host: Host) -> None:
    stored = {**PRESET, "executor_plugin": "gone"}
    host.registry.load_presets([stored])
    host.registry.change_preset({**stored, "parameters": {"limit": {"configurable": True}}})
    kind = await read(api, "find_ten")
    assert set(kind["configSchema"]["properties"]) == {
        "instanceTitle",
        "instanceDescription",
        "maxRetries",
        "ports",
    }


@pytest.mark.rule("SCH-33")
async def test_stored_parameters_come_back_when_the_schema_does(api: Api, host: Host) -> None:
    host.registry.load_presets([{**PRESET, "parameters": {"limit": {"configurable": True, "default": 10}}}])
    assert not host.registry.available("find_ten")
    host.registry.add(find)
    assert host.registry.available("find_ten")
    assert (await read(api, "find_ten"))["config"]["limit"] == 10


# Several types on one processor


async def test_two_presets_of_one_processor_differ_in_what_they_store(api: Api, host: Host) -> None:
    limit = {"configurable": True, "default": 10}
    wire = {"connectable": True, "exposedByDefault": False}
    host.registry.add(find)
    host.registry.add_preset({**PRESET, "parameters": {"limit": limit, "table": {"connectable": True}}})
    host.registry.add_preset({**PRESET, "id": "find_wired", "parameters": {"limit": wire}})
    ten, other = await read(api, "find_ten"), await read(api, "find_wired")
    assert ten["config"]["limit"] == 10
    assert ten["configSchema"]["properties"]["limit"]["default"] == 10
    assert "limit" not in other["configSchema"]["properties"]
    assert by_id(other["inputs"])["limit"]["exposedByDefault"] is False


async def test_a_preset_cannot_speak_of_what_its_processor_does_not_declare(host: Host) -> None:
    host.registry.add(find)
    with pytest.raises(InvalidInput, match="no_such"):
        host.registry.add_preset({**PRESET, "parameters": {"no_such": {"exposedByDefault": False}}})


async def test_a_preset_cannot_take_the_id_of_another_type(api: Api, host: Host) -> None:
    host.registry.add(find)
    with pytest.raises(Conflict) as caught:
        host.registry.add_preset({**PRESET, "id": "find"})
    assert caught.value.code == "NODE_TYPE_EXISTS"
    assert (await read(api, "find"))["name"] == "Find"


async def test_a_removed_preset_leaves_nothing_behind(api: Api, host: Host) -> None:
    host.registry.add(find)
    before = (await api.get("nodes")).data
    host.registry.add_preset(PRESET)
    assert host.registry.remove_preset("find_ten")
    assert not host.registry.remove_preset("find_ten")
    assert not host.registry.remove_preset("find")
    assert (await api.get("nodes")).data == before
    assert (await api.get("nodes/find_ten")).status == 404
    assert not host.registry.available("find_ten")


# What is handed out


@pytest.mark.parametrize("spoil", ["metadata", "config_schema", "input_schema"])
async def test_nobody_can_spoil_what_is_derived(host: Host, spoil: str) -> None:
    declare(host, parameters={"a": configured({"type": "array", "default": [1]})})
    kind = host.registry.node_type("sample")
    assert kind is not None
    with pytest.raises(TypeError, match="cannot be changed"):
        getattr(kind, spoil)().clear()
    kind.config_defaults()["a"].append(2)
    assert kind.config_defaults()["a"] == [1]
    assert kind.metadata()["config"]["a"] == [1]


# Offered to a model


@pytest.mark.rule("SCH-2")
def test_a_property_that_requires_itself_is_put_on_the_list_when_offered_as_a_tool(host: Host) -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string", "required": True}, "c": {}}}
    declare(
        host,
        tool=True,
        parameters={
            "a": wired({"type": "string", "required": True}),
            "not_asked": wired({"type": "string", "required": False}),
            "deep": wired(inner),
            "value": wired({"type": "object", "default": {"properties": {"x": {"required": True}}}}),
        },
    )
    kind = host.registry.node_type("sample")
    assert kind is not None
    offered = tool_schema(kind, {})
    assert offered["required"] == ["a"]
    assert offered["properties"]["a"] == {"type": "string"}
    assert offered["properties"]["not_asked"] == {"type": "string"}
    assert offered["properties"]["deep"]["required"] == ["b"]
    assert offered["properties"]["deep"]["properties"]["b"] == {"type": "string"}
    assert offered["properties"]["value"]["default"] == {"properties": {"x": {"required": True}}}
    assert kind.input_schema()["properties"]["a"] == {"type": "string", "required": True}


def test_a_model_has_to_give_what_is_required_and_not_there_yet(host: Host) -> None:
    made = Parameter(schema={"type": "string"}, connectable=True, configurable=True, required=True)
    declare(host, parameters={"a": made, "b": wired(required=True)})
    kind = host.registry.node_type("sample")
    assert kind is not None
    assert tool_schema(kind, {})["required"] == ["a", "b"]
    assert tool_schema(kind, {"a": "x"})["required"] == ["b"]
    assert list(tool_schema(kind, {}, ["b"])["properties"]) == ["a"]


def test_no_exposure_is_stored_for_what_is_no_port(host: Host) -> None:
    host.registry.add(find)
    hidden = {"exposedByDefault": False}
    host.registry.add_preset(
        {
            **PRESET,
            "parameters": {
                "limit": {"configurable": True, **hidden},
                "table": {"connectable": True, **hidden},
            },
            "outputs": {"best": {"exposed": False, **hidden}, "count": hidden},
        }
    )
    stored = host.registry.preset("find_ten")
    assert stored is not None
    assert stored["parameters"]["limit"] == {"configurable": True}
    assert stored["parameters"]["table"] == {"connectable": True, **hidden}
    assert stored["outputs"] == {"best": {"exposed": False}, "count": hidden}
