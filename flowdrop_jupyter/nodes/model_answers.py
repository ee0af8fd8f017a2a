"""Reading what endpoints answer: whole, or as a stream of server-sent events; nothing in it is trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ..errors import NodeError
from .model_types import Completion, Embedded, ToolCall, Usage

MAX_TOOL_CALLS: Final = 64
"""How many calls one answer may ask for."""
_MAX_LINE: Final = 4 * 1024 * 1024


class EventLines:
    """Cuts a stream of bytes into lines, wherever its pieces happen to end."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Give the lines that *chunk* completes, without their ends.

        :raises NodeError: ``MODEL_ANSWER_INVALID`` for a line without end.
        """
        begin = len(self._rest)
        self._rest += chunk
        end = self._rest.find(b"\n", begin)
        start = 0
        while end >= 0:
            yield bytes(self._rest[start:end]).rstrip(b"\r")
            start = end + 1
            end = self._rest.find(b"\n", start)
        del self._rest[:start]
        if len(self._rest) > _MAX_LINE:
            raise _invalid("one line of its stream has no end")


class Gathered:
    """The answer that the events of a stream add up to.

    :param model: what was asked, until the endpoint names the model itself.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._pieces: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish = ""
        self._usage = Usage()
        self.done = False

    def take(self, line: bytes) -> str:
        """Take one line of the stream in, and return the piece of text that it brought.

        :raises NodeError: ``MODEL_ANSWER_INVALID`` for data that is no event of the protocol, and the
            error that an event tells of.
        """
        if not line.startswith(b"data:"):
            return ""  # comments, names of events and the empty lines between them
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return ""
        event = _object(data)
        _refuse_error(event)
        self._model = _text(event.get("model")) or self._model
        if isinstance(event.get("usage"), Mapping):
            self._usage = _usage(event["usage"])
        choice = _first(event.get("choices"))
        self._finish = _text(choice.get("finish_reason")) or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, Mapping):
            return ""
        self._take_calls(delta.get("tool_calls"))
        piece = _text(delta.get("content"))
        self._pieces.append(piece)
        return piece

    def completion(self) -> Completion:
        """Return the whole answer.

        :raises NodeError: ``MODEL_STREAM_BROKEN`` when the stream ended before the answer did.
        """
        if not self.done and not self._finish:
            raise NodeError(
                "The model's answer broke off before its end.", code="MODEL_STREAM_BROKEN", retryable=True
            )
        calls = [self._calls[index] for index in sorted(self._calls)]
        return Completion(
            text="".join(self._pieces),
            model=self._model,
            tool_calls=_calls([{**call, "function": call} for call in calls]),
            finish_reason=self._finish,
            usage=self._usage,
        )

    def _take_calls(self, deltas: Any) -> None:
        for place, delta in enumerate(deltas if isinstance(deltas, list) else ()):
            if not isinstance(delta, Mapping):
                continue
            index = delta.get("index", place)
            if not isinstance(index, int) or not 0 <= index < MAX_TOOL_CALLS:
                raise _invalid("it asks for too many calls")
            call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
            function = delta.get("function")
            function = function if isinstance(function, Mapping) else {}
            call["id"] = call["id"] or _text(delta.get("id"))
            call["name"] = call["name"] or _text(function.get("name"))
            call["arguments"] += _text(function.get("arguments"))


def completion_of(body: bytes, model: str) -> Completion:
    """Return the answer that the body of a response spells.

    :param model: what was asked, in case the answer does not say.
    :raises NodeError: ``MODEL_ANSWER_INVALID`` when it is none, and the error that it tells of.
    """
    answer = _object(body)
    _refuse_error(answer)
    choices = answer.get("choices")
    choice = _first(choices)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise _invalid("it holds no message")
    return Completion(
        text=_text(message.get("content")),
        model=_text(answer.get("model")) or model,
        tool_calls=_calls(message.get("tool_calls")),
        finish_reason=_text(choice.get("finish_reason")),
        usage=_usage(answer.get("usage")),
    )


def vectors_of(body: bytes, model: str, expected: int) -> Embedded:
    """Return the vectors that the body of a response spells, in the order of the texts.

    :raises NodeError: ``MODEL_ANSWER_INVALID`` unless there is one for each of the *expected* texts,
        all of one length and of finite numbers.
    """
    answer = _object(body)
    _refuse_error(answer)
    data = answer.get("data")
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    placed: dict[int, list[float]] = {}
    for place, entry in enumerate(entries):
        index = entry.get("index", place)
        if isinstance(index, int) and not isinstance(index, bool):
            placed[index] = _vector(entry.get("embedding"))
    if sorted(placed) != list(range(expected)):
        raise _invalid(f"it holds {len(placed)} vectors for {expected} texts")
    vectors = [placed[index] for index in range(expected)]
    if len({len(vector) for vector in vectors}) > 1:
        raise _invalid("its vectors differ in length")
    return Embedded(
        vectors=vectors, model=_text(answer.get("model")) or model, usage=_usage(answer.get("usage"))
    )


def _vector(value: Any) -> list[float]:
    if not isinstance(value, list) or not value:
        raise _invalid("a vector in it is none")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise _invalid("a vector in it holds something that is no number")
    return [float(number) for number in value]


def _calls(given: Any) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    for place, call in enumerate(given if isinstance(given, list) else ()):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not _text(function.get("name")):
            raise _invalid("a call in it names no function")
        arguments = function.get("arguments")
        calls.append(
            ToolCall(
                # Some endpoints give none, but the results have to name their calls.
                id=_text(call.get("id")) or f"call_{place + 1}",
                name=_text(function.get("name")),
                arguments=_text(arguments) if not isinstance(arguments, Mapping) else _json(arguments),
            )
        )
    if len(calls) > MAX_TOOL_CALLS:
        raise _invalid("it asks for too many calls")
    return tuple(calls)


def _usage(value: Any) -> Usage:
    given = value if isinstance(value, Mapping) else {}
    asked, answered = _count(given.get("prompt_tokens")), _count(given.get("completion_tokens"))
    total = _count(given.get("total_tokens"))
    if total is None and (asked is not None or answered is not None):
        total = (asked or 0) + (answered or 0)
    return Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=total)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refuse_error(answer: Mapping[str, Any]) -> None:
    """Raise when an answer with a good status tells of an error, as it does in the middle of a stream."""
    if answer.get("error"):
        raise NodeError(
            "The model endpoint broke its answer off with an error of its own.",
            code="MODEL_UNAVAILABLE",
            retryable=True,
        )


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _invalid("it is not JSON") from error
    if not isinstance(found, dict):
        raise _invalid("it is not an object")
    return found


def _first(choices: Any) -> Mapping[str, Any]:
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _invalid(reason: str) -> NodeError:
    return NodeError(f"The model's answer cannot be read: {reason}.", code="MODEL_ANSWER_INVALID")
