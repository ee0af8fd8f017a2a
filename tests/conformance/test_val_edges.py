"""The validator on edges (R3, R7, R8, R12, R13, EDGE-5, W-T, SCH-38)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import edge, node
from schema_desk import declare, wired
from server_desk import Api
from validation_desk import faults, refusal, warnings

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Output

PAIR = [node("a", "text_input"), node("b", "text_output")]
GOOD = edge("a", "text", "b", "text")


def changed(**keys: Any) -> dict[str, Any]:
    """Return the good edge with other keys; None takes a key away."""
    return {key: value for key, value in {**GOOD, **keys}.items() if value is not None}


def shown(direction: str, port: str, exposed: object = True) -> dict[str, Any]:
    """Return a configuration that says whether a port is exposed."""
    return {"ports": {direction: {port: {"exposed": exposed}}}}


@pytest.mark.rule("R3")
@pytest.mark.parametrize("missing", [None, "", 7])
async def test_an_edge_needs_an_id(api: Api, missing: object) -> None:
    assert await faults(api, PAIR, [changed(id=missing)]) == [("R3_EDGE_MISSING_ID", "edge.0")]


@pytest.mark.rule("R3")
async def test_edge_ids_do_not_repeat(api: Api) -> None:
    edges = [GOOD, changed(targetHandle="b-input-trigger")]
    assert await faults(api, PAIR, edges) == [("R3_EDGE_DUPLICATE_ID", "edge.1")]


@pytest.mark.rule("R8.a")
@pytest.mark.parametrize("source", ["nobody", "", None, 7])
async def test_a_source_that_is_no_node_is_refused(api: Api, source: object) -> None:
    assert await faults(api, PAIR, [changed(source=source)]) == [("R8_EDGE_SOURCE_MISSING", "edge.0")]


@pytest.mark.rule("R8.b")
@pytest.mark.parametrize("target", ["nobody", "", None, 7])
async def test_a_target_that_is_no_node_is_refused(api: Api, target: object) -> None:
    assert await faults(api, PAIR, [GOOD, changed(id="2", target=target)]) == [
        ("R8_EDGE_TARGET_MISSING", "edge.1")
    ]


@pytest.mark.rule("R8.c", "EDGE-2")
async def test_an_edge_without_ends_has_two_errors_at_one_place(api: Api) -> None:
    assert await faults(api, PAIR, [{"id": "e"}]) == [
        ("R8_EDGE_SOURCE_MISSING", "edge.0"),
        ("R8_EDGE_TARGET_MISSING", "edge.0"),
    ]


@pytest.mark.rule("EDGE-2")
async def test_handles_and_collections_may_be_absent(api: Api) -> None:
    assert await faults(api, PAIR, [{"id": "e", "source": "a", "target": "b"}]) == []
    assert (await api.post("workflows", {"name": "Bare"})).status == 201


@pytest.mark.rule("R12")
async def test_a_node_joined_to_itself_is_refused_whatever_the_ports(api: Api) -> None:
    edges = [edge("a", "text", "a", "data"), edge("a", "trigger", "a", "trigger")]
    assert await faults(api, PAIR, edges) == [("R12_EDGE_SELF", "edge.0"), ("R12_EDGE_SELF", "edge.1")]


@pytest.mark.rule("R12", "R8.c")
async def test_a_self_edge_of_no_node_has_all_three_errors(api: Api) -> None:
    assert await faults(api, PAIR, [edge("x", "text", "x", "data")]) == [
        ("R8_EDGE_SOURCE_MISSING", "edge.0"),
        ("R8_EDGE_TARGET_MISSING", "edge.0"),
        ("R12_EDGE_SELF", "edge.0"),
    ]


@pytest.mark.rule("R12")
async def test_two_empty_ends_are_no_self_edge(api: Api) -> None:
    found = await faults(api, PAIR, [{"id": "e", "source": "", "target": ""}])
    assert "R12_EDGE_SELF" not in [code for code, _ in found]


@pytest.mark.rule("R13")
async def test_the_same_connection_again_is_refused_with_the_place_of_the_first(api: Api) -> None:
    edges = [changed(id="other", targetHandle="b-input-trigger"), GOOD, changed(id="again")]
    (found,) = await refusal(api, PAIR, edges)
    assert (found["code"], found["locator"]) == ("R13_EDGE_PARALLEL_DUPLICATE", "edge.2")
    assert "edge.1" in found["message"]


@pytest.mark.rule("R13")
async def test_two_spellings_of_one_port_are_two_connections(api: Api) -> None:
    edges = [GOOD, changed(id="2", sourceHandle=None), changed(id="3", sourceHandle="text")]
    assert await faults(api, PAIR, edges) == []


@pytest.mark.rule("R13")
async def test_edges_with_an_empty_end_are_not_compared(api: Api) -> None:
    edges = [changed(id="1", source=""), changed(id="2", source="")]
    assert await faults(api, PAIR, edges) == [
        ("R8_EDGE_SOURCE_MISSING", "edge.0"),
        ("R8_EDGE_SOURCE_MISSING", "edge.1"),
    ]


@pytest.mark.rule("R7.a", "R7.b")
async def test_edges_on_hidden_ports_are_refused(api: Api) -> None:
    edges = [edge("a", "error", "b", "text"), edge("a", "text", "b", "loop_back")]
    assert await faults(api, PAIR, edges) == [
        ("R7_EDGE_SOURCE_NOT_EXPOSED", "edge.0"),
        ("R7_EDGE_TARGET_NOT_EXPOSED", "edge.1"),
    ]


@pytest.mark.rule("R7.c")
async def test_an_instance_that_shows_a_port_makes_its_edges_legal(api: Api) -> None:
    nodes = [
        node("a", "text_input", **shown("outputs", "error")),
        node("b", "text_output", **shown("inputs", "text", exposed=False)),
    ]
    assert await faults(api, nodes, [edge("a", "error", "b", "trigger")]) == []
    assert await faults(api, nodes, [GOOD]) == [("R7_EDGE_TARGET_NOT_EXPOSED", "edge.0")]


@pytest.mark.rule("R7.c")
async def test_a_type_that_hides_a_port_by_default_hides_it_on_every_instance_that_says_nothing(
    api: Api, host: Host
) -> None:
    declare(host, parameters={"quiet": wired(exposed_by_default=False)})
    edges = [edge("a", "text", "c", "quiet")]
    assert await faults(api, [PAIR[0], node("c", "sample")], edges) == [
        ("R7_EDGE_TARGET_NOT_EXPOSED", "edge.0")
    ]
    showing = node("c", "sample", **shown("inputs", "quiet"))
    assert await faults(api, [PAIR[0], showing], edges) == []


@pytest.mark.rule("R7.d", "DYN-6")
async def test_ports_that_the_type_does_not_declare_are_never_hidden(api: Api) -> None:
    config = {"dynamicInputs": [{"name": "mine"}], "dynamicOutputs": [{"name": "yours"}]}
    hidden = {"inputs": {"mine": {"exposed": False}}, "outputs": {"yours": {"exposed": False}}}
    nodes = [*PAIR, node("m", "data_mapper", **config, ports=hidden)]
    edges = [edge("a", "text", "m", "mine"), edge("m", "yours", "b", "text"), edge("a", "odd", "b", "odder")]
    assert await faults(api, nodes, edges) == []


@pytest.mark.rule("R7.d")
async def test_reserved_ports_that_the_metadata_does_not_show_are_outside_the_check(api: Api) -> None:
    assert await faults(api, PAIR, [edge("a", "output", "b", "input")]) == []


@pytest.mark.rule("EDGE-5")
async def test_an_edge_type_that_is_not_known_is_refused(api: Api) -> None:
    (found,) = await refusal(api, PAIR, [changed(data={"edgeType": "teleport"})])
    assert (found["code"], found["locator"]) == ("EDGE_TYPE_UNKNOWN", "edge.0")


@pytest.mark.rule("EDGE-5")
@pytest.mark.parametrize("declared", ["tool_availability", "data", "", None, 7, ["teleport"]])
async def test_known_absent_and_unreadable_edge_types_are_accepted(api: Api, declared: object) -> None:
    assert await faults(api, PAIR, [{**GOOD, "data": {"edgeType": declared}}]) == []


@pytest.mark.rule("W-T")
async def test_each_edge_out_of_a_terminal_node_is_a_warning(api: Api, host: Host) -> None:
    declare(host, "last", terminal=True, outputs={"value": Output(schema={"type": "string"})})
    nodes = [node("end", "last"), *PAIR]
    edges = [GOOD, edge("end", "value", "a", "data"), edge("end", "value", "b", "text")]
    found = await warnings(api, nodes, edges)
    assert [(one["code"], one["locator"]) for one in found] == [
        ("W_TERMINAL_SOURCE", "edge.1"),
        ("W_TERMINAL_SOURCE", "edge.2"),
    ]
    assert "'end'" in found[0]["message"]
    assert "'a'" in found[0]["message"]


@pytest.mark.rule("W-T")
async def test_a_terminal_target_or_a_source_that_is_not_there_is_no_warning(api: Api, host: Host) -> None:
    declare(host, "last", terminal=True, parameters={"value": wired()})
    declare(host, "ending", terminal=True, outputs={"value": Output(schema={"type": "string"})})
    assert await warnings(api, [PAIR[0], node("end", "last")], [edge("a", "text", "end", "value")]) == []
    dangling = [edge("nobody", "value", "b", "text"), edge("end", "value", "nobody", "text")]
    body = {"name": "x", "nodes": [*PAIR, node("end", "ending")], "edges": dangling}
    asked = (await api.post("workflows/validate", body)).data
    assert [(one["code"], one["locator"]) for one in asked["details"]] == [
        ("R8_EDGE_SOURCE_MISSING", "edge.0"),
        ("R8_EDGE_TARGET_MISSING", "edge.1"),
    ]
    assert [one["locator"] for one in asked["warning_details"]] == ["edge.1"]


@pytest.mark.rule("SCH-38")
async def test_lanes_that_do_not_fit_are_stored_and_only_whoever_asks_is_told(api: Api, host: Host) -> None:
    declare(
        host,
        parameters={"number": wired({"type": "number"}), "list": wired({"type": "array"})},
        outputs={"flag": Output(schema={"type": "boolean"})},
    )
    nodes = [node("a", "text_input"), node("s", "sample"), node("t", "sample")]
    edges = [
        edge("a", "text", "s", "trigger"),
        edge("s", "flag", "t", "list"),
        edge("s", "flag", "t", "made_up"),
    ]
    found = await warnings(api, nodes, edges)
    assert [(one["code"], one["locator"]) for one in found] == [("W_LANE_MISMATCH", "edge.1")]
    assert "'boolean'" in found[0]["message"]
    assert "'array'" in found[0]["message"]


@pytest.mark.rule("R7.c")
@pytest.mark.parametrize(
    "ports",
    [
        {"outputs": {"error": {"exposed": True}}},
        [{"id": "error", "type": "output", "exposed": True}],
        [{"name": "error", "exposed": True}],
    ],
)
async def test_a_port_that_an_instance_exposes_takes_an_edge_in_either_form(api: Api, ports: object) -> None:
    nodes = [node("a", "text_input"), node("b", "text_output")]
    failing = [edge("a", "error", "b", "text")]
    assert await faults(api, nodes, failing) == [("R7_EDGE_SOURCE_NOT_EXPOSED", "edge.0")]
    assert await faults(api, [node("a", "text_input", ports=ports), nodes[1]], failing) == []
