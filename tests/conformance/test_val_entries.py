"""The validator on what a workflow declares at its boundary (R4, R10)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import edge, node
from schema_desk import configured, declare, wired
from server_desk import Api
from test_val_nodes import without_executor
from validation_desk import entry, faults, refusal

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Output

NODES = [node("a", "text_input"), node("b", "text_output")]
EDGES = [edge("a", "text", "b", "text")]

SIDES = pytest.mark.parametrize(
    ("side", "good"), [("input", ("a", "data")), ("output", ("b", "length"))], ids=["inputs", "outputs"]
)


async def judged(api: Api, side: str, *entries: dict[str, Any]) -> list[tuple[str, str]]:
    """Save a workflow with these entries on one side."""
    return await faults(api, NODES, EDGES, interface={f"{side}s": list(entries)})


@pytest.mark.rule("R4.a")
@SIDES
@pytest.mark.parametrize(
    "name", ["", "Upper", "two words", "dot.ted", "ünder", "line\n", "a" * 20 + "!"], ids=repr
)
async def test_a_name_of_other_characters_is_refused(
    api: Api, side: str, good: tuple[str, str], name: str
) -> None:
    assert await judged(api, side, entry("fine_1-x", *good), entry(name, *good)) == [
        ("R4_NAME_FORMAT", f"schema.{side}.1")
    ]


@pytest.mark.rule("R4.a", "R4.b")
async def test_two_nameless_entries_are_two_wrong_names_and_one_repetition(api: Api) -> None:
    nameless = {"bindings": [{"nodeId": "a", "portId": "data"}]}
    assert await judged(api, "input", nameless, {**nameless, "id": ""}) == [
        ("R4_NAME_FORMAT", "schema.input.0"),
        ("R4_NAME_FORMAT", "schema.input.1"),
        ("R4_NAME_DUPLICATE", "schema.input.1"),
    ]


@pytest.mark.rule("R4.a")
async def test_a_wrong_name_does_not_end_the_checks_of_its_entry(api: Api) -> None:
    wrong = [entry("Wrong", "nobody", "data"), entry("Wrong", "a", "nothing"), entry("Odd", "a", "loop_back")]
    assert await judged(api, "input", *wrong) == [
        ("R4_NAME_FORMAT", "schema.input.0"),
        ("R4_NODE_UNKNOWN", "schema.input.0"),
        ("R4_NAME_FORMAT", "schema.input.1"),
        ("R4_NAME_DUPLICATE", "schema.input.1"),
        ("R4_PORT_UNKNOWN", "schema.input.1"),
        ("R4_NAME_FORMAT", "schema.input.2"),
        ("R4_PORT_UNKNOWN", "schema.input.2"),
    ]


@pytest.mark.rule("R4.b")
@SIDES
async def test_a_name_is_used_once_on_a_side(api: Api, side: str, good: tuple[str, str]) -> None:
    assert await judged(api, side, entry("same", *good), entry("same", *good)) == [
        ("R4_NAME_DUPLICATE", f"schema.{side}.1")
    ]


@pytest.mark.rule("R4.b")
async def test_the_same_name_on_each_side_is_fine(api: Api) -> None:
    both = {"inputs": [entry("same", "a", "data")], "outputs": [entry("same", "b", "length")]}
    assert await faults(api, NODES, EDGES, interface=both) == []


@pytest.mark.rule("R4.c")
@SIDES
@pytest.mark.parametrize("node_id", ["nobody", ""])
async def test_an_entry_of_a_node_that_is_not_there_is_refused_and_looked_at_no_further(
    api: Api, side: str, good: tuple[str, str], node_id: str
) -> None:
    assert await judged(api, side, entry("x", node_id, "nothing")) == [
        ("R4_NODE_UNKNOWN", f"schema.{side}.0")
    ]


@pytest.mark.rule("R4.d")
@pytest.mark.parametrize(
    ("side", "node_id", "port"),
    [
        ("input", "a", "nothing"),
        ("input", "a", ""),
        ("input", "a", "text"),
        ("input", "a", "trigger"),
        ("output", "b", "nothing"),
        ("output", "a", "data"),
        ("output", "a", "error"),
    ],
)
async def test_a_port_that_the_node_does_not_declare_on_that_side_is_refused(
    api: Api, side: str, node_id: str, port: str
) -> None:
    assert await judged(api, side, entry("x", node_id, port)) == [("R4_PORT_UNKNOWN", f"schema.{side}.0")]


@pytest.mark.rule("R4.d", "DYN-6")
async def test_a_dynamic_port_cannot_be_declared_at_the_boundary(api: Api) -> None:
    mapper = node("m", "data_mapper", dynamicInputs=[{"name": "mine"}])
    interface = {"inputs": [entry("x", "m", "mine")]}
    assert await faults(api, [mapper], interface=interface) == [("R4_PORT_UNKNOWN", "schema.input.0")]


@pytest.mark.rule("R4.d")
async def test_of_a_node_without_its_executor_only_the_names_are_judged(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_executor(host, monkeypatch, "gone")
    nodes = [*NODES, node("g", "gone"), node("u", "teleport")]
    entries = [entry("Wrong", "g", "nothing"), entry("fine", "u", "nothing"), entry("fine", "g", "nothing")]
    assert await faults(api, nodes, EDGES, interface={"inputs": entries}) == [
        ("R1_PLUGIN_MISSING", "node.g"),
        ("R9_NODE_TYPE_UNKNOWN", "node.u"),
        ("R4_NAME_FORMAT", "schema.input.0"),
        ("R4_NAME_DUPLICATE", "schema.input.2"),
    ]


@pytest.mark.rule("R4.e")
@SIDES
async def test_a_name_that_runs_use_themselves_is_refused(api: Api, side: str, good: tuple[str, str]) -> None:
    assert await judged(api, side, entry("__interrupt_id__", *good)) == [
        ("R4_NAME_RESERVED", f"schema.{side}.0")
    ]


@pytest.mark.rule("R10")
async def test_an_entry_of_a_hidden_port_is_refused_with_all_three_names(api: Api, host: Host) -> None:
    declare(
        host,
        parameters={"quiet": wired(exposed_by_default=False)},
        outputs={"still": Output(schema={"type": "string"}, exposed_by_default=False)},
    )
    interface = {"inputs": [entry("city", "s", "quiet")], "outputs": [entry("answer", "s", "still")]}
    found = await refusal(api, [node("s", "sample")], interface=interface)
    assert [(one["code"], one["locator"]) for one in found] == [
        ("R10_EXPOSURE_HIDDEN_PORT", "schema.input.0"),
        ("R10_EXPOSURE_HIDDEN_PORT", "schema.output.0"),
    ]
    assert all(name in found[0]["message"] for name in ("'city'", "'s'", "'quiet'"))
    assert all(name in found[1]["message"] for name in ("'answer'", "'s'", "'still'"))
    ports = {"inputs": {"quiet": {"exposed": True}}, "outputs": {"still": {"exposed": True}}}
    assert await faults(api, [node("s", "sample", ports=ports)], interface=interface) == []


@pytest.mark.rule("R10", "R7.c", "MAN-3")
async def test_a_port_that_the_instance_hides_cannot_be_declared(api: Api) -> None:
    hiding = node("a", "text_input", ports={"inputs": {"data": {"exposed": False}}})
    interface = {"inputs": [entry("city", "a", "data")]}
    assert await faults(api, [hiding, NODES[1]], EDGES, interface=interface) == [
        ("R10_EXPOSURE_HIDDEN_PORT", "schema.input.0")
    ]


@pytest.mark.rule("R4.d")
async def test_a_parameter_that_no_wire_can_reach_is_no_input(api: Api, host: Host) -> None:
    declare(host, parameters={"fixed": configured()})
    interface = {"inputs": [entry("x", "s", "fixed")]}
    assert await faults(api, [node("s", "sample")], interface=interface) == [
        ("R4_PORT_UNKNOWN", "schema.input.0")
    ]
