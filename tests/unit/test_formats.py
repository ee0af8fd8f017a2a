"""Documents as text: JSON and YAML say the same, and come back as they were."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.workflow.formats import plain_value, read_document, write_document

AMBIGUOUS = (
    *("1e5", "0o17", "0x1F", "yes", "no", "2026-01-01", "~", "null", "1_000", ".5", "1:30", "=", "<<"),
    *(
        "\x85",
        "a\nb",
        "a\n\nb\n",
        "\n",
        "\ta",
        "- x",
        "#c",
        "a: b",
        "---",
        "...",
        "é\u2028x",
        ".inf",
        "\ufeff",
    ),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(AMBIGUOUS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=15,
)


@given(st.dictionaries(TEXTS, VALUES), st.sampled_from(["json", "yaml"]))
def test_what_is_written_reads_the_same(document: dict[str, Any], form: Any) -> None:
    back = read_document(write_document(document, form))
    # As JSON, because to Python 1, 1.0 and True are equal; the order of the keys counts too.
    assert json.dumps(back) == json.dumps(document)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), TEXTS, max_size=5))
def test_older_readers_of_yaml_find_texts_where_texts_are(document: dict[str, str]) -> None:
    found = yaml.safe_load(write_document({"values": list(document.values())}, "yaml"))
    assert found == {"values": list(document.values())}


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_is_read_is_an_object_or_a_refusal(content: str | bytes) -> None:
    try:
        found: Any = read_document(content)
    except InvalidInput as refusal:
        found = refusal
    assert isinstance(found, dict) or (found.code.startswith("DOCUMENT_") and found.details)


def test_yaml_is_read_by_its_newer_rules() -> None:
    lines = ["a: yes", "b: 2026-01-01", "c: 0o17", "d: 0x1F", "e: 1e3", "f: 010", "g: '1'", "h:"]
    lines += ["i: |", "  x", "  y", "j: !!str 1", "k: -.5"]
    assert read_document("\n".join(lines)) == {
        "a": "yes",
        "b": "2026-01-01",
        "c": 15,
        "d": 31,
        "e": 1000.0,
        "f": 10,
        "g": "1",
        "h": None,
        "i": "x\ny\n",
        "j": "1",
        "k": -0.5,
    }


def test_keys_are_texts_however_they_look() -> None:
    assert read_document("1: a\ntrue: b\n~: c\n'': d") == {"1": "a", "true": "b", "~": "c", "": "d"}


def test_the_depth_is_counted_to_the_level() -> None:
    assert read_document('{"a":' * 63 + "1" + "}" * 63)
    with pytest.raises(InvalidInput) as refusal:
        read_document('{"a":' * 64 + "1" + "}" * 64)
    assert refusal.value.code == "DOCUMENT_TOO_DEEP"
    assert read_document("a: " + "[" * 62 + "]" * 62)
    with pytest.raises(InvalidInput):
        read_document("a: " + "[" * 63 + "]" * 63)


def test_a_number_json_cannot_carry_is_refused() -> None:
    for text in (".nan", ".inf", "-.INF", "1e999"):
        with pytest.raises(InvalidInput):
            plain_value(text)


def test_shared_values_are_written_out_and_not_as_aliases() -> None:
    shared = {"deep": ["x"]}
    written = write_document({"a": shared, "b": shared}, "yaml")
    assert b"&" not in written
    assert read_document(written) == {"a": shared, "b": shared}


@pytest.mark.parametrize("text", ['{"a": [[], {}, [%s]]}', "a:\n- []\n- {}\n- [%s]\n"], ids=["json", "yaml"])
def test_a_text_of_very_many_containers_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("formats", "nesting"):
        monkeypatch.setattr(f"flowdrop_jupyter.workflow.{module}.MAX_CONTAINERS", 5)
    assert read_document(text % "") == {"a": [[], {}, []]}
    with pytest.raises(InvalidInput) as refused:
        read_document(text % "[]")
    assert refused.value.code == "DOCUMENT_TOO_COMPLEX"


@pytest.mark.parametrize("text", ["\x85", "a\u2028b", "a\u2029", "\r", "a\r\nb", " \x85 "])
def test_a_text_with_an_odd_end_of_a_line_comes_back_from_yaml(text: str) -> None:
    written = write_document({"name": text, text: 1}, "yaml").decode()
    assert read_document(written) == {"name": text, text: 1}
