"""Rows from overlapping reads become one list."""

from __future__ import annotations

from typing import Any

from flowdrop_jupyter.notebook.messages import Messages


def row(number: int, **more: Any) -> Any:
    return {"id": f"m{number}", "sequenceNumber": number, "role": "assistant", "status": "completed", **more}


def question(number: int, status: str = "pending") -> Any:
    about = {"type": "interrupt_request", "interrupt_id": f"i{number}"}
    return row(number, status=status, metadata=about)


def numbers(rows: list[Any]) -> list[int]:
    return [entry["sequenceNumber"] for entry in rows]


def test_rows_are_ordered_by_their_numbers_however_they_come() -> None:
    messages = Messages()
    messages.merge([row(3), row(1)], newest=True)
    messages.merge([row(2), row(3)], newest=True)
    assert numbers(messages.after(0)) == [1, 2, 3]
    assert numbers(messages.after(2)) == [3]


def test_only_what_is_new_or_different_is_reported() -> None:
    messages = Messages()
    assert numbers(messages.merge([row(1), row(2)], newest=True)) == [1, 2]
    assert numbers(messages.merge([row(1), row(2, content="changed"), row(3)], newest=True)) == [2, 3]


def test_an_older_read_adds_rows_and_changes_none() -> None:
    messages = Messages()
    messages.merge([row(1, content="new")], newest=True)
    assert numbers(messages.merge([row(1, content="old"), row(2)], newest=False)) == [2]
    assert messages.after(0)[0]["content"] == "new"


def test_a_row_that_came_alone_does_not_move_the_cursor_over_a_gap() -> None:
    messages = Messages()
    messages.read_up_to(messages.merge([row(1)], newest=True))
    messages.merge([row(4)], newest=True)
    assert messages.cursor("completed") == 1


def test_during_a_run_unfinished_rows_are_read_again() -> None:
    messages = Messages()
    rows = messages.merge([row(1), row(2, role="user", status="pending"), row(3)], newest=True)
    messages.read_up_to(rows)
    assert messages.cursor("running") == 1
    assert messages.cursor("completed") == 3


def test_an_open_question_is_read_again_until_it_is_closed() -> None:
    messages = Messages()
    messages.read_up_to(messages.merge([row(1), question(2)], newest=True))
    assert messages.cursor("awaiting_input") == 1
    messages.merge([question(2, status="completed")], newest=True)
    assert messages.cursor("awaiting_input") == 2


def test_of_several_questions_the_oldest_open_one_is_asked() -> None:
    messages = Messages()
    messages.merge([question(1, status="completed"), question(3), question(2)], newest=True)
    prompt = messages.open_prompt()
    assert prompt is not None
    assert prompt.id == "i2"
