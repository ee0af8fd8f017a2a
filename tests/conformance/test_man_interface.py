"""The API's ``interface`` object: what it becomes in storage, and how it is served (MAN-20, MAN-21)."""

from __future__ import annotations

from typing import Any

import pytest
from contents import everything
from contract_desk import bound, calc, declaring, saved, schema
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

TWICE = {"id": "x", "bindings": [{"nodeId": "calc.1", "portId": "values"}] * 2}


@pytest.fixture(autouse=True)
def _calc(host: Host) -> None:
    host.registry.add(calc)


@pytest.mark.rule("MAN-20")
async def test_the_entrys_id_becomes_the_name_of_the_input(api: Api, host: Host) -> None:
    await saved(api, declaring(bound("numbers", "values"), outputs=[bound("sum", "total")]))
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.inputs == [{"name": "numbers", "node_id": "calc.1", "port": "values"}]
    assert stored.outputs == [{"name": "sum", "node_id": "calc.1", "port": "total"}]


@pytest.mark.rule("MAN-20")
@pytest.mark.parametrize("side", ["inputs", "outputs"])
async def test_two_bindings_are_refused_and_nothing_is_stored(api: Api, host: Host, side: str) -> None:
    await api.get("health")
    before = await everything(host.store)
    body = declaring(interface={side: [TWICE]})
    refused = assert_refused(await api.post("workflows", body), 400, "INTERFACE_BINDINGS")
    assert refused["details"][0]["locator"] == f"interface.{side}.0.bindings"
    assert await everything(host.store) == before
    await saved(api, declaring())
    before = await everything(host.store)
    assert_refused(await api.put("workflows/sums", body), 400, "INTERFACE_BINDINGS")
    assert await everything(host.store) == before


@pytest.mark.rule("MAN-20")
@pytest.mark.parametrize("draft", [{"id": "draft", "bindings": []}, {"id": "draft"}, {"bindings": None}])
async def test_an_entry_without_a_binding_is_a_draft_and_silently_left_out(
    api: Api, draft: dict[str, Any]
) -> None:
    created = await api.post("workflows", declaring(draft, bound("values")))
    assert created.status == 201, created.text
    assert [entry["id"] for entry in created.data["interface"]["inputs"]] == ["values"]
    only = await api.post("workflows", {**declaring(draft), "id": "only"})
    assert "interface" not in only.data


@pytest.mark.rule("MAN-20")
async def test_an_inputs_words_round_trip_and_an_outputs_do_not(api: Api) -> None:
    words = {"name": "Shares", "description": "What to add.", "examples": [[1]], "required": True}
    entry, output = bound("values", **words), bound("total", **words)
    created = await api.post("workflows", declaring(entry, outputs=[output]))
    served = created.data["interface"]
    assert {key: served["inputs"][0][key] for key in entry} == entry
    assert set(served["outputs"][0]) == {"id", "dataType", "schema", "bindings"}
    # What was served may be sent back, and changes nothing.
    again = await api.put("workflows/sums", created.data)
    assert again.data["interface"] == served
    assert (await schema(api))["schema_version"] == "1.0.0"


@pytest.mark.rule("MAN-20")
async def test_type_schema_default_and_metadata_of_an_entry_are_ignored(api: Api, host: Host) -> None:
    entry = bound("values", dataType="string", schema={"type": "string"}, defaultValue="x", metadata={"a": 1})
    (served,) = (await api.post("workflows", declaring(entry))).data["interface"]["inputs"]
    assert (served["dataType"], served["schema"]["type"]) == ("array", "array")
    assert not {"defaultValue", "metadata"} & set(served)
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert set(stored.inputs[0]) == {"name", "node_id", "port"}


@pytest.mark.rule("MAN-20")
async def test_an_unknown_node_is_for_the_validation_and_two_bindings_come_before_it(api: Api) -> None:
    ghost = declaring(bound("x", "values", to="ghost"))
    assert_refused(await api.post("workflows", ghost), 422, "VALIDATION_ERROR")
    both = declaring(bound("x", "values", to="ghost"), TWICE)
    assert_refused(await api.post("workflows", both), 400, "INTERFACE_BINDINGS")


@pytest.mark.rule("MAN-20")
@pytest.mark.parametrize(
    "interface",
    [
        "text",
        [1],
        {"inputs": {}},
        {"inputs": [1]},
        {"inputs": [{"id": "x", "bindings": {}}]},
        {"inputs": [{"id": "x", "bindings": ["calc.1"]}]},
        {"inputs": [{"id": 1, "bindings": [{"nodeId": "calc.1", "portId": "values"}]}]},
        {"inputs": [{"id": "x", "bindings": [{"nodeId": 1, "portId": "values"}]}]},
        {"inputs": [bound("values", required="yes")]},
        {"inputs": [bound("values", examples="one")]},
        {"inputs": [bound("values", name=1)]},
    ],
    ids=str,
)
async def test_an_entry_of_the_wrong_form_is_400_and_stores_nothing(
    api: Api, host: Host, interface: Any
) -> None:
    await api.get("health")
    before = await everything(host.store)
    refused = assert_refused(
        await api.post("workflows", declaring(interface=interface)), 400, "INTERFACE_INVALID"
    )
    assert refused["details"][0]["locator"].startswith("interface")
    assert await everything(host.store) == before


# Lane and schema


@pytest.mark.rule("MAN-21")
async def test_lane_and_schema_are_two_things(api: Api) -> None:
    body = declaring(bound("picture"), bound("deep"), bound("free"), outputs=[bound("drawn"), bound("total")])
    interface = (await api.post("workflows", body)).data["interface"]
    described = [
        (entry["id"], entry["dataType"], entry["schema"].get("type")) for entry in interface["inputs"]
    ]
    assert described == [("picture", "image", "string"), ("deep", "json", "object"), ("free", "mixed", None)]
    drawn, total = interface["outputs"]
    assert (drawn["dataType"], drawn["schema"]) == ("image", {"type": "string"})
    assert total["dataType"] == "json"


@pytest.mark.rule("MAN-21")
async def test_the_served_schema_repeats_nothing_that_the_entry_states(api: Api) -> None:
    entry = bound("count", name="Rounds", description="How often.", examples=[2], required=True)
    published = await saved(api, declaring(entry))
    assert published["parameter_schema"]["properties"]["count"]["x-data-type"] == "number"
    (served,) = (await api.get("workflows/sums")).data["interface"]["inputs"]
    assert served["schema"] == {"type": "integer", "minimum": 1, "maximum": 5}


@pytest.mark.rule("MAN-21")
async def test_the_lane_is_read_from_the_pin_and_for_older_contracts_from_the_type(
    api: Api, host: Host
) -> None:
    await saved(api, declaring(bound("picture"), bound("count"), bound("free")))
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.parameter_schema is not None
    fragments = stored.parameter_schema["properties"]
    fragments["picture"]["x-data-type"] = "a-lane-of-another-day"
    del fragments["count"]["x-data-type"]
    del fragments["free"]["x-data-type"]
    await host.store.save_workflow(stored, new=False)
    lanes = [entry["dataType"] for entry in (await api.get("workflows/sums")).data["interface"]["inputs"]]
    assert lanes == ["a-lane-of-another-day", "number", "mixed"]
    await api.post("workflows/sums/contract")
    lanes = [entry["dataType"] for entry in (await api.get("workflows/sums")).data["interface"]["inputs"]]
    assert lanes == ["image", "number", "mixed"]
