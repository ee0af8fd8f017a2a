"""A conversation as a document."""

from __future__ import annotations

from typing import Any

import pytest
from test_markup import HOSTILE, problems

from flowdrop_jupyter.notebook import transcript
from flowdrop_jupyter.notebook.turn import Turn


def row(role: str, content: Any, **more: Any) -> Any:
    return {"role": role, "content": content, "status": "completed", "metadata": {}, **more}


def question(**more: Any) -> Any:
    about = {"type": "interrupt_request", "interrupt_id": "i", "interrupt_type": "confirmation"}
    status = more.pop("status", "pending")
    return row("assistant", "Delete 3 rows?", status=status, metadata={**about, **more})


TALK = [
    row("user", "Clean **this**"),
    row("log", "internal noise"),
    row("system", "Run started"),
    row("assistant", "Done: `x < 1`\n\n![plot](data:image/png;base64,AAAA)"),
]


def test_markdown_shows_who_said_what() -> None:
    text = transcript.to_markdown(TALK, title="My session")
    assert "\n\n**My session**\n\n**You:**\n\nClean **this**" in text
    assert "*Notice:* Run started" in text
    assert "**Assistant:**\n\nDone: `x < 1`" in text


def test_html_shows_who_said_what() -> None:
    html = transcript.to_html(TALK, title="a & b")
    assert "<strong>a &amp; b</strong>" in html
    assert "<strong>You</strong>" in html
    assert "<code>x &lt; 1</code>" in html
    assert "data:image/png;base64,AAAA" in html


def test_plain_text_names_pictures() -> None:
    assert transcript.to_plain(TALK).splitlines() == [
        "You: Clean this",
        "",
        "Notice: Run started",
        "",
        "Assistant:",
        "Done: x < 1",
        "",
        "[image: plot]",
    ]


@pytest.mark.parametrize("form", [transcript.to_markdown, transcript.to_html, transcript.to_plain])
def test_logs_are_left_out(form: Any) -> None:
    assert "noise" not in form(TALK)


@pytest.mark.parametrize("form", [transcript.to_markdown, transcript.to_html, transcript.to_plain])
def test_an_open_question_says_that_it_waits(form: Any) -> None:
    assert "waits for an answer: yes / no" in form([question()])


def test_an_answered_question_shows_the_answer() -> None:
    rows = [question(status="completed", response_value=True, confirm_label="Delete")]
    assert "answered: Delete" in transcript.to_plain(rows)


def test_a_closed_question_without_an_answer_says_so() -> None:
    assert "closed without an answer" in transcript.to_plain([question(status="completed")])


def test_a_failed_message_says_so() -> None:
    assert "failed" in transcript.to_plain([row("assistant", "half", status="failed")])


def test_of_a_long_conversation_the_last_messages_are_shown() -> None:
    rows = [row("user", f"message {number}") for number in range(transcript.MAX_MESSAGES + 5)]
    text = transcript.to_plain(rows)
    assert text.startswith("5 earlier messages are not shown.")
    assert "message 4\n" not in text
    assert "message 5\n" in text


def test_nothing_said_yet_is_said() -> None:
    assert {"No messages yet." in text for text in transcript.mime_bundle([]).values()} == {True}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_labels_titles_options_and_answers_are_as_harmless_as_content(hostile: str) -> None:
    rows = [
        row("user", hostile, metadata={"userName": hostile}),
        row("system", hostile),
        question(options=[{"value": hostile, "label": hostile}]),
        question(status="completed", response_value=hostile),
        question(status="completed", response_value={hostile: hostile}),
        row("assistant", None),
        row("assistant", {"odd": hostile}),
    ]
    assert problems(transcript.to_html(rows, title=hostile)) == []


def test_a_turn_shows_itself_in_three_forms() -> None:
    turn = Turn(tuple(TALK[1:]), "completed", None)
    bundle = turn._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/markdown", "text/html"}
    assert "noise" not in str(turn)
    assert turn._repr_html_() == bundle["text/html"]
    assert turn._repr_markdown_() == transcript.to_markdown(turn.messages)


def test_a_bundle_holds_a_picture_once_and_markdown_alone_holds_it_too() -> None:
    bundle = transcript.mime_bundle(TALK)
    assert [mime for mime, text in bundle.items() if "base64" in text] == ["text/html"]
    assert "image: plot" in bundle["text/markdown"]
    assert "base64" in transcript.to_markdown(TALK)


def test_money_is_no_formula_in_lab() -> None:
    """Lab looks for formulas in the finished page, but not inside these classes (seen in JupyterLab 4)."""
    rows = [row("assistant", "It costs $5 and $6.")]
    assert '<div class="flowdrop-transcript mathjax_ignore tex2jax_ignore">' in transcript.to_html(rows)
    text = transcript.to_markdown(rows, title="$1 and $2")
    assert text.startswith('<div class="mathjax_ignore tex2jax_ignore">\n\n')
    assert text.endswith("\n\n</div>")
