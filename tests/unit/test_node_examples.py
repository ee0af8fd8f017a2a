"""Every built-in node type has a page with an example, and the example is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from node_runs import REGISTRY, run_node

from flowdrop_jupyter.nodes import Answer, Turn, resolve_parameters, typed_arguments
from flowdrop_jupyter.workflow.node_types import NodeType

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "nodes" / "examples"
KEYS: Final = frozenset(
    {"about", "config", "inputs", "outputs", "branches", "files", "turn", "answers", "needs"}
)
CATEGORIES: Final = frozenset(
    [
        "triggers",
        "inputs",
        "outputs",
        "prompts",
        "models",
        "processing",
        "logic",
        "data",
        "tools",
        "helpers",
        "embeddings",
        "memories",
        "agents",
        "ai",
        "interrupts",
        "bundles",
    ]
) | {"vector stores"}
WITHOUT_EXAMPLE: Final[frozenset[str]] = frozenset()
"""Node types that have no example yet."""

FILES: Final = {path.stem: path for path in sorted(EXAMPLES.glob("*.json"))}


def example(type_id: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILES[type_id].read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("kind", list(REGISTRY), ids=lambda kind: kind.id)
def test_a_node_type_has_an_example_and_can_be_presented(kind: NodeType) -> None:
    assert (kind.id in FILES) is (kind.id not in WITHOUT_EXAMPLE)
    assert kind.description.endswith(".")
    assert kind.icon.startswith("mdi:")
    assert kind.icon != "mdi:cube-outline"
    assert kind.category in CATEGORIES


@pytest.mark.parametrize("kind", list(REGISTRY), ids=lambda kind: kind.id)
def test_every_parameter_of_a_node_type_is_described(kind: NodeType) -> None:
    silent = [name for name, parameter in kind.parameters.items() if not parameter.hidden]
    silent = [name for name in silent if not kind.parameters[name].schema.get("description")]

    assert silent == []


@pytest.mark.parametrize("type_id", FILES)
def test_an_example_uses_ports_and_keys_that_exist(type_id: str) -> None:
    given = example(type_id)
    kind = REGISTRY.node_type(type_id)
    assert kind is not None, f"{FILES[type_id].name} is the example of no built-in node type"

    assert given.keys() <= KEYS
    assert given["about"].endswith(".")
    assert given["config"].keys() <= kind.config_schema()["properties"].keys()
    dynamic_in = {port["name"] for port in given["config"].get("dynamicInputs", [])}
    dynamic_out = {port["name"] for port in given["config"].get("dynamicOutputs", [])}
    assert given["inputs"].keys() <= kind.ports("input").keys() | dynamic_in
    assert given["outputs"].keys() <= kind.ports("output").keys() | dynamic_out


@pytest.mark.parametrize("type_id", FILES)
def test_an_example_gives_what_it_says(type_id: str, tmp_path: Path) -> None:
    given = example(type_id)
    if "needs" in given:
        made = REGISTRY.executor(type_id)
        assert made is not None
        assert typed_arguments(made, resolve_parameters(made.node_type, given["config"], given["inputs"]))
        return
    for name, text in given.get("files", {}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    produced = run_node(
        type_id,
        given["inputs"],
        given["config"],
        root=tmp_path,
        turn=Turn(**given.get("turn", {})),
        answers=tuple(Answer(**answer) for answer in given.get("answers", [])),
    )

    shown = {name: produced.output.get(name, "(no such output)") for name in given["outputs"]}
    assert shown == given["outputs"]
    assert produced.active_branches == given.get("branches")
