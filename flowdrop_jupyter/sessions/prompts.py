"""Prompts: how a question appears in the conversation, and which answers it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from ..errors import InvalidInput, NodeError
from ..store.records import InterruptRecord, InterruptType, Owner

INTERRUPT_TYPES: Final[frozenset[str]] = frozenset(get_args(InterruptType))
_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "confirmation": frozenset({"confirm_label", "cancel_label"}),
    "choice": frozenset({"options", "multiple", "min_selections", "max_selections"}),
    "text": frozenset({"placeholder", "multiline", "min_length", "max_length", "default_value"}),
    "form": frozenset({"schema", "default_value"}),
    "review": frozenset({"changes", "accept_all_label", "reject_all_label", "submit_label"}),
}
"""What a prompt of each type may hold beside its message; anything else is left out."""
_BOUNDS: Final = frozenset({"min_selections", "max_selections", "min_length", "max_length"})
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "confirmation": {"confirm_label": "Yes", "cancel_label": "No"},
}


def prompt_config(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a prompt's type needs, without keys that are null (client contract §8.2).

    :raises NodeError: ``PROMPT_INVALID`` when the type is unknown, there is no message, or nobody
        could answer it.
    """
    kind, message = prompt.get("type"), prompt.get("message")
    if kind not in INTERRUPT_TYPES or not isinstance(message, str) or not message.strip():
        raise NodeError("A prompt needs a known type and a message.", code="PROMPT_INVALID")
    known = _KEYS[str(kind)] | {"context"}
    given = {key: value for key, value in prompt.items() if key in known and value is not None}
    for key in _BOUNDS & given.keys():
        if not isinstance(given[key], int) or isinstance(given[key], bool):
            raise NodeError(f"A prompt's {key!r} has to be a whole number.", code="PROMPT_INVALID")
    if kind == "choice" and not _are_options(given.get("options")):
        raise NodeError("A choice needs options, objects that have a text as value.", code="PROMPT_INVALID")
    try:
        msgspec.json.encode(given)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise NodeError(f"A prompt has to have a JSON form: {error}", code="PROMPT_INVALID") from error
    return {**_DEFAULTS.get(str(kind), {}), **given}


def _are_options(options: Any) -> bool:
    return (
        isinstance(options, list)
        and bool(options)
        and all(isinstance(option, Mapping) and isinstance(option.get("value"), str) for option in options)
    )


def prompt_metadata(interrupt: InterruptRecord) -> dict[str, Any]:
    """Return the metadata of the message that shows a prompt, answered or not.

    Both spellings that clients read are there where they differ (client contract §5.1, §6).
    """
    metadata: dict[str, Any] = {
        "type": "interrupt_request",
        "interrupt_id": interrupt.id,
        "interrupt_type": interrupt.type,
        "node_id": interrupt.node_id,
        "execution_id": interrupt.run_id,
        "message": interrupt.message,
        "allow_cancel": interrupt.allow_cancel,
        "allowCancel": interrupt.allow_cancel,
        **interrupt.config,
    }
    if "default_value" in interrupt.config:
        metadata["default_values"] = interrupt.config["default_value"]
    if interrupt.status != "pending":
        metadata["interrupt_status"] = interrupt.status
        metadata["response_value"] = interrupt.response
        metadata |= _answered_by(interrupt.resolved_by)
    return metadata


def check_answer(interrupt: InterruptRecord, value: Any) -> None:
    """Check an answer against its prompt.

    :raises InvalidInput: ``ANSWER_INVALID`` when a person could not have given it.
    """
    wrong = _CHECKS[interrupt.type](value, interrupt.config)
    if wrong:
        raise InvalidInput(
            wrong,
            code="ANSWER_INVALID",
            details=[{"code": "ANSWER_INVALID", "message": wrong, "locator": "value"}],
        )


def _answered_by(owner: Owner | None) -> dict[str, Any]:
    return {"resolvedByUserId": owner.id, "resolvedByUserName": owner.name} if owner else {}


def _confirmation(value: Any, _config: Mapping[str, Any]) -> str:
    return "" if isinstance(value, bool) else "A confirmation is answered with true or false."


def _choice(value: Any, config: Mapping[str, Any]) -> str:
    options = config.get("options") or []
    known = [option.get("value") for option in options if isinstance(option, Mapping)]
    multiple = config.get("multiple") is True
    chosen = value if multiple else [value]
    if not isinstance(chosen, list) or not all(isinstance(item, str) for item in chosen):
        return (
            "A choice is answered with a list of texts." if multiple else "A choice is answered with a text."
        )
    if any(item not in known for item in chosen):
        return "The answer is not one of the options."
    least = config.get("min_selections", 0 if multiple else 1)
    most = config.get("max_selections", len(known) if multiple else 1)
    if len(set(chosen)) != len(chosen) or not least <= len(chosen) <= most:
        return f"Choose between {least} and {most} different options."
    return ""


def _text(value: Any, config: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        return "The answer has to be a text."
    least, most = config.get("min_length"), config.get("max_length")
    if isinstance(least, int) and len(value) < least:
        return f"The answer needs at least {least} characters."
    if isinstance(most, int) and len(value) > most:
        return f"The answer may have at most {most} characters."
    return ""


def _form(value: Any, _config: Mapping[str, Any]) -> str:
    return "" if isinstance(value, dict) else "A form is answered with an object."


def _review(value: Any, _config: Mapping[str, Any]) -> str:
    decided = isinstance(value, dict) and isinstance(value.get("decisions"), dict)
    return "" if decided else "A review is answered with an object that holds the decisions."


_CHECKS: Final = {
    "confirmation": _confirmation,
    "choice": _choice,
    "text": _text,
    "form": _form,
    "review": _review,
}
