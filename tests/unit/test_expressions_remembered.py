"""What is kept of expressions between runs: the latest, and never more than a bound of memory."""

import pytest

from flowdrop_jupyter.expressions import compile_expression, evaluate, language, paths, template, validate
from flowdrop_jupyter.expressions.remembered import CHARACTERS, Remembered

LONG = {
    "expression_language": "1" + " + 1" * 4000,
    "jsonpath": "$" + ".a" * 2000,
    "property_path": "a" + ".a" * 2000,
    "twig": "{{ a }}" * 2000,
}


class Maker:
    """Makes upper case of texts, and counts how often."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, text: str) -> str:
        self.made.append(text)
        if text == "bad":
            raise ValueError(text)
        return text.upper()


def test_what_was_made_of_a_text_is_made_once() -> None:
    maker = Maker()
    remembered = Remembered(maker, 1000)
    assert [remembered("a"), remembered("b"), remembered("a")] == ["A", "B", "A"]
    assert maker.made == ["a", "b"]


def test_the_text_that_was_wanted_longest_ago_is_forgotten_first() -> None:
    maker = Maker()
    remembered = Remembered(maker, 500)
    for text in ("a" * 200, "b" * 200, "a" * 200, "c" * 200):
        remembered(text)
    maker.made.clear()
    for text in ("a" * 200, "c" * 200, "b" * 200):
        remembered(text)
    assert maker.made == ["b" * 200]
    assert remembered.weight <= 500


def test_a_text_over_the_whole_weight_is_never_kept_and_drives_nothing_out() -> None:
    maker = Maker()
    remembered = Remembered(maker, 500)
    for text in ("a", "b" * 600, "b" * 600, "a"):
        remembered(text)
    assert maker.made == ["a", "b" * 600, "b" * 600]


def test_an_error_is_not_kept() -> None:
    remembered = Remembered(Maker(), 500)
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            remembered("bad")
    assert remembered.weight == 0


@pytest.mark.parametrize("engine", LONG)
def test_what_is_only_checked_leaves_nothing_behind(engine: str) -> None:
    caches = (compile_expression, language._parsed, paths._parse, template._compiled)
    before = [cache.weight for cache in caches]
    assert validate(engine, LONG[engine]) is None
    assert [cache.weight for cache in caches] == before


def test_what_runs_keep_is_bounded_by_its_length() -> None:
    for number in range(15):
        text = f"{number}" + " + 1" * 4000
        assert evaluate("expression_language", text, {}) == number + 4000
    assert 0 < language._parsed.weight <= CHARACTERS
    assert 0 < compile_expression.weight <= CHARACTERS


def test_a_long_expression_of_a_loop_is_read_once() -> None:
    text = LONG["expression_language"]
    compiled = compile_expression("expression_language", text)
    assert compile_expression("expression_language", text) is compiled
    assert language._parsed(text) is language._parsed(text)
