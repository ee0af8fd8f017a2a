"""What counts as an answer to each kind of question."""

from __future__ import annotations

from typing import Any

import pytest

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.notebook.prompts import Prompt, answer_value, parse_answer, prompt_of, ways_to_answer

OPTIONS = [{"value": "csv", "label": "As CSV"}, {"value": "xlsx", "label": "Excel"}]


def prompt(kind: str, **about: Any) -> Prompt:
    row: Any = {
        "content": "?",
        "status": "pending",
        "metadata": {"type": "interrupt_request", "interrupt_id": "i", "interrupt_type": kind, **about},
    }
    made = prompt_of(row)
    assert made is not None
    return made


@pytest.mark.parametrize("text", ["yes", "Y", "true", "TRUE", " ok ", "Delete"])
def test_words_for_yes(text: str) -> None:
    assert parse_answer(prompt("confirmation", confirm_label="Delete"), text) is True


@pytest.mark.parametrize("text", ["no", "N", "false", "Keep"])
def test_words_for_no(text: str) -> None:
    assert parse_answer(prompt("confirmation", cancel_label="Keep"), text) is False


def test_another_word_is_no_confirmation() -> None:
    with pytest.raises(InvalidInput, match="yes or no"):
        parse_answer(prompt("confirmation"), "maybe")


@pytest.mark.parametrize("text", ["csv", "As CSV", "as csv", "1"])
def test_an_option_is_named_by_value_label_or_number(text: str) -> None:
    assert parse_answer(prompt("choice", options=OPTIONS), text) == "csv"


@pytest.mark.parametrize("text", ["pdf", "0", "3", ""])
def test_what_is_not_offered_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="csv, xlsx"):
        parse_answer(prompt("choice", options=OPTIONS), text)


@pytest.mark.parametrize("text", ["csv, 2", '["csv", "xlsx"]'])
def test_several_options_are_a_list(text: str) -> None:
    assert parse_answer(prompt("choice", options=OPTIONS, multiple=True), text) == ["csv", "xlsx"]


def test_a_text_is_taken_as_it_is() -> None:
    assert parse_answer(prompt("text"), "yes") == "yes"


def test_a_form_is_json() -> None:
    assert parse_answer(prompt("form"), '{"rows": 10}') == {"rows": 10}
    with pytest.raises(InvalidInput, match="JSON object"):
        parse_answer(prompt("form"), "rows=10")


@pytest.mark.parametrize(("word", "accepted", "value"), [("accept", 1, "new"), ("reject", 0, "old")])
def test_a_review_is_decided_as_a_whole(word: str, accepted: int, value: str) -> None:
    changes = [{"field": "title", "original": "old", "proposed": "new"}]
    assert parse_answer(prompt("review", changes=changes), word) == {
        "decisions": {"title": {"accepted": bool(accepted), "value": value}},
        "summary": {"accepted": accepted, "rejected": 1 - accepted, "total": 1},
    }


def test_a_value_from_a_cell_is_sent_as_it_is_unless_it_is_a_text() -> None:
    assert answer_value(prompt("confirmation"), False) is False
    assert answer_value(prompt("confirmation"), "no") is False
    assert answer_value(prompt("text"), "no") == "no"


@pytest.mark.parametrize("kind", ["confirmation", "choice", "review", "form"])
def test_the_suggested_answers_are_answers(kind: str) -> None:
    asked = prompt(kind, options=OPTIONS, schema={"properties": {"rows": {}}})
    for way in ways_to_answer(asked):
        parse_answer(asked, way)


def test_an_ordinary_message_is_no_question() -> None:
    row: Any = {"content": "x", "status": "pending", "metadata": {}}
    assert prompt_of(row) is None
