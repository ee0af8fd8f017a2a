"""The nodes that begin a turn and the one that answers it, beside the plain cases of all nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from node_runs import REGISTRY, outputs_of, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Files, NodeContext, Turn, function_node
from flowdrop_jupyter.nodes.builtin.outputs import chat_output


def test_what_the_run_was_started_with_is_given_whole_and_by_name() -> None:
    turn = Turn(message="go", inputs={"file": "a.csv", "limit": 3})

    given = run_node("get_workflow_data", {}, {"key": "limit"}, turn=turn).output

    assert given == {"data": {"file": "a.csv", "limit": 3}, "value": 3, "message": "go"}


@pytest.mark.parametrize("key", ["", "gone"])
def test_an_input_that_is_not_there_is_null(key: str) -> None:
    given = run_node("get_workflow_data", {}, {"key": key}, turn=Turn(inputs={"": 1})).output

    assert given["value"] is None


@pytest.mark.parametrize(
    "form",
    [
        {"name": " Ada ", "mail": "ada@example.org"},
        '{"name": "Ada", "mail": "ada@example.org"}',
        [{"name": "name", "value": "Ada"}, {"name": "mail", "value": "ada@example.org"}],
    ],
)
def test_a_form_is_read_in_each_of_its_forms(form: Any) -> None:
    given = outputs_of(
        "form_data_receiver",
        {"form_data": form, "submission_id": "s-1"},
        {"formId": "contact", "requiredFields": ["name"], "validateEmail": True},
    )

    assert given["structured_data"] == {"name": "Ada", "mail": "ada@example.org"}
    assert given["is_valid"] is True
    assert [result["field"] for result in given["validation_results"]] == ["name", "mail"]
    assert (given["form_id"], given["submission_id"]) == ("contact", "s-1")


def test_without_a_form_what_the_run_was_started_with_is_the_form() -> None:
    given = run_node("form_data_receiver", turn=Turn(inputs={"name": "Ada"})).output

    assert given["structured_data"] == {"name": "Ada"}


@pytest.mark.parametrize("value", ["", "   ", None, [], {}])
def test_a_required_field_must_not_be_empty(value: Any) -> None:
    given = outputs_of(
        "form_data_receiver", {"form_data": {"a": value, "b": 0}}, {"requiredFields": ["a", "b"]}
    )

    assert given["is_valid"] is False
    assert [result["valid"] for result in given["validation_results"]] == [False, True]
    assert given["validation_results"][0]["code"] == "FIELD_REQUIRED"


@pytest.mark.parametrize(
    ("address", "valid"),
    [
        ("ada@example.org", True),
        ("a.b+c@mail.example.org", True),
        ("ada", False),
        ("ada@example", False),
        ("@example.org", False),
        ("a b@example.org", False),
        ("ada@example..org", False),
        ("a@" + "b." * 130 + "org", False),
        (5, False),
    ],
)
def test_fields_that_speak_of_mail_are_checked_on_request(address: Any, valid: bool) -> None:
    form = {"form_data": {"E-Mail": address, "other": "x"}}

    assert outputs_of("form_data_receiver", form, {"validateEmail": True})["is_valid"] is valid
    assert outputs_of("form_data_receiver", form)["is_valid"] is True


@pytest.mark.parametrize("form", ["words", "{", 5, [1], ["name"], "[" * 10_000])
def test_what_has_no_fields_is_no_form(form: Any) -> None:
    with pytest.raises(NodeError) as caught:
        outputs_of("form_data_receiver", {"form_data": form})

    assert caught.value.code == "FORM_DATA_INVALID"


def test_an_answer_tells_its_format_and_time() -> None:
    made = function_node(chat_output)
    context = NodeContext(
        node_id="n",
        run_id="r",
        config={},
        files=Files(Path("no-such-folder")),
        turn=Turn(),
        clock=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )

    given = made.function(context, message="Hello", format="markdown", showTimestamp=True)

    assert given.message == "Hello\n\n_2026-01-02 03:04:05 UTC_"
    assert (given.format, given.timestamp) == ("markdown", "2026-01-02T03:04:05.000000Z")


@pytest.mark.parametrize(
    ("type_id", "defaults"),
    [
        ("chat_output", {"message": "", "format": "text", "showTimestamp": False}),
        ("text_input", {"defaultValue": "", "placeholder": "", "nodeType": "simple"}),
        ("text_output", {"maxLength": 1000, "format": "plain", "nodeType": "simple"}),
        ("notes", {"content": "", "noteType": "info"}),
        ("form_data_receiver", {"formId": "", "requiredFields": [], "validateEmail": False}),
        ("http_request", {"method": "GET", "headers": {}, "timeout": 30, "follow_redirects": True}),
        (
            "url_fetch",
            {"method": "GET", "headers": {}, "timeout": 30, "followRedirects": True, "parseJson": True},
        ),
        ("webhook", {"url": "", "method": "POST", "headers": {}, "timeout": 30}),
        (
            "file_upload",
            {"directory": "uploads", "allowedExtensions": [], "maxFileSize": 10_485_760, "overwrite": False},
        ),
        ("save_to_file", {"directory": "", "format": "auto", "append": False}),
    ],
)
def test_the_documented_settings_have_their_defaults(type_id: str, defaults: dict[str, Any]) -> None:
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    assert {name: kind.config_defaults().get(name) for name in defaults} == defaults


@pytest.mark.parametrize(
    ("type_id", "inputs", "outputs"),
    [
        ("file_upload", "files", "uploaded_files errors directory total_files total_errors"),
        ("url_fetch", "url", "response url method timeout"),
        ("webhook", "payload", "response url method payload headers"),
        ("form_data_receiver", "form_data submission_id", "structured_data validation_results is_valid"),
        ("chat_output", "message", "message format timestamp"),
        ("text_output", "text", "text length"),
        ("text_input", "data", "text"),
        (
            "http_request",
            "url method headers body",
            "status_code headers body json url method request_time",
        ),
        ("save_to_file", "content", "success filename filepath bytes_written"),
    ],
)
def test_the_documented_ports_are_there(type_id: str, inputs: str, outputs: str) -> None:
    kind = REGISTRY.node_type(type_id)
    assert kind is not None

    assert set(inputs.split()) <= kind.ports("input").keys()
    assert set(outputs.split()) <= kind.ports("output").keys()
