"""The validator on nodes: size, identity and types (R1, R2, R5, R9)."""

from __future__ import annotations

import pytest
from graphs import edge, node
from schema_desk import declare
from server_desk import Api
from validation_desk import faults, refusal

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.sessions import Host


def without_executor(host: Host, monkeypatch: pytest.MonkeyPatch, *type_ids: str) -> None:
    """Make node types known whose executors are not installed, and that refuse to be made."""
    for type_id in type_ids:
        declare(host, type_id)
    available = NodeRegistry.available

    def asked(registry: NodeRegistry, type_id: str) -> bool:
        return type_id not in type_ids and available(registry, type_id)

    def refuse(_registry: NodeRegistry, type_id: str) -> None:
        raise AssertionError(f"the executor of {type_id} was made")

    monkeypatch.setattr(NodeRegistry, "available", asked)
    monkeypatch.setattr(NodeRegistry, "executor", refuse)


@pytest.mark.rule("R1.a", "R1.c")
async def test_a_node_without_its_executor_is_one_error_however_many_ports_it_has(
    api: Api, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_executor(host, monkeypatch, "gone")
    nodes = [node("a", "gone"), node("b", "gone"), node("c", "text_input")]
    edges = [edge("c", "text", "a", "trigger"), edge("c", "text", "b", "trigger")]
    assert await faults(api, nodes, edges) == [
        ("R1_PLUGIN_MISSING", "node.a"),
        ("R1_PLUGIN_MISSING", "node.b"),
    ]


@pytest.mark.rule("R1.b")
async def test_a_node_without_a_type_is_accepted(api: Api) -> None:
    note = {"id": "note.1", "type": "universalNode", "position": {"x": 0, "y": 0}, "data": {"label": "Hello"}}
    assert await faults(api, [note, node("a", "text_input")]) == []


@pytest.mark.rule("R1.b", "R9")
@pytest.mark.parametrize("drawn", ["note", "groupNode", "customShape"])
async def test_what_a_canvas_draws_without_a_node_type_is_accepted(api: Api, drawn: str) -> None:
    shape = {"id": "n", "type": drawn, "position": {"x": 0, "y": 0}, "data": {"label": "Hello"}}
    assert await faults(api, [shape, node("a", "text_input")]) == []


@pytest.mark.rule("R9", "R1.b")
async def test_an_unknown_type_is_reported_once_with_node_and_type(api: Api) -> None:
    (found,) = await refusal(api, [node("a", "teleport"), node("b", "text_input")])
    assert (found["code"], found["locator"]) == ("R9_NODE_TYPE_UNKNOWN", "node.a")
    assert "'a'" in found["message"]
    assert "'teleport'" in found["message"]


@pytest.mark.rule("R2")
async def test_a_repeated_node_id_is_refused(api: Api) -> None:
    nodes = [node("a", "text_input"), node("b", "text_input"), node("a", "text_output")]
    assert await faults(api, nodes) == [("R2_NODE_DUPLICATE_ID", "node.a")]


@pytest.mark.rule("R5.c")
@pytest.mark.parametrize("without", [{}, {"id": ""}, {"id": None}, {"id": 7}])
async def test_a_node_without_an_id_is_named_by_its_position(api: Api, without: dict[str, object]) -> None:
    nameless = {key: value for key, value in node("x", "text_input").items() if key != "id"} | without
    assert await faults(api, [node("a", "text_input"), nameless]) == [("R5_NODE_MISSING_ID", "nodes.1")]


@pytest.mark.rule("R5.a")
async def test_500_nodes_are_accepted_and_501_are_not(api: Api) -> None:
    nodes = [node(f"n{index}", "text_input") for index in range(500)]
    assert await faults(api, nodes) == []
    assert await faults(api, [*nodes, node("more", "text_input")]) == [("R5_TOO_MANY_NODES", "nodes")]


@pytest.mark.rule("R5.b")
async def test_1000_edges_are_accepted_and_1001_are_not(api: Api) -> None:
    nodes = [node(f"n{index}", "prompt_template") for index in range(60)]
    pairs = [(one, other) for one in range(60) for other in range(60) if one != other][:1001]
    edges = [edge(f"n{one}", "prompt", f"n{other}", "data") for one, other in pairs]
    assert await faults(api, nodes, edges[:1000]) == []
    assert await faults(api, nodes, edges) == [("R5_TOO_MANY_EDGES", "edges")]
