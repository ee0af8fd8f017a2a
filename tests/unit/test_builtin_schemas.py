"""The nodes that check values against JSON Schemas."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin import schemas


def check(data: Any, schema: Any) -> list[dict[str, str]]:
    made = outputs_of("json_validator", {"data": data}, {"jsonSchema": schema})
    assert made["valid"] is (made["errors"] == [])
    assert made["data"] == data
    errors: list[dict[str, str]] = made["errors"]
    return errors


def refusal(schema: Any, data: Any = 1, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node("json_validator", {"data": data}, {"jsonSchema": schema, **config})
    return caught.value


def test_errors_say_where_and_what() -> None:
    schema = {"type": "object", "properties": {"a": {"items": {"type": "integer"}}}, "required": ["b"]}

    assert check({"a": [1, "x"]}, schema) == [
        {"path": "$.a[1]", "message": "'x' is not of type 'integer'", "keyword": "type"},
        {"path": "$", "message": "'b' is a required property", "keyword": "required"},
    ]


@pytest.mark.parametrize("schema", [{}, None, "", "{}", True, '{"type": "integer"}'])
def test_schemas_that_allow_it(schema: Any) -> None:
    assert check(1, schema) == []


def test_a_truth_value_is_no_integer() -> None:
    assert check(True, {"type": "integer"}) != []


@pytest.mark.parametrize(
    ("items", "unique"),
    [([1, 1.0], False), ([1, True], True), ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False), ([[1], [2]], True)],
)
def test_unique_items_compare_as_json(items: list[Any], unique: bool) -> None:
    assert (check(items, {"uniqueItems": True}) == []) is unique


@pytest.mark.parametrize(
    ("data", "good"),
    [({"x-a": 1, "b": "y"}, True), ({"x-a": "1", "b": "y"}, False), ({"c": 1}, False), ({"b": "z"}, False)],
)
def test_properties_by_pattern(data: Any, good: bool) -> None:
    schema = {
        "properties": {"b": {"pattern": "^y$"}},
        "patternProperties": {"^x-": {"type": "integer"}},
        "additionalProperties": False,
    }

    assert (check(data, schema) == []) is good


def test_additional_properties_may_have_a_schema() -> None:
    (error,) = check({"a": 1, "b": "x"}, {"additionalProperties": {"type": "integer"}})

    assert error["path"] == "$.b"


def test_an_older_draft_is_kept() -> None:
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 1, "exclusiveMaximum": True}

    assert check(1, schema) != []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "#"},
        {"$ref": "#/$defs/gone"},
        {"pattern": "["},
        "not json at all: [",
        [1],
        3,
        {"patternProperties": {"a": {}}, "unevaluatedProperties": False},
    ],
)
def test_a_schema_that_is_none_is_refused(schema: Any) -> None:
    error = refusal(schema, "a")

    assert error.code in ("SCHEMA_INVALID", "TEXT_UNREADABLE")
    assert error.details[0]["locator"] == "jsonSchema"


def test_a_schema_cannot_reach_the_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]

        error = refusal({"$ref": f"http://127.0.0.1:{port}/schema"})

        assert error.code == "SCHEMA_INVALID"
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_schema_that_takes_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "MAX_SECONDS", 0.3)
    doubled = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2} for n in range(1, 40)}
    started = time.monotonic()

    error = refusal({"$defs": {"a0": {}, **doubled}, "$ref": "#/$defs/a39"})

    assert error.code == "SCHEMA_TOO_SLOW"
    assert time.monotonic() - started < 5


def test_a_pattern_that_takes_for_ever_is_stopped() -> None:
    assert refusal({"pattern": r"(?:(x+)\1?)+y"}, "x" * 3000).code == "PATTERN_TIMEOUT"


def test_many_items_are_compared_soon() -> None:
    items = [{"n": number} for number in range(20_000)]
    started = time.monotonic()

    assert check(items, {"uniqueItems": True}) == []
    assert time.monotonic() - started < 4


def test_errors_are_bounded() -> None:
    errors = check(["x" * 1000] * 500, {"items": {"type": "integer"}})

    assert len(errors) == schemas.MAX_ERRORS
    assert max(len(error["message"]) for error in errors) < 500


def test_strict_mode_makes_it_an_error() -> None:
    error = refusal({"type": "object", "required": ["a"]}, {}, strictMode=True)

    assert error.code == "DATA_INVALID"
    assert error.details == [
        {"code": "DATA_INVALID", "message": "'a' is a required property", "locator": "$"}
    ]


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        ("json", '[\n  {\n    "a": 1\n  }\n]'),
        (
            "xml",
            '<?xml version="1.0" encoding="UTF-8"?>\n<data>\n  <item>\n    <a>1</a>\n  </item>\n</data>\n',
        ),
        ("yaml", "- a: 1\n"),
        ("csv", "a\n1\n"),
    ],
)
def test_structured_output_in_every_format(kind: str, output: str) -> None:
    made = outputs_of("structured_output", {"data": [{"a": 1}]}, {"format": kind})

    assert made["output"] == output
    assert (made["format"], made["is_valid"], made["validation_errors"]) == (kind, True, [])


@pytest.mark.parametrize(
    ("data", "value"), [('{"a": 1}', {"a": 1}), ("```json\n[1]\n```", [1]), ("hello", "hello"), ("3", 3)]
)
def test_a_model_s_answer_counts_as_what_it_says(data: str, value: Any) -> None:
    assert outputs_of("structured_output", {"data": data})["data"] == value


@pytest.mark.parametrize("validate", [True, False])
def test_structured_output_is_checked_if_wanted(validate: bool) -> None:
    config = {"schema": {"type": "array"}, "validate": validate}

    made = outputs_of("structured_output", {"data": {}}, config)

    assert made["is_valid"] is not validate
    assert len(made["validation_errors"]) == validate
