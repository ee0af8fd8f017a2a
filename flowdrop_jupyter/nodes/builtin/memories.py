"""Nodes that remember conversations from one turn to the next, and that put conversations together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...clock import format_time
from ...errors import NodeError
from ...workflow.dynamic import dynamic_ports
from ..api import function_node, node
from ..context import NodeContext
from ..conversation import append, content_text, messages_of, normalize, row
from ..dynamic_definitions import dynamic_inputs
from ..memory import Scope, messages_held
from ..signature import Config, Lane, Wire

MAX_MESSAGES: Final = 10_000
"""How many of the newest messages one conversation keeps."""

_COLOR: Final = "#0891b2"

Role: TypeAlias = Literal["user", "assistant", "system", "tool"]
BufferScope: TypeAlias = Annotated[Scope, Config()]
Messages: TypeAlias = Annotated[list[dict[str, Any]], Lane("messages")]


class Buffer(msgspec.Struct):
    """A conversation that is kept, and what was done to it.

    :param added_count: how many messages were new to it.
    :param scope_id: whose it is; empty for everybody's, and when it was refused.
    """

    buffer: Annotated[Any, Lane("mixed")]
    operation: str
    buffer_size: int
    max_messages: int
    include_metadata: bool
    format: str
    added_count: int
    added: bool
    scope_id: Annotated[str, Lane("string", exposed=False)]


class History(msgspec.Struct):
    """A conversation by its id, and what was done to it."""

    conversationId: str
    messages: Messages
    messageCount: int
    found: bool
    created: bool
    added: bool
    cleared: bool
    deleted: bool
    systemPrompt: str
    metadata: Annotated[Mapping[str, Any], Lane("json")]
    scope_id: Annotated[str, Lane("string", exposed=False)]


class AssembledMessages(msgspec.Struct):
    """One conversation."""

    messages: Messages


class NormalizedMessages(msgspec.Struct):
    """A conversation that a model can take."""

    messages: Messages
    dropped: int


class OneMessage(msgspec.Struct):
    """One message, as a conversation and by itself."""

    messages: Messages
    message: Annotated[Mapping[str, Any], Lane("json")]


@node(
    category="memories",
    icon="mdi:message-bulleted",
    color=_COLOR,
    # What was appended twice would be said twice.
    side_effects=True,
    tags=("memory", "conversation", "chat"),
)
async def conversation_buffer(
    context: NodeContext,
    message: Annotated[Any, Wire(lane="mixed")] = None,
    operation: Annotated[Literal["add", "clear", "get", "truncate"], Config()] = "add",
    maxMessages: Annotated[int, Config(), msgspec.Meta(ge=1, le=MAX_MESSAGES)] = 10,
    includeMetadata: Annotated[bool, Config()] = True,
    format: Annotated[Literal["array", "json", "text"], Config()] = "array",  # noqa: A002 - documented key
    role: Annotated[Role, Config()] = "user",
    scope: BufferScope = "session",
    key: Annotated[str, Config(), msgspec.Meta(min_length=1, max_length=200)] = "conversation",
) -> Buffer:
    """Keeps the newest messages of a conversation from one turn to the next.

    Results of calls are kept once each; a call that got none is marked as interrupted when the user goes on.

    :param message: what to add: a text, a message with role and content, or a list of messages.
    :param operation: add the message, forget everything, only look, or cut to the greatest number.
    :param maxMessages: how many messages are kept.
    :param includeMetadata: give everything that is known of each message, not only role and content.
    :param format: give a list, its JSON, or lines of text.
    :param role: who says a message that is only a text.
    :param scope: for whom it is kept.
    :param key: tells several buffers of one scope apart.
    """
    memory = context.memory
    count, place = 0, ""
    if operation == "add":
        stamped = [_stamped(entry, context) for entry in messages_of(message, role)]
        buffered = await memory.append(scope, key, stamped, maxMessages)
        kept, count, place = buffered.messages, buffered.count, buffered.scope_id
    elif operation == "clear":
        kept, place = [], (await memory.forget(scope, key)).scope_id
    elif operation == "truncate":
        changed = await memory.change(scope, key, lambda held: messages_held(held)[-maxMessages:])
        kept, place = changed.value or [], changed.scope_id
    else:
        recalled = await memory.recall(scope, key)
        kept, place = messages_held(recalled.value), recalled.scope_id
    return Buffer(
        buffer=_written(kept if includeMetadata else [_bare(entry) for entry in kept], format),
        operation=operation,
        buffer_size=len(kept),
        max_messages=maxMessages,
        include_metadata=includeMetadata,
        format=format,
        added_count=count,
        added=count > 0,
        scope_id=place,
    )


@node(
    category="ai",
    icon="mdi:message-text-clock-outline",
    color=_COLOR,
    side_effects=True,
    tags=("memory", "conversation", "chat", "ai"),
)
async def conversation_history(
    context: NodeContext,
    action: Literal["create", "get", "add", "clear", "delete"] = "get",
    conversationId: Annotated[str, Wire(), msgspec.Meta(title="Conversation ID", max_length=200)] = "",
    role: Annotated[Role, Wire()] = "user",
    content: Annotated[Any, Wire(lane="mixed")] = "",
    toolCallId: Annotated[str, Wire(), msgspec.Meta(title="Tool call ID")] = "",
    metadata: Annotated[Mapping[str, Any], Wire()] = {},
    systemPrompt: Annotated[str, msgspec.Meta(extra_json_schema={"format": "multiline"})] = "",
    strategy: Annotated[Literal["full", "window"], Config()] = "full",
    windowSize: Annotated[int, Config(), msgspec.Meta(ge=1, le=100)] = 20,
    scope: BufferScope = "session",
) -> History:
    """Keeps conversations by their ids, and gives one as a model takes it.

    :param action: what to do with the conversation; adding to one that is not there creates it.
    :param conversationId: which conversation; empty for the only one of its scope.
    :param role: who says what is added.
    :param content: what is added.
    :param toolCallId: which call is answered, when the role is `tool`.
    :param metadata: facts about a conversation that is created.
    :param systemPrompt: what a model is told before a conversation that is created.
    :param strategy: give all messages, or only the newest ones.
    :param windowSize: how many are the newest ones.
    :param scope: for whom conversations are kept.
    """
    memory, key, done = context.memory, f"conversation:{conversationId}", _Done()
    if action == "add" and not content_text(content):
        raise NodeError("There is no content to add.", code="MESSAGE_EMPTY")
    value: Any = None
    if action == "get":
        recalled = await memory.recall(scope, key)
        value, place, done.found = recalled.value, recalled.scope_id, recalled.found
    elif action == "delete":
        removed = await memory.forget(scope, key)
        place, done.deleted, done.found = removed.scope_id, removed.success, removed.success
    else:
        fresh = {"system_prompt": systemPrompt, "metadata": dict(metadata), "messages": []}
        said = row(role, content, toolCallId)
        changed = await memory.change(scope, key, lambda held: _changed(action, held, fresh, said, done))
        value, place = changed.value, changed.scope_id
    held = value if isinstance(value, Mapping) else {}
    kept = messages_held(held.get("messages"))
    system = content_text(held.get("system_prompt"))
    shown = kept if strategy == "full" else kept[-windowSize:]
    return History(
        conversationId=conversationId,
        messages=normalize([row("system", system), *shown] if system.strip() else shown).messages,
        messageCount=len(kept),
        found=done.found,
        created=done.created,
        added=done.added,
        cleared=done.cleared,
        deleted=done.deleted,
        systemPrompt=system,
        metadata=held["metadata"] if isinstance(held.get("metadata"), Mapping) else {},
        scope_id=place,
    )


@node(
    category="ai",
    icon="mdi:message-plus-outline",
    color=_COLOR,
    tags=("conversation", "chat"),
    parameters={"dynamicInputs": dynamic_inputs("The conversations to put together, in their order.")},
)
def message_assembly(context: NodeContext) -> AssembledMessages:
    """Puts messages and conversations together, in the order of the node's inputs."""
    ports = dynamic_ports(function_node(message_assembly).node_type, context.config, "input")
    arrived = [context.dynamic_inputs.get(port.name) for port in ports]
    return AssembledMessages(messages=[entry for value in arrived for entry in messages_of(value)])


@node(category="ai", icon="mdi:message-check-outline", color=_COLOR, tags=("conversation", "chat"))
def conversation_normalization(messages: Annotated[Any, Wire(lane="messages")] = None) -> NormalizedMessages:
    """Repairs a conversation so that a model can take it: system messages first, calls and results in pairs.

    :param messages: the conversation.
    """
    made = normalize(messages if isinstance(messages, list) else [])
    return NormalizedMessages(messages=made.messages, dropped=made.dropped)


@node(category="ai", icon="mdi:message-text-outline", color=_COLOR, tags=("conversation", "chat", "text"))
def text_to_message(
    text: Annotated[Any, Wire(lane="mixed")] = None,
    role: Annotated[Any, Config(), msgspec.Meta(extra_json_schema={"type": "string"})] = "user",
    toolCallId: Annotated[str, msgspec.Meta(title="Tool call ID")] = "",
) -> OneMessage:
    """Makes a message of a text and a role, as a conversation of one and by itself.

    :param text: what is said; what is no text is written as JSON, and nothing makes no message.
    :param role: `user`, `assistant`, `system` or `tool`; anything else is `user`.
    :param toolCallId: which call is answered; only when the role is `tool`.
    """
    made = row(role, text, toolCallId)
    if not made["content"]:
        return OneMessage(messages=[], message={})
    return OneMessage(messages=[made], message=made)


@dataclass(slots=True)
class _Done:
    """What became of a conversation."""

    found: bool = False
    created: bool = False
    added: bool = False
    cleared: bool = False
    deleted: bool = False


def _changed(
    action: str, held: Any, fresh: Mapping[str, Any], said: Mapping[str, Any], done: _Done
) -> dict[str, Any] | None:
    """Return a conversation after an action, or None when there is nothing to change."""
    done.found = isinstance(held, Mapping)
    if action != "add" and (action == "clear") is not done.found:
        return None  # there is none to clear, or it was created before
    kept = {**fresh, **held} if done.found else dict(fresh)
    before = messages_held(kept["messages"])
    done.created = not done.found
    if action == "clear":
        done.cleared = True
        return {**kept, "messages": []}
    if action == "add":
        appended = append(before, [said], MAX_MESSAGES)
        done.added = appended.count > 0
        before = appended.buffer
    return {**kept, "messages": before}


def _stamped(entry: dict[str, Any], context: NodeContext) -> dict[str, Any]:
    return entry if "timestamp" in entry else {**entry, "timestamp": format_time(context.clock())}


def _bare(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("role", "content", "tool_calls", "tool_call_id") if name in entry}


def _written(messages: Sequence[Mapping[str, Any]], form: str) -> Any:
    if form == "json":
        return msgspec.json.encode(messages).decode()
    if form == "text":
        return "\n".join(f"{entry['role']}: {content_text(entry.get('content'))}" for entry in messages)
    return list(messages)


NODES = (
    conversation_buffer,
    conversation_history,
    message_assembly,
    conversation_normalization,
    text_to_message,
)
