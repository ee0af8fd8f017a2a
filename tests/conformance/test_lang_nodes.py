"""The nodes that read an author's expressions, run by the engine (LANG-2, LANG-3, LANG-21 to LANG-29)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lang_desk import failure, mapper, outputs, run_one

from flowdrop_jupyter.clock import parse_time
from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import ENGINES, evaluate
from flowdrop_jupyter.nodes.builtin.logic import compare
from flowdrop_jupyter.nodes.builtin.processing import prompt_template
from flowdrop_jupyter.nodes.shaping import shaped

pytestmark = pytest.mark.anyio

ROWS: dict[str, Any] = {"items": [{"name": "a", "n": 0}, {"name": "b", "n": None}], "flag": False, "text": ""}


@pytest.mark.rule("LANG-2")
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("data_extractor", {"path": "a"}),
        ("data_mapper", mapper("", out="1")),
        ("data_shaper", {"mapping": {"a": "a"}}),
    ],
)
@pytest.mark.parametrize("engine", ["jinja", "JSONPath", "", 7])
async def test_another_engine_is_refused_when_the_parameter_is_resolved(
    kind: str, config: dict[str, Any], engine: Any
) -> None:
    error = await failure(kind, {"a": 1}, **{**config, "engine": engine})

    assert error["code"] == "PARAMETER_INVALID"
    assert error["details"][0]["locator"] == "engine"


@pytest.mark.rule("LANG-2")
async def test_an_unknown_engine_fails_before_any_expression_runs() -> None:
    asked: list[str] = []

    def clock() -> datetime:
        asked.append("now")
        return datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(NodeError) as caught:
        shaped({"a": "x", "b": "_NOW_"}, {"x": 1}, "jinja", clock)

    assert (caught.value.code, asked) == ("ENGINE_UNKNOWN", [])
    with pytest.raises(NodeError) as caught:
        evaluate("jinja", "{{ broken", {})
    assert caught.value.code == "ENGINE_UNKNOWN"


@pytest.mark.rule("LANG-3")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("empty", ["", "  "])
async def test_an_empty_expression_of_a_mapper_gives_null(engine: str, empty: str) -> None:
    given = await outputs("data_mapper", {"a": 1}, **mapper(engine, out=empty))

    assert given["out"] is None


@pytest.mark.rule("LANG-3")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("data", [{"a": 1}, '{"a": 1}', [], 0, None])
async def test_an_extractor_with_an_empty_path_gives_its_input_unchanged(engine: str, data: Any) -> None:
    given = await outputs("data_extractor", data, path="", engine=engine, default="fallback")

    assert given["data"] == data
    assert type(given["data"]) is type(data)
    assert (given["success"], given["matches"]) == (True, 0)


@pytest.mark.rule("LANG-21")
@pytest.mark.parametrize("engine", ENGINES)
async def test_one_failing_output_fails_the_mapper_and_nothing_is_emitted(engine: str) -> None:
    good = {"twig": "{{ 1 }}", "expression_language": "1"}.get(engine, "data")
    bad = {"twig": "{{ 1 / 0 }}", "expression_language": "1 / 0", "jsonpath": "$.["}.get(engine, "a..b")

    error = await failure("data_mapper", {"a": 1}, **mapper(engine, first=good, second=bad, third=good))

    assert "'second'" in error["message"]
    assert error["details"][0]["locator"] == "second"


@pytest.mark.rule("LANG-22", "LANG-29")
@pytest.mark.parametrize(
    ("engine", "path"),
    [
        ("jsonpath", "$.[invalid"),
        ("jsonpath", "a..b"),
        ("property_path", "a["),
        ("property_path", "$.[invalid"),
        ("expression_language", "data.x.y"),
        ("twig", "{{ 1 / 0 }}"),
    ],
)
async def test_a_failing_extraction_takes_the_error_edge_and_not_the_default(engine: str, path: str) -> None:
    error = await failure("data_extractor", {"a": 1}, path=path, engine=engine, default="fallback")

    assert path in error["message"]
    assert f"engine {engine}" in error["message"]


@pytest.mark.rule("LANG-22")
async def test_a_query_that_cannot_run_fails_the_extractor() -> None:
    error = await failure("data_extractor", [[1] * 2000] * 2000, path="$[*][*]", default="fallback")

    assert error["code"] == "PATH_FAILED"
    assert "engine jsonpath" in error["message"]


@pytest.mark.rule("LANG-23")
@pytest.mark.parametrize(
    ("engine", "path", "every", "expected"),
    [
        ("jsonpath", "$.items[*].name", False, "a"),
        ("jsonpath", "$.items[*].name", True, ["a", "b"]),
        ("property_path", "$.items[*].name", False, ["a", "b"]),
        ("jsonpath", "items", False, ROWS["items"]),
        ("property_path", "items", False, ROWS["items"]),
    ],
)
async def test_a_list_is_cut_to_its_first_match_only_for_a_jsonpath(
    engine: str, path: str, every: bool, expected: Any
) -> None:
    given = await outputs("data_extractor", ROWS, path=path, engine=engine, extract_all=every)

    assert given["data"] == expected
    assert given["is_jsonpath"] is path.startswith("$")


@pytest.mark.rule("LANG-24", "LANG-29")
@pytest.mark.parametrize(
    "path", ["nowhere", "items[1].n", "$.nowhere", "$.items[1].n", "$.items[?(@.n > 5)]"]
)
@pytest.mark.parametrize("engine", ["jsonpath", "property_path"])
async def test_a_clean_miss_gives_the_default_and_succeeds(path: str, engine: str) -> None:
    given = await outputs("data_extractor", ROWS, path=path, engine=engine, default="fallback")

    assert (given["data"], given["success"]) == ("fallback", False)


@pytest.mark.rule("LANG-24")
@pytest.mark.parametrize(
    ("path", "expected"), [("flag", False), ("items[0].n", 0), ("text", ""), ("$.flag", False)]
)
async def test_what_is_false_or_empty_is_found_all_the_same(path: str, expected: Any) -> None:
    given = await outputs("data_extractor", ROWS, path=path, default="fallback")

    assert given["data"] == expected
    assert type(given["data"]) is type(expected)
    assert given["success"] is True


@pytest.mark.rule("LANG-25")
@pytest.mark.parametrize("engine", ENGINES)
async def test_reserved_sources_come_before_every_engine(engine: str) -> None:
    mapping = {
        "now": "_NOW_",
        "null": "_NULL_",
        "list": "_EMPTY_ARRAY_",
        "object": "_EMPTY_OBJECT_",
        "text": "_LITERAL: {{ a..b $.[ ",
        "nothing": "_LITERAL:",
    }

    given = (await outputs("data_shaper", {}, mapping=mapping, engine=engine))["data"]

    moment = parse_time(given.pop("now"))
    assert moment is not None
    assert moment.year == 2026  # the clock of the run
    assert given == {"null": None, "list": [], "object": {}, "text": " {{ a..b $.[ ", "nothing": ""}


@pytest.mark.rule("LANG-25")
@pytest.mark.parametrize(
    ("engine", "source"),
    [
        ("property_path", "a..b"),
        ("jsonpath", "$.["),
        ("expression_language", "unheard"),
        ("twig", "{{ 1 / 0 }}"),
    ],
)
async def test_a_failing_source_fails_the_shaper_and_is_named(engine: str, source: str) -> None:
    error = await failure("data_shaper", {"a": 1}, mapping={"good": "_NULL_", "bad": source}, engine=engine)

    assert source in error["message"]
    assert f"engine {engine}" in error["message"]


async def test_a_shaper_goes_into_lists_and_objects() -> None:
    data = {"user": {"name": "Ada", "tags": ["x", "y"]}, "rows": [{"n": 1}, {"n": 2}], "empty": None}
    mapping = {
        "name": "user.name",
        "inner": {"_source": "user", "called": "name", "deep": {"first": "tags[0]"}},
        "rows": {"_source": "rows", "_each": {"number": "n", "kind": "_LITERAL:row"}},
        "numbers": {"_source": "rows", "_each": "n"},
        "tags": {"_source": "user.tags", "_each": ""},
        "none": {"_source": "empty", "_each": "n"},
        "pair": ["user.name", 7, None],
        "missing": "nowhere",
        "whole": {"_source": "user.tags"},
    }

    given = await outputs("data_shaper", data, mapping=mapping)

    assert given["data"] == {
        "name": "Ada",
        "inner": {"called": "Ada", "deep": {"first": "x"}},
        "rows": [{"number": 1, "kind": "row"}, {"number": 2, "kind": "row"}],
        "numbers": [1, 2],
        "tags": ["x", "y"],
        "none": [],
        "pair": ["Ada", 7, None],
        "missing": None,
        "whole": ["x", "y"],
    }


@pytest.mark.rule("LANG-26")
@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{ data", "TEMPLATE_INVALID"),
        ("{{ 1 / 0 }}", "TEMPLATE_FAILED"),
        ("{% include 'x' %}", "TEMPLATE_INVALID"),
    ],
)
async def test_a_failing_prompt_template_takes_the_error_edge(template: str, code: str) -> None:
    error = await failure("prompt_template", {"a": 1}, template=template)

    assert error["code"] == code


@pytest.mark.rule("LANG-26")
async def test_the_original_cause_stays_attached() -> None:
    class Context:
        dynamic_inputs: dict[str, Any] = {}  # noqa: RUF012

    with pytest.raises(NodeError) as caught:
        prompt_template(Context(), template="{{ 1 / 0 }}")  # type: ignore[arg-type]

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    error = await failure("prompt_template", 1, template="{{ 1 / 0 }}")
    assert "division by zero" in error["message"]


async def test_strict_mode_of_a_prompt_template_fails_for_a_missing_variable() -> None:
    error = await failure("prompt_template", {"a": 1}, template="{{ a }} {{ b }}", strictMode=True)

    assert (error["code"], "'b'" in error["message"]) == ("TEMPLATE_FAILED", True)
    assert (await outputs("prompt_template", {"a": 1}, template="{{ a }} {{ b }}"))["prompt"] == "1 "


@pytest.mark.rule("LANG-7")
async def test_a_variable_of_a_prompt_template_is_an_input() -> None:
    given = await outputs("prompt_template", "<Ada>", port="name", template="Hello {{ name }}{{ other }}!")

    assert given["prompt"] == "Hello &lt;Ada&gt;!"


BRANCHES: list[dict[str, Any]] = [
    {"name": "one", "value": 1},
    {"name": "float", "value": 1.0},
    {"name": "text", "value": "1"},
    {"name": "again", "value": "1"},
    {"name": "yes", "value": True},
    {"name": "list", "value": [1]},
    {"name": "null", "value": None},
    {"name": "path", "value": "data.x"},
    {"name": "other", "value": "other"},
]


async def taken(value: Any, **config: Any) -> list[str]:
    ended = await run_one("switch", value, port="expression", **{"branches": BRANCHES, **config})
    assert ended["it"].status == "completed", ended["it"].error
    output, active = ended["it"].output, ended["it"].active_branches
    assert output is not None
    assert active == [output["branch"]]
    return active


@pytest.mark.rule("LANG-27")
@pytest.mark.parametrize(
    ("value", "branch"),
    [(1, "one"), (1.0, "float"), ("1", "text"), (True, "yes"), ([1], "list"), ("data.x", "path")],
)
async def test_a_switch_takes_the_first_branch_of_the_same_type_and_value(value: Any, branch: str) -> None:
    assert await taken(value) == [branch]


@pytest.mark.rule("LANG-27")
@pytest.mark.parametrize("value", [False, 0, [1.0], [True], "ONE", "1 ", {}, 2])
async def test_a_switch_without_a_match_takes_its_default(value: Any) -> None:
    assert await taken(value, default_branch="other") == ["other"]
    assert await taken(value, defaultBranch="other") == ["other"]


@pytest.mark.rule("LANG-27")
@pytest.mark.parametrize("config", [{}, {"default_branch": "nowhere"}, {"default_branch": 7}])
async def test_a_switch_without_a_match_and_a_usable_default_fails(config: dict[str, Any]) -> None:
    assert (await failure("switch", 2, port="expression", branches=BRANCHES, **config))["code"] in {
        "BRANCH_NOT_CONFIGURED",
        "PARAMETER_INVALID",
    }


@pytest.mark.rule("LANG-27")
async def test_only_the_edge_of_the_taken_branch_is_followed() -> None:
    ended = await run_one("switch", "1", port="value", branches=BRANCHES)

    assert ended["it"].active_branches == ["text"]


@pytest.mark.rule("LANG-28")
@pytest.mark.parametrize(
    ("operator", "value", "text", "sensitive", "result"),
    [
        ("equals", "Yes", "yes", False, True),
        ("equals", "Yes", "yes", True, False),
        ("not_equals", "Yes", "yes", False, False),
        ("not_equals", "Yes", "yes", True, True),
        ("contains", "penguins", "GUIN", False, True),
        ("contains", "penguins", "GUIN", True, False),
        ("starts_with", "Penguins", "pen", False, True),
        ("starts_with", "Penguins", "pen", True, False),
        ("ends_with", "penguinS", "ns", False, True),
        ("ends_with", "penguinS", "ns", True, False),
        ("regex", "ABC", "^[a-c]+$", False, True),
        ("regex", "ABC", "^[a-c]+$", True, False),
        ("regex", "7", r"\D", False, False),
        ("regex", "x", r"^\D$", False, True),
        ("regex", "a b", r"\S\s\S", False, True),
    ],
)
async def test_a_condition_compares(
    operator: str, value: str, text: str, sensitive: bool, result: bool
) -> None:
    given = await outputs("if_else", value, operator=operator, matchText=text, caseSensitive=sensitive)

    assert given == {"result": result, "branch": str(result)}


@pytest.mark.rule("LANG-28")
@pytest.mark.parametrize("operator", ["greater", "EQUALS", "", 7])
async def test_another_operator_is_refused_when_the_parameter_is_resolved(operator: Any) -> None:
    error = await failure("if_else", "a", operator=operator)

    assert (error["code"], error["details"][0]["locator"]) == ("PARAMETER_INVALID", "operator")


@pytest.mark.rule("LANG-28")
async def test_another_operator_that_reaches_the_comparison_fails() -> None:
    with pytest.raises(NodeError) as caught:
        compare("a", "greater", "a", case_sensitive=True)  # type: ignore[arg-type]

    assert caught.value.code == "OPERATOR_UNKNOWN"


@pytest.mark.rule("LANG-28", "LANG-29")
async def test_a_pattern_that_does_not_compile_fails_the_node() -> None:
    assert (await failure("if_else", "a", operator="regex", matchText="("))["code"] == "PATTERN_INVALID"


@pytest.mark.rule("LANG-29")
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("data_extractor", {"path": "$.["}),
        ("data_mapper", mapper("expression_language", out="unheard")),
        ("data_shaper", {"mapping": {"a": "a["}}),
        ("prompt_template", {"template": "{{ 1 / 0 }}"}),
        ("if_else", {"operator": "regex", "matchText": "("}),
        (
            "custom_function",
            {"dynamicOutputs": [{"name": "out", "value": "1 / 0"}], "dynamicInputs": [{"name": "data"}]},
        ),
    ],
)
async def test_an_expression_error_fails_the_node_and_without_an_error_edge_the_run(
    kind: str, config: dict[str, Any]
) -> None:
    routed = await failure(kind, {"a": 1}, **config)
    ended = await run_one(kind, {"a": 1}, handled=False, **config)

    assert ended["it"].status == "failed"
    assert ended.outcome.status == "failed"
    assert ended.outcome.error == routed


async def test_a_function_computes_its_results_from_its_arguments() -> None:
    config = {
        "dynamicInputs": [{"name": "data"}, {"name": "unwired"}],
        "dynamicOutputs": [
            {"name": "double", "value": "data * 2"},
            {"name": "given", "value": "unwired ?? 'none'"},
            {"name": "empty", "value": ""},
        ],
    }

    assert await outputs("custom_function", 21, **config) == {"double": 42, "given": "none", "empty": None}


async def test_the_outputs_of_a_mapper_are_wired_by_their_names() -> None:
    definitions = [
        {"name": "error", "value": "1"},
        {"name": "ok", "value": "2"},
        {"name": "ok", "value": "3"},
        "x",
    ]

    given = await outputs(
        "data_mapper",
        1,
        engine="expression_language",
        dynamicInputs=[{"name": "data"}],
        dynamicOutputs=definitions,
    )

    assert given == {"ok": 2}


@pytest.mark.parametrize(("value", "branch"), [(True, "True"), (False, "False")])
@pytest.mark.rule("BR-4")
async def test_a_boolean_gateway_takes_the_branch_of_a_truth_value(value: bool, branch: str) -> None:
    assert await outputs("boolean_gateway", value, port="value") == {"branch": branch, "value": value}


@pytest.mark.rule("BR-4")
@pytest.mark.parametrize("value", [1, 0, "yes", None, [], 1.0])
async def test_a_boolean_gateway_takes_nothing_else_for_a_truth_value(value: Any) -> None:
    error = await failure("boolean_gateway", value, port="value")

    assert error["code"] == "BRANCH_NOT_CONFIGURED"


@pytest.mark.rule("BR-4")
async def test_a_boolean_gateway_compares_texts_in_any_case() -> None:
    branches = [{"name": "yes", "value": "YES"}, {"name": "rest", "value": 7}]

    assert (await outputs("boolean_gateway", "Yes", port="value", branches=branches))["branch"] == "yes"
    assert (await outputs("boolean_gateway", 7, port="value", branches=branches))["branch"] == "rest"
    config = {"branches": branches, "default_branch": "rest"}
    assert (await outputs("boolean_gateway", 7.0, port="value", **config))["branch"] == "rest"
