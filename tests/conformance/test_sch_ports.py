"""Reserved ports, their exposure, and how ports are served (SCH-11 to SCH-19, SCH-27, SCH-32)."""

from __future__ import annotations

from typing import Any

import pytest
from schema_desk import by_id, configured, declare, ids, output, published, read, wired
from server_desk import Api

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Parameter

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "start": {"start": True},
    "terminal": {"terminal": True},
    "note": {"executable": False, "shape": "note"},
}


@pytest.mark.rule("SCH-11")
@pytest.mark.parametrize("which", KINDS)
async def test_all_but_start_types_have_a_trigger_input(api: Api, host: Host, which: str) -> None:
    trigger = by_id((await published(api, host, **KINDS[which]))["inputs"]).get("trigger")
    assert (trigger is None) is (which == "start")
    if trigger is not None:
        assert (trigger["displayOrder"], trigger["dataType"]) == (100, "trigger")


@pytest.mark.rule("SCH-12")
@pytest.mark.parametrize("which", KINDS)
async def test_all_but_terminal_types_have_a_trigger_output(api: Api, host: Host, which: str) -> None:
    trigger = by_id((await published(api, host, **KINDS[which]))["outputs"]).get("trigger")
    assert (trigger is None) is (which == "terminal")
    if trigger is not None:
        assert (trigger["displayOrder"], trigger["dataType"]) == (100, "trigger")


@pytest.mark.rule("SCH-11", "SCH-12", "SCH-32")
async def test_a_declared_port_of_a_reserved_name_is_kept(api: Api, host: Host) -> None:
    own = {"type": "string", "title": "My own"}
    kind = await published(
        api,
        host,
        parameters={"trigger": wired(dict(own)), "loop_back": wired(dict(own))},
        outputs={"trigger": output(dict(own))},
    )
    assert ids(kind["inputs"]) == ["trigger", "loop_back"]
    assert ids(kind["outputs"]) == ["trigger", "error"]
    for port in (*kind["inputs"], kind["outputs"][0]):
        assert (port["name"], port["dataType"]) == ("My own", "string")


@pytest.mark.rule("SCH-13")
async def test_a_tool_output_is_there_for_types_exposed_as_tools_only(api: Api, host: Host) -> None:
    assert "tool" not in by_id((await published(api, host))["outputs"])
    declare(host, "helper", tool=True)
    tool = by_id((await read(api, "helper"))["outputs"])["tool"]
    assert (tool["displayOrder"], tool["dataType"], tool["exposedByDefault"]) == (110, "tool", False)


async def test_a_type_drawn_as_a_tool_shows_its_tool_port(api: Api, host: Host) -> None:
    tool = by_id((await published(api, host, shape="tool"))["outputs"])["tool"]
    assert tool["dataType"] == "tool"
    assert "exposedByDefault" not in tool


@pytest.mark.rule("SCH-14")
@pytest.mark.parametrize("which", KINDS)
async def test_all_executable_types_have_a_hidden_error_output(api: Api, host: Host, which: str) -> None:
    error = by_id((await published(api, host, **KINDS[which]))["outputs"]).get("error")
    assert (error is None) is (which == "note")
    if error is not None:
        assert (error["displayOrder"], error["exposedByDefault"]) == (120, False)


@pytest.mark.rule("SCH-32")
@pytest.mark.parametrize("which", KINDS)
async def test_re_enterable_types_have_a_hidden_loop_back_input(api: Api, host: Host, which: str) -> None:
    loop_back = by_id((await published(api, host, **KINDS[which]))["inputs"]).get("loop_back")
    assert (loop_back is None) is (which != "plain")
    if loop_back is not None:
        assert (loop_back["displayOrder"], loop_back["dataType"]) == (95, "trigger")
        assert loop_back["exposedByDefault"] is False


@pytest.mark.rule("SCH-32")
async def test_an_edge_into_the_unexposed_loop_back_is_refused(api: Api, host: Host) -> None:
    declare(host)
    nodes = [
        {"id": name, "data": {"label": name, "config": {}, "metadata": {"node_type_id": "sample"}}}
        for name in ("a", "b")
    ]
    edge = {
        "id": "e",
        "source": "a",
        "target": "b",
        "sourceHandle": "a-output-trigger",
        "targetHandle": "b-input-loop_back",
    }
    refused = await api.post("workflows", {"name": "Loop", "nodes": nodes, "edges": [edge]})
    assert [detail["code"] for detail in refused.body["details"]] == ["R7_EDGE_TARGET_NOT_EXPOSED"]


@pytest.mark.rule("SCH-15")
async def test_only_an_injected_port_that_is_not_exposed_says_so(api: Api, host: Host) -> None:
    kind = await published(api, host, tool=True)
    fragments = {**kind["outputSchema"]["properties"], **kind["inputSchema"]["properties"]}
    assert fragments["error"]["x-exposed-by-default"] is False
    assert fragments["tool"]["x-exposed-by-default"] is False
    assert fragments["loop_back"]["x-exposed-by-default"] is False
    assert "x-exposed-by-default" not in fragments["trigger"]


SHIPPED = {
    ("inputs", "trigger"): True,
    ("outputs", "trigger"): True,
    ("inputs", "loop_back"): False,
    ("outputs", "tool"): False,
    ("outputs", "error"): False,
}


def exposure(kind: dict[str, Any]) -> dict[tuple[str, str], bool]:
    return {
        (side, port["id"]): port.get("exposedByDefault", True)
        for side in ("inputs", "outputs")
        for port in kind[side]
    }


@pytest.mark.rule("SCH-16")
async def test_reserved_ports_have_the_shipped_exposure(api: Api, host: Host) -> None:
    assert exposure(await published(api, host, tool=True)) == SHIPPED


@pytest.mark.rule("SCH-16")
@pytest.mark.parametrize("port", SHIPPED)
async def test_a_node_type_may_override_each_reserved_port(
    api: Api, host: Host, port: tuple[str, str]
) -> None:
    side, name = port
    kind = await published(api, host, tool=True, reserved_exposure={side: {name: not SHIPPED[port]}})
    assert exposure(kind) == {**SHIPPED, port: not SHIPPED[port]}


@pytest.mark.rule("SCH-16")
def test_only_what_differs_from_the_shipped_exposure_is_stored(host: Host) -> None:
    declare(host)
    given = {"inputs": {"trigger": True}, "outputs": {"error": True, "trigger": True}}
    host.registry.add_preset(
        {"id": "p", "executor_plugin": "sample", "label": "P", "reserved_exposure": given}
    )
    stored = host.registry.preset("p")
    assert stored is not None
    assert stored["reserved_exposure"] == {"outputs": {"error": True}}


@pytest.mark.rule("SCH-16")
@pytest.mark.parametrize("wrong", [{"inputs": {"error": True}}, {"sideways": {"error": True}}])
def test_an_exposure_of_what_is_no_reserved_port_is_refused(host: Host, wrong: dict[str, Any]) -> None:
    declare(host)
    with pytest.raises(InvalidInput):
        host.registry.add_preset(
            {"id": "p", "executor_plugin": "sample", "label": "P", "reserved_exposure": wrong}
        )


BUNDLES: dict[str, Any] = {
    "parameters": {
        "wire": wired(),
        "field": configured(),
        "secret": wired({"type": "string", "format": "hidden"}),
        "trigger": wired(),
        "branches": Parameter(schema={"type": "array"}, connectable=True),
    },
    "outputs": {
        "shown": output(),
        "hidden": output(exposed_by_default=False),
        "vetoed": output(exposed=False),
        "secret": output({"type": "string", "format": "hidden"}),
        "trigger": output(),
    },
    "reserved_exposure": {"inputs": {"input": True}, "outputs": {"output": True}},
}


@pytest.mark.rule("SCH-17", "SCH-19")
async def test_a_unified_input_is_first_and_lists_what_may_be_wired(api: Api, host: Host) -> None:
    first = (await published(api, host, **BUNDLES))["inputs"][0]
    assert (first["id"], first["dataType"]) == ("input", "json")
    assert first["description"] == "Values for: wire."


@pytest.mark.rule("SCH-18", "SCH-19")
async def test_a_unified_output_is_first_and_lists_what_is_exposed(api: Api, host: Host) -> None:
    first = (await published(api, host, **BUNDLES))["outputs"][0]
    assert (first["id"], first["dataType"]) == ("output", "json")
    assert first["description"] == "The values of: shown."


@pytest.mark.rule("SCH-16", "SCH-17", "SCH-18")
async def test_there_are_no_unified_ports_unless_the_type_exposes_them(api: Api, host: Host) -> None:
    kind = await published(api, host, parameters={"a": wired()}, outputs={"b": output()})
    assert "input" not in by_id(kind["inputs"])
    assert "output" not in by_id(kind["outputs"])


@pytest.mark.rule("SCH-27")
async def test_a_served_port_leaves_out_what_says_nothing(api: Api, host: Host) -> None:
    silent = {"type": "string", "default": None, "x-port-order": 0, "x-exposed-by-default": True}
    kind = await published(
        api, host, parameters={"silent": wired(dict(silent))}, outputs={"out": output(dict(silent))}
    )
    keys = {"id", "name", "type", "dataType", "required", "description"}
    assert set(by_id(kind["inputs"])["silent"]) == keys
    assert set(by_id(kind["outputs"])["out"]) == keys


@pytest.mark.rule("SCH-27")
@pytest.mark.parametrize("default", [0, False, "", []])
async def test_a_default_that_is_only_falsy_is_served(api: Api, host: Host, default: Any) -> None:
    kind = await published(api, host, parameters={"a": wired({"default": default})})
    assert by_id(kind["inputs"])["a"]["defaultValue"] == default


@pytest.mark.rule("SCH-27")
@pytest.mark.parametrize("order", ["5", None, True])
async def test_a_display_order_that_is_no_number_is_left_out(api: Api, host: Host, order: Any) -> None:
    kind = await published(api, host, parameters={"a": wired({"type": "string", "x-port-order": order})})
    assert "displayOrder" not in by_id(kind["inputs"])["a"]
