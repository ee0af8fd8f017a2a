"""Models that answer by a script, the same every time and without a network: for demos and tests.

``scripted:echo`` repeats the last message, ``scripted:say Hello`` says ``Hello``, ``scripted:call
calculator {"values": [1, 2]}`` asks for one call and then tells what it gave, ``scripted:fail 503`` fails
as an endpoint does, ``scripted:embed 8`` gives vectors of eight numbers, and ``scripted:`` with the name of
a configured script answers its steps one after the other.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..errors import NodeError
from ..expressions import quoted
from .model_types import (
    ChatRequest,
    Completion,
    Embedded,
    Endpoint,
    TextListener,
    ToolCall,
    Usage,
    failure,
)

SCRIPTED_PREFIX: Final = "scripted:"
"""What the names of models begin with that answer by a script."""

MAX_DIMENSIONS: Final = 4096
_DIMENSIONS: Final = 16
_WORDS: Final = re.compile(r"\w+")
_PIECES: Final = re.compile(r"\s*\S+|\s+\Z")

Step: TypeAlias = str | Mapping[str, Any]
"""A text to say; or ``{"tool", "arguments"}``, a call to ask for; or ``{"error": status}``."""

Script: TypeAlias = Sequence[Step]
"""What is answered to a conversation's first, second … question; the last step also to all later ones."""


class ScriptedModels:
    """A :class:`~flowdrop_jupyter.nodes.model_types.ModelTransport` that never leaves this process."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self._scripts = dict(scripts)

    async def chat(
        self, _endpoint: Endpoint, request: ChatRequest, on_text: TextListener | None
    ) -> Completion:
        """Return the step of the script that the conversation has come to.

        :raises NodeError: ``MODEL_UNKNOWN`` for a script that there is none of; ``MODEL_BUSY``,
            ``MODEL_UNAVAILABLE`` or ``MODEL_REFUSED`` where the script says so.
        """
        step = self._step(request)
        if isinstance(step, Mapping) and "error" in step:
            raise failure(_number(step["error"], 500), "The script says so.")
        if isinstance(step, Mapping):
            return _calling(request, step)
        if on_text is not None:
            for piece in _PIECES.findall(step):
                on_text(piece)
        return _saying(request, step)

    async def embed(self, _endpoint: Endpoint, model: str, texts: Sequence[str]) -> Embedded:
        """Return vectors in which texts that share words are near each other."""
        command, _, rest = model.removeprefix(SCRIPTED_PREFIX).strip().partition(" ")
        if command == "fail":
            raise failure(_number(rest, 500), "The script says so.")
        if command != "embed":
            raise _unknown(model)
        dimensions = min(max(_number(rest, _DIMENSIONS), 1), MAX_DIMENSIONS)
        words = sum(_count(text) for text in texts)
        return Embedded(
            vectors=[_vector(text, dimensions) for text in texts],
            model=model,
            usage=Usage(prompt_tokens=words, total_tokens=words),
        )

    def _step(self, request: ChatRequest) -> Step:
        name = request.model.removeprefix(SCRIPTED_PREFIX).strip()
        script = self._scripts.get(name)
        if script:
            answered = sum(message.get("role") == "assistant" for message in request.messages)
            step: Step = script[min(answered, len(script) - 1)]
            return step
        command, _, rest = name.partition(" ")
        last = request.messages[-1] if request.messages else {}
        if command == "echo":
            return _text(last)
        if command == "say":
            return rest
        if command == "fail":
            return {"error": rest}
        if command == "call":
            tool, _, arguments = rest.strip().partition(" ")
            if last.get("role") == "tool":
                return f"{tool} gave {_text(last)}"
            return {"tool": tool, "arguments": arguments.strip() or "{}"}
        raise _unknown(request.model)


def _calling(request: ChatRequest, step: Mapping[str, Any]) -> Completion:
    arguments = step.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    asked = sum(len(message.get("tool_calls") or ()) for message in request.messages)
    call = ToolCall(id=f"call_{asked + 1}", name=str(step.get("tool", "")), arguments=written)
    return Completion(
        text="",
        model=request.model,
        tool_calls=(call,),
        finish_reason="tool_calls",
        usage=_usage(request, written),
    )


def _saying(request: ChatRequest, text: str) -> Completion:
    return Completion(text=text, model=request.model, finish_reason="stop", usage=_usage(request, text))


def _usage(request: ChatRequest, answer: str) -> Usage:
    """Count words for tokens."""
    asked = sum(_count(_text(message)) for message in request.messages)
    answered = _count(answer)
    return Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=asked + answered)


def _count(text: str) -> int:
    return len(text.split())


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _vector(text: str, dimensions: int) -> list[float]:
    """Return a vector of length one that counts the words of *text*, each in one of its places."""
    counts = [0.0] * dimensions
    for word in _WORDS.findall(text.casefold()):
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        counts[int.from_bytes(digest[:4], "big") % dimensions] += 1.0
    length = math.sqrt(sum(count * count for count in counts))
    return [round(count / length, 6) for count in counts] if length else counts


def _number(value: Any, otherwise: int) -> int:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else otherwise


def _unknown(model: str) -> NodeError:
    return NodeError(
        f"There is no model {quoted(model)}; see the scripts that a scripted model knows.",
        code="MODEL_UNKNOWN",
    )
