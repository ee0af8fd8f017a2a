"""Lanes: what a schema derives, the shipped vocabulary and its rules (SCH-9, SCH-10, SCH-34 to SCH-39)."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from contract_desk import bound, declaring, launches
from schema_desk import by_id, configured, declare, output, published, wired
from server_desk import Api, assert_refused

from flowdrop_jupyter.nodes import Lane, node
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Parameter
from flowdrop_jupyter.workflow.lanes import LANES

TYPES = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "json",
    "null": "mixed",
}


async def lanes_of(api: Api, host: Host, schema: dict[str, Any]) -> set[str]:
    """Return the lanes that a schema gives to an input and to an output."""
    kind = await published(api, host, parameters={"a": wired(schema)}, outputs={"a": output(schema)})
    return {by_id(kind[side])["a"]["dataType"] for side in ("inputs", "outputs")}


@pytest.mark.rule("SCH-10", "SCH-35")
@pytest.mark.parametrize("word", TYPES)
async def test_each_type_word_derives_its_lane(api: Api, host: Host, word: str) -> None:
    assert await lanes_of(api, host, {"type": word}) == {TYPES[word]}


@pytest.mark.rule("SCH-10", "SCH-35")
async def test_a_schema_without_a_type_derives_the_sink(api: Api, host: Host) -> None:
    assert await lanes_of(api, host, {"title": "Anything"}) == {"mixed"}


@pytest.mark.rule("SCH-9")
@pytest.mark.parametrize(
    ("words", "lane"),
    [
        (["null", "array"], "array"),
        (["integer", "string"], "number"),
        (["null"], "mixed"),
        ([], "mixed"),
        (["string", "null"], "string"),
    ],
)
async def test_the_first_word_that_is_not_null_decides(
    api: Api, host: Host, words: list[str], lane: str
) -> None:
    assert await lanes_of(api, host, {"type": words}) == {lane}


@pytest.mark.rule("SCH-9", "SCH-34")
@pytest.mark.parametrize(
    "kind", ["dataframe", "mixed", "json", "trigger", "text", ["string", "mixed"], 5, None]
)
@pytest.mark.parametrize("side", ["parameters", "outputs"])
def test_a_lane_in_the_place_of_a_type_is_caught_where_it_is_declared(
    host: Host, kind: Any, side: str
) -> None:
    made = wired({"type": kind}) if side == "parameters" else output({"type": kind})
    with pytest.raises(TypeError, match=r"'a' of node .*no type of JSON Schema"):
        declare(host, **{side: {"a": made}})
    assert host.registry.node_type("sample") is None


@pytest.mark.rule("SCH-34")
def test_a_lane_deep_inside_a_schema_is_caught_too(host: Host) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "array", "items": {"type": "dataframe"}}}}
    with pytest.raises(TypeError, match="x-data-type"):
        declare(host, parameters={"a": wired(schema)})


@pytest.mark.rule("SCH-10")
async def test_a_served_lane_goes_before_the_type(api: Api, host: Host) -> None:
    assert await lanes_of(api, host, {"type": "object", "x-data-type": "dataframe"}) == {"dataframe"}


@pytest.mark.rule("SCH-10")
@pytest.mark.parametrize("other", ["no such lane", "", 5, None, ["dataframe"]])
async def test_any_other_lane_is_ignored(api: Api, host: Host, other: Any) -> None:
    assert await lanes_of(api, host, {"type": "string", "x-data-type": other}) == {"string"}


@pytest.mark.rule("SCH-10", "SCH-36")
async def test_every_port_of_every_node_type_wears_a_served_lane(api: Api) -> None:
    served = {lane["id"] for lane in (await api.get("port-config")).data["dataTypes"]}
    for kind in (await api.get("nodes")).data:
        for port in (*kind["inputs"], *kind["outputs"]):
            assert port["dataType"] in served, (kind["id"], port["id"])


@pytest.mark.rule("SCH-35")
async def test_the_served_default_is_the_lane_of_an_undeclared_type(api: Api, host: Host) -> None:
    default = (await api.get("port-config")).data["defaultDataType"]
    assert await lanes_of(api, host, {"title": "Anything"}) == {default} == {"mixed"}


def fields(kind: dict[str, Any], name: str) -> dict[str, Any]:
    items: dict[str, Any] = kind["configSchema"]["properties"][name]["items"]["properties"]
    return items


@pytest.mark.rule("SCH-36", "SCH-37")
@pytest.mark.parametrize("name", ["dynamicInputs", "dynamicOutputs"])
async def test_an_author_is_offered_the_lanes_that_carry_a_value(api: Api, host: Host, name: str) -> None:
    kind = await published(api, host, parameters={name: configured({"type": "array"})})
    offered = fields(kind, name)["dataType"]["enum"]
    listed = [lane["id"] for lane in (await api.get("port-config")).data["dataTypes"] if lane["enabled"]]
    assert offered == [lane for lane in listed if lane not in ("trigger", "tool")]
    assert {"mixed", "string", "dataframe"} <= set(offered)
    assert fields(kind, name)["dataType"]["default"] == "mixed"


@pytest.mark.rule("SCH-36")
async def test_what_is_served_is_the_one_declared_vocabulary(api: Api) -> None:
    served = [lane["id"] for lane in (await api.get("port-config")).data["dataTypes"]]
    assert len(served) == len(set(served))
    assert set(served) == LANES


@pytest.mark.rule("SCH-37")
async def test_a_control_port_has_a_lane_and_no_type(api: Api, host: Host) -> None:
    kind = await published(api, host, tool=True)
    fragments = {**kind["outputSchema"]["properties"], **kind["inputSchema"]["properties"]}
    for name, lane in (("trigger", "trigger"), ("tool", "tool"), ("loop_back", "trigger")):
        assert fragments[name]["x-data-type"] == lane
        assert "type" not in fragments[name]
    assert "x-data-type" not in fragments["error"]


@pytest.mark.rule("SCH-37")
async def test_control_lanes_are_served(api: Api) -> None:
    served = {lane["id"]: lane for lane in (await api.get("port-config")).data["dataTypes"]}
    assert served["trigger"]["enabled"]
    assert served["tool"]["enabled"]


async def served_rules(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the served rules by their two ends, each pair there once."""
    listed = (await api.get("port-config")).data["compatibilityRules"]
    found = {(rule["from"], rule["to"]): rule for rule in listed}
    assert len(found) == len(listed)
    return found


async def enabled_lanes(api: Api) -> set[str]:
    return {lane["id"] for lane in (await api.get("port-config")).data["dataTypes"] if lane["enabled"]}


@pytest.mark.rule("SCH-38", "SCH-38.a")
async def test_the_retired_lane_is_served_disabled_with_rules_both_ways(api: Api) -> None:
    served = {lane["id"]: lane for lane in (await api.get("port-config")).data["dataTypes"]}
    rules = await served_rules(api)
    assert [lane for lane in served if not served[lane]["enabled"]] == ["any"]
    assert "deprecated" in served["any"]["description"].lower()
    for lane in await enabled_lanes(api) - {"tool"}:
        assert (lane, "any") in rules
        assert ("any", lane) in rules


@pytest.mark.rule("SCH-38", "SCH-38.a")
def test_the_retired_lane_may_not_be_newly_declared(host: Host) -> None:
    with pytest.raises(TypeError, match="'any' is retired"):
        declare(host, parameters={"a": wired({"x-data-type": "any"})})
    with pytest.raises(TypeError, match="'any' is retired"):

        @node
        def give() -> Annotated[str, Lane("any")]:
            """Gives."""
            return ""


@pytest.mark.rule("SCH-38", "SCH-38.a")
async def test_the_retired_lane_is_not_offered_to_authors(api: Api, host: Host) -> None:
    made = configured({"type": "array"})
    kind = await published(api, host, parameters={"dynamicInputs": made})
    assert "any" not in fields(kind, "dynamicInputs")["dataType"]["enum"]


@pytest.mark.rule("SCH-38")
async def test_every_other_lane_may_be_drawn_into_a_trigger(api: Api) -> None:
    rules = await served_rules(api)
    assert {source for source, target in rules if target == "trigger"} >= await enabled_lanes(api)


@pytest.mark.rule("SCH-38")
async def test_no_save_checks_an_edge_against_lanes(api: Api, host: Host) -> None:
    declare(host, parameters={"text": wired()}, outputs={"count": output({"type": "integer"})})
    nodes = [{"id": name, "data": {"metadata": {"node_type_id": "sample"}}} for name in ("a", "b")]
    edge = {
        "id": "e",
        "source": "a",
        "target": "b",
        "sourceHandle": "a-output-count",
        "targetHandle": "b-input-text",
    }
    saved = await api.post("workflows", {"name": "W", "nodes": nodes, "edges": [edge]})
    assert saved.status == 201, saved.text


@pytest.mark.rule("SCH-39")
async def test_every_lane_fits_itself(api: Api) -> None:
    rules = await served_rules(api)
    assert all((lane, lane) in rules for lane in await enabled_lanes(api))


@pytest.mark.rule("SCH-39")
async def test_the_sink_takes_and_gives_every_lane_that_carries_a_value(api: Api) -> None:
    rules = await served_rules(api)
    for lane in await enabled_lanes(api) - {"trigger", "tool"}:
        assert (lane, "mixed") in rules
        assert ("mixed", lane) in rules


@pytest.mark.rule("SCH-39")
async def test_the_tool_lane_is_in_no_rule_of_a_sink(api: Api) -> None:
    rules = await served_rules(api)
    assert not {("tool", "mixed"), ("mixed", "tool"), ("tool", "any"), ("any", "tool")} & set(rules)


@pytest.mark.rule("SCH-39", "SCH-43")
async def test_every_widening_rule_states_its_reason(api: Api) -> None:
    for (source, target), rule in (await served_rules(api)).items():
        assert source == target or rule["description"], rule


@pytest.mark.rule("SCH-39")
async def test_lanes_without_a_rule_do_not_fit(api: Api, host: Host) -> None:
    rules = await served_rules(api)
    for pair in (("number", "string"), ("string", "number"), ("array", "json"), ("json", "dataframe")):
        assert pair not in rules
        assert not host.registry.lanes.fits(*pair)


def test_a_parameter_that_is_no_port_is_checked_as_well(host: Host) -> None:
    with pytest.raises(TypeError, match="no type of JSON Schema"):
        declare(host, parameters={"a": Parameter(schema={"type": "file"}, configurable=True)})


# Values that callers bring

VALUES: list[Any] = ["text", 5, 1.5, True, None, [1, [2]], {"a": 1}]


def launching() -> dict[str, Any]:
    """Return a workflow whose one input stands for the port ``x`` of a sample node."""
    return declaring(bound("x", to="n"), id="launched", nodes=[placed("n", "sample")])


def placed(node_id: str, type_id: str) -> dict[str, Any]:
    return {"id": node_id, "data": {"label": node_id, "config": {}, "metadata": {"node_type_id": type_id}}}


@pytest.mark.rule("SCH-40", "SCH-35")
@pytest.mark.parametrize(
    "schema",
    [
        {"title": "Free"},
        {"type": "null"},
        {"type": ["null"]},
        {"type": "string", "x-data-type": "mixed"},
        {"x-data-type": "trigger"},
        {"x-data-type": "tool"},
    ],
)
async def test_a_sink_or_control_lane_takes_any_value_at_every_door(
    api: Api, host: Host, schema: dict[str, Any]
) -> None:
    declare(host, parameters={"x": wired(schema)})
    assert (await api.post("workflows", launching())).status == 201
    for value in VALUES:
        for reply in await launches(api, "launched", {"x": value}):
            assert reply.status in (200, 202), (value, reply.text)


@pytest.mark.rule("SCH-40")
@pytest.mark.parametrize(
    ("word", "wrong"), [("string", 5), ("number", "5"), ("boolean", 1), ("array", "a"), ("object", "a")]
)
async def test_a_value_of_another_lane_is_refused_alike_at_every_door(
    api: Api, host: Host, word: str, wrong: Any
) -> None:
    schema = {"type": word}
    declare(host, parameters={"x": wired(schema)})
    assert (await api.post("workflows", launching())).status == 201
    turn, run = await launches(api, "launched", {"x": wrong})
    assert_refused(turn, 400, "INPUT_INVALID")
    assert turn.body == run.body


@pytest.mark.rule("SCH-35", "SCH-40")
@pytest.mark.parametrize("schema", [{"title": "Free"}, {"type": "null"}])
async def test_a_projected_input_names_the_sink_as_its_lane(
    api: Api, host: Host, schema: dict[str, Any]
) -> None:
    declare(host, parameters={"x": wired(schema)})
    saved = (await api.post("workflows", launching())).data
    assert [entry["dataType"] for entry in saved["interface"]["inputs"]] == ["mixed"]
