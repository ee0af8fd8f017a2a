"""What saving says of expressions, over HTTP (LANG-2, LANG-3, LANG-10 to LANG-13, LANG-28)."""

from __future__ import annotations

from typing import Any

import pytest
from lang_desk import mapper, refused_codes
from server_desk import Api

from flowdrop_jupyter.expressions import ENGINES

ENGINE_NODES = ["data_extractor", "data_mapper", "data_shaper"]


@pytest.mark.rule("LANG-2")
async def test_the_engine_may_be_exactly_one_of_those_there_are(api: Api) -> None:
    catalog = (await api.get("nodes", params={"limit": "500"})).data
    served = {kind["id"]: kind["configSchema"]["properties"] for kind in catalog}

    assert {name for name, fields in served.items() if "engine" in fields} >= set(ENGINE_NODES)
    for kind in ENGINE_NODES:
        assert sorted(served[kind]["engine"]["enum"]) == sorted(ENGINES)


@pytest.mark.rule("LANG-2")
@pytest.mark.parametrize("kind", ENGINE_NODES)
async def test_another_engine_is_refused_on_save(api: Api, kind: str) -> None:
    assert await refused_codes(api, kind, engine="jinja") == [
        ("R6_CONFIG_INVALID", f"node.{kind}.1.config.engine")
    ]
    for engine in ENGINES:
        assert await refused_codes(api, kind, engine=engine) == []


@pytest.mark.rule("LANG-3")
@pytest.mark.parametrize("engine", ENGINES)
async def test_empty_expressions_are_saved(api: Api, engine: str) -> None:
    assert await refused_codes(api, "data_extractor", path="", engine=engine) == []
    assert await refused_codes(api, "data_mapper", **mapper(engine, out="", other="  ")) == []
    assert await refused_codes(api, "data_shaper", mapping={"a": ""}, engine=engine) == []
    assert await refused_codes(api, "prompt_template", template="") == []


@pytest.mark.rule("LANG-10")
@pytest.mark.parametrize("expression", ["unheard", "unheard.of['it'] + 1", "1 / 0", "true + null"])
async def test_every_name_counts_as_declared_on_save(api: Api, expression: str) -> None:
    assert await refused_codes(api, "data_mapper", **mapper("expression_language", out=expression)) == []


@pytest.mark.rule("LANG-10")
@pytest.mark.parametrize("expression", ["1 +", "unheard(1)", "a.b()", "("])
async def test_a_syntax_error_is_refused_on_save(api: Api, expression: str) -> None:
    assert [
        code
        for code, _ in await refused_codes(
            api, "data_mapper", **mapper("expression_language", out=expression)
        )
    ] == ["R11_EXPRESSION_INVALID"]


@pytest.mark.rule("LANG-11")
@pytest.mark.parametrize(
    "path", ["a.b[0]", "[a]['b'].0", "a . b", "a b.c", "a-b[ 0 ]", "'a'.b", "$.a[*]", "a.$"]
)
async def test_a_path_that_evaluation_could_resolve_is_saved(api: Api, path: str) -> None:
    assert await refused_codes(api, "data_extractor", path=path, engine="property_path") == []


@pytest.mark.rule("LANG-11")
@pytest.mark.parametrize("path", ["a[0", "a..b", "a.", "a[]", "a[0]b"])
async def test_a_path_that_cannot_be_parsed_is_refused(api: Api, path: str) -> None:
    codes = await refused_codes(api, "data_extractor", path=path, engine="property_path")

    assert codes == [("R11_EXPRESSION_INVALID", "node.data_extractor.1.config.path")]


@pytest.mark.rule("LANG-12")
@pytest.mark.parametrize("path", ["a..b", "a[", "{{", "]["])
async def test_with_jsonpath_only_queries_are_checked(api: Api, path: str) -> None:
    assert await refused_codes(api, "data_extractor", path=path, engine="jsonpath") == []


@pytest.mark.rule("LANG-12")
@pytest.mark.parametrize("path", ["$.[invalid", "  $.[invalid", "$.a[", "$ .."])
async def test_a_query_that_does_not_compile_is_refused(api: Api, path: str) -> None:
    codes = await refused_codes(api, "data_extractor", path=path, engine="jsonpath")

    assert [code for code, _ in codes] == ["R11_EXPRESSION_INVALID"]


@pytest.mark.rule("LANG-13")
@pytest.mark.parametrize("template", ["{{ 1 / 0 }}", "{{ unheard.of }}", "{{ unknown() }}"])
async def test_a_template_that_fails_only_in_rendering_is_saved(api: Api, template: str) -> None:
    assert await refused_codes(api, "prompt_template", template=template) == []
    assert await refused_codes(api, "data_mapper", **mapper("twig", out=template)) == []


@pytest.mark.rule("LANG-13")
@pytest.mark.parametrize("template", ["{{ open", "{% if %}", "{{ a|unheard_of }}"])
async def test_a_template_that_does_not_compile_is_refused(api: Api, template: str) -> None:
    codes = await refused_codes(api, "prompt_template", template=template)

    assert codes == [("R11_EXPRESSION_INVALID", "node.prompt_template.1.config.template")]


@pytest.mark.rule("LANG-28")
@pytest.mark.parametrize("operator", ["greater", "EQUALS", "="])
async def test_another_operator_is_refused_on_save(api: Api, operator: str) -> None:
    assert await refused_codes(api, "if_else", operator=operator) == [
        ("R6_CONFIG_INVALID", "node.if_else.1.config.operator")
    ]


@pytest.mark.rule("LANG-28")
async def test_the_operators_are_these_and_no_others(api: Api) -> None:
    kinds = {kind["id"]: kind for kind in (await api.get("nodes", params={"limit": "500"})).data}
    offered = kinds["if_else"]["configSchema"]["properties"]["operator"]["enum"]

    assert set(offered) == {"equals", "not_equals", "contains", "starts_with", "ends_with", "regex"}
    for operator in offered:
        assert await refused_codes(api, "if_else", operator=operator, matchText="(") == []


@pytest.mark.rule("R11")
@pytest.mark.parametrize(
    ("kind", "config", "keys"),
    [
        (
            "data_mapper",
            mapper("expression_language", a="1 +", b="2", c=")"),
            ["dynamicOutputs.0.value", "dynamicOutputs.2.value"],
        ),
        (
            "data_shaper",
            {
                "mapping": {
                    "now": "_NOW_",
                    "text": "_LITERAL:a[",
                    "list": {"_source": "a[", "_each": {"deep": "b["}},
                }
            },
            ["mapping.list._source", "mapping.list._each.deep"],
        ),
        ("custom_function", {"dynamicOutputs": [{"name": "out", "value": "("}]}, ["dynamicOutputs.0.value"]),
    ],
)
async def test_every_expression_of_a_node_is_checked(
    api: Api, kind: str, config: dict[str, Any], keys: list[str]
) -> None:
    codes = await refused_codes(api, kind, **config)

    assert codes == [("R11_EXPRESSION_INVALID", f"node.{kind}.1.config.{key}") for key in keys]
