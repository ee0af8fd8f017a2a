"""The question an interrupted run asks: read from its message, described to a person, answered from text.

A prompt is a message whose metadata has ``type: interrupt_request``; it is open until the message is
``completed`` (contract §5.1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..client.rows import MessageRow
from ..errors import InvalidInput

_YES = {"yes", "y", "true", "ok", "confirm"}
_NO = {"no", "n", "false", "decline"}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be chosen."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of a run.

    :param id: the interrupt's id, by which it is answered.
    :param kind: ``confirmation``, ``choice``, ``text``, ``form`` or ``review``.
    :param is_open: it still waits for an answer.
    :param answer: what was answered, when it is not open any more.
    """

    id: str
    kind: str
    text: str
    is_open: bool
    answer: Any = None
    allow_cancel: bool = True
    confirm_label: str = "Yes"
    cancel_label: str = "No"
    options: tuple[Option, ...] = ()
    multiple: bool = False
    schema: dict[str, Any] = field(default_factory=dict)
    changes: tuple[dict[str, Any], ...] = ()


def prompt_of(row: MessageRow) -> Prompt | None:
    """The prompt that a message carries, or None for an ordinary message."""
    about = row.get("metadata") or {}
    if about.get("type") != "interrupt_request" or not isinstance(about.get("interrupt_id"), str):
        return None
    schema = about.get("schema")
    return Prompt(
        id=about["interrupt_id"],
        kind=str(about.get("interrupt_type", "text")),
        text=str(row.get("content") or about.get("message") or ""),
        is_open=row.get("status") != "completed",
        answer=about.get("response_value"),
        allow_cancel=bool(about.get("allow_cancel", about.get("allowCancel", True))),
        confirm_label=str(about.get("confirm_label") or "Yes"),
        cancel_label=str(about.get("cancel_label") or "No"),
        options=tuple(_options(about.get("options"))),
        multiple=bool(about.get("multiple")),
        schema=schema if isinstance(schema, dict) else {},
        changes=tuple(entry for entry in about.get("changes") or () if isinstance(entry, dict)),
    )


def _options(listed: Any) -> list[Option]:
    options = []
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and "value" in entry:
            options.append(Option(str(entry["value"]), str(entry.get("label") or entry["value"])))
        elif isinstance(entry, str):
            options.append(Option(entry, entry))
    return options


def ways_to_answer(prompt: Prompt) -> list[str]:
    """Texts that would answer the prompt, the most likely first; an example where anything goes."""
    if prompt.kind == "confirmation":
        return ["yes", "no"]
    if prompt.kind == "choice":
        values = [option.value for option in prompt.options]
        return [", ".join(values[:2])] if prompt.multiple and len(values) > 1 else values
    if prompt.kind == "review":
        return ["accept", "reject"]
    if prompt.kind == "form":
        names = list(prompt.schema.get("properties", {})) or ["field"]
        return [json.dumps(dict.fromkeys(names, "…"), ensure_ascii=False)]
    return ["your text"]


def parse_answer(prompt: Prompt, text: str) -> Any:
    """The value that a typed text stands for.

    :param text: as a person writes it: yes or no, an option's value, label or number, JSON for a form.
    :raises InvalidInput: the text cannot be an answer to this prompt; the message says what can.
    """
    text = text.strip()
    if prompt.kind == "confirmation":
        return _confirmation(prompt, text)
    if prompt.kind == "choice":
        return _choice(prompt, text)
    if prompt.kind == "form":
        return _json_object(text, 'A form is answered with a JSON object, like {"rows": 10}.')
    if prompt.kind == "review":
        return _review(prompt, text)
    return text


def answer_value(prompt: Prompt, value: Any) -> Any:
    """The value to send for what a cell passed: text is read as typed text, anything else is taken as is.

    :raises InvalidInput: a text that cannot be an answer to this prompt.
    """
    return parse_answer(prompt, value) if isinstance(value, str) and prompt.kind != "text" else value


def describe_answer(prompt: Prompt) -> str:
    """The given answer in one line of plain text."""
    answer = prompt.answer
    if answer is None:
        return "closed without an answer"
    if isinstance(answer, bool):
        return f"answered: {prompt.confirm_label if answer else prompt.cancel_label}"
    labels = {option.value: option.label for option in prompt.options}
    if isinstance(answer, list):
        return "answered: " + ", ".join(labels.get(str(entry), str(entry)) for entry in answer)
    if isinstance(answer, str):
        return f"answered: {labels.get(answer, answer)}"
    return f"answered: {json.dumps(answer, ensure_ascii=False, default=str)}"


def _confirmation(prompt: Prompt, text: str) -> bool:
    word = text.casefold()
    if word in _YES or word == prompt.confirm_label.casefold():
        return True
    if word in _NO or word == prompt.cancel_label.casefold():
        return False
    raise InvalidInput("This is answered with yes or no.")


def _choice(prompt: Prompt, text: str) -> str | list[str]:
    if not prompt.multiple:
        return _one_of(prompt, text)
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise InvalidInput("That is not a JSON list.") from error
        return [_one_of(prompt, str(entry)) for entry in listed]
    return [_one_of(prompt, part.strip()) for part in text.split(",") if part.strip()]


def _one_of(prompt: Prompt, text: str) -> str:
    for option in prompt.options:
        if text == option.value:
            return option.value
    for option in prompt.options:
        if text.casefold() in {option.value.casefold(), option.label.casefold()}:
            return option.value
    if text.isascii() and text.isdigit() and 1 <= int(text) <= len(prompt.options):
        return prompt.options[int(text) - 1].value
    raise InvalidInput(f"Choose one of: {', '.join(option.value for option in prompt.options)}.")


def _review(prompt: Prompt, text: str) -> dict[str, Any]:
    word = text.casefold()
    if word not in {"accept", "reject"} | _YES | _NO:
        return _json_object(text, "A review is answered with accept, reject or a JSON object.")
    accepted = word == "accept" or word in _YES
    side = "proposed" if accepted else "original"
    decisions = {
        str(change.get("field")): {"accepted": accepted, "value": change.get(side)}
        for change in prompt.changes
    }
    total = len(decisions)
    summary = {
        "accepted": total if accepted else 0,
        "rejected": 0 if accepted else total,
        "total": total,
    }
    return {"decisions": decisions, "summary": summary}


def _json_object(text: str, otherwise: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(otherwise) from error
    if not isinstance(value, dict):
        raise InvalidInput(otherwise)
    return value
