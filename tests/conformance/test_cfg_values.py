"""CFG-10 to CFG-12: a resolved value against its parameter's schema, on real graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from engine_runs import run_flow
from graphs import edge, node
from hypothesis import given, settings
from hypothesis import strategies as st
from parameter_desk import DYNAMIC, WAYS, open_parameter, probe, refusal, told

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import function_node, resolve_parameters
from flowdrop_jupyter.nodes.constraints import breach_of
from flowdrop_jupyter.workflow import Parameter

ONE_OF_EACH: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "integer": [0, 7, 2**70],
    "float": [0.5, 1.0],
    "string": ["", "1", "true"],
    "array": [[], [1]],
    "object": [{}, {"a": 1}],
}
MATCHING = {
    "boolean": {"boolean"},
    "integer": {"integer"},
    "number": {"integer", "float"},
    "string": {"string"},
    "array": {"array"},
    "object": {"object"},
}
"""Which kinds of value satisfy each type word; an integer is a number."""

BREACHES: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("type", {"type": "string"}, 1, "1"),
    ("enum", {"enum": ["a", "b"]}, "c", "b"),
    ("const", {"const": 1}, 2, 1),
    ("minLength", {"minLength": 2}, "a", "ab"),
    ("maxLength", {"maxLength": 2}, "abc", "🦉🦉"),
    ("pattern", {"pattern": "^[a-z]+$"}, "A", "a"),
    ("format", {"format": "email"}, "nobody", "ada@example.org"),
    ("minimum", {"minimum": 2}, 1, 2),
    ("maximum", {"maximum": 2}, 2.5, 2),
    ("exclusiveMinimum", {"exclusiveMinimum": 2}, 2, 2.1),
    ("exclusiveMaximum", {"exclusiveMaximum": 2}, 2, 1),
    ("multipleOf", {"multipleOf": 0.1}, 0.25, 0.3),
    ("minItems", {"minItems": 1}, [], [1]),
    ("maxItems", {"maxItems": 1}, [1, 2], [1]),
    ("uniqueItems", {"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [1, True, 1.0, "1"]),
    ("minProperties", {"minProperties": 1}, {}, {"a": 1}),
    ("maxProperties", {"maxProperties": 1}, {"a": 1, "b": 2}, {"a": 1}),
    ("required", {"required": ["a"]}, {}, {"a": None}),
    ("type", {"items": {"type": "integer"}}, [1, "2"], [1, 2]),
    ("type", {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", "b"], ["a", 1]),
    ("minimum", {"properties": {"a": {"minimum": 1}}}, {"a": 0}, {"a": 1, "b": 0}),
    ("additionalProperties", {"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, {"a": 1}),
    ("type", {"additionalProperties": {"type": "string"}}, {"b": 1}, {"b": "1"}),
    ("type", {"patternProperties": {"^x": {"type": "string"}}}, {"xa": 1}, {"xa": "1", "a": 1}),
    ("propertyNames", {"propertyNames": {"maxLength": 1}}, {"ab": 1}, {"a": 1}),
    ("type", {"allOf": [{"type": "integer"}, {"minimum": 3}]}, "a", 3),
    ("anyOf", {"anyOf": [{"type": "integer"}, {"minLength": 2}]}, "a", 1),
    ("oneOf", {"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, 1),
    ("not", {"not": {"type": "string"}}, "a", 1),
    ("type", {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "a", 1),
]


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
@pytest.mark.parametrize(("constraint", "schema", "bad", "good"), BREACHES)
async def test_a_breach_fails_the_node_and_names_its_constraint(
    constraint: str, schema: dict[str, Any], bad: Any, good: Any
) -> None:
    error = await refusal({"value": open_parameter(schema)}, wired={"value": bad})
    assert error["code"] == "PARAMETER_INVALID"
    (detail,) = error["details"]
    assert (detail["locator"], detail["constraint"]) == ("value", constraint)
    assert (await told({"value": open_parameter(schema)}, wired={"value": good}))["value"] == good


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("source", ["wire", "launch", "configuration", "type's default", "schema's default"])
async def test_a_value_is_judged_wherever_it_comes_from(source: str, way: str) -> None:
    schema: dict[str, Any] = {"type": "integer"}
    arriving: dict[str, Any] = {
        "wire": {"wired": {"value": "text"}},
        "launch": {"launched": {"value": "text"}},
        "configuration": {"config": {"value": "text"}},
    }.get(source, {})
    stored = "text" if source == "type's default" else None
    if source == "schema's default":
        schema["default"] = "text"
    error = await refusal({"value": open_parameter(schema, stored_default=stored)}, way=way, **arriving)
    assert error["details"][0]["constraint"] == "type"


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("schema", "value", "first"),
    [
        ({"minLength": 3, "format": "email", "type": "integer"}, "a", "type"),
        ({"pattern": "(", "type": "integer"}, "a", "type"),
        ({"minLength": 3, "pattern": "(", "enum": ["abcd"]}, "a", "enum"),
        ({"enum": ["abcd"], "type": "integer"}, "a", "type"),
        ({"properties": {"a": False}, "enum": [{}]}, {"a": 1}, "enum"),
    ],
)
async def test_type_and_enum_are_judged_first_and_alone(
    schema: dict[str, Any], value: Any, first: str
) -> None:
    error = await refusal({"value": open_parameter(schema)}, wired={"value": value})
    assert error["details"][0]["constraint"] == first


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "config"])
async def test_null_is_not_judged(door: str, way: str) -> None:
    schema = {
        "type": "string",
        "enum": ["a"],
        "const": "a",
        "minLength": 3,
        "format": "email",
        "pattern": "x",
        "not": {},
    }
    arriving: dict[str, Any] = {door: {"value": None}}
    assert (await told({"value": open_parameter(schema)}, way=way, **arriving))["value"] is None


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
async def test_null_inside_a_value_is_judged() -> None:
    error = await refusal({"value": open_parameter({"items": {"type": "string"}})}, wired={"value": [None]})
    assert error["details"][0]["constraint"] == "type"


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("choices", "value"),
    [
        ([1], True),
        ([1], 1.0),
        ([True], 1),
        ([0], False),
        ([[1]], [True]),
        ([{"a": 0}], {"a": False}),
        ([1], "1"),
    ],
)
async def test_an_enum_takes_equal_values_of_the_same_type_only(choices: list[Any], value: Any) -> None:
    error = await refusal({"value": open_parameter({"enum": choices})}, wired={"value": value})
    assert error["details"][0]["constraint"] == "enum"
    assert (await told({"value": open_parameter({"enum": choices})}, wired={"value": choices[0]}))[
        "value"
    ] == choices[0]


@pytest.mark.rule("CFG-10")
@pytest.mark.anyio
async def test_an_error_edge_carries_the_refusal() -> None:
    ended = await run_flow(
        [node("probe", "probe", value="text"), node("handler", "see")],
        [edge("probe", "error", "handler", "a")],
        probe({"value": open_parameter({"type": "integer"})}),
    )
    assert ended.outcome.status == "completed"
    envelope = ended.result("handler")["a"]
    assert envelope["code"] == "PARAMETER_INVALID"
    assert envelope["details"][0]["constraint"] == "type"


@pytest.mark.rule("CFG-11")
@pytest.mark.anyio
@pytest.mark.parametrize("word", MATCHING)
@pytest.mark.parametrize("kind", [kind for kind in ONE_OF_EACH if kind != "null"])
async def test_types_match_exactly(word: str, kind: str) -> None:
    parameters = {"value": open_parameter({"type": word})}
    for value in ONE_OF_EACH[kind]:
        if kind in MATCHING[word]:
            given = (await told(parameters, wired={"value": value}))["value"]
            assert (given, type(given)) == (value, type(value))
        else:
            error = await refusal(parameters, wired={"value": value})
            assert error["details"][0]["constraint"] == "type"


@pytest.mark.rule("CFG-11")
@pytest.mark.anyio
@pytest.mark.parametrize(
    "word", ["dataframe", "any", "String", 7, None, [], ["integer", "any"], {}], ids=repr
)
async def test_an_unknown_type_lets_every_value_through(word: Any) -> None:
    # A declared node type is refused such a word (SCH-34); a stored one may still hold it.
    for values in ONE_OF_EACH.values():
        for value in values:
            assert breach_of(value, {"type": word}) is None


@pytest.mark.rule("CFG-11")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("value", "fits"), [(1, True), ("a", True), (1.0, False), (True, False), ([], False)]
)
async def test_of_several_types_one_has_to_match(value: Any, fits: bool) -> None:
    parameters = {"value": open_parameter({"type": ["integer", "string", "null"]})}
    if fits:
        assert (await told(parameters, wired={"value": value}))["value"] == value
    else:
        await refusal(parameters, wired={"value": value})


FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2026-02-28", "2024-02-29"],
        ["2026-02-29", "2026-2-1", "20260201", "2026-02-28T", "", "2026-01-0\u0661"],
    ),
    "time": (["12:00:00Z", "23:59:59.123456789+02:00"], ["24:00:00Z", "12:00", "12:00:00", "12:00:00+25:00"]),
    "date-time": (
        ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00.5-05:30", "2026-01-01 00:00:00Z"],
        ["2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00Z\n", "now"],
    ),
    "email": (
        ["ada@example.org", "a.b+c@sub.example.org"],
        ["ada", "@example.org", "a@", "a@b@c", "a b@c.org"],
    ),
    "hostname": (["example.org", "localhost", "a-b.c"], ["-a.org", "a_b", "a..b", "", "a" * 64, "ü.org"]),
    "ipv4": (["127.0.0.1"], ["256.0.0.1", "1.2.3", "01.2.3.4", "::1"]),
    "ipv6": (["::1", "2001:db8::1"], ["127.0.0.1", ":::", "fe80::1%eth0"]),
    "uri": (
        ["https://example.org/a?b#c", "mailto:ada@example.org"],
        ["example.org", "/a", "http://a b", ":"],
    ),
    "uuid": (["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "x"]),
}


@pytest.mark.rule("CFG-12")
@pytest.mark.anyio
@pytest.mark.parametrize("name", FORMATS)
async def test_a_known_format_is_enforced(name: str) -> None:
    good, bad = FORMATS[name]
    parameters = {"value": open_parameter({"type": "string", "format": name})}
    for text in good:
        assert (await told(parameters, wired={"value": text}))["value"] == text
    for text in bad:
        error = await refusal(parameters, wired={"value": text})
        assert error["details"][0]["constraint"] == "format", text


@pytest.mark.rule("CFG-12")
@pytest.mark.anyio
@pytest.mark.parametrize("name", ["multiline", "hidden", "password", "Email", "no-such-format", ""])
async def test_an_unknown_format_lets_every_value_through(name: str) -> None:
    parameters = {"value": open_parameter({"format": name})}
    for value in ["", "anything at all", 7, [None]]:
        assert (await told(parameters, wired={"value": value}))["value"] == value


@pytest.mark.rule("CFG-12")
@pytest.mark.anyio
@pytest.mark.parametrize("value", [7, ["x"], {"a": 1}, True], ids=repr)
async def test_a_format_speaks_of_texts_only(value: Any) -> None:
    assert (await told({"value": open_parameter({"format": "email"})}, wired={"value": value}))[
        "value"
    ] == value


@pytest.mark.anyio
async def test_a_pattern_that_would_match_for_ever_is_given_up() -> None:
    parameters = {"value": open_parameter({"pattern": "^(a|a)*$"})}
    error = await refusal(parameters, wired={"value": "a" * 60 + "b"})
    assert error["code"] in {"PATTERN_TIMEOUT", "PARAMETER_INVALID"}


@pytest.mark.anyio
async def test_a_value_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {"$ref": "#"}
    assert (await refusal({"value": open_parameter(schema)}, config={"value": 1}))["details"][0][
        "constraint"
    ] == "depth"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
KEYWORDS = st.sampled_from(
    [
        *("type", "enum", "const", "minLength", "maxLength", "pattern", "format", "minimum", "maximum"),
        *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems"),
        *("minProperties", "maxProperties", "required", "items", "prefixItems", "properties"),
        *("patternProperties", "additionalProperties", "propertyNames", "allOf", "anyOf", "oneOf", "not"),
        *("$ref", "default", "title", "hidden"),
    ]
)
WORDS = st.sampled_from(
    ["string", "number", "integer", "boolean", "array", "object", "null", "email", "date-time"]
)
SCHEMAS = st.recursive(
    st.dictionaries(KEYWORDS, JSON | WORDS | st.lists(WORDS, max_size=3), max_size=4),
    lambda inner: st.dictionaries(
        KEYWORDS,
        inner | st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["value", "other", "__internal__", "input", "dynamicInputs", "ports", "more"])
PORTS = st.dictionaries(st.sampled_from(["inputs", "outputs", "x"]), JSON, max_size=2) | JSON
CONFIGS = st.fixed_dictionaries(
    {}, optional={"ports": PORTS, "value": JSON, "other": JSON, "dynamicInputs": JSON}
)


@pytest.mark.rule("CFG-10", "CFG-13", "CFG-14")
@settings(max_examples=300, deadline=None)
@given(
    schemas=st.dictionaries(NAMES, SCHEMAS, max_size=4),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    config=CONFIGS,
    delivered=st.dictionaries(NAMES, JSON, max_size=4),
)
def test_resolution_gives_the_declared_names_or_a_node_error(
    schemas: dict[str, Any],
    flags: tuple[bool, bool, bool, bool],
    config: dict[str, Any],
    delivered: dict[str, Any],
) -> None:
    connectable, configurable, required, exposed = flags
    kind = function_node(probe(DYNAMIC)).node_type
    parameters = {
        name: Parameter(
            schema=schema,
            connectable=connectable,
            configurable=configurable,
            required=required,
            exposed_by_default=exposed,
        )
        for name, schema in schemas.items()
    }
    made = replace(kind, parameters={**DYNAMIC, **parameters})
    try:
        resolved = resolve_parameters(made, config, delivered)
    except NodeError as error:
        code = error.code
    else:
        code = ""
        assert set(made.parameters) <= set(resolved)
        assert set(resolved) - set(made.parameters) <= {"more"} | _names(config.get("dynamicInputs"))
    known = {"PARAMETER_MISSING", "PARAMETER_INVALID", "PATTERN_INVALID", "PATTERN_TIMEOUT"}
    assert code in {"", *known}


def _names(definitions: Any) -> set[str]:
    listed = definitions if isinstance(definitions, list) else []
    return {
        entry["name"] for entry in listed if isinstance(entry, dict) and isinstance(entry.get("name"), str)
    }
