"""The node types of the official editor's sample data are here, and workflows of them come back the same."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from server_desk import Api

from flowdrop_jupyter.nodes import NodeRegistry


@dataclass(frozen=True)
class Sample:
    """A documented node type: its ports, and the defaults of its configuration."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


SAMPLES: Final[dict[str, Sample]] = {
    "text_input": Sample((), ("text",), ("placeholder", "defaultValue"), {"defaultValue": ""}),
    "file_upload": Sample(
        ("files",),
        ("uploaded_files", "errors", "directory", "total_files", "total_errors"),
        ("directory", "allowedExtensions", "maxFileSize", "overwrite"),
        {"maxFileSize": 10485760, "overwrite": False},
    ),
    "url_fetch": Sample(
        ("url",),
        ("response", "url", "method", "timeout"),
        ("url", "method", "headers", "timeout", "followRedirects", "parseJson"),
        {"method": "GET", "timeout": 30},
    ),
    "webhook": Sample(
        ("payload",),
        ("response", "url", "method", "payload", "headers"),
        ("url", "method", "headers", "timeout"),
        {"method": "POST", "timeout": 30},
    ),
    "form_data_receiver": Sample(
        ("form_data", "submission_id"),
        ("structured_data", "validation_results", "is_valid"),
        ("formId", "requiredFields", "validateEmail"),
    ),
    "text_output": Sample(("text",), (), ("maxLength", "format"), {"maxLength": 1000, "format": "plain"}),
    "chat_output": Sample(
        ("message",),
        ("message", "format", "timestamp"),
        ("message", "format", "showTimestamp"),
        {"format": "text", "showTimestamp": False},
    ),
    "chat_model": Sample(
        ("message",),
        ("response", "model", "temperature", "tokens_used"),
        ("model", "temperature", "maxTokens", "systemPrompt"),
        {"temperature": 0.7, "maxTokens": 1000},
    ),
    "simple_agent": Sample(
        ("message", "tools"),
        ("response", "tools_used"),
        ("systemPrompt", "temperature", "maxTokens"),
        {"temperature": 0.7, "maxTokens": 1000},
    ),
    # The newer page gives it one output, `prompt`, and an input for each variable (decision 13).
    "prompt_template": Sample(("data",), ("prompt",), ("template", "strictMode"), {"strictMode": False}),
    "structured_output": Sample(
        ("data",),
        ("output", "data", "format", "validation_errors", "is_valid"),
        ("format", "schema", "validate"),
    ),
    "if_else": Sample(("data",), (), ("matchText", "operator", "branches")),
    # The documented gateway calls its value `expression`; the older name is accepted (decision 14).
    "switch": Sample(("expression",), (), ("caseSensitive", "branches")),
    "foreach": Sample(
        ("items", "loop_back"),
        ("item", "index", "total", "is_first", "is_last", "completed"),
        ("maxIterations", "continueOnError"),
        {"maxIterations": 1000, "continueOnError": False},
    ),
    "calculator": Sample(
        ("values",),
        ("result", "operation", "values", "precision"),
        ("operation", "precision"),
        {"precision": 2},
    ),
    "date_time": Sample(
        ("datetime",),
        ("datetime", "timestamp", "format", "timezone", "operation", "iso"),
        ("operation", "format", "timezone"),
        {"operation": "current", "timezone": "UTC"},
    ),
    "http_request": Sample(
        ("url", "method", "headers", "body"),
        ("status_code", "headers", "body", "json", "url", "method", "request_time"),
        ("url", "method", "headers", "body", "timeout", "follow_redirects"),
        {"timeout": 30},
    ),
    "notes": Sample((), (), ("content", "noteType")),
    "data_extractor": Sample(("json", "data"), ("data", "path", "success"), ("path",)),
    "data_operations": Sample(
        ("data",),
        ("result", "operation", "input_count", "output_count"),
        ("operation", "key", "value", "condition"),
    ),
    "data_to_json": Sample(("data",), ("json", "success")),
    "json_to_data": Sample(("json",), ("data", "success")),
    "json_validator": Sample(("data",), ("valid", "data", "errors", "schema"), ("jsonSchema", "strictMode")),
    "regex_extractor": Sample(("text",), ("matches", "total_matches"), ("pattern", "flags", "matchAll")),
    "split_text": Sample(
        ("text",),
        ("chunks", "method", "chunk_size", "total_chunks"),
        ("method", "chunkSize", "separator"),
        {"chunkSize": 100},
    ),
    "text_find_replace": Sample(
        ("content",),
        ("processed_content", "replacements_made"),
        ("findText", "replaceText", "caseSensitive", "useRegex", "wholeWordsOnly"),
    ),
    "data_to_dataframe": Sample(
        ("data",), ("dataframe", "rows_count", "columns_count"), ("format", "includeIndex", "orient")
    ),
    "dataframe_operations": Sample(
        ("dataframe",), ("result", "operation", "input_rows", "output_rows"), ("operation",)
    ),
    "message_to_data": Sample(
        ("message",),
        ("data", "format", "extracted_fields", "original_message"),
        ("format", "extractFields"),
    ),
    "save_to_file": Sample(
        ("content",),
        ("success", "filename", "filepath", "bytes_written"),
        ("filename", "format", "append", "directory"),
    ),
    "conversation_buffer": Sample(
        ("message",), ("buffer", "buffer_size"), ("operation", "maxMessages"), {"maxMessages": 10}
    ),
    "conversation_history": Sample(
        ("action", "conversationId", "role", "content", "toolCallId", "metadata"),
        (
            "conversationId",
            "messages",
            "messageCount",
            "found",
            "created",
            "added",
            "cleared",
            "deleted",
            "error",
        ),
        ("systemPrompt", "strategy", "windowSize"),
        {"windowSize": 20, "strategy": "full"},
    ),
    "openai_embeddings": Sample(
        ("texts",), ("embeddings", "model", "usage", "texts_count", "embedding_dimensions"), ("model",)
    ),
    "huggingface_embeddings": Sample(
        ("texts",), ("embeddings", "model", "usage", "texts_count", "embedding_dimensions"), ("model",)
    ),
    "ai_content_analyzer": Sample(),
    "content_classifier": Sample(),
    "content_loader": Sample(),
    "trigger": Sample((), ("output",), ("eventType", "orchestrator"), {"orchestrator": "default"}),
    "data_mapper": Sample((), (), ("dynamicInputs", "dynamicOutputs")),
    "custom_function": Sample((), (), ("dynamicInputs", "dynamicOutputs")),
}


@pytest.fixture(scope="module")
def registry() -> NodeRegistry:
    return NodeRegistry.installed()


@pytest.mark.parametrize("type_id", SAMPLES)
def test_a_documented_node_type_has_its_ports_and_its_configuration(
    registry: NodeRegistry, type_id: str
) -> None:
    kind = registry.node_type(type_id)
    assert kind is not None
    wanted = SAMPLES[type_id]
    assert set(wanted.inputs) <= set(kind.ports("input"))
    assert set(wanted.outputs) <= set(kind.ports("output"))
    assert set(wanted.config) <= set(kind.config_schema()["properties"])
    defaults = kind.config_defaults()
    assert {name: defaults.get(name) for name in wanted.defaults} == wanted.defaults


def as_the_editor_writes_it(registry: NodeRegistry, type_id: str) -> dict[str, Any]:
    """Return a workflow with one node of the type and one beside it, with all that the canvas keeps."""
    kind = registry.node_type(type_id)
    assert kind is not None
    config = {
        **kind.config_defaults(),
        **dict.fromkeys(kind.config_schema()["required"], "x"),
        "instanceTitle": "Mine",
    }
    drawn = {
        "id": f"{type_id}.1",
        "type": "universalNode",
        "position": {"x": 12.5, "y": -3},
        "measured": {"width": 288, "height": 120},
        "style": "opacity: 1",
        "data": {
            "label": kind.name,
            "config": config,
            "metadata": copy.deepcopy(kind.metadata()),
            "extensions": {"ui": {"hideUnconnectedHandles": True}},
        },
    }
    note = registry.node_type("notes")
    assert note is not None
    beside = {
        "id": "notes.9",
        "type": "universalNode",
        "position": {"x": 0, "y": 0},
        "data": {"label": "Note", "config": {"content": "why"}, "metadata": copy.deepcopy(note.metadata())},
    }
    return {
        "id": f"sample-{type_id}",
        "name": f"Sample of {kind.name}",
        "description": "As the editor saves it.",
        "nodes": [drawn, beside],
        "edges": [],
        "metadata": {"version": "2.0.0", "author": "somebody", "tags": ["sample"], "unknown": {"kept": 1}},
    }


@pytest.mark.parametrize("type_id", SAMPLES)
async def test_a_workflow_of_it_validates_saves_and_comes_back_the_same(api: Api, type_id: str) -> None:
    written = as_the_editor_writes_it(NodeRegistry.installed(), type_id)
    verdict = await api.post("workflows/validate", written)
    assert (verdict.data["valid"], verdict.data["errors"]) == (True, [])
    assert (await api.post("workflows", written)).status == 201
    read = (await api.get(f"workflows/{written['id']}")).data
    for key in ("id", "name", "description", "edges"):
        assert read[key] == written[key]
    for sent, kept in zip(written["nodes"], read["nodes"], strict=True):
        assert {key: kept[key] for key in sent if key != "data"} == {
            key: sent[key] for key in sent if key != "data"
        }
        assert {key: kept["data"][key] for key in sent["data"]} == sent["data"]
    assert {key: read["metadata"][key] for key in written["metadata"]} == written["metadata"]
    assert (await api.put(f"workflows/{written['id']}", read)).status == 200
    again = (await api.get(f"workflows/{written['id']}")).data
    assert {key: again[key] for key in again if key not in ("changed", "metadata")} == {
        key: read[key] for key in read if key not in ("changed", "metadata")
    }
