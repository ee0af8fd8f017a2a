"""EXPO: what node types publish of exposure, and what a workflow stores of it, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import document, node
from schema_desk import by_id, published, read
from server_desk import Api

from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.nodes.presets import read_preset
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Output, Parameter

NOT_FALSE = [None, 0, "", "false", True, [], {}]


def wireable(**schema: Any) -> Parameter:
    """Return a parameter with *schema* that may be wired and configured."""
    return Parameter(schema=schema, connectable=True, configurable=True)


@pytest.mark.rule("EXPO-4")
async def test_a_node_that_nobody_touched_stores_no_ports(api: Api, host: Host) -> None:
    body = document([node("a", "text_input", defaultValue="x"), node("b", "chat_output")], [], id="untouched")
    assert (await api.post("workflows", body)).status == 201
    shown = (await api.get("workflows/untouched")).data
    assert (await api.put("workflows/untouched", {"name": "Again", "nodes": shown["nodes"]})).status == 200
    stored = await host.store.workflow("untouched")
    assert stored is not None
    for nodes in (shown["nodes"], stored.nodes, (await api.get("workflows/untouched")).data["nodes"]):
        assert all("ports" not in kept["data"]["config"] for kept in nodes)
        assert all("ports" not in kept["data"].get("metadata", {}).get("config", {}) for kept in nodes)


@pytest.mark.rule("EXPO-4")
async def test_a_port_that_a_type_gains_shows_on_untouched_nodes(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(*names: str) -> Any:
        @node_type(id="grows", parameters={name: wireable() for name in names})
        async def grows() -> None:
            """Grows."""

        return grows

    host.registry.add(version("first"))
    assert (await api.post("workflows", document([node("a", "grows")], [], id="old"))).status == 201
    before = (await api.get("workflows/old")).data["nodes"][0]["data"]
    assert "second" not in by_id(before["metadata"]["inputs"])
    later = type(host.registry)([version("first", "second")])
    monkeypatch.setattr(host.registry, "__dict__", later.__dict__)
    after = (await api.get("workflows/old")).data["nodes"][0]["data"]
    assert "exposedByDefault" not in by_id(after["metadata"]["inputs"])["second"]
    assert after["config"] == before["config"]


@pytest.mark.rule("EXPO-5")
@pytest.mark.parametrize("value", NOT_FALSE, ids=repr)
async def test_a_suggestion_that_is_not_false_leaves_a_port_exposed(api: Api, host: Host, value: Any) -> None:
    shown = await published(
        api,
        host,
        parameters={"port": wireable(**{"x-exposed-by-default": value})},
        outputs={"port": Output(schema={"x-exposed-by-default": value})},
    )
    assert "exposedByDefault" not in by_id(shown["inputs"])["port"]
    assert "exposedByDefault" not in by_id(shown["outputs"])["port"]


@pytest.mark.rule("EXPO-5")
async def test_a_suggestion_of_false_hides_a_port(api: Api, host: Host) -> None:
    shown = await published(
        api,
        host,
        parameters={"port": wireable(**{"x-exposed-by-default": False})},
        outputs={"port": Output(schema={"x-exposed-by-default": False})},
    )
    assert by_id(shown["inputs"])["port"]["exposedByDefault"] is False
    assert by_id(shown["outputs"])["port"]["exposedByDefault"] is False


@pytest.mark.rule("EXPO-7")
@pytest.mark.parametrize(
    ("written", "stored"),
    [(written, stored) for written in [*NOT_FALSE, "absent"] for stored in (True, False)] + [(False, False)],
    ids=repr,
)
async def test_the_published_schema_carries_the_stored_exposure(
    api: Api, host: Host, written: Any, stored: bool
) -> None:
    schema = {} if written == "absent" else {"x-exposed-by-default": written}
    shown = await published(
        api,
        host,
        parameters={"port": Parameter(schema=schema, connectable=True, exposed_by_default=stored)},
        outputs={"port": Output(schema=schema, exposed_by_default=stored)},
    )
    for side in ("inputSchema", "outputSchema"):
        fragment = shown[side]["properties"]["port"]
        if stored:
            assert "x-exposed-by-default" not in fragment
        else:
            assert fragment["x-exposed-by-default"] is False
    assert (await read(api)) == shown


def processor(suggested: Any, *names: str) -> Any:
    """Return a processor whose ports, *names* on both sides, suggest an exposure."""
    schema = {} if suggested is None else {"x-exposed-by-default": suggested}

    @node_type(
        id="processor",
        parameters={name: Parameter(schema=schema, connectable=True) for name in names},
        outputs={name: Output(schema=schema) for name in names},
    )
    async def process() -> None:
        """Processes."""

    return process


def configured_type(exposed: bool | None, *names: str) -> dict[str, Any]:
    """Return a node type on the processor that stores an exposure of its ports, or none."""
    stored = {} if exposed is None else {"exposedByDefault": exposed}
    return {
        "id": "sample",
        "executor_plugin": "processor",
        "label": "Sample",
        "parameters": {name: {"connectable": True, **stored} for name in names},
        "outputs": {name: {**stored} for name in names if stored},
    }


async def exposure(api: Api) -> dict[str, tuple[bool, bool]]:
    """Return the published exposure of each port of the sample: as an input, as an output."""
    shown = await read(api)
    inputs, outputs = by_id(shown["inputs"]), by_id(shown["outputs"])
    return {
        name: tuple(side[name].get("exposedByDefault", True) for side in (inputs, outputs))
        for name in ("port", "gained")
        if name in inputs
    }


@pytest.mark.rule("EXPO-6", "CFG-2")
@pytest.mark.parametrize("stored", [True, False, None])
async def test_what_a_processor_suggests_later_changes_no_configured_type(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch, stored: bool | None
) -> None:
    for suggested in (None, False, True):
        fresh = type(host.registry)([processor(suggested, "port")])
        fresh.add_preset(configured_type(stored, "port"))
        monkeypatch.setattr(host.registry, "__dict__", fresh.__dict__)
        expected = stored is not False
        assert await exposure(api) == {"port": (expected, expected)}


@pytest.mark.rule("EXPO-8")
async def test_a_port_that_a_processor_gained_is_exposed_whatever_it_suggests(api: Api, host: Host) -> None:
    host.registry.add(processor(False, "port", "gained"))
    stored = configured_type(False, "port")
    stored["parameters"]["gained"] = {"connectable": True}
    host.registry.add_preset(stored)
    assert await exposure(api) == {"port": (False, False), "gained": (True, True)}


@pytest.mark.rule("EXPO-16")
def test_no_exposure_is_stored_for_what_is_no_port() -> None:
    flags = {
        "wired": {"connectable": True, "exposedByDefault": False},
        "plain": {"configurable": True, "exposedByDefault": False},
    }
    outputs = {"shown": {"exposedByDefault": False}, "kept_in": {"exposed": False, "exposedByDefault": False}}
    raw = {"id": "s", "executor_plugin": "p", "label": "S", "parameters": flags, "outputs": outputs}
    stored = read_preset(raw).raw
    assert stored["parameters"] == {"wired": flags["wired"], "plain": {"configurable": True}}
    assert stored["outputs"] == {"shown": outputs["shown"], "kept_in": {"exposed": False}}
