"""The nodes that find, replace and cut texts."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError


def refusal(type_id: str, inputs: dict[str, Any], config: dict[str, Any]) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run_node(type_id, inputs, config)
    return caught.value


def matches(text: str, pattern: str, flags: str = "", *, every: bool = True) -> list[str]:
    config = {"pattern": pattern, "flags": flags, "matchAll": every}
    found: list[str] = outputs_of("regex_extractor", {"text": text}, config)["matches"]
    return found


def replaced(content: Any, find: str, put: str, **config: Any) -> Any:
    return outputs_of(
        "text_find_replace", {"content": content}, {"findText": find, "replaceText": put, **config}
    )


def chunks(text: str, **config: Any) -> list[str]:
    made: list[str] = outputs_of("split_text", {"text": text}, config)["chunks"]
    return made


def test_only_the_first_match_unless_all_are_wanted() -> None:
    assert matches("a1 b2", r"[a-z]\d", every=False) == ["a1"]
    assert matches("a1 b2", r"[a-z]\d") == ["a1", "b2"]


@pytest.mark.parametrize(
    ("flags", "found"), [("", []), ("i", ["AB\ncd"]), ("I", ["AB\ncd"]), ("im", ["AB", "cd"]), ("gu", [])]
)
def test_flags(flags: str, found: list[str]) -> None:
    pattern = "^[a-z]+$" if "m" in flags else "^ab\\ncd$"

    assert matches("AB\ncd", pattern, flags) == found


def test_a_dot_matches_a_line_break_only_with_its_flag() -> None:
    assert matches("a\nb", "a.b") == []
    assert matches("a\nb", "a.b", "s") == ["a\nb"]


def test_an_empty_pattern_finds_nothing() -> None:
    assert outputs_of("regex_extractor", {"text": "abc"})["total_matches"] == 0


def test_groups_that_took_no_part_are_null() -> None:
    config = {"pattern": "(a)|(?P<other>b)", "matchAll": True}

    captures = outputs_of("regex_extractor", {"text": "b"}, config)["captures"]

    assert captures == [{"groups": [None, "b"], "named": {"other": "b"}, "start": 0, "end": 1}]


@pytest.mark.parametrize(("pattern", "flags"), [("(", ""), ("a", "x"), ("a", "z"), ("a{1000}{1000}", "")])
def test_a_pattern_that_cannot_be_read_is_refused(pattern: str, flags: str) -> None:
    assert refusal("regex_extractor", {"text": "a"}, {"pattern": pattern, "flags": flags}).code == (
        "PATTERN_INVALID"
    )


@pytest.mark.parametrize("type_id", ["regex_extractor", "text_find_replace"])
def test_a_pattern_that_takes_for_ever_is_stopped(type_id: str) -> None:
    pattern, text = r"(?:(x+)\1?)+y", "x" * 3000
    find = {"findText": pattern, "useRegex": True, "wholeWordsOnly": False}
    config = {"pattern": pattern} if type_id == "regex_extractor" else find
    started = time.monotonic()

    error = refusal(type_id, {"text": text, "content": text}, config)

    assert error.code == "PATTERN_TIMEOUT"
    assert time.monotonic() - started < 10


def test_many_slow_matches_share_one_limit() -> None:
    text = ("x" * 150 + "z") * 600
    started = time.monotonic()

    error = refusal("regex_extractor", {"text": text}, {"pattern": r"(?:(x+)\1?)+y|z", "matchAll": True})

    assert error.code == "PATTERN_TIMEOUT"
    assert time.monotonic() - started < 5


def test_a_text_too_long_for_a_pattern_is_refused() -> None:
    assert refusal("regex_extractor", {"text": "a" * 100_001}, {"pattern": "b"}).code == (
        "PATTERN_TEXT_TOO_LONG"
    )


@pytest.mark.parametrize(
    ("config", "result", "count"),
    [
        ({}, "dog Dogma dog-cat category", 0),
        ({"findText": "cat"}, "dog Dogma dog-BIRD category", 1),
        ({"findText": "CAT", "caseSensitive": True}, "dog Dogma dog-cat category", 0),
        ({"findText": "dog"}, "BIRD Dogma BIRD-cat category", 2),
        ({"findText": "dog", "wholeWordsOnly": False}, "BIRD BIRDma BIRD-cat category", 3),
        (
            {"findText": "dog", "wholeWordsOnly": False, "caseSensitive": True},
            "BIRD Dogma BIRD-cat category",
            2,
        ),
        ({"findText": "c.t", "useRegex": True}, "dog Dogma dog-BIRD category", 1),
        ({"findText": "c.t"}, "dog Dogma dog-cat category", 0),
    ],
)
def test_ways_to_find(config: dict[str, Any], result: str, count: int) -> None:
    made = replaced("dog Dogma dog-cat category", config.pop("findText", ""), "BIRD", **config)

    assert (made["processed_content"], made["replacements_made"]) == (result, count)


def test_a_plain_replacement_is_taken_as_it_is() -> None:
    assert replaced("a.b", ".", r"\1$&", wholeWordsOnly=False)["processed_content"] == r"a\1$&b"


def test_a_replacement_may_name_groups() -> None:
    made = replaced("Ada Lovelace", r"(\w+) (?P<last>\w+)", r"\g<last>, \1", useRegex=True)

    assert made["processed_content"] == "Lovelace, Ada"


def test_texts_within_values_are_changed_and_names_are_not() -> None:
    made = replaced({"cat": ["cat", 1, None, {"x": "the cat"}]}, "cat", "dog")

    assert made["processed_content"] == {"cat": ["dog", 1, None, {"x": "the dog"}]}
    assert made["replacements_made"] == 2


def test_a_replacement_with_an_unknown_group_is_refused() -> None:
    config = {"findText": "a", "replaceText": r"\9", "useRegex": True, "wholeWordsOnly": False}

    assert refusal("text_find_replace", {"content": "a"}, config).code == "REPLACEMENT_INVALID"


@pytest.mark.parametrize("sensitive", [True, False])
def test_a_text_cannot_grow_without_bounds(sensitive: bool) -> None:
    config = {"findText": "a", "replaceText": "b" * 1000, "wholeWordsOnly": False, "caseSensitive": sensitive}

    assert refusal("text_find_replace", {"content": "a" * 50_000}, config).code == "TEXT_TOO_LONG"


def test_a_content_nested_too_deeply_is_refused() -> None:
    content: Any = "cat"
    for _ in range(200):
        content = [content]

    assert refusal("text_find_replace", {"content": content}, {"findText": "cat"}).code == "CONTENT_TOO_DEEP"


@pytest.mark.parametrize(
    ("config", "made"),
    [
        ({"chunkSize": 2}, ["One two.", "Three! Four", "five?"]),
        ({"chunkSize": 2, "method": "sentences"}, ["One two. Three!", "Four five?"]),
        ({"chunkSize": 1, "method": "paragraphs"}, ["One two. Three!", "Four five?"]),
        ({"chunkSize": 10, "method": "characters"}, ["One two. T", "hree!\n\nFou", "r five?"]),
        ({"chunkSize": 1, "separator": "!"}, ["One two. Three", "\n\nFour five?"]),
    ],
)
def test_ways_to_cut(config: dict[str, Any], made: list[str]) -> None:
    assert chunks("One two. Three!\n\nFour five?", **config) == made


def test_nothing_is_cut_into_nothing() -> None:
    assert outputs_of("split_text", {"text": "  "})["total_chunks"] == 0


@given(st.text(max_size=200), st.integers(1, 20))
def test_pieces_of_characters_are_the_whole_text(text: str, size: int) -> None:
    made = chunks(text, method="characters", chunkSize=size)

    assert "".join(made) == text
    assert all(len(chunk) == size for chunk in made[:-1])


@given(st.lists(st.text("abc", min_size=1), max_size=30), st.integers(1, 6), st.data())
def test_pieces_overlap_by_what_was_asked(words: list[str], size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size - 1))

    made = [chunk.split() for chunk in chunks(" ".join(words), chunkSize=size, chunkOverlap=overlap)]

    pairs = pairwise(made)
    assert all(one[len(one) - overlap :] == two[:overlap] for one, two in pairs)
    assert [word for chunk in made[:1] for word in chunk] + [
        word for chunk in made[1:] for word in chunk[overlap:]
    ] == words


def test_pieces_cannot_overlap_by_all_they_have() -> None:
    error = refusal("split_text", {"text": "a b"}, {"chunkSize": 2, "chunkOverlap": 2})

    assert error.code == "CHUNK_OVERLAP_TOO_LARGE"


@pytest.mark.parametrize(
    ("text", "config"),
    [("a" * 1_000_001, {}), ("a " * 20_000, {"chunkSize": 10_000, "chunkOverlap": 9_999})],
)
def test_pieces_are_bounded(text: str, config: dict[str, Any]) -> None:
    assert refusal("split_text", {"text": text}, config).code == "TEXT_TOO_LONG"
