"""The workflow document: handles, exposure, storage and service forms, validation."""

from typing import Any

import pytest

from flowdrop_jupyter.errors import WorkflowInvalid
from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.store.records import WorkflowRecord
from flowdrop_jupyter.workflow import is_exposed, read_edge, serve_workflow, stored_nodes, validate
from flowdrop_jupyter.workflow.handles import composite, port_name
from flowdrop_jupyter.workflow.lanes import lane_of
from flowdrop_jupyter.workflow.validation import require_valid

REGISTRY = NodeRegistry(NODE_TYPES)


def node(node_id: str, kind: str = "text_input", **config: Any) -> dict[str, Any]:
    return {
        "id": node_id,
        "type": "universalNode",
        "position": {"x": 1, "y": 2},
        "selected": True,
        "measured": {"width": 10},
        "data": {"label": node_id, "nodeId": node_id, "config": config, "metadata": {"id": kind}},
    }


def edge(
    edge_id: str, source: str, target: str, out: str = "text", into: str = "data", **more: Any
) -> dict[str, Any]:
    return {
        "id": edge_id,
        "source": source,
        "target": target,
        "sourceHandle": f"{source}-output-{out}",
        "targetHandle": f"{target}-input-{into}",
        **more,
    }


def codes(nodes: list[Any], edges: list[Any] = ()) -> list[tuple[str, str]]:  # type: ignore[assignment]
    return [(found.code, found.locator) for found in validate(nodes, list(edges), REGISTRY)]


@pytest.mark.rule("EDGE-1")
@pytest.mark.parametrize(
    ("handle", "port"),
    [
        ("n.1-output-text", "text"),
        ("text", "text"),
        ("other-output-a-output-b", "a-output-b"),
        ("n.1-output-x-output-y", "x-output-y"),
        ("", ""),
    ],
)
def test_port_is_what_follows_the_first_marker(handle: str, port: str) -> None:
    assert port_name(handle, "n.1", "output") == port


def test_node_id_with_a_marker_inside_parses_right() -> None:
    assert port_name("a-input-b-input-data", "a-input-b", "input") == "data"


def test_short_handle_becomes_composite_and_a_missing_one_stays_missing() -> None:
    assert composite("text", "n.1", "output") == "n.1-output-text"
    assert composite("", "n.1", "output") == ""


@pytest.mark.rule("EDGE-3", "EDGE-4", "EDGE-5")
@pytest.mark.parametrize(
    ("into", "declared", "kind"),
    [
        ("trigger", None, "trigger"),
        ("loop_back", "data", "loopback"),
        ("loopback", None, "data"),
        ("tool", None, "tool"),
        ("tool", "data", "data"),
        ("data", "tool_availability", "tool"),
        ("data", 7, "data"),
    ],
)
def test_kind_of_an_edge(into: str, declared: Any, kind: str) -> None:
    assert read_edge(edge("e", "a", "b", into=into, data={"edgeType": declared})).kind == kind


def test_edge_with_nothing_in_it_is_read() -> None:
    assert read_edge({}).source == ""


@pytest.mark.rule("SCH-9", "SCH-10", "SCH-35")
@pytest.mark.parametrize(
    ("schema", "lane"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer"}, "number"),
        ({"type": "object"}, "json"),
        ({"type": ["null", "array"]}, "array"),
        ({"type": ["null"]}, "mixed"),
        ({"type": "null"}, "mixed"),
        ({}, "mixed"),
        ({"type": "object", "x-data-type": "dataframe"}, "dataframe"),
        ({"type": "object", "x-data-type": "no such lane"}, "json"),
    ],
)
def test_lane_of_a_schema(schema: dict[str, Any], lane: str) -> None:
    assert lane_of(schema) == lane


@pytest.mark.rule("EXPO-2", "EXPO-3")
@pytest.mark.parametrize(
    "ports",
    [
        {"outputs": {"error": {"exposed": True}}},
        {"outputs": [{"id": "error", "exposed": True}]},
        [{"id": "error", "exposed": True}],
        [{"name": "error", "type": "output", "exposed": True}],
    ],
)
def test_instance_exposes_a_hidden_output_in_each_spelling(ports: Any) -> None:
    kind = REGISTRY.node_type("text_input")
    assert kind is not None
    assert not is_exposed(kind, {}, "output", "error")
    assert is_exposed(kind, {"ports": ports}, "output", "error")


@pytest.mark.rule("EXPO-3")
def test_override_of_an_input_says_nothing_of_the_output() -> None:
    kind = REGISTRY.node_type("text_input")
    assert kind is not None
    assert not is_exposed(kind, {"ports": {"inputs": {"error": {"exposed": True}}}}, "output", "error")


@pytest.mark.rule("STORE-6", "STORE-7")
def test_stored_node_keeps_the_anchor_and_drops_the_editors_state() -> None:
    (stored,) = stored_nodes([node("a")], REGISTRY)
    assert stored["data"] == {"label": "a", "config": {}, "metadata": {"node_type_id": "text_input"}}
    assert "selected" not in stored
    assert stored["measured"] == {"width": 10}
    assert stored_nodes([stored], REGISTRY) == [stored]


@pytest.mark.rule("STORE-6")
def test_node_of_an_unknown_type_is_kept_as_sent() -> None:
    sent = node("a", "gone")
    (stored,) = stored_nodes([sent], REGISTRY)
    assert stored["data"]["metadata"] == {"id": "gone"}


@pytest.mark.rule("STORE-14", "SCH-25")
def test_served_workflow_has_its_keys_in_order_and_live_metadata() -> None:
    record = WorkflowRecord(id="w", name="W", nodes=stored_nodes([node("a")], REGISTRY))
    served = serve_workflow(record, REGISTRY)
    assert list(served) == [
        "id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid",
    ]  # fmt: skip
    data = served["nodes"][0]["data"]
    assert data["nodeId"] == "a"
    kind = REGISTRY.node_type("text_input")
    assert kind is not None
    assert data["metadata"] == kind.metadata()


@pytest.mark.rule("STORE-14")
def test_interface_follows_metadata_when_it_has_ports() -> None:
    record = WorkflowRecord(id="w", name="W", inputs=[{"name": "x", "node_id": "a", "port": "p"}])
    assert list(serve_workflow(record, REGISTRY))[5:7] == ["metadata", "interface"]


def test_sound_workflow_has_no_findings() -> None:
    assert codes([node("a"), node("b")], [edge("e", "a", "b")]) == []


@pytest.mark.rule("R2", "R3", "R5.c", "R6.a", "R9")
def test_each_fault_of_a_node_is_found() -> None:
    wrong = node("c")
    wrong["data"]["config"] = "text"
    faults = codes([node("a"), node("a"), node(""), node("b", "gone"), wrong])
    assert faults == [
        ("R2_NODE_DUPLICATE_ID", "node.a"),
        ("R5_NODE_MISSING_ID", "nodes.2"),
        ("R9_NODE_TYPE_UNKNOWN", "node.b"),
        ("R6_CONFIG_INVALID", "node.c.config"),
    ]


@pytest.mark.rule("R3", "R8.a", "R8.b", "R8.c", "R12", "R13", "EDGE-5")
def test_each_fault_of_an_edge_is_found_with_its_position() -> None:
    nodes = [node("a"), node("b")]
    edges = [
        edge("1", "a", "b"),
        edge("1", "a", "b", into="trigger"),
        edge("", "x", "y"),
        edge("3", "a", "a"),
        edge("4", "a", "b"),
        edge("5", "b", "a", data={"edgeType": "magic"}),
    ]
    assert codes(nodes, edges) == [
        ("R3_EDGE_DUPLICATE_ID", "edge.1"),
        ("R3_EDGE_MISSING_ID", "edge.2"),
        ("R8_EDGE_SOURCE_MISSING", "edge.2"),
        ("R8_EDGE_TARGET_MISSING", "edge.2"),
        ("R12_EDGE_SELF", "edge.3"),
        ("R13_EDGE_PARALLEL_DUPLICATE", "edge.4"),
        ("EDGE_TYPE_UNKNOWN", "edge.5"),
    ]


@pytest.mark.rule("R7.a", "R7.b", "R7.c", "R7.d")
def test_edges_on_hidden_ports_are_refused_until_the_instance_shows_them() -> None:
    nodes = [node("a"), node("b")]
    assert codes(nodes, [edge("1", "a", "b", out="error")]) == [("R7_EDGE_SOURCE_NOT_EXPOSED", "edge.0")]
    assert codes(nodes, [edge("1", "a", "b", into="loop_back")]) == [("R7_EDGE_TARGET_NOT_EXPOSED", "edge.0")]
    shown = node("a", ports={"outputs": {"error": {"exposed": True}}})
    assert codes([shown, node("b")], [edge("1", "a", "b", out="error")]) == []
    assert codes(nodes, [edge("1", "a", "b", out="made_up", into="made_up")]) == []


@pytest.mark.rule("R5.a", "R5.b")
def test_size_limits_are_inclusive() -> None:
    nodes = [node(f"n{index}") for index in range(500)]
    assert codes(nodes) == []
    assert codes([*nodes, node("one more")]) == [("R5_TOO_MANY_NODES", "nodes")]
    edges = [edge(f"e{i}", f"n{i % 499}", f"n{i % 499 + 1}", into=f"p{i}") for i in range(1001)]
    assert codes(nodes, edges[:1000]) == []
    assert codes(nodes, edges) == [("R5_TOO_MANY_EDGES", "edges")]


@pytest.mark.rule("STORE-5")
def test_refusal_says_the_first_fault_and_lists_all() -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        require_valid([node("a"), node("a"), node("b", "gone")], [], REGISTRY)
    assert caught.value.message.startswith("Workflow validation failed: The node id 'a' is used twice.")
    assert [detail["code"] for detail in caught.value.details] == [
        "R2_NODE_DUPLICATE_ID",
        "R9_NODE_TYPE_UNKNOWN",
    ]


def test_oversized_document_is_refused_without_looking_further() -> None:
    assert codes([], [{}] * 100_000) == [("R5_TOO_MANY_EDGES", "edges")]


def test_node_without_a_place_or_configuration_is_served_with_both() -> None:
    odd = {**node("a"), "position": None}
    odd["data"] = {**odd["data"], "config": None}
    served = serve_workflow(WorkflowRecord(id="w", name="W", nodes=[odd]), REGISTRY)["nodes"][0]
    assert served["position"] == {"x": 0, "y": 0}
    assert served["data"]["config"] == {}
