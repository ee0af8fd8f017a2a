"""The categories of the palette (META-1)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from schema_desk import declare
from server_desk import Api
from traitlets import TraitError

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import Host

KEYS = ["name", "label", "icon", "color", "description"]
OWN = {"name": "lab", "label": "Our lab", "icon": "mdi:flask", "color": "#123", "description": "Ours."}


async def rows(api: Api) -> dict[str, dict[str, Any]]:
    listed = (await api.get("categories")).data
    found = {row["name"]: row for row in listed}
    assert len(found) == len(listed)
    return found


@pytest.mark.rule("META-1")
@pytest.mark.parametrize("flowdrop_config", [{}, {"categories": [{"name": "lab", "label": "Our lab"}]}])
async def test_rows_have_these_keys_in_this_order_and_texts_only(api: Api) -> None:
    for row in (await rows(api)).values():
        assert list(row) == KEYS
        assert all(isinstance(value, str) for value in row.values())
        assert row["name"]
        assert row["label"]


@pytest.mark.rule("META-1")
async def test_the_envelope_is_that_of_every_other_answer(api: Api) -> None:
    answer = await api.get("categories")
    other = await api.get("port-config")
    assert list(answer.body) == list(other.body) == ["success", "data"]
    assert answer.raw == msgspec.json.encode({"success": True, "data": answer.data})


@pytest.mark.rule("META-1")
@pytest.mark.parametrize(
    "flowdrop_config", [{"categories": [{"name": "agents", "label": "Agents", "enabled": False}]}]
)
async def test_a_disabled_category_is_absent(api: Api, host: Host) -> None:
    declare(host, category="agents")
    assert "agents" not in await rows(api)
    assert "data" in await rows(api)


@pytest.mark.parametrize("flowdrop_config", [{"categories": [OWN]}])
async def test_a_site_adds_a_category(api: Api) -> None:
    found = await rows(api)
    assert found["lab"] == OWN
    assert "processing" in found


@pytest.mark.parametrize("flowdrop_config", [{"categories": [{**OWN, "name": "data"}]}])
async def test_a_site_replaces_a_shipped_category_in_its_place(api: Api) -> None:
    found = await rows(api)
    assert found["data"] == {**OWN, "name": "data"}
    assert list(found).index("data") < list(found).index("bundles")


async def test_a_category_that_only_a_node_type_names_appears(api: Api, host: Host) -> None:
    declare(host, category="wet_lab")
    assert (await rows(api))["wet_lab"]["label"] == "Wet lab"


async def test_a_category_that_only_a_disabled_type_names_does_not(api: Api, host: Host) -> None:
    declare(host)
    host.registry.add_preset(
        {"id": "off", "executor_plugin": "sample", "label": "Off", "category": "wet_lab", "enabled": False}
    )
    assert "wet_lab" not in await rows(api)


async def test_every_category_in_use_is_listed(api: Api) -> None:
    assert {kind["category"] for kind in (await api.get("nodes")).data} <= set(await rows(api))


@pytest.mark.parametrize(
    "wrong", [{"name": "x"}, {"name": "", "label": "X"}, {"name": "x", "label": 5}, {**OWN, "id": "lab"}]
)
def test_a_malformed_category_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(TraitError, match="category number 0"):
        FlowDropApp(categories=[wrong])


def test_a_category_declared_twice_is_refused_at_the_start() -> None:
    with pytest.raises(TraitError, match="twice"):
        FlowDropApp(categories=[OWN, OWN])
