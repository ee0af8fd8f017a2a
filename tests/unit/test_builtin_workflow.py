"""The example workflow is what the editor would write today from the installed node types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowdrop_jupyter.expressions import template_variables
from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.workflow.validation import validate

REGISTRY = NodeRegistry(NODE_TYPES)
FILE = Path(__file__).parents[2] / "notebooks" / "data-quality-assistant.flowdrop.json"
WORKFLOW: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
NODES: dict[str, dict[str, Any]] = {node["id"]: node for node in WORKFLOW["nodes"]}


def ports(node_id: str, direction: str) -> dict[str, str]:
    """The lanes of a node's ports by id, dynamic ones and branches included."""
    data = NODES[node_id]["data"]
    lanes = {port["id"]: port["dataType"] for port in data["metadata"][f"{direction}s"]}
    if direction == "input":
        return lanes | {port["name"]: port["dataType"] for port in data["config"].get("dynamicInputs", [])}
    return lanes | {branch["name"]: "trigger" for branch in data["config"].get("branches", [])}


def test_the_workflow_is_valid() -> None:
    assert validate(WORKFLOW["nodes"], WORKFLOW["edges"], REGISTRY) == []


@pytest.mark.parametrize("node_id", NODES)
def test_a_node_is_as_the_editor_writes_it(node_id: str) -> None:
    node = NODES[node_id]
    type_id = node_id.rpartition(".")[0]
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    assert node["type"] == "universalNode"
    assert node["data"]["nodeId"] == node_id
    assert node["data"]["metadata"] == json.loads(json.dumps(kind.metadata()))
    assert node["data"]["config"].keys() - {"ports"} <= kind.config_schema()["properties"].keys()
    assert node["data"]["config"].keys() >= kind.config_defaults().keys()


@pytest.mark.parametrize("edge", WORKFLOW["edges"], ids=lambda edge: edge["id"])
def test_an_edge_joins_ports_that_exist(edge: dict[str, Any]) -> None:
    source, target = edge["source"], edge["target"]
    source_port = edge["sourceHandle"].removeprefix(f"{source}-output-")
    target_port = edge["targetHandle"].removeprefix(f"{target}-input-")
    kind = ports(source, "output")[source_port]

    assert edge["data"]["metadata"] == {
        "edgeType": "trigger" if target_port == "trigger" else "data",
        "sourcePortDataType": kind,
    }
    assert (kind == "trigger") == (target_port == "trigger")
    assert ports(target, "input")[target_port] in (kind, "mixed", "json", "string")


def test_edge_ids_and_positions_are_unique() -> None:
    edges = [edge["id"] for edge in WORKFLOW["edges"]]
    places = [(node["position"]["x"], node["position"]["y"]) for node in WORKFLOW["nodes"]]

    assert len(edges) == len(set(edges))
    assert len(places) == len(set(places))


def test_every_variable_of_a_template_is_a_wired_port() -> None:
    wired = {edge["targetHandle"] for edge in WORKFLOW["edges"]}
    for node_id, node in NODES.items():
        if not node_id.startswith("prompt_template."):
            continue
        config = node["data"]["config"]
        variables = set(template_variables(config["template"]))
        assert variables == {port["name"] for port in config["dynamicInputs"]}
        assert {f"{node_id}-input-{name}" for name in variables} <= wired


def test_markdown_and_paths_pass_through_templates_raw() -> None:
    question = NODES["prompt_template.1"]["data"]["config"]["template"]

    assert "path|raw" in question


def test_the_file_is_printed_as_it_is_generated() -> None:
    assert FILE.read_text(encoding="utf-8") == json.dumps(WORKFLOW, indent=2, ensure_ascii=False) + "\n"


def test_the_data_file_of_the_workflow_is_beside_it() -> None:
    assert (FILE.parent / NODES["dataframe_read.1"]["data"]["config"]["path"]).is_file()
