"""Conversations as lists of messages: adding to one, and repairing one, so that a model can take it.

Calls and their results belong together. A call that was interrupted is answered by a placeholder; a result
that answers nothing is dropped. One accessor reads ids (MEM-11), one procedure repairs (MEM-5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

ROLES: Final = frozenset({"user", "assistant", "system", "tool"})
HEALED: Final = "healed"
"""The key that marks a stored placeholder for a result that never came (MEM-3)."""
INTERRUPTED: Final = "The call was interrupted and returned no result."

_CALL_LISTS: Final = ("tool_calls", "toolCalls")
_CALL_IDS: Final = ("id", "call_id", "tool_call_id", "toolCallId")
_RESULT_IDS: Final = ("tool_call_id", "toolCallId", "call_id")

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did (MEM-14).

    :param buffer: the messages afterwards.
    :param count: how many of the incoming messages became new entries.
    """

    buffer: list[dict[str, Any]]
    count: int


@dataclass(frozen=True, slots=True)
class Normalized:
    """A conversation that a model can take.

    :param dropped: how many entries the repair left out.
    """

    messages: list[dict[str, Any]]
    dropped: int


def declared_ids(message: Message) -> list[str]:
    """Return the ids of the calls that an assistant message asks for, however it spells them (MEM-11)."""
    if message.get("role") != "assistant":
        return []
    return [found for call in _calls(message) if (found := _id(call, _CALL_IDS))]


def answered_id(message: Message) -> str:
    """Return the id of the call that a tool message answers; empty for any other message (MEM-11)."""
    return _id(message, _RESULT_IDS) if message.get("role") == "tool" else ""


def content_text(value: Any) -> str:
    """Return any content as text: a scalar as it is written, anything else as JSON (MEM-5, MEM-16)."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return ""


def row(role: Any, content: Any, call_id: Any = "") -> dict[str, Any]:
    """Return one message; an unknown role becomes ``user``, and only results carry a call id (MEM-16)."""
    known = role.strip() if isinstance(role, str) and role.strip() in ROLES else "user"
    message: dict[str, Any] = {"role": known, "content": content_text(content)}
    if known == "tool" and isinstance(call_id, str) and call_id.strip():
        message["tool_call_id"] = call_id.strip()
    return message


def messages_of(value: Any, role: str = "user") -> list[dict[str, Any]]:
    """Return what arrived at a port as messages: a list of them, one, or anything else as one's content.

    What is empty contributes nothing; nor does an entry of a list that is no message (MEM-4, MEM-5).
    """
    if value is None or (isinstance(value, str | list | dict) and not value):
        return []
    if isinstance(value, list):
        return [flat for entry in value if (flat := flattened(entry)) is not None]
    if isinstance(value, Mapping) and "role" in value:
        flat = flattened(value)
        return [] if flat is None else [flat]
    return [row(role, value)]


def flattened(entry: Any) -> dict[str, Any] | None:
    """Return an entry with text as its content, or None when it is no object or has no role (MEM-5)."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("role"), str) or not entry["role"].strip():
        return None
    return {**entry, "role": entry["role"].strip(), "content": content_text(entry.get("content"))}


def append(buffer: Iterable[Message], incoming: Iterable[Message], most: int | None = None) -> Appended:
    """Return *buffer* with *incoming* added; it is itself left as it is.

    Results and calls that are there already are not added again (MEM-1, MEM-2); before a user speaks,
    calls that were left without a result get a placeholder (MEM-3), which a late result replaces (MEM-10).

    :param most: how many of the newest messages to keep; None for all.
    """
    kept = [dict(message) for message in buffer]
    count = 0
    for message in incoming:
        if message.get("role") == "user":
            kept = _healed(kept)
        count += _add(kept, dict(message))
    if most is not None and len(kept) > most:
        kept = kept[len(kept) - most :] if most > 0 else []
    return Appended(buffer=kept, count=count)


def normalize(entries: Iterable[Any]) -> Normalized:
    """Return a conversation in the flat shape a model takes: what the system says first, calls repaired.

    Normalizing what it returned changes nothing (MEM-5).
    """
    flat = [message for entry in entries if (message := flattened(entry)) is not None]
    first = [message for message in flat if message["role"] == "system"]
    rest = [message for message in flat if message["role"] != "system"]
    # A result before its call answers nothing, so that none is left at the head afterwards (step 4).
    repaired, dropped = _repaired(rest)
    return Normalized(messages=[*first, *repaired], dropped=dropped)


def for_model(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return messages with the keys that endpoints know and no others."""
    sent = []
    for message in messages:
        plain: dict[str, Any] = {"role": message["role"], "content": message.get("content", "")}
        if calls := _calls(message):
            plain["tool_calls"] = [_provider_call(call) for call in calls]
        if answered := answered_id(message):
            plain["tool_call_id"] = answered
        if isinstance(message.get("name"), str) and message["name"]:
            plain["name"] = message["name"]
        sent.append(plain)
    return sent


def _add(kept: list[dict[str, Any]], message: dict[str, Any]) -> int:
    """Add one message in place, and return whether it became a new entry, as 1 or 0."""
    answered = answered_id(message)
    if answered:
        for place, held in enumerate(kept):
            if answered_id(held) != answered:
                continue
            if held.get(HEALED) is True and message.get(HEALED) is not True:
                kept[place] = {key: value for key, value in message.items() if key != HEALED}
            return 0
    declared = declared_ids(message)
    # A turn that declares nothing is never a duplicate, though all of its no ids are known.
    if declared and set(declared) <= {known for held in kept for known in declared_ids(held)}:
        return 0
    kept.append(message)
    return 1


def _healed(kept: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    answered = {answered_id(message) for message in kept}
    healed: list[dict[str, Any]] = []
    for message in kept:
        healed.append(message)
        for missing in declared_ids(message):
            if missing not in answered:
                answered.add(missing)
                healed.append({**row("tool", INTERRUPTED, missing), HEALED: True})
    return healed


def _repaired(messages: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Pair calls and results, and return how many entries were dropped for it."""
    open_calls: set[str] = set()
    declared: set[str] = set()
    paired: list[dict[str, Any]] = []
    dropped = 0
    for message in messages:
        if message["role"] == "tool":
            answered = answered_id(message)
            if answered not in open_calls:
                dropped += 1  # an orphan, or a second result
                continue
            open_calls.discard(answered)
        elif message["role"] == "assistant":
            message = _first_declared(message, declared)
            open_calls |= set(declared_ids(message))
        paired.append(message)
    if not open_calls:
        return paired, dropped
    whole: list[dict[str, Any]] = []
    for message in paired:
        whole.append(message)
        whole += [row("tool", INTERRUPTED, call) for call in declared_ids(message) if call in open_calls]
    return whole, dropped


def _first_declared(message: dict[str, Any], declared: set[str]) -> dict[str, Any]:
    """Return a turn without calls whose id was declared before, and take its own ids down."""
    calls = _calls(message)
    fresh = []
    for call in calls:
        found = _id(call, _CALL_IDS)
        if found and found in declared:
            continue
        declared.add(found)
        fresh.append(call)
    if len(fresh) == len(calls):
        return message
    rest = {key: value for key, value in message.items() if key not in _CALL_LISTS}
    return {**rest, "tool_calls": fresh} if fresh else rest


def _calls(message: Message) -> list[Mapping[str, Any]]:
    for key in _CALL_LISTS:
        calls = message.get(key)
        if isinstance(calls, list) and calls:
            return [call for call in calls if isinstance(call, Mapping)]
    return []


def _id(holder: Mapping[str, Any], keys: Sequence[str]) -> str:
    for key in keys:
        found = holder.get(key)
        if isinstance(found, str) and found.strip():
            return found.strip()
    return ""


def _provider_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    given = function if isinstance(function, Mapping) else call
    arguments = given.get("arguments", "{}")
    return {
        "id": _id(call, _CALL_IDS),
        "type": "function",
        "function": {
            "name": content_text(given.get("name")),
            "arguments": arguments if isinstance(arguments, str) else content_text(arguments),
        },
    }
