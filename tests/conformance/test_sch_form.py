"""The configuration form of a node type (SCH-20 to SCH-23, SCH-31)."""

from __future__ import annotations

from typing import Any

import pytest
from schema_desk import configured, declare, published, wired
from server_desk import Api

from flowdrop_jupyter.sessions import Host

INSTANCE = {"instanceTitle", "instanceDescription"}
EXECUTABLE = {"maxRetries", "ports"}


@pytest.mark.rule("SCH-20")
async def test_a_choice_of_shapes_is_a_field_whose_default_is_the_types_own(api: Api, host: Host) -> None:
    kind = await published(api, host, shape="simple", shapes=("square", "default"))
    assert kind["type"] == "simple"
    field = kind["configSchema"]["properties"]["nodeType"]
    assert (field["type"], field["enum"], field["default"]) == (
        "string",
        ["simple", "square", "default"],
        "simple",
    )
    assert kind["config"]["nodeType"] == "simple"


@pytest.mark.rule("SCH-20")
async def test_one_shape_is_no_choice(api: Api, host: Host) -> None:
    kind = await published(api, host, shape="simple")
    assert "nodeType" not in kind["configSchema"]["properties"]
    assert "nodeType" not in kind["config"]


@pytest.mark.rule("SCH-20")
async def test_a_schema_cannot_say_which_shapes_there_are(api: Api, host: Host) -> None:
    own = configured({"type": "string", "enum": ["gateway"], "default": "gateway"})
    kind = await published(api, host, shapes=("simple",), parameters={"nodeType": own})
    assert kind["type"] == "default"
    assert kind["configSchema"]["properties"]["nodeType"]["enum"] == ["default", "simple"]
    assert kind["config"]["nodeType"] == "default"


@pytest.mark.rule("SCH-21")
async def test_every_form_has_the_instance_fields_and_executable_ones_two_more(api: Api, host: Host) -> None:
    executable = await published(api, host)
    assert set(executable["configSchema"]["properties"]) == INSTANCE | EXECUTABLE


@pytest.mark.rule("SCH-21")
async def test_a_note_has_the_instance_fields_only(api: Api, host: Host) -> None:
    note = await published(api, host, executable=False, shape="note")
    assert set(note["configSchema"]["properties"]) == INSTANCE


@pytest.mark.rule("SCH-21")
@pytest.mark.parametrize("name", sorted(INSTANCE | EXECUTABLE))
async def test_a_name_that_the_type_declares_is_not_injected(api: Api, host: Host, name: str) -> None:
    own = {"type": "string", "title": "My own"}
    kind = await published(api, host, parameters={name: configured(dict(own))})
    assert kind["configSchema"]["properties"][name] == own


@pytest.mark.rule("SCH-21")
async def test_a_declared_name_without_a_field_stays_without_one(api: Api, host: Host) -> None:
    kind = await published(api, host, parameters={"maxRetries": wired({"type": "integer"})})
    assert "maxRetries" not in kind["configSchema"]["properties"]


@pytest.mark.rule("SCH-22")
async def test_a_dynamic_form_is_described_only_where_the_type_supplies_one(api: Api, host: Host) -> None:
    assert "configEdit" not in await published(api, host)
    declare(host, "edited", config_edit={"preferDynamicSchema": True})
    assert (await api.get("nodes/edited")).data["configEdit"] == {"preferDynamicSchema": True}


def grouped(**orders: Any) -> dict[str, Any]:
    """Return string fields in registered group ``advanced``, or the one before the slash."""
    fields = {}
    for name, order in orders.items():
        group = name.split("_")[0]
        schema: dict[str, Any] = {"type": "string", "x-config-group": group, "x-config-order": order}
        fields[name] = configured(schema)
    return fields


def fields_of(element: dict[str, Any]) -> list[str]:
    return [
        control["scope"].removeprefix("#/properties/")
        for control in element["elements"]
        if control["type"] == "Control"
    ]


def groups_of(layout: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for element in layout["elements"] if element["type"] == "Group"]


@pytest.mark.rule("SCH-23")
@pytest.mark.parametrize("group", [None, "no such group", 5])
async def test_without_a_registered_group_there_is_no_layout(api: Api, host: Host, group: Any) -> None:
    kind = await published(
        api, host, parameters={"a": configured({"type": "string", "x-config-group": group})}
    )
    assert kind["uiSchema"] is None


@pytest.mark.rule("SCH-23")
async def test_a_layout_holds_the_finished_form_and_its_groups_are_closed(api: Api, host: Host) -> None:
    kind = await published(api, host, shapes=("simple",), parameters=grouped(advanced_a=0, odd_b=0))
    layout = kind["uiSchema"]
    (group,) = groups_of(layout)
    assert (fields_of(group), group["defaultOpen"]) == (["advanced_a"], False)
    assert sorted([*fields_of(layout), "advanced_a"]) == sorted(kind["configSchema"]["properties"])


async def served_group(api: Api, config: dict[str, Any]) -> dict[str, Any]:
    data = {"label": "a", "config": config, "metadata": {"node_type_id": "sample"}}
    saved = await api.post("workflows", {"name": "W", "nodes": [{"id": "a", "data": data}], "edges": []})
    assert saved.status == 201, saved.text
    (group,) = groups_of(saved.data["nodes"][0]["data"]["metadata"]["uiSchema"])
    return group


@pytest.mark.rule("SCH-23")
async def test_a_group_is_open_on_an_instance_that_sets_one_of_its_fields(api: Api, host: Host) -> None:
    declare(host, parameters=grouped(advanced_a=0))
    assert (await served_group(api, {"advanced_a": "x"}))["defaultOpen"] is True


@pytest.mark.rule("SCH-23")
async def test_a_group_stays_closed_on_an_instance_that_sets_other_fields(api: Api, host: Host) -> None:
    declare(host, parameters=grouped(advanced_a=0))
    assert (await served_group(api, {"instanceTitle": "x"}))["defaultOpen"] is False


@pytest.mark.rule("SCH-31")
async def test_fields_of_a_layout_are_in_their_declared_order(api: Api, host: Host) -> None:
    orders = {"c": 2, "a": None, "d": "9", "e": -1, "b": 0, "f": 0.5}
    named = {f"advanced_{name}": order for name, order in orders.items()}
    kind = await published(api, host, parameters=grouped(**named))
    (group,) = groups_of(kind["uiSchema"])
    assert [name[-1] for name in fields_of(group)] == ["e", "a", "d", "b", "f", "c"]


@pytest.mark.rule("SCH-31")
async def test_the_old_display_order_sorts_nothing(api: Api, host: Host) -> None:
    fields = grouped(advanced_a=0)
    fields["advanced_b"] = configured({"type": "string", "x-config-group": "advanced", "x-display-order": -5})
    kind = await published(api, host, parameters=fields)
    assert fields_of(groups_of(kind["uiSchema"])[0]) == ["advanced_a", "advanced_b"]


@pytest.mark.rule("SCH-31")
async def test_a_flat_form_keeps_the_order_of_declaration(api: Api, host: Host) -> None:
    fields = {
        "b": configured({"type": "string", "x-config-order": 9}),
        "a": configured({"type": "string", "x-config-order": 1}),
    }
    kind = await published(api, host, parameters=fields)
    assert list(kind["configSchema"]["properties"])[:2] == ["b", "a"]
    assert kind["uiSchema"] is None
