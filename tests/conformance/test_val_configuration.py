"""The validator on the configuration of nodes (R6, DYN-3)."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import edge, node
from schema_desk import configured, declare
from server_desk import Api
from validation_desk import faults, refusal, warnings

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Parameter

ANYTHING = {"title": "Value"}
INVALID = [("R6_CONFIG_INVALID", "node.a.config.value")]


async def judged(api: Api, host: Host, schema: dict[str, Any], *values: Any) -> list[bool]:
    """Save each value of one parameter and return which were accepted; a refusal is always the same."""
    declare(host, parameters={"value": configured(schema)})
    accepted = []
    for value in values:
        found = await faults(api, [node("a", "sample", value=value)])
        assert found in ([], INVALID)
        accepted.append(not found)
    return accepted


@pytest.mark.rule("R6.a")
@pytest.mark.parametrize("config", ["text", 7, True, ["list"], []])
@pytest.mark.parametrize("kind", ["text_input", "teleport", None])
async def test_a_configuration_has_to_be_an_object_on_every_node(
    api: Api, config: object, kind: str | None
) -> None:
    wrong = node("a", kind or "x")
    wrong["data"]["config"] = config
    if kind is None:
        del wrong["data"]["metadata"]
    found = await faults(api, [wrong])
    assert ("R6_CONFIG_INVALID", "node.a.config") in found
    assert [code for code, _ in found if code.startswith("R6")] == ["R6_CONFIG_INVALID"]


@pytest.mark.rule("R6.a", "R6.i")
async def test_a_configuration_may_be_absent_or_null(api: Api) -> None:
    absent, null = node("a", "text_input"), node("b", "text_input")
    del absent["data"]["config"]
    null["data"]["config"] = None
    assert await faults(api, [absent, null]) == []


@pytest.mark.rule("R6.b")
async def test_each_missing_required_key_is_an_error(api: Api, host: Host) -> None:
    required = {name: configured(required=True) for name in ("one", "two", "three")}
    declare(host, parameters=required)
    assert await faults(api, [node("a", "sample", two="x")]) == [
        ("R6_CONFIG_REQUIRED", "node.a.config.one"),
        ("R6_CONFIG_REQUIRED", "node.a.config.three"),
    ]


@pytest.mark.rule("R6.b")
async def test_a_required_key_that_can_also_be_wired_may_be_absent_without_any_wire(
    api: Api, host: Host
) -> None:
    both = Parameter(schema={"type": "string"}, connectable=True, configurable=True, required=True)
    declare(host, parameters={"value": both})
    assert await faults(api, [node("a", "sample")]) == []


@pytest.mark.rule("R6.b")
async def test_a_wire_does_not_stand_for_a_required_key(api: Api, host: Host) -> None:
    declare(host, parameters={"value": configured(required=True)})
    nodes = [node("b", "text_input"), node("a", "sample")]
    found = await faults(api, nodes, [edge("b", "text", "a", "value")])
    assert found == [("R6_CONFIG_REQUIRED", "node.a.config.value")]


@pytest.mark.rule("R6.i", "R6.b")
async def test_null_satisfies_a_required_key_and_every_constraint(api: Api, host: Host) -> None:
    schema = {"type": "string", "enum": ["x"], "minLength": 3, "pattern": "^y$"}
    declare(host, parameters={"value": configured(schema, required=True)})
    assert await faults(api, [node("a", "sample", value=None)]) == []


@pytest.mark.rule("R6.c")
async def test_an_unknown_key_is_a_warning_and_is_stored(api: Api) -> None:
    sent = node("a", "text_input", nonsense=1, defaultValue="x")
    (found,) = await warnings(api, [sent])
    assert (found["code"], found["locator"]) == ("W_CONFIG_UNKNOWN", "node.a.config.nonsense")


@pytest.mark.rule("R6.d")
@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "7"], [7, True, [], {}]),
        ("integer", [0, -3, 10**30], [1.5, 1.0, "1", True, [], {}]),
        ("number", [0, 1.5, -2], ["1", True, [], {}]),
        ("boolean", [True, False], [0, 1, "true", []]),
        ("array", [[], [1]], [{}, "[]", 0]),
        ("object", [{}, {"a": 1}], [[], "{}", 0]),
        (["string", "null"], ["x"], [1, []]),
        (["string", "number"], ["x", 1.5], [True, {}]),
        (None, ["x", 1, True, [], {}], []),
    ],
)
async def test_a_value_has_the_type_that_the_schema_says(
    api: Api, host: Host, kind: Any, good: list[Any], bad: list[Any]
) -> None:
    schema = ANYTHING if kind is None else {"type": kind}
    assert await judged(api, host, schema, *good, *bad) == [True] * len(good) + [False] * len(bad)


@pytest.mark.rule("R6.e")
async def test_an_enumeration_is_compared_without_any_coercion(api: Api, host: Host) -> None:
    schema = {"enum": [1, "two", True, [1, {"a": "b"}]]}
    good = [1, "two", True, [1, {"a": "b"}]]
    bad = ["1", 2, "Two", "True", False, 0, [True, {"a": "b"}], [1], {"a": "b"}]
    assert await judged(api, host, schema, *good, *bad) == [True] * len(good) + [False] * len(bad)


@pytest.mark.rule("R6.e")
async def test_one_is_not_true_in_an_enumeration(api: Api, host: Host) -> None:
    assert await judged(api, host, {"enum": [1]}, 1, True) == [True, False]


@pytest.mark.rule("R6.f")
async def test_bounds_are_inclusive_and_compare_numbers_only(api: Api, host: Host) -> None:
    values = [2, 4, 2.0, 3.999, 1.999, 4.001, -(10**40), "1", "99", True]
    verdicts = [True, True, True, True, False, False, False, True, True, True]
    assert await judged(api, host, {"minimum": 2, "maximum": 4}, *values) == verdicts


@pytest.mark.rule("R6.g")
async def test_lengths_are_counted_in_code_points(api: Api, host: Host) -> None:
    # The last one is a single picture of five code points.
    values = ["ab", "abcd", "🙂🙂", "🙂🙂🙂🙂", "a", "abcde", "🙂", "👩\u200d👩\u200d👦"]
    verdicts = [True, True, True, True, False, False, False, False]
    assert await judged(api, host, {"minLength": 2, "maxLength": 4}, *values) == verdicts


@pytest.mark.rule("R6.h")
async def test_a_text_has_to_match_the_pattern(api: Api, host: Host) -> None:
    assert await judged(api, host, {"pattern": "^[a-z]+$"}, "abc", "Abc", "", 7) == [True, False, False, True]


@pytest.mark.rule("R6.h")
async def test_a_pattern_that_cannot_be_read_is_not_the_authors_fault(api: Api, host: Host) -> None:
    assert await judged(api, host, {"pattern": "^([a-z"}, "anything") == [True]


async def test_a_pattern_that_takes_too_long_refuses_the_value(api: Api, host: Host) -> None:
    assert await judged(api, host, {"pattern": "^(a|aa)+$"}, "a" * 60 + "!") == [False]


@pytest.mark.rule("R6.d")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "a text"),
        ("qq", "one of"),
        ("a", "at least 2 characters"),
        ("abcdef", "at most 5 characters"),
        ("ABC", "the pattern"),
    ],
)
async def test_the_first_constraint_that_fails_is_the_only_one_reported(
    api: Api, host: Host, value: object, said: str
) -> None:
    enum = ["a", "abcdef", "ABC", 7]
    schema = {"type": "string", "enum": enum, "minLength": 2, "maxLength": 5, "pattern": "^[b-z]$"}
    declare(host, parameters={"value": configured(schema)})
    (found,) = await refusal(api, [node("a", "sample", value=value)])
    assert (found["code"], found["locator"]) == INVALID[0]
    assert said in found["message"]


@pytest.mark.rule("R6.f")
async def test_the_lower_bound_is_judged_before_the_upper_one(api: Api, host: Host) -> None:
    declare(host, parameters={"value": configured({"minimum": 5, "maximum": 3})})
    (found,) = await refusal(api, [node("a", "sample", value=4)])
    assert "at least 5" in found["message"]


@pytest.mark.rule("R6.j")
async def test_of_a_node_of_unknown_type_only_the_type_is_reported(api: Api) -> None:
    unknown = node("a", "teleport", anything=1, engine="none")
    assert await faults(api, [unknown]) == [("R9_NODE_TYPE_UNKNOWN", "node.a")]
    body = {"name": "x", "nodes": [unknown], "edges": []}
    assert (await api.post("workflows/validate", body)).data["warnings"] == []


@pytest.mark.rule("R6.l")
@pytest.mark.parametrize(
    "value",
    [
        "Bearer {{ secrets.TOKEN }}",
        "{{ secrets.A }} and ${{ secrets.B }}",
        {"headers": {"Authorization": "{{ secrets.TOKEN }}"}},
        [["x"], [{"y": "{{ secrets.TOKEN }}"}]],
    ],
)
async def test_a_secret_that_lacks_its_dollar_is_a_warning_at_any_depth(
    api: Api, host: Host, value: object
) -> None:
    declare(host, parameters={"value": configured(ANYTHING)})
    (found,) = await warnings(api, [node("a", "sample", value=value)])
    assert (found["code"], found["locator"]) == ("W_SECRET_SYNTAX", "node.a.config.value")
    assert "${{ secrets.NAME }}" in found["message"]


@pytest.mark.rule("R6.l")
@pytest.mark.parametrize("value", ["${{ secrets.TOKEN }}", "{{ secretary.name }}", "secrets.TOKEN", 7])
async def test_a_secret_written_right_is_silent(api: Api, host: Host, value: object) -> None:
    declare(host, parameters={"value": configured(ANYTHING)})
    assert await warnings(api, [node("a", "sample", value=value)]) == []


@pytest.mark.rule("DYN-3")
@pytest.mark.parametrize(
    ("inputs", "outputs", "places"),
    [
        (["in_1", "Alpha2", "a"], ["b"], []),
        (["pörtchen"], [], ["dynamicInputs.0"]),
        (["fine", "1st", ""], ["two words", "x\n"], ["dynamicInputs.1", "dynamicInputs.2"]),
        (["same"], ["same"], ["dynamicOutputs.0"]),
        (["trigger"], [], ["dynamicInputs.0"]),
    ],
)
async def test_a_dynamic_port_has_a_plain_name_of_its_own(
    api: Api, inputs: list[str], outputs: list[str], places: list[str]
) -> None:
    config = {
        "dynamicInputs": [{"name": name} for name in inputs],
        "dynamicOutputs": [{"name": name} for name in outputs],
    }
    found = await faults(api, [node("a", "data_mapper", **config)])
    if "two words" in outputs:
        places = [*places, "dynamicOutputs.0", "dynamicOutputs.1"]
    assert found == [("DYNAMIC_PORT_INVALID", f"node.a.config.{place}") for place in places]
