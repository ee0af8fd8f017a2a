"""The validator on expressions: each has to pass its engine at save (R11)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import node
from server_desk import Api
from validation_desk import faults, refusal

from flowdrop_jupyter.nodes import expression_config


def mapper(engine: str, *values: Any) -> dict[str, Any]:
    """Return a mapper whose outputs are these expressions."""
    outputs = [{"name": f"o{index}", "value": value} for index, value in enumerate(values)]
    return node("a", "data_mapper", engine=engine, dynamicOutputs=outputs)


BAD = {
    "jsonpath": "$.items[",
    "property_path": "items[0",
    "expression_language": "1 +",
    "twig": "{{ name",
}


@pytest.mark.rule("R11")
@pytest.mark.parametrize("engine", BAD)
async def test_each_output_of_a_mapper_has_to_pass_its_engine(api: Api, engine: str) -> None:
    (found,) = await refusal(api, [mapper(engine, "", BAD[engine], None)])
    assert found["code"] == "R11_EXPRESSION_INVALID"
    assert found["locator"] == "node.a.config.dynamicOutputs.1.value"
    assert all(name in found["message"] for name in ("'a'", "dynamicOutputs.1.value", engine, BAD[engine]))


@pytest.mark.rule("R11")
@pytest.mark.parametrize(
    ("kind", "config", "key"),
    [
        ("data_extractor", {"path": "$.items["}, "path"),
        ("data_extractor", {"path": "items[0", "engine": "property_path"}, "path"),
        ("prompt_template", {"template": "Hello {{ name"}, "template"),
        ("data_shaper", {"mapping": {"x": "a[0"}}, "mapping.x"),
        ("data_shaper", {"mapping": {"x": {"_source": "a[0"}}}, "mapping.x._source"),
        ("data_shaper", {"mapping": {"x": {"_source": "a", "_each": {"y": "b[0"}}}}, "mapping.x._each.y"),
    ],
)
async def test_an_expression_that_its_engine_refuses_is_an_error(
    api: Api, kind: str, config: dict[str, Any], key: str
) -> None:
    assert await faults(api, [node("a", kind, **config)]) == [
        ("R11_EXPRESSION_INVALID", f"node.a.config.{key}")
    ]


@pytest.mark.rule("R11")
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("data_extractor", {"path": ""}),
        ("data_extractor", {"path": "$.items[*].name"}),
        ("prompt_template", {"template": ""}),
        ("prompt_template", {"template": "Hello {{ name }}"}),
        ("data_shaper", {"mapping": {"x": "", "y": "_NOW_", "z": "_LITERAL:a[0", "w": "_NULL_"}}),
        ("data_mapper", {"dynamicOutputs": [{"name": "x", "value": ""}, {"name": "y"}]}),
    ],
)
async def test_empty_expressions_and_reserved_sources_are_valid(
    api: Api, kind: str, config: dict[str, Any]
) -> None:
    assert await faults(api, [node("a", kind, **config)]) == []


@pytest.mark.rule("R11", "LANG-2")
async def test_an_unknown_engine_is_reported_by_its_enumeration_alone(api: Api) -> None:
    assert await faults(api, [mapper("clairvoyance", "1 +")]) == [
        ("R6_CONFIG_INVALID", "node.a.config.engine")
    ]


@pytest.mark.rule("R11")
async def test_an_engine_that_breaks_has_refused_the_expression(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(engine: str, text: str) -> None:
        raise ZeroDivisionError("the engine broke")

    monkeypatch.setattr(expression_config, "validate", broken)
    (found,) = await refusal(api, [node("a", "prompt_template", template="Only this test says so.")])
    assert found["code"] == "R11_EXPRESSION_INVALID"
    assert "the engine broke" in found["message"]


@pytest.mark.rule("R6.k", "API-4")
async def test_a_value_that_is_wrong_only_in_a_run_does_not_keep_a_workflow_from_being_saved(
    api: Api,
) -> None:
    reading = node("a", "dataframe_read", path="no/such/file.csv")
    assert await faults(api, [reading, mapper("expression_language", "missing.name / 0") | {"id": "m"}]) == []
