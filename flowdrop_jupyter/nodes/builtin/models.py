"""Nodes that ask language models: a chat, an agent with tools, and embeddings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

import anyio.to_thread
import msgspec

from ...errors import NodeError
from ...expressions import quoted, shortened
from ..api import node
from ..context import NodeContext
from ..conversation import for_model, normalize, row
from ..model_types import ChatRequest, Completion, OfferedTool, ToolCall, Usage
from ..signature import Config, Lane, Wire

MAX_ROUNDS: Final = 50
MAX_TEXTS: Final = 10_000
TEXTS_PER_REQUEST: Final = 128
CHARACTERS_PER_TOKEN: Final = 4
"""How long a token is taken to be where nobody counted."""

_COLOR: Final = "#7c3aed"

ModelName: TypeAlias = Annotated[str, Config()]
EndpointName: TypeAlias = Annotated[str, Config()]
Tokens: TypeAlias = Annotated[int, Config(), msgspec.Meta(title="Max tokens", ge=1)]
SystemPrompt: TypeAlias = Annotated[str, Config(format="multiline")]
Conversation: TypeAlias = Annotated[Sequence[Mapping[str, Any]], Wire(lane="messages")]


class ChatAnswer(msgspec.Struct):
    """What a model answered, and what it took."""

    response: str
    model: str
    temperature: float
    tokens_used: int | None
    usage: Annotated[Mapping[str, int | None], Lane("json", exposed=False)]
    finish_reason: Annotated[str, Lane("string", exposed=False)]


class AgentAnswer(msgspec.Struct):
    """What an agent answered, with which tools, and how it was set."""

    response: str
    tools_used: Annotated[list[dict[str, Any]], Lane("array")]
    message: str
    system_prompt: str
    temperature: float
    max_tokens: int
    model: Annotated[str, Lane("string", exposed=False)]
    tokens_used: Annotated[int | None, Lane("number", exposed=False)]
    messages: Annotated[list[dict[str, Any]], Lane("messages", exposed=False)]


class Embeddings(msgspec.Struct):
    """One vector per text."""

    embeddings: Annotated[list[list[float]], Lane("array")]
    model: str
    usage: Annotated[Mapping[str, int | None], Lane("json")]
    texts_count: int
    embedding_dimensions: int


class NormalizedEmbeddings(Embeddings):
    """One vector per text, and whether they were made equally long."""

    normalize: bool


@node(category="models", icon="mdi:robot-outline", color=_COLOR, tags=("model", "ai", "chat"))
async def chat_model(
    context: NodeContext,
    message: Annotated[str, Wire()] = "",
    messages: Conversation = (),
    model: ModelName = "",
    temperature: Annotated[
        float, Config(format="range"), msgspec.Meta(ge=0, le=2, extra_json_schema={"step": 0.1})
    ] = 0.7,
    maxTokens: Tokens = 1000,
    systemPrompt: SystemPrompt = "",
    endpoint: EndpointName = "",
) -> ChatAnswer:
    """Asks a language model and gives its answer.

    :param message: what the user says.
    :param messages: the conversation before it; it may end with the message.
    :param model: the model's name; empty for the server's default one.
    :param temperature: how freely the model chooses its words.
    :param maxTokens: how long the answer may be, in tokens.
    :param systemPrompt: what the model is told before the conversation.
    :param endpoint: where the model is: the name of one of the server's endpoints.
    """
    answer = await context.models.chat(
        ChatRequest(
            model=model,
            messages=for_model(_conversation(systemPrompt, messages, message)),
            temperature=temperature,
            max_tokens=maxTokens,
        ),
        endpoint=endpoint,
        on_text=context.emit_text,
    )
    return ChatAnswer(
        response=answer.text,
        model=answer.model,
        temperature=temperature,
        tokens_used=answer.usage.total_tokens,
        usage=_usage([answer.usage]),
        finish_reason=answer.finish_reason,
    )


@node(
    category="agents",
    icon="mdi:account-cog-outline",
    color=_COLOR,
    # A run that died in the middle of it may have called tools already.
    side_effects=True,
    tags=("agent", "ai", "tools"),
)
async def simple_agent(
    context: NodeContext,
    message: Annotated[str, Wire()] = "",
    tools: Annotated[Sequence[Any], Wire(lane="array")] = (),
    messages: Conversation = (),
    systemPrompt: SystemPrompt = "You are a helpful assistant.",
    temperature: Annotated[
        float, Config(format="range"), msgspec.Meta(ge=0, le=2, extra_json_schema={"step": 0.1})
    ] = 0.7,
    maxTokens: Tokens = 1000,
    model: ModelName = "",
    endpoint: EndpointName = "",
    maxIterations: Annotated[int, Config(), msgspec.Meta(ge=1, le=MAX_ROUNDS)] = 5,
) -> AgentAnswer:
    """Lets a language model work on a message with tools until it has an answer.

    :param message: what is to be done.
    :param tools: what the model may call: node type ids, or objects with `node_type`, `name`,
        `description` and `config`.
    :param messages: the conversation before the message.
    :param systemPrompt: what the model is told before the conversation.
    :param temperature: how freely the model chooses its words.
    :param maxTokens: how long each answer of the model may be, in tokens.
    :param model: the model's name; empty for the server's default one.
    :param endpoint: where the model is: the name of one of the server's endpoints.
    :param maxIterations: how often the model may ask for calls before it has to have an answer.
    """
    offered = _offered(context, tools)
    conversation = _conversation(systemPrompt, messages, message)
    used: list[dict[str, Any]] = []
    counted: list[Usage] = []
    for _ in range(maxIterations + 1):
        answer = await context.models.chat(
            ChatRequest(
                model=model,
                messages=for_model(conversation),
                temperature=temperature,
                max_tokens=maxTokens,
                tools=[each.tool for each in offered.values()],
            ),
            endpoint=endpoint,
            on_text=context.emit_text,
        )
        counted.append(answer.usage)
        conversation.append(answer.message())
        if not answer.tool_calls:
            return AgentAnswer(
                response=answer.text,
                tools_used=used,
                message=message,
                system_prompt=systemPrompt,
                temperature=temperature,
                max_tokens=maxTokens,
                model=answer.model,
                tokens_used=_usage(counted)["total_tokens"],
                messages=conversation,
            )
        if len(counted) <= maxIterations:
            await _call_all(answer, offered, conversation, used)
    raise NodeError(
        f"The agent asked for calls {maxIterations + 1} times without coming to an answer.",
        code="AGENT_ROUNDS_EXCEEDED",
    )


@node(
    name="OpenAI embeddings",
    category="embeddings",
    icon="mdi:vector-point",
    color=_COLOR,
    tags=("embeddings", "vector", "ai"),
)
async def openai_embeddings(
    context: NodeContext,
    texts: Annotated[Any, Wire(lane="array")] = None,
    model: ModelName = "text-embedding-3-small",
    maxTokens: Annotated[int, Config(), msgspec.Meta(title="Max tokens", ge=1)] = 8191,
    endpoint: EndpointName = "",
) -> Embeddings:
    """Turns texts into vectors with an embedding model.

    :param texts: a list of texts, or one text.
    :param model: the embedding model's name.
    :param maxTokens: how many tokens one request carries, at four characters each; more texts are sent
        in several requests.
    :param endpoint: where the model is: the name of one of the server's endpoints.
    """
    return await _embeddings(context, _texts(texts), model, endpoint, maxTokens)


@node(
    name="Hugging Face embeddings",
    category="embeddings",
    icon="mdi:vector-square",
    color=_COLOR,
    tags=("embeddings", "vector", "ai"),
)
async def huggingface_embeddings(
    context: NodeContext,
    texts: Annotated[Any, Wire(lane="array")] = None,
    model: ModelName = "sentence-transformers/all-MiniLM-L6-v2",
    maxLength: Annotated[int, Config(), msgspec.Meta(ge=1)] = 512,
    normalize: Annotated[bool, Config()] = True,
    endpoint: EndpointName = "",
) -> NormalizedEmbeddings:
    """Turns texts into vectors with a model that a text embeddings server offers.

    :param texts: a list of texts, or one text.
    :param model: the embedding model's name.
    :param maxLength: how many words of each text count.
    :param normalize: make every vector one long, so that their products tell how near texts are.
    :param endpoint: where the model is; empty for the endpoint called `huggingface`, if there is one.
    """
    where = endpoint or ("huggingface" if "huggingface" in context.models.names else "")
    # A word has at least one token, so that nothing is cut which the model itself would have read.
    cut = [" ".join(text.split()[:maxLength]) for text in _texts(texts)]
    made = await _embeddings(context, cut, model, where, maxLength * TEXTS_PER_REQUEST)
    vectors = made.embeddings
    if normalize:
        vectors = await anyio.to_thread.run_sync(lambda: [_unit(vector) for vector in made.embeddings])
    return NormalizedEmbeddings(
        embeddings=vectors,
        model=made.model,
        usage=made.usage,
        texts_count=made.texts_count,
        embedding_dimensions=made.embedding_dimensions,
        normalize=normalize,
    )


def _conversation(system: str, earlier: Sequence[Mapping[str, Any]], message: str) -> list[dict[str, Any]]:
    """Return what a model is asked: what it is told first, what was said, and the message, once."""
    said = normalize(earlier).messages
    last = said[-1] if said else {}
    if message.strip() and (last.get("role"), last.get("content")) != ("user", message):
        said.append(row("user", message))
    if not any(entry["role"] != "system" for entry in said):
        raise NodeError("There is nothing to ask: no message arrived.", code="MODEL_REQUEST_EMPTY")
    return [row("system", system), *said] if system.strip() else said


def _offered(context: NodeContext, tools: Sequence[Any]) -> dict[str, OfferedTool]:
    offered: dict[str, OfferedTool] = {}
    for described in tools:
        if context.tools is None:
            raise NodeError("Tools cannot be called here.", code="TOOL_UNAVAILABLE")
        made = context.tools(described)
        if made.tool.name in offered:
            raise NodeError(f"Two tools are called {quoted(made.tool.name)}.", code="TOOL_INVALID")
        offered[made.tool.name] = made
    return offered


async def _call_all(
    answer: Completion,
    offered: Mapping[str, OfferedTool],
    conversation: list[dict[str, Any]],
    used: list[dict[str, Any]],
) -> None:
    """Make the calls that a model asks for, one after the other, and tell it what they gave."""
    for call in answer.tool_calls:
        result = await _called(call, offered)
        used.append({"name": call.name, "tool_call_id": call.id, "success": result["success"]})
        conversation.append(row("tool", result, call.id))


async def _called(call: ToolCall, offered: Mapping[str, OfferedTool]) -> dict[str, Any]:
    made = offered.get(call.name)
    if made is None:
        return _failed("TOOL_UNAVAILABLE", f"There is no tool {quoted(call.name)}.")
    try:
        arguments = msgspec.json.decode(call.arguments or "{}")
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return _failed("TOOL_ARGUMENTS_INVALID", f"The arguments are not JSON: {shortened(error)}")
    if not isinstance(arguments, dict):
        return _failed("TOOL_ARGUMENTS_INVALID", "The arguments have to be an object.")
    return await made.call(arguments)


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "data": None, "error": {"code": code, "message": message}}


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise NodeError("A list of texts is needed.", code="TEXTS_INVALID")
    if any(not text.strip() for text in texts):
        raise NodeError("An empty text has no meaning to turn into a vector.", code="TEXTS_INVALID")
    if len(texts) > MAX_TEXTS:
        raise NodeError(f"At most {MAX_TEXTS:,} texts at once.", code="TEXTS_INVALID")
    return texts


async def _embeddings(
    context: NodeContext, texts: Sequence[str], model: str, endpoint: str, tokens: int
) -> Embeddings:
    vectors: list[Sequence[float]] = []
    counted: list[Usage] = []
    answered = model
    for batch in _batches(texts, tokens * CHARACTERS_PER_TOKEN):
        given = await context.models.embed(model, batch, endpoint=endpoint)
        answered = given.model
        vectors += given.vectors
        counted.append(given.usage)
    dimensions = {len(vector) for vector in vectors}
    if len(dimensions) != 1:
        raise NodeError("The model's vectors differ in length.", code="MODEL_ANSWER_INVALID")
    return Embeddings(
        embeddings=[list(vector) for vector in vectors],
        model=answered,
        usage=_usage(counted),
        texts_count=len(texts),
        embedding_dimensions=dimensions.pop(),
    )


def _batches(texts: Sequence[str], characters: int) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == TEXTS_PER_REQUEST or size + len(text) > characters):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    yield batch


def _usage(counted: Sequence[Usage]) -> dict[str, int | None]:
    """Return the sum over several answers; None for what none of them counted."""
    summed: dict[str, int | None] = {}
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        numbers = [number for usage in counted if (number := getattr(usage, name)) is not None]
        summed[name] = sum(numbers) if numbers else None
    return summed


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.hypot(*vector)
    return [number / length for number in vector] if length else list(vector)


NODES = (chat_model, simple_agent, openai_embeddings, huggingface_embeddings)
