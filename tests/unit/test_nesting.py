"""What makes a JSON text one that is not parsed: its depth, and how many containers it holds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdrop_jupyter.workflow.nesting import MAX_CONTAINERS, MAX_DEPTH, excess

TEXTS = st.text(st.sampled_from('[]{}"\\,x'), max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES, VALUES)
def test_the_depth_is_that_of_the_value_whatever_its_texts_hold(value: Any, other: Any) -> None:
    levels = MAX_DEPTH - 1 - max(depth(value), depth(other))
    raw = json.dumps([value, other]).encode()
    assert excess(b"[" * levels + raw + b"]" * levels) is None
    assert excess(b"[" * levels + b"[" + raw + b"]" + b"]" * levels) == "deep"


@pytest.mark.parametrize("item", [b"[]", b'{"a":"["}', b'["\\"","[",""]'], ids=repr)
def test_one_container_too_many_is_too_complex(item: bytes) -> None:
    at_most = b"[" + b",".join([item] * (MAX_CONTAINERS - 1)) + b"]"
    assert excess(at_most) is None
    assert excess(at_most[:-1] + b",[]]") == "complex"


def test_brackets_in_texts_are_no_containers() -> None:
    assert excess(json.dumps(["[{" * MAX_CONTAINERS, '\\"[']).encode()) is None
    assert excess(b'"' + b"[" * 100) is None


def test_what_was_closed_before_it_was_opened_hides_no_error() -> None:
    assert excess(b"]" * 10 + b"[" * MAX_DEPTH) is None
    assert excess(b"[]" * 10 + b"[" * (MAX_DEPTH + 1)) == "deep"
