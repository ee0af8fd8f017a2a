"""Texts of JSON, CSV, XML, YAML and key-value lines, read and written."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes.builtin.formats import read_text, written

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


def read(message: Any, kind: str = "json", **config: Any) -> Any:
    return outputs_of("message_to_data", {"message": message}, {"format": kind, **config})["data"]


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any] | None = None) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


@given(PLAIN)
def test_json_goes_there_and_back(value: Any) -> None:
    text = outputs_of("data_to_json", {"data": value})

    assert text["success"] is True
    assert outputs_of("json_to_data", {"json": text["json"]}) == {"data": value, "success": True}


def test_nothing_to_read_is_no_success() -> None:
    assert outputs_of("json_to_data", {"json": " \n"}) == {"data": None, "success": False}


@pytest.mark.parametrize("text", ["{", "NaN", "[1,]", "{'a': 1}", "1 2", "[" * 100_000, "\ud800"])
def test_a_text_that_is_not_json_is_refused(text: str) -> None:
    error = refusal("json_to_data", {"json": text})

    assert error.code == "TEXT_UNREADABLE"
    assert error.details[0]["locator"] == "json"


@pytest.mark.parametrize(
    ("kind", "text", "data"),
    [
        ("json", ' {"a": [1, true]} ', {"a": [1, True]}),
        ("csv", "a,b\n1,x\n2,\n", [{"a": "1", "b": "x"}, {"a": "2", "b": ""}]),
        ("csv", "\ufeffa;b\n1,5;x\n", [{"a": "1,5", "b": "x"}]),
        ("csv", 'a\tb\n"x\ny"\t1\n\nz\n', [{"a": "x\ny", "b": "1"}, {"a": "z", "b": None}]),
        ("xml", "<a/>", {"a": None}),
        ("xml", "<?xml version='1.0' encoding='latin-1'?><a>ß</a>", {"a": "ß"}),
        ("xml", '<a k="1"><b>x</b><b/></a>', {"a": {"@k": "1", "b": ["x", None]}}),
        ("xml", "<a>x<b>y</b><![CDATA[<z>]]></a>", {"a": {"b": "y", "#text": "x<z>"}}),
        ("yaml", "a: 1\nb: [x, null, 1.5]\n", {"a": 1, "b": ["x", None, 1.5]}),
        ("yaml", "day: 2020-01-01\n1: one\n", {"day": "2020-01-01", "1": "one"}),
        (
            "key_value",
            "# note\nname: Ada\n\nurl = https://x/?a=b\n",
            {"name": "Ada", "url": "https://x/?a=b"},
        ),
    ],
)
def test_formats_of_messages(kind: str, text: str, data: Any) -> None:
    assert read(text, kind) == data


def test_a_code_fence_around_a_message_does_not_count() -> None:
    assert read("```yaml\na: 1\n```\n", "yaml") == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("json", "hello"),
        ("csv", ""),
        ("csv", "a,a\n1,2\n"),
        ("csv", "a,b\n1,2,3\n"),
        ("csv", 'a\n"x\n'),
        ("xml", ""),
        ("xml", "<a><b></a>"),
        ("xml", "<a>" * 200 + "</a>" * 200),
        ("yaml", "a: [1"),
        ("yaml", "a: !!python/object/apply:os.system [ls]"),
        ("yaml", "a: !!binary aGVsbG8="),
        ("yaml", "? [1, 2]\n: x"),
        ("yaml", "[" * 150 + "]" * 150),
        ("key_value", "just words"),
        ("key_value", ": no name"),
    ],
)
def test_a_message_that_is_not_in_its_format_is_refused(kind: str, text: str) -> None:
    error = refusal("message_to_data", {"message": text}, {"format": kind})

    assert error.code == "TEXT_UNREADABLE"
    assert kind in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("xml", '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>'),
        ("xml", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'),
        ("xml", '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/">%b;]><a/>'),
        ("xml", "<a>&b;</a>"),
        ("yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
        ("yaml", "a: &a {x: 1}\nb:\n  <<: *a\n"),
    ],
)
def test_what_could_blow_up_is_refused(kind: str, text: str) -> None:
    assert refusal("message_to_data", {"message": text}, {"format": kind}).code == "TEXT_UNREADABLE"


@pytest.mark.parametrize(("kind", "length"), [("yaml", 200_001), ("json", 4 * 1024 * 1024 + 1)])
def test_a_very_long_message_is_refused(kind: str, length: int) -> None:
    assert refusal("message_to_data", {"message": "1" * length}, {"format": kind}).code == "TEXT_TOO_LONG"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("key_value", "a" + " " * 1_000_000 + "b"),
        ("json", "```" * 300_000),
        ("csv", "a" + "," * 1_000_000),
        ("xml", "<?xml " + "<" * 1_000_000),
    ],
)
def test_a_hostile_message_is_read_soon(kind: str, text: str) -> None:
    started = time.monotonic()

    assert refusal("message_to_data", {"message": text}, {"format": kind}).code == "TEXT_UNREADABLE"
    assert time.monotonic() - started < 5


def test_fields_are_taken_from_each_item() -> None:
    made = outputs_of(
        "message_to_data",
        {"message": '[{"a": {"b": 1}, "c": 2}, {"c": null}]'},
        {"extractFields": ["a.b", "c", "d"]},
    )

    assert made["data"] == [{"a.b": 1, "c": 2}, {"c": None}]
    assert made["extracted_fields"] == ["a.b", "c"]


def test_without_fields_the_names_there_are_are_told() -> None:
    assert outputs_of("message_to_data", {"message": '{"x": 1, "y": 2}'})["extracted_fields"] == ["x", "y"]


def test_a_field_path_that_cannot_be_read_is_refused() -> None:
    error = refusal("message_to_data", {"message": "{}"}, {"extractFields": ["$["]})

    assert error.code == "PATH_INVALID"


def test_yaml_is_named_when_its_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    error = refusal("message_to_data", {"message": "a: 1"}, {"format": "yaml"})

    assert error.code == "DEPENDENCY_MISSING"
    assert "PyYAML" in error.message


@given(PLAIN)
@example({"\x85": None})
@example(["a\u2028b", "\r", " \x85 "])
def test_what_is_written_as_yaml_is_read_again(value: Any) -> None:
    assert read_text(written(value, "yaml"), "yaml", "x") == value


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"@k": 'a"b', "b": ["x<y", "z"], "#text": "t & u"}},
        {"root": {"list": ["1", "2"], "empty": None}},
    ],
)
def test_what_is_written_as_xml_is_read_again(value: Any) -> None:
    assert read_text(written(value, "xml"), "xml", "x") == value


@given(PLAIN)
def test_whatever_is_written_as_xml_is_xml(value: Any) -> None:
    assert read_text(written(value, "xml"), "xml", "x")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"a": 1, "b": [1]}, {"c": 'x"y'}], 'a,b,c\n1,[1],\n,,"x""y"\n'),
        ([[1, 2], ["x", None]], "1,2\nx,\n"),
        ([1, {"a": 2}], 'value\n1\n"{""a"":2}"\n'),
        ({"a": "x"}, "a\nx\n"),
    ],
)
def test_csv_as_it_is_written(value: Any, text: str) -> None:
    assert written(value, "csv") == text
