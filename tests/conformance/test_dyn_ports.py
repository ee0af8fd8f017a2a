"""DYN: the ports that an author adds to one node."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import run_flow
from graphs import document, edge, node
from parameter_desk import DYNAMIC, WAYS, giving, open_parameter, probe, told
from schema_desk import by_id, published
from server_desk import Api, assert_refused

from flowdrop_jupyter.nodes import function_node
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.nodes.builtin.processing import prompt_template
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Output, Parameter
from flowdrop_jupyter.workflow.dynamic import RESERVED_NAMES, dynamic_ports

MORE = {"dynamicInputs": [{"name": "more"}]}
NO_LISTS = [None, "more", 7, {}, {"name": "more"}, True]
DIRECTIONS = {"input": "dynamicInputs", "output": "dynamicOutputs"}


def opted_in(**flags: Any) -> dict[str, Parameter]:
    """Return both reserved parameters with *flags*."""
    return {name: Parameter(schema={"type": "array"}, **flags) for name in DYNAMIC}


@pytest.mark.rule("DYN-1")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("parameters", "taken"), [(DYNAMIC, {"more": 1}), ({}, {})], ids=["opted in", "not"])
async def test_only_a_type_that_opts_in_has_dynamic_inputs(
    parameters: dict[str, Any], taken: dict[str, Any], way: str
) -> None:
    assert (await told(parameters, wired={"more": 1}, config=MORE, way=way))["dynamic"] == taken


@pytest.mark.rule("DYN-1")
@pytest.mark.anyio
@pytest.mark.parametrize("stored", NO_LISTS, ids=repr)
async def test_definitions_that_are_no_list_read_as_none(stored: Any) -> None:
    given = await told(opted_in(configurable=True), wired={"more": 1}, config={"dynamicInputs": stored})
    assert given["dynamic"] == {}


@pytest.mark.rule("DYN-1")
@pytest.mark.anyio
@pytest.mark.parametrize("stored", [*NO_LISTS, "absent"], ids=repr)
async def test_a_node_function_always_gets_a_list_of_definitions(stored: Any) -> None:
    @node_type(id="told", parameters=opted_in(configurable=True))
    async def tells(dynamicOutputs: Any = "none") -> Any:
        """Tells its definitions."""
        return {"definitions": dynamicOutputs}

    config = {} if stored == "absent" else {"dynamicOutputs": stored}
    assert (await run_flow([node("n", "told", **config)], [], tells)).result("n") == {"definitions": []}


@pytest.mark.rule("DYN-1", "DYN-2")
async def test_opting_in_declares_lists_that_are_empty_by_default(api: Api, host: Host) -> None:
    shown = await published(api, host, parameters=opted_in(configurable=True))
    assert shown["config"] == {"dynamicInputs": [], "dynamicOutputs": []}
    for name in DYNAMIC:
        form = shown["configSchema"]["properties"][name]
        assert form["type"] == "array"
        assert set(form["items"]["properties"]) >= {"name", "label", "dataType"}
        assert form["items"]["properties"]["dataType"]["default"] == "mixed"


@pytest.mark.rule("DYN-2")
async def test_the_data_types_on_offer_are_the_lanes_that_carry_a_value(api: Api, host: Host) -> None:
    shown = await published(api, host, parameters=opted_in(configurable=True))
    lanes = (await api.get("port-config")).data["dataTypes"]
    carrying = {lane["id"] for lane in lanes if lane["enabled"]} - {"trigger", "tool", "loop_back"}
    offered = shown["configSchema"]["properties"]["dynamicInputs"]["items"]["properties"]["dataType"]["enum"]
    assert set(offered) == carrying
    assert "mixed" in offered


@pytest.mark.rule("DYN-2")
@pytest.mark.parametrize(
    ("definition", "label", "data_type"),
    [
        ({"name": "more"}, "more", "mixed"),
        ({"name": "more", "label": "", "dataType": ""}, "more", "mixed"),
        ({"name": "more", "label": None, "dataType": 7}, "more", "mixed"),
        ({"name": "more", "label": "More", "dataType": "string"}, "More", "string"),
    ],
)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_a_definition_leaves_out(
    definition: dict[str, Any], label: str, data_type: str, direction: Any
) -> None:
    kind = function_node(probe(DYNAMIC)).node_type
    (port,) = dynamic_ports(kind, {DIRECTIONS[direction]: [definition]}, direction)
    assert (port.name, port.label, port.data_type) == ("more", label, data_type)


async def save(api: Api, host: Host, config: dict[str, Any], parameters: dict[str, Any] | None = None) -> Any:
    """Save a workflow with one node that opted in, and return the answer."""
    host.registry.add(probe(DYNAMIC if parameters is None else parameters))
    return await api.post("workflows", document([node("n", "probe", **config)], [], id="dynamic"))


@pytest.mark.rule("DYN-3")
@pytest.mark.parametrize("name", ["in_1", "Alpha2", "a", "A", "x" * 200])
async def test_a_name_of_ascii_letters_digits_and_underscores_is_accepted(
    api: Api, host: Host, name: str
) -> None:
    assert (await save(api, host, {"dynamicInputs": [{"name": name}]})).status == 201


@pytest.mark.rule("DYN-3")
@pytest.mark.parametrize("side", DIRECTIONS.values())
@pytest.mark.parametrize(
    "definition",
    [
        {"name": "pörtchen"},
        {"name": "1a"},
        {"name": "_a"},
        {"name": "__state__"},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "a-b"},
        {"name": "\u0663"},
        {"name": ""},
        {"name": None},
        {"name": 7},
        {},
        "a",
        None,
    ],
    ids=repr,
)
async def test_another_name_is_refused(api: Api, host: Host, definition: Any, side: str) -> None:
    body = assert_refused(
        await save(api, host, {side: [{"name": "fine"}, definition]}), 422, "VALIDATION_ERROR"
    )
    assert f"node.n.config.{side}.1" in {detail["locator"] for detail in body["details"]}
    assert (await api.get("workflows/dynamic")).status == 404


@pytest.mark.rule("DYN-3")
@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
async def test_a_reserved_name_is_refused(api: Api, host: Host, name: str) -> None:
    assert_refused(await save(api, host, {"dynamicOutputs": [{"name": name}]}), 422, "VALIDATION_ERROR")


@pytest.mark.rule("DYN-3")
def test_every_name_with_a_meaning_of_its_own_is_reserved() -> None:
    assert {"input", "output", "active_branches", "state_update", "dynamicInputs"} <= RESERVED_NAMES
    assert {"dynamicOutputs", "engine", "trigger", "loop_back", "tool", "error"} <= RESERVED_NAMES


@pytest.mark.rule("DYN-3")
@pytest.mark.parametrize(
    "config",
    [
        {"dynamicInputs": [{"name": "a"}, {"name": "a"}]},
        {"dynamicOutputs": [{"name": "a"}, {"name": "a"}]},
        {"dynamicInputs": [{"name": "a"}], "dynamicOutputs": [{"name": "a"}]},
    ],
    ids=["two inputs", "two outputs", "both sides"],
)
async def test_a_name_is_used_once_on_a_node(api: Api, host: Host, config: dict[str, Any]) -> None:
    assert_refused(await save(api, host, config), 422, "VALIDATION_ERROR")


@pytest.mark.rule("DYN-3", "DYN-5")
async def test_the_name_of_a_declared_parameter_is_accepted(api: Api, host: Host) -> None:
    assert (await save(api, host, {"dynamicInputs": [{"name": "value"}]})).status == 201


@pytest.mark.rule("DYN-4")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_an_unwired_dynamic_input_is_there_as_null(way: str) -> None:
    config = {"dynamicInputs": [{"name": "connected"}, {"name": "unconnected"}]}
    given = await told(DYNAMIC, wired={"connected": "value"}, config=config, way=way)
    assert given["dynamic"] == {"connected": "value", "unconnected": None}


@pytest.mark.rule("DYN-5")
@pytest.mark.anyio
async def test_an_author_cannot_shadow_a_declared_parameter() -> None:
    given = await told(
        {**DYNAMIC, "value": open_parameter({"type": "integer", "default": 7}, connectable=False)},
        wired={"value": "text"},
        config={"dynamicInputs": [{"name": "value"}]},
    )
    assert given["value"] == 7
    assert given["dynamic"] == {}


@pytest.mark.rule("DYN-5")
def test_a_definition_that_clashes_with_a_declared_port_is_no_port() -> None:
    kind = function_node(giving({}, {"left": Output(schema={})}, parameters=DYNAMIC)).node_type
    config = {"dynamicInputs": [{"name": "wanted"}], "dynamicOutputs": [{"name": "left"}, {"name": "more"}]}
    assert dynamic_ports(kind, config, "input") == []
    assert [port.name for port in dynamic_ports(kind, config, "output")] == ["more"]


@pytest.mark.rule("DYN-5", "EXPO-11")
@pytest.mark.anyio
async def test_an_author_cannot_bring_back_a_hidden_output_as_a_dynamic_one() -> None:
    outputs = {"left": Output(schema={}, exposed_by_default=False)}
    ended = await run_flow(
        [node("n", "giving", dynamicOutputs=[{"name": "left"}, {"name": "more"}])],
        [],
        giving({"left": 1, "more": 2}, outputs, parameters=DYNAMIC),
    )
    assert ended["n"].output == {"more": 2}


@pytest.mark.rule("DYN-6")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_dynamic_ports_have_no_exposure(way: str) -> None:
    ports = {"inputs": {"more": {"exposed": False}}, "outputs": {"extra": {"exposed": False}}}
    assert (await told(DYNAMIC, wired={"more": 1}, config={**MORE, "ports": ports}, way=way))["dynamic"] == {
        "more": 1
    }
    ended = await run_flow(
        [node("n", "giving", dynamicOutputs=[{"name": "extra"}], ports=ports), node("end", "see")],
        [edge("n", "extra", "end", "a")],
        giving({"extra": 1}, {}, parameters=DYNAMIC),
    )
    assert ended.result("end")["a"] == 1


@pytest.mark.rule("DYN-6")
async def test_an_edge_on_a_dynamic_port_is_not_refused_for_exposure(api: Api, host: Host) -> None:
    host.registry.add(probe(DYNAMIC))
    ports = {"inputs": {"more": {"exposed": False}}, "outputs": {"extra": {"exposed": False}}}
    saved = await api.post(
        "workflows",
        document(
            [
                node("a", "probe", dynamicOutputs=[{"name": "extra"}], ports=ports),
                node("b", "probe", **MORE, ports=ports),
            ],
            [edge("a", "extra", "b", "more")],
            id="joined",
        ),
    )
    assert saved.status == 201, saved.text


@pytest.mark.rule("DYN-6")
async def test_a_launch_input_cannot_name_a_dynamic_port(api: Api, host: Host) -> None:
    host.registry.add(probe(DYNAMIC))

    async def save_with(port: str) -> Any:
        interface = {"inputs": [{"id": "entry", "bindings": [{"nodeId": "n", "portId": port}]}]}
        body = document([node("n", "probe", **MORE)], [], id=f"at_{port}", interface=interface)
        return await api.post("workflows", body)

    assert (await save_with("value")).status == 201
    assert_refused(await save_with("more"), 422, "VALIDATION_ERROR")


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["mapping", "object"])
async def test_a_function_gives_dynamic_outputs_as_keys_of_its_mapping(way: str) -> None:
    @node_type(id="mapping", parameters=DYNAMIC)
    async def plain() -> dict[str, Any]:
        """Gives one object."""
        return {"extra": 1, "stray": 2}

    @node_type(id="object", parameters=DYNAMIC)
    async def nothing() -> None:
        """Declares no output."""
        return {"extra": 1, "stray": 2}  # type: ignore[return-value]

    ended = await run_flow([node("n", way, dynamicOutputs=[{"name": "extra"}])], [], plain, nothing)
    whole = {"result": {"extra": 1, "stray": 2}} if way == "mapping" else {}
    assert ended["n"].output == {"extra": 1, **whole}


@pytest.mark.rule("DYN-7")
@pytest.mark.parametrize("flags", [{}, {"connectable": True}, {"configurable": True}], ids=str)
async def test_the_definitions_are_never_a_wireable_input(
    api: Api, host: Host, flags: dict[str, Any]
) -> None:
    shown = await published(api, host, parameters=opted_in(**flags))
    assert not set(DYNAMIC) & set(by_id(shown["inputs"]))
    assert not set(DYNAMIC) & set(shown["inputSchema"]["properties"])
    in_form = set(DYNAMIC) & set(shown["configSchema"]["properties"])
    assert in_form == (set(DYNAMIC) if flags.get("configurable") else set())


@pytest.mark.rule("DYN-7")
@pytest.mark.anyio
@pytest.mark.parametrize("door", ["wired", "launched"])
async def test_no_wire_defines_a_port(door: str) -> None:
    arriving: dict[str, Any] = {door: {"dynamicInputs": [{"name": "more"}], "more": 1}}
    wireable = opted_in(connectable=True, configurable=True)
    assert (await told(wireable, **arriving))["dynamic"] == {}
    bundled: dict[str, Any] = {door: {"input": {"dynamicInputs": [{"name": "more"}], "more": 1}}}
    assert (await told(wireable, **bundled))["dynamic"] == {}


@pytest.mark.rule("DYN-7")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parameter", "defined"),
    [
        ({"schema": {"default": [{"name": "schemas"}]}, "stored_default": [{"name": "types"}]}, ["types"]),
        ({"schema": {"default": [{"name": "schemas"}]}}, ["schemas"]),
        ({"schema": {}}, []),
    ],
)
async def test_definitions_come_from_the_types_default_then_the_schemas(
    parameter: dict[str, Any], defined: list[str]
) -> None:
    given = await told({"dynamicInputs": Parameter(configurable=True, **parameter)})
    assert list(given["dynamic"]) == defined


@pytest.mark.rule("DYN-7", "DYN-1")
@pytest.mark.anyio
async def test_definitions_stop_counting_when_their_type_opts_out() -> None:
    kept = {**MORE, "dynamicOutputs": [{"name": "extra"}]}
    for gone in (opted_in(), opted_in(connectable=True), {}):
        assert (await told(gone, wired={"more": 1}, config=kept))["dynamic"] == {}
        kind = function_node(probe(gone)).node_type
        assert dynamic_ports(kind, kept, "output") == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wired", "text"), [({}, "Hello !"), ({"name": "Ada"}, "Hello Ada!"), ({"stray": "x"}, "Hello !")]
)
async def test_each_variable_of_a_template_is_an_input(wired: dict[str, Any], text: str) -> None:
    nodes = [node("n", "prompt_template", template="Hello {{ name }}!")]
    edges = []
    for port, value in wired.items():
        nodes.append(node(port, "emit", value=value))
        edges.append(edge(port, "result", "n", port))
    ended = await run_flow(nodes, edges, prompt_template)
    assert ended["n"].output is not None, ended["n"].error
    assert ended["n"].output["prompt"] == text


@pytest.mark.anyio
async def test_a_template_that_cannot_be_read_fails_its_node() -> None:
    ended = await run_flow([node("n", "prompt_template", template="{{ name")], [], prompt_template)
    assert ended["n"].error is not None
    assert ended["n"].error["code"] == "TEMPLATE_INVALID"
