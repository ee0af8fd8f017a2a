"""What the published contract holds, and when it is built again (MAN-1 … MAN-9, MAN-18)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from contract_desk import bound, calc, declaring, saved, schema
from graphs import node, workflow
from server_desk import Api, assert_refused

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import WorkflowRecord
from flowdrop_jupyter.workflow import NodeType
from flowdrop_jupyter.workflow.contract import build_contract


@pytest.fixture(autouse=True)
def _calc(request: pytest.FixtureRequest) -> None:
    if "api" in request.fixturenames:
        request.getfixturevalue("host").registry.add(calc)


@pytest.mark.rule("MAN-1")
async def test_the_contract_holds_what_is_declared_and_no_other_exposed_port(api: Api) -> None:
    published = await saved(api, declaring(bound("numbers", "values")))
    assert list(published["parameter_schema"]["properties"]) == ["numbers"]
    assert published["output_schema"] is None


@pytest.mark.rule("MAN-1")
async def test_a_declared_port_stays_in_the_contract_when_its_node_hides_it(api: Api, host: Host) -> None:
    await saved(api, declaring(bound("numbers", "values")))
    stored = await host.store.workflow("sums")
    assert stored is not None
    stored.nodes[0]["data"]["config"] = {"ports": {"inputs": {"values": {"exposed": False}}}}
    await host.store.save_workflow(stored, new=False)
    built = await api.post("workflows/sums/contract")
    assert list(built.data["parameter_schema"]["properties"]) == ["numbers"]


@pytest.mark.rule("MAN-2")
async def test_required_is_lifted_into_the_list_and_leaves_the_fragment(api: Api) -> None:
    published = await saved(
        api, declaring(bound("mode", required=True), bound("values", required=False), bound("free"))
    )
    assert published["parameter_schema"]["required"] == ["mode"]
    assert "required" not in published["parameter_schema"]["properties"]["mode"]


@pytest.mark.rule("MAN-2")
async def test_an_output_carries_nothing_but_name_and_binding(api: Api, host: Host) -> None:
    words = {"name": "Shown", "description": "d", "examples": [1], "required": True}
    published = await saved(api, declaring(outputs=[bound("total", **words)]))
    assert "required" not in published["output_schema"]
    assert not {"title", "description", "examples"} & set(published["output_schema"]["properties"]["total"])
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert stored.outputs == [{"name": "total", "node_id": "calc.1", "port": "total"}]


@pytest.mark.rule("MAN-3")
@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (bound("x", "values", to="ghost"), "R4_NODE_UNKNOWN"),
        (bound("x", "nowhere"), "R4_PORT_UNKNOWN"),
        (bound("x", "secret"), "R10_EXPOSURE_HIDDEN_PORT"),
    ],
    ids=["node", "port", "hidden"],
)
@pytest.mark.parametrize("side", ["input", "output"])
async def test_an_entry_that_leads_nowhere_is_refused_by_validation(
    api: Api, host: Host, entry: dict[str, Any], code: str, side: str
) -> None:
    body = declaring(interface={f"{side}s": [entry]})
    if side == "output" and code == "R10_EXPOSURE_HIDDEN_PORT":
        hidden = node("calc.1", "calc", ports={"outputs": {"total": {"exposed": False}}})
        body = declaring(nodes=[hidden], outputs=[bound("x", "total")])
    refused = assert_refused(await api.post("workflows", body), 422, "VALIDATION_ERROR")
    assert [(found["code"], found["locator"]) for found in refused["details"]] == [(code, f"schema.{side}.0")]
    assert await host.store.workflows() == []


@pytest.mark.rule("MAN-3")
async def test_an_instance_that_shows_a_hidden_port_may_declare_it(api: Api) -> None:
    shown = node("calc.1", "calc", ports={"inputs": {"secret": {"exposed": True}}})
    published = await saved(api, declaring(bound("secret"), nodes=[shown]))
    assert list(published["parameter_schema"]["properties"]) == ["secret"]


@pytest.mark.rule("MAN-5")
async def test_a_fragment_keeps_twelve_keys_at_every_depth_and_no_annotation(api: Api) -> None:
    published = await saved(api, declaring(bound("values"), bound("count"), bound("digits")))
    fragments = published["parameter_schema"]["properties"]
    assert fragments["values"] == {
        "type": "array",
        "default": [1, None],
        "items": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0}}},
        "x-data-type": "array",
    }
    assert fragments["count"] == {
        "type": "integer",
        "required": True,
        "minimum": 1,
        "maximum": 5,
        "x-data-type": "number",
    }
    assert set(fragments["digits"]) == {
        "type", "minimum", "minLength", "maxLength", "pattern", "x-data-type",
    }  # fmt: skip


@pytest.mark.rule("MAN-5")
async def test_the_ports_words_come_back_in_the_annotated_contract_only(api: Api) -> None:
    plain = await saved(api, declaring(bound("values"), outputs=[bound("total")]))
    assert "title" not in plain["parameter_schema"]["properties"]["values"]
    described = await schema(api, params={"annotated": "1"})
    values = described["parameter_schema"]["properties"]["values"]
    assert (values["title"], values["description"], values["examples"]) == (
        "Values",
        "Numbers to add.",
        [[1, 2]],
    )
    assert values["items"]["properties"]["a"]["title"] == "A"
    assert described["output_schema"]["properties"]["total"]["title"] == "Total"


@pytest.mark.rule("MAN-6")
async def test_the_authors_words_beat_the_ports_and_empty_ones_are_none(api: Api) -> None:
    entry = bound("values", name="Shares", description="", examples=[])
    plain = (await saved(api, declaring(entry)))["parameter_schema"]["properties"]["values"]
    assert plain["title"] == "Shares"
    assert "description" not in plain
    assert "examples" not in plain
    described = (await schema(api, params={"annotated": "1"}))["parameter_schema"]["properties"]["values"]
    assert (described["title"], described["description"]) == ("Shares", "Numbers to add.")


@pytest.mark.rule("MAN-7")
async def test_a_deep_default_is_dropped_and_the_other_keys_stay(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    published = await saved(api, declaring(bound("deep"), bound("values"), bound("mode")))
    fragments = published["parameter_schema"]["properties"]
    assert fragments["deep"] == {"type": "object", "format": "json", "x-data-type": "json"}
    assert fragments["values"]["default"] == [1, None]
    assert fragments["mode"]["default"] is None
    assert any("sums.deep" in record.getMessage() for record in caplog.records)


@pytest.mark.rule("MAN-8")
async def test_what_cannot_be_resolved_is_left_out_with_a_warning(
    api: Api, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    await saved(api, declaring(bound("values")))
    stored = await host.store.workflow("sums")
    assert stored is not None
    whole = {"name": "mode", "node_id": "calc.1", "port": "mode"}
    stored.inputs = [
        {**whole, "name": "ghost", "node_id": "gone"},
        {**whole, "name": "portless", "port": "nowhere"},
        {**whole, "name": ""},
        {"name": "half", "port": "mode"},
        whole,
    ]
    await host.store.save_workflow(stored, new=False)
    caplog.set_level(logging.WARNING)
    built = await api.post("workflows/sums/contract")
    assert list(built.data["parameter_schema"]["properties"]) == ["mode"]
    warned = " ".join(record.getMessage() for record in caplog.records)
    assert "'ghost'" in warned
    assert "'portless'" in warned
    assert "2 input entries" in warned


def _calling(workflow_id: str, *callees: str, **inputs: tuple[str, str]) -> WorkflowRecord:
    """Return a workflow whose node ``n<i>`` runs the i-th callee; *inputs* are ``name=(node, port)``."""
    return workflow(
        [node(f"n{index}", callee) for index, callee in enumerate(callees)],
        [],
        id=workflow_id,
        inputs=[{"name": name, "node_id": at, "port": port} for name, (at, port) in inputs.items()],
    )


@pytest.mark.rule("MAN-9")
def test_building_descends_into_a_workflow_used_as_a_node() -> None:
    inner = _calling("inner", "calc", numbers=("n0", "values"))
    outer = _calling("outer", "runs-inner", wanted=("n0", "numbers"))
    built = build_contract(outer, NodeRegistry([calc]), {"runs-inner": inner}.get)
    assert built.parameter_schema is not None
    wanted = built.parameter_schema["properties"]["wanted"]
    assert (wanted["type"], wanted["items"]["type"], wanted["x-data-type"]) == ("array", "object", "array")


@pytest.mark.rule("MAN-9")
def test_a_workflow_inside_itself_becomes_an_empty_object_schema(caplog: pytest.LogCaptureFixture) -> None:
    one = _calling("one", "runs-two", wanted=("n0", "wanted"))
    two = _calling("two", "runs-one", wanted=("n0", "wanted"))
    built = build_contract(one, NodeRegistry([calc]), {"runs-one": one, "runs-two": two}.get)
    assert built.parameter_schema is not None
    assert built.parameter_schema["properties"]["wanted"] == {"type": "object", "x-data-type": "json"}
    assert "used inside itself" in caplog.text


@pytest.mark.rule("MAN-9")
def test_the_same_workflow_beside_itself_is_built_twice(caplog: pytest.LogCaptureFixture) -> None:
    inner = _calling("inner", "calc", numbers=("n0", "values"))
    outer = _calling("outer", "runs-inner", "runs-inner", left=("n0", "numbers"), right=("n1", "numbers"))
    built = build_contract(outer, NodeRegistry([calc]), {"runs-inner": inner}.get)
    assert built.parameter_schema is not None
    left, right = built.parameter_schema["properties"].values()
    assert left == right
    assert left["type"] == "array"
    assert caplog.text == ""


# When it is built again


@pytest.mark.rule("MAN-18", "STORE-8")
async def test_a_workflow_without_a_build_has_the_all_zero_version(api: Api) -> None:
    published = await saved(api, declaring())
    assert published == {"schema_version": "0.0.0", "parameter_schema": None, "output_schema": None}


@pytest.mark.rule("MAN-18")
@pytest.mark.parametrize("bump", ["major", "minor", "patch"])
async def test_the_first_build_gives_the_first_version_whichever_digit_is_bumped(api: Api, bump: str) -> None:
    published = await saved(api, declaring(bound("values")), params={"bump": bump})
    assert published["schema_version"] == "1.0.0"


@pytest.mark.rule("MAN-18")
@pytest.mark.parametrize(
    ("bump", "version"), [("major", "2.0.0"), ("minor", "1.3.0"), ("patch", "1.2.4"), ("none", "1.2.3")]
)
async def test_a_bump_raises_its_digit_and_clears_the_lower_ones(
    api: Api, host: Host, bump: str, version: str
) -> None:
    await saved(api, declaring(bound("values")))
    stored = await host.store.workflow("sums")
    assert stored is not None
    stored.contract_version = "1.2.3"
    await host.store.save_workflow(stored, new=False)
    body = {"name": "x", "interface": {"inputs": [bound("mode")]}}
    assert (await api.put("workflows/sums", body, params={"bump": bump})).status == 200
    published = await schema(api)
    assert published["schema_version"] == version
    assert list(published["parameter_schema"]["properties"]) == ["mode"]


@pytest.mark.rule("MAN-18")
async def test_the_contract_is_built_again_when_the_manifest_differs_and_not_otherwise(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    same = {
        "name": "Renamed",
        "nodes": declaring()["nodes"],
        "interface": declaring(bound("values"))["interface"],
    }
    await api.put("workflows/sums", same)
    assert (await schema(api))["schema_version"] == "1.0.0"
    worded = {"name": "x", "interface": {"inputs": [bound("values", description="Other words.")]}}
    await api.put("workflows/sums", worded)
    assert (await schema(api))["schema_version"] == "1.1.0"


@pytest.mark.rule("MAN-18")
async def test_a_changed_port_schema_is_taken_over_by_a_forced_build_only(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await saved(api, declaring(bound("values")))
    monkeypatch.setattr(NodeType, "port_schema", lambda *_: {"type": "string", "maxLength": 3})
    await api.put("workflows/sums", declaring(bound("values")))
    assert await schema(api) == before
    built = await api.post("workflows/sums/contract", {"bump": "major"})
    assert built.data["schema_version"] == "2.0.0"
    assert built.data["parameter_schema"]["properties"]["values"]["maxLength"] == 3
    assert await schema(api) == built.data


@pytest.mark.rule("MAN-18")
async def test_a_side_without_entries_stores_no_schema(api: Api) -> None:
    assert (await saved(api, declaring(bound("values"))))["output_schema"] is None
    await api.put("workflows/sums", {"name": "x", "interface": {}})
    emptied = await schema(api)
    assert emptied == {"schema_version": "1.1.0", "parameter_schema": None, "output_schema": None}


@pytest.mark.rule("MAN-18")
async def test_a_failed_build_leaves_the_contract_and_lets_the_save_succeed(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = await saved(api, declaring(bound("values")))

    def broken(*_: Any) -> Any:
        raise RuntimeError("no schema today")

    monkeypatch.setattr("flowdrop_jupyter.sessions.workflows.build_contract", broken)
    reply = await api.put("workflows/sums", {"name": "Other", "interface": {"inputs": [bound("mode")]}})
    assert reply.status == 200, reply.text
    assert (await api.get("workflows/sums")).data["name"] == "Other"
    assert await schema(api) == before
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    assert_refused(await api.post("workflows/sums/contract"), 409, "CONTRACT_NOT_BUILT")


async def test_an_unknown_bump_is_refused_and_changes_nothing(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    for bump in ("Major", "", "1"):
        assert_refused(await api.post("workflows/sums/contract", {"bump": bump}), 400, "BUMP_UNKNOWN")
        assert_refused(
            await api.put("workflows/sums", declaring(), params={"bump": bump}), 400, "BUMP_UNKNOWN"
        )
    assert (await schema(api))["schema_version"] == "1.0.0"
