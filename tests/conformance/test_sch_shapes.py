"""Port shapes and the site's overlay (SCH-10.a, SCH-41 to SCH-46)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from schema_desk import by_id, configured, declare, output, published, read, wired
from server_desk import Api
from traitlets import TraitError

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.nodes import NodeRegistry, node
from flowdrop_jupyter.nodes.registry import ENTRY_POINT_GROUP
from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow.shapes import PortShape, shape_family

INVOICE = {"type": "object", "properties": {"total": {"type": "number"}}, "x-unknown-keyword": [1]}
SITE = {"invoice": {"name": "Invoice", "color": "#123456", "schema": INVOICE}}
with_invoice = pytest.mark.parametrize("flowdrop_config", [{"shapes": SITE}])


async def lanes(api: Api) -> dict[str, dict[str, Any]]:
    listed = (await api.get("port-config")).data["dataTypes"]
    found = {lane["id"]: lane for lane in listed}
    assert len(found) == len(listed)
    return found


async def pairs(api: Api) -> set[tuple[str, str]]:
    return {(rule["from"], rule["to"]) for rule in (await api.get("port-config")).data["compatibilityRules"]}


def overlaid(**overlay: Any) -> Any:
    return pytest.mark.parametrize("flowdrop_config", [{"port_config": overlay}])


PRIMITIVE = {"trigger", "string", "number", "boolean", "array", "json", "tool", "mixed", "any"}


@pytest.mark.rule("SCH-42", "SCH-46")
async def test_every_shipped_lane_that_is_not_primitive_has_a_shape_and_no_other(api: Api) -> None:
    served = await lanes(api)
    assert {lane for lane in served if "schema" not in served[lane]} == PRIMITIVE
    assert all(isinstance(served[lane]["schema"], dict) for lane in set(served) - PRIMITIVE)


@pytest.mark.rule("SCH-42", "SCH-45")
@with_invoice
async def test_a_site_declares_a_shape_in_its_configuration(api: Api) -> None:
    lane = (await lanes(api))["invoice"]
    assert (lane["name"], lane["color"], lane["enabled"]) == ("Invoice", "#123456", True)
    assert lane["schema"] == INVOICE


@pytest.mark.rule("SCH-41", "SCH-10")
@with_invoice
async def test_a_port_may_declare_the_lane_of_a_site(api: Api, host: Host) -> None:
    kind = await published(api, host, outputs={"bill": output({"type": "object", "x-data-type": "invoice"})})
    assert by_id(kind["outputs"])["bill"]["dataType"] == "invoice"


@pytest.mark.rule("SCH-41")
@with_invoice
async def test_an_author_is_offered_the_lane_of_a_site(api: Api, host: Host) -> None:
    kind = await published(api, host, parameters={"dynamicInputs": configured({"type": "array"})})
    fields = kind["configSchema"]["properties"]["dynamicInputs"]["items"]["properties"]
    assert "invoice" in fields["dataType"]["enum"]


def with_dynamic_port(lane: str) -> dict[str, Any]:
    config = {"dynamicInputs": [{"name": "bill", "label": "Bill", "dataType": lane}]}
    data = {"label": "a", "config": config, "metadata": {"node_type_id": "sample"}}
    return {"name": "W", "nodes": [{"id": "a", "data": data}], "edges": []}


@pytest.mark.rule("SCH-41")
@with_invoice
@pytest.mark.parametrize(("lane", "status"), [("invoice", 201), ("string", 201), ("receipt", 422)])
async def test_only_a_lane_that_is_served_may_be_given_to_a_port(
    api: Api, host: Host, lane: str, status: int
) -> None:
    declare(host, parameters={"dynamicInputs": configured({"type": "array"})})
    assert (await api.post("workflows", with_dynamic_port(lane))).status == status


@node(id="billing", outputs={"bill": output({"type": "object", "x-data-type": "invoice:short"})})
def billing() -> None:
    """Bills."""


def computed() -> dict[str, Any]:
    return {"type": "object", "title": "computed"}


PLUGIN = [billing, *shape_family("invoice", {"short": computed, "long": {"type": "array"}}, color="#111")]


def plugin(name: str = "PLUGIN") -> EntryPoint:
    return EntryPoint("bills", f"{__name__}:{name}", ENTRY_POINT_GROUP)


@pytest.mark.rule("SCH-42")
def test_a_shape_ships_with_the_ports_that_use_it_and_may_be_a_computed_family() -> None:
    registry = NodeRegistry.installed([plugin()])
    served = {lane["id"]: lane for lane in registry.lanes.served()["dataTypes"]}
    assert served["invoice:short"]["schema"] == {"type": "object", "title": "computed"}
    assert served["invoice:long"]["schema"] == {"type": "array"}
    kind = registry.node_type("billing")
    assert kind is not None
    assert kind.ports("output")["bill"]["dataType"] == "invoice:short"


@pytest.mark.rule("SCH-42")
async def test_a_shape_that_is_added_while_the_server_runs_is_served_at_once(api: Api, host: Host) -> None:
    declare(host, outputs={"bill": output({"type": "object", "x-data-type": "invoice"})})
    assert by_id((await read(api))["outputs"])["bill"]["dataType"] == "json"
    host.registry.add(PortShape(id="invoice", name="Invoice", schema=INVOICE))
    assert by_id((await read(api))["outputs"])["bill"]["dataType"] == "invoice"
    assert "invoice" in await lanes(api)


@pytest.mark.rule("SCH-43")
@with_invoice
async def test_a_shape_fits_itself_json_and_the_sink_and_nothing_wider(api: Api) -> None:
    rules = await pairs(api)
    assert {target for source, target in rules if source == "invoice"} == {
        "invoice",
        "json",
        "mixed",
        "trigger",
        "any",
    }
    assert {source for source, target in rules if target == "invoice"} == {"invoice", "mixed", "any"}


@pytest.mark.rule("SCH-43")
@pytest.mark.parametrize("flowdrop_config", [{"shapes": {**SITE, "bill": {"schema": INVOICE}}}])
async def test_two_shapes_of_one_schema_do_not_fit(api: Api) -> None:
    assert not {("invoice", "bill"), ("bill", "invoice")} & await pairs(api)


@pytest.mark.rule("SCH-43", "SCH-38")
@with_invoice
async def test_a_shape_gets_the_sink_and_control_rules(api: Api) -> None:
    assert {("invoice", "mixed"), ("mixed", "invoice"), ("invoice", "trigger")} <= await pairs(api)


# Precedence

CODE = PortShape(id="dataframe", name="By code", schema={"title": "code"}, description="d")
SITE_FRAME = {"dataframe": {"name": "By site", "schema": {"title": "site"}}}
OVERLAY_FRAME = {"dataTypes": [{"id": "dataframe", "name": "By overlay", "color": "#000"}]}


def frame(registry: NodeRegistry) -> dict[str, Any]:
    return next(lane for lane in registry.lanes.served()["dataTypes"] if lane["id"] == "dataframe")


@pytest.mark.rule("SCH-44")
def test_a_shape_of_code_replaces_the_shipped_entry_whole() -> None:
    entry = frame(NodeRegistry([CODE]))
    assert (entry["name"], entry["schema"], entry["description"]) == ("By code", {"title": "code"}, "d")


@pytest.mark.rule("SCH-44")
def test_a_shape_of_the_site_replaces_that_of_code_whole() -> None:
    app = FlowDropApp(shapes=SITE_FRAME)
    registry = app.registry()
    registry.add(CODE)
    entry = frame(registry)
    assert (entry["name"], entry["schema"]) == ("By site", {"title": "site"})
    assert "description" not in entry


@pytest.mark.rule("SCH-44", "SCH-46")
@pytest.mark.parametrize("flowdrop_config", [{"shapes": SITE_FRAME, "port_config": OVERLAY_FRAME}])
async def test_an_overlay_entry_takes_the_place_of_the_whole_composed_one(api: Api) -> None:
    assert (await lanes(api))["dataframe"] == {"id": "dataframe", "name": "By overlay", "color": "#000"}


@pytest.mark.rule("SCH-44")
def test_which_shape_wins_does_not_depend_on_the_order_of_loading() -> None:
    other = PortShape(id="dataframe", name="Another", schema={"title": "other"})
    assert frame(NodeRegistry([CODE, other])) == frame(NodeRegistry([other, CODE]))


@pytest.mark.rule("SCH-44")
@pytest.mark.parametrize("flowdrop_config", [{"shapes": SITE_FRAME}])
async def test_a_replaced_lane_stays_in_the_vocabulary_with_its_rules(api: Api) -> None:
    rules = await pairs(api)
    assert {("dataframe", "dataframe"), ("dataframe", "json"), ("mixed", "dataframe")} <= rules


@pytest.mark.rule("SCH-44")
@pytest.mark.parametrize("lane", ["trigger", "tool", "mixed", "any"])
def test_a_shape_that_names_a_reserved_lane_is_ignored_and_not_fatal(lane: str) -> None:
    plain = NodeRegistry().lanes.served()
    app = FlowDropApp(shapes={lane: {"name": "Stolen", "schema": {"type": "string"}}})
    registry = app.registry()
    registry.add(PortShape(id=lane, name="Stolen", schema={}))
    assert registry.lanes.served() == plain


def broken() -> dict[str, Any]:
    raise RuntimeError("no schema today")


@pytest.mark.rule("SCH-42")
def test_a_shape_that_cannot_be_computed_takes_no_other_away(caplog: pytest.LogCaptureFixture) -> None:
    registry = NodeRegistry([PortShape(id="bad", name="Bad", schema=broken), *PLUGIN])
    assert "bad" not in registry.lanes.ids
    assert "invoice:short" in registry.lanes.ids
    assert "no schema today" in caplog.text


# The overlay

OWN = {"id": "ledger", "name": "Ledger", "color": "#222222"}
RED = {"id": "string", "name": "Text", "color": "#ff0000"}
REASON = {"from": "number", "to": "string", "description": "Our nodes take both."}


@pytest.mark.rule("SCH-10.a")
@overlaid(dataTypes=[OWN, RED], compatibilityRules=[REASON], version="7")
async def test_an_overlay_is_laid_over_what_is_shipped(api: Api) -> None:
    shipped = NodeRegistry().lanes.served()
    served = (await api.get("port-config")).data
    ids = [lane["id"] for lane in served["dataTypes"]]
    assert ids == ["ledger", "string", *(x["id"] for x in shipped["dataTypes"] if x["id"] != "string")]
    assert served["dataTypes"][:2] == [OWN, RED]
    assert served["version"] == "7"
    assert served["defaultDataType"] == "mixed"


@pytest.mark.rule("SCH-10.a")
@overlaid(
    dataTypes=[OWN],
    compatibilityRules=[REASON, {"from": "string", "to": "mixed", "description": "Ours."}],
)
async def test_rules_are_united_and_none_that_is_shipped_can_be_left_out(api: Api) -> None:
    listed = (await api.get("port-config")).data["compatibilityRules"]
    rules = {(rule["from"], rule["to"]): rule for rule in listed}
    assert len(rules) == len(listed)
    shipped = {(rule["from"], rule["to"]) for rule in NodeRegistry().lanes.served()["compatibilityRules"]}
    assert shipped <= set(rules)
    assert rules["number", "string"] == REASON
    assert rules["string", "mixed"]["description"] == "Ours."
    assert {("ledger", "ledger"), ("ledger", "mixed")} <= set(rules)


MALFORMED: dict[str, dict[str, Any]] = {
    "lanes that are no list": {"dataTypes": {"a": OWN}},
    "a lane that is no object": {"dataTypes": ["ledger"]},
    "a lane without an id": {"dataTypes": [{"name": "Ledger", "color": "#1"}]},
    "a lane without a colour": {"dataTypes": [{"id": "ledger", "name": "Ledger"}]},
    "a lane twice": {"dataTypes": [OWN, OWN]},
    "a lane whose switch is a text": {"dataTypes": [{**OWN, "enabled": "no"}]},
    "a lane whose schema is a list": {"dataTypes": [{**OWN, "schema": []}]},
    "rules that are no list": {"compatibilityRules": {"from": "string", "to": "json"}},
    "a rule without an end": {"compatibilityRules": [{"from": "string"}]},
    "a rule whose end is a number": {"compatibilityRules": [{"from": "string", "to": 5}]},
    "a default that the derivation does not give": {"defaultDataType": "string"},
    "something else that is a list": {"lanes": [OWN]},
}


@pytest.mark.rule("SCH-45")
@pytest.mark.parametrize("overlay", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_overlay_is_refused_when_it_is_stored(overlay: dict[str, Any]) -> None:
    with pytest.raises(TraitError, match="port configuration is malformed"):
        FlowDropApp(port_config=overlay)


@pytest.mark.rule("SCH-45")
def test_a_rule_on_a_lane_that_nothing_serves_is_refused() -> None:
    app = FlowDropApp(port_config={"compatibilityRules": [{"from": "string", "to": "ledger"}]})
    with pytest.raises(InvalidInput, match="no lane 'ledger'"):
        app.registry()


@pytest.mark.rule("SCH-45")
@pytest.mark.parametrize("wrong", [5, {"name": "No schema"}, {"schema": []}, {"schema": {}, "colour": "#1"}])
def test_a_malformed_shape_of_the_site_is_refused(wrong: Any) -> None:
    with pytest.raises(TraitError, match="invoice"):
        FlowDropApp(shapes={"invoice": wrong})


# Where a schema is served


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@pytest.mark.rule("SCH-46")
@with_invoice
async def test_the_schema_of_a_shape_is_not_repeated_on_ports(api: Api, host: Host) -> None:
    bill = {"type": "object", "x-data-type": "invoice"}
    kind = await published(api, host, parameters={"bill": wired(bill)}, outputs={"bill": output(bill)})
    assert "x-unknown-keyword" not in set(strings(kind))
    assert "schema" not in by_id(kind["inputs"])["bill"]
    assert "schema" not in by_id(kind["outputs"])["bill"]


@pytest.mark.rule("SCH-42", "SCH-46")
@with_invoice
async def test_no_value_is_checked_against_a_shape(api: Api, host: Host) -> None:
    bill = {"x-data-type": "invoice"}
    declare(host, parameters={"bill": configured(bill)})
    data = {"config": {"bill": "no invoice at all"}, "metadata": {"node_type_id": "sample"}}
    saved = await api.post("workflows", {"name": "W", "nodes": [{"id": "a", "data": data}], "edges": []})
    assert saved.status == 201, saved.text
