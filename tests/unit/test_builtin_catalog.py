"""The data nodes have the ids, categories, ports and settings that existing workflows were written with."""

from __future__ import annotations

from typing import Any

import pytest
from node_runs import REGISTRY

CONTROL = {"trigger", "error", "loop_back", "tool"}
FORMATS = {"format": "json"}

# id: category, inputs shown at first, outputs that are there, defaults of settings
DOCUMENTED: dict[str, tuple[str, set[str], set[str], dict[str, Any]]] = {
    "calculator": (
        "tools", {"values"}, {"result", "operation", "values", "precision"},
        {"operation": "add", "precision": 2},
    ),
    "date_time": (
        "tools", {"datetime"}, {"datetime", "timestamp", "format", "timezone", "operation", "iso"},
        {"operation": "current", "format": "Y-m-d H:i:s", "timezone": "UTC"},
    ),
    "notes": ("tools", set(), set(), {"noteType": "info", "content": ""}),
    "structured_output": (
        "prompts", {"data"}, {"output", "data", "format", "validation_errors", "is_valid"},
        {**FORMATS, "validate": True},
    ),
    "data_operations": (
        "processing", {"data"}, {"result", "operation", "input_count", "output_count"},
        {"operation": "filter", "key": "", "condition": "equals"},
    ),
    "data_to_json": ("processing", {"data"}, {"json", "success"}, {}),
    "json_to_data": ("processing", {"json"}, {"data", "success"}, {}),
    "json_validator": ("processing", {"data"}, {"valid", "data", "errors", "schema"}, {"strictMode": False}),
    "regex_extractor": (
        "processing", {"text"}, {"matches", "total_matches", "pattern", "flags", "match_all"},
        {"pattern": "", "flags": "", "matchAll": False},
    ),
    "split_text": (
        "processing", {"text"}, {"chunks", "method", "chunk_size", "total_chunks"},
        {"method": "words", "chunkSize": 100, "separator": " "},
    ),
    "text_find_replace": (
        "processing", {"content"}, {"processed_content", "replacements_made"},
        {"findText": "", "replaceText": "", "caseSensitive": False, "useRegex": False,
         "wholeWordsOnly": True},
    ),
    "data_to_dataframe": (
        "data", {"data"},
        {"dataframe", "format", "rows_count", "columns_count", "include_index", "orient"},
        {**FORMATS, "includeIndex": False, "orient": "records"},
    ),
    "dataframe_operations": (
        "processing", {"dataframe"}, {"result", "operation", "input_rows", "output_rows", "columns", "rows"},
        {"operation": "head", "columns": [], "rows": 5, "condition": ""},
    ),
    "message_to_data": (
        "data", {"message"}, {"data", "format", "extracted_fields", "original_message"},
        {**FORMATS, "extractFields": []},
    ),
}  # fmt: skip

CHOICES: dict[tuple[str, str], list[str]] = {
    ("calculator", "operation"): [
        "add", "subtract", "multiply", "divide", "power", "sqrt", "average", "min", "max", "median", "mode",
    ],
    ("structured_output", "format"): ["json", "xml", "yaml", "csv"],
    ("message_to_data", "format"): ["json", "csv", "xml", "yaml", "key_value"],
    ("split_text", "method"): ["words", "characters", "sentences", "paragraphs"],
    ("notes", "noteType"): ["info", "warning", "success", "error", "note"],
    ("data_operations", "operation"): [
        "filter", "sort", "group", "map", "reduce", "unique", "slice", "merge",
    ],
    ("data_operations", "condition"): [
        "equals", "not_equals", "contains", "greater_than", "less_than", "greater_than_or_equal",
        "less_than_or_equal", "is_empty", "is_not_empty",
    ],
    ("dataframe_operations", "operation"): [
        "head", "tail", "select", "filter", "sort", "group", "aggregate", "merge",
    ],
    ("data_to_dataframe", "orient"): ["records", "index", "columns", "split"],
}  # fmt: skip


@pytest.mark.parametrize("type_id", DOCUMENTED)
def test_a_node_type_is_as_documented(type_id: str) -> None:
    category, inputs, outputs, defaults = DOCUMENTED[type_id]
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    shown = {
        port for port, served in kind.ports("input").items() if served.get("exposedByDefault") is not False
    }
    assert kind.category == category
    assert shown - CONTROL == inputs
    assert outputs <= kind.ports("output").keys()
    settings = kind.config_defaults()
    assert {key: settings.get(key, "(none)") for key in defaults} == defaults


@pytest.mark.parametrize(("type_id", "key"), CHOICES)
def test_a_setting_offers_the_documented_choices(type_id: str, key: str) -> None:
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    # msgspec sorts the choices; the order says nothing.
    assert sorted(kind.config_schema()["properties"][key]["enum"]) == sorted(CHOICES[type_id, key])


@pytest.mark.parametrize("type_id", DOCUMENTED)
def test_no_input_is_required_on_the_canvas(type_id: str) -> None:
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    assert not any(port["required"] for port in kind.ports("input").values())


def test_the_random_split_has_the_branches_a_and_b() -> None:
    kind = REGISTRY.node_type("a_or_b")
    assert kind is not None

    assert kind.visual_type == "gateway"
    assert [branch["name"] for branch in kind.config_defaults()["branches"]] == ["A", "B"]
