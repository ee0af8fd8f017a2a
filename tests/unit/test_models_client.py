"""The client for language models, against a real server that speaks the protocol well and badly."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from anyio import to_thread
from blockbuster import blockbuster_ctx
from model_endpoint import (
    DONE,
    SECRET,
    STREAM,
    ModelEndpoint,
    Reply,
    called,
    delta,
    event,
    model_endpoint,
    said,
    streamed,
)

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Endpoint, Models
from flowdrop_jupyter.nodes import model_client as client
from flowdrop_jupyter.nodes.model_client import HttpModels
from flowdrop_jupyter.nodes.model_types import ChatRequest, Completion, Embedded, Tool

HELLO = [{"role": "user", "content": "Hi"}]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Caller:
    """Asks an endpoint, with waits that take no time and are written down."""

    def __init__(self, backend: str = "asyncio") -> None:
        self.backend = backend
        self.waits: list[float] = []
        self.pieces: list[str] = []

    def models(self, endpoint: Endpoint, **options: Any) -> Models:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        http = HttpModels(sleep=sleep, chance=lambda: 1.0, clock=lambda: NOON)
        return Models({"default": endpoint}, http=http, **options)

    def run(self, work: Callable[[], Any]) -> Any:
        async def running() -> Any:
            with blockbuster_ctx("flowdrop_jupyter"):
                return await work()

        return anyio.run(running, backend=self.backend)

    def chat(self, endpoint: Endpoint, *, listens: bool = False, **fields: Any) -> Completion:
        request = ChatRequest(**{"model": "tiny", "messages": HELLO, **fields})
        on_text = self.pieces.append if listens else None
        found: Completion = self.run(lambda: self.models(endpoint).chat(request, on_text=on_text))
        return found

    def embed(self, endpoint: Endpoint, *texts: str) -> Embedded:
        found: Embedded = self.run(lambda: self.models(endpoint).embed("vectors", texts))
        return found


def refused(*replies: Reply, listens: bool = False, **fields: Any) -> tuple[NodeError, Caller, ModelEndpoint]:
    caller = Caller()
    with model_endpoint(*replies) as host, pytest.raises(NodeError) as caught:
        caller.chat(host.endpoint(**fields), listens=listens)
    return caught.value, caller, host


def test_a_model_is_asked_as_the_protocol_says(backend: str) -> None:
    with model_endpoint() as host:
        tool = Tool(name="add", description="Adds.", parameters={"type": "object"})
        answer = Caller(backend).chat(host.endpoint(), temperature=0.5, max_tokens=7, tools=[tool])

    assert (answer.text, answer.model, answer.finish_reason) == ("Hello", "tiny-1", "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        3,
        2,
        5,
    )
    [asked] = host.asked
    assert asked["path"] == "/v1/chat/completions"
    assert asked["headers"]["authorization"] == f"Bearer {SECRET}"
    function = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
    assert host.bodies == [
        {
            "model": "tiny",
            "messages": HELLO,
            "temperature": 0.5,
            "max_tokens": 7,
            "tools": [{"type": "function", "function": function}],
        }
    ]


def test_an_endpoint_may_call_the_limit_of_tokens_otherwise() -> None:
    with model_endpoint() as host:
        Caller().chat(host.endpoint(token_limit="max_completion_tokens"), max_tokens=7)

    assert host.bodies[0]["max_completion_tokens"] == 7
    assert "max_tokens" not in host.bodies[0]


def test_an_endpoint_without_a_key_is_asked_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with model_endpoint() as host:
        Caller().chat(host.endpoint(api_key=""))

    assert "authorization" not in host.asked[0]["headers"]


def test_a_key_is_read_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not this one")
    monkeypatch.setenv("OUR_KEY", " ours\n")
    with model_endpoint() as host:
        Caller().chat(host.endpoint(api_key="", key_variable="OUR_KEY"))

    assert host.asked[0]["headers"]["authorization"] == "Bearer ours"


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with model_endpoint() as host:
        monkeypatch.setenv("OPENAI_BASE_URL", host.url + "/")
        assert Caller().chat(Endpoint(api_key=SECRET)).text == "Hello"

    assert host.asked[0]["path"] == "/v1/chat/completions"


def test_nothing_is_sent_to_openai_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(NodeError) as caught:
        Caller().chat(Endpoint())

    assert caught.value.code == "MODEL_KEY_MISSING"


def test_a_stream_gives_its_text_piece_by_piece(backend: str) -> None:
    usage = event({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    reply = streamed(
        b": warm\n\n",
        delta(role="assistant", content=""),
        delta(content="Grü"),
        delta(content="ße"),
        delta("stop"),
        usage + DONE,
    )
    caller = Caller(backend)
    with model_endpoint(reply) as host:
        answer = caller.chat(host.endpoint(), listens=True)

    assert caller.pieces == ["Grü", "ße"]
    assert (answer.text, answer.finish_reason, answer.usage.total_tokens) == ("Grüße", "stop", 3)
    assert host.bodies[0]["stream"] is True
    assert host.bodies[0]["stream_options"] == {"include_usage": True}


def test_a_stream_may_be_cut_anywhere() -> None:
    whole = (delta(content="Grüße, ") + delta("stop", content="Welt") + DONE).replace(b"\n", b"\r\n")
    caller = Caller()
    with model_endpoint(streamed(*[whole[at : at + 1] for at in range(len(whole))])) as host:
        answer = caller.chat(host.endpoint(), listens=True)

    assert answer.text == "Grüße, Welt"
    assert caller.pieces == ["Grüße, ", "Welt"]


def test_a_stream_that_is_not_closed_after_its_end_is_not_waited_for() -> None:
    with model_endpoint(streamed(delta("stop", content="All"), DONE, hold=True)) as host:
        assert Caller().chat(host.endpoint(), listens=True).text == "All"


def test_the_calls_of_a_stream_are_put_together() -> None:
    def piece(index: int, **fields: Any) -> bytes:
        return delta(tool_calls=[{"index": index, **fields}])

    reply = streamed(
        piece(0, id="a", function={"name": "add", "arguments": ""}),
        piece(1, id="b", function={"name": "sub", "arguments": '{"x"'}),
        piece(0, function={"arguments": '{"y": 1}'}),
        piece(1, function={"arguments": ": 2}"}),
        delta("tool_calls") + DONE,
    )
    with model_endpoint(reply) as host:
        answer = Caller().chat(host.endpoint(), listens=True)

    calls = [(call.id, call.name, call.arguments) for call in answer.tool_calls]
    assert calls == [("a", "add", '{"y": 1}'), ("b", "sub", '{"x": 2}')]


def test_an_endpoint_that_answers_at_once_though_asked_to_stream_is_understood() -> None:
    caller = Caller()
    with model_endpoint(Reply(said("At once"))) as host:
        assert caller.chat(host.endpoint(), listens=True).text == "At once"

    assert caller.pieces == ["At once"]


def test_an_endpoint_that_cannot_stream_is_not_asked_to() -> None:
    caller = Caller()
    with model_endpoint() as host:
        caller.chat(host.endpoint(streams=False), listens=True)

    assert "stream" not in host.bodies[0]
    assert caller.pieces == ["Hello"]


def test_calls_are_read() -> None:
    with model_endpoint(Reply(called("add", '{"a": 1}'))) as host:
        answer = Caller().chat(host.endpoint())

    assert answer.text == ""
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [("c1", "add", '{"a": 1}')]
    assert answer.message()["tool_calls"][0]["function"]["name"] == "add"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_a_busy_endpoint_is_asked_again(status: int) -> None:
    caller = Caller()
    with model_endpoint(Reply({}, status), Reply({}, status), Reply(said())) as host:
        assert caller.chat(host.endpoint()).text == "Hello"

    assert caller.waits == [0.5, 1.0]
    assert len(host.asked) == 3


def test_an_endpoint_is_not_asked_for_ever() -> None:
    error, caller, host = refused(Reply({"error": {"message": "Too many"}}, 429), retries=2)

    assert (error.code, error.retryable) == ("MODEL_BUSY", True)
    assert "Too many" in error.message
    assert (len(host.asked), len(caller.waits)) == (3, 2)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("3", 3.0),
        ("0.25", 0.25),
        ("Thu, 01 Jan 2026 12:00:07 GMT", 7.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", 0.5),
        ("-1", 0.5),
        ("nan", 0.5),
        ("inf", 0.5),
    ],
)
def test_an_endpoint_is_left_alone_for_as_long_as_it_asks(asked: str, waited: float) -> None:
    caller = Caller()
    with model_endpoint(Reply({}, 429, {"Retry-After": asked}), Reply(said())) as host:
        caller.chat(host.endpoint())

    assert caller.waits == [waited]


def test_an_endpoint_that_asks_for_too_much_patience_is_given_up() -> None:
    error, caller, host = refused(Reply({}, 429, {"Retry-After": "3600"}), Reply(said()))

    assert error.code == "MODEL_BUSY"
    assert (len(host.asked), caller.waits) == (1, [])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "MODEL_REFUSED"),
        (401, "MODEL_UNAUTHORIZED"),
        (403, "MODEL_UNAUTHORIZED"),
        (404, "MODEL_UNKNOWN"),
    ],
)
def test_a_request_that_is_refused_is_not_repeated(status: int, code: str) -> None:
    error, _, host = refused(Reply({"error": {"message": "No such thing"}}, status))

    assert (error.code, error.retryable) == (code, False)
    assert len(host.asked) == 1


def test_the_key_is_not_sent_where_a_redirect_leads() -> None:
    with model_endpoint() as other:
        error, _, _ = refused(Reply({}, 307, {"Location": other.url + "/chat/completions"}))

    assert error.code == "MODEL_REFUSED"
    assert other.asked == []


def test_an_endpoint_that_is_not_there_is_an_error() -> None:
    caller = Caller()
    with pytest.raises(NodeError) as caught:
        caller.chat(Endpoint(base_url="http://127.0.0.1:1/v1", api_key=SECRET))

    assert (caught.value.code, caught.value.retryable) == ("MODEL_UNREACHABLE", True)
    assert len(caller.waits) == 2


def test_an_endpoint_that_says_nothing_is_given_up() -> None:
    error, _, _ = refused(Reply(pieces=[], hold=True), timeout_seconds=0.1, retries=0)

    assert (error.code, error.retryable) == ("MODEL_TIMEOUT", True)


def test_a_stream_that_breaks_off_before_its_first_word_is_asked_for_again() -> None:
    caller = Caller()
    whole = streamed(delta("stop", content="All"), DONE)
    with model_endpoint(streamed(delta(role="assistant", content="")), whole) as host:
        assert caller.chat(host.endpoint(), listens=True).text == "All"

    assert caller.pieces == ["All"]


@pytest.mark.parametrize(
    "reply",
    [
        streamed(delta(content="Half")),
        streamed(delta(content="Half"), event({"error": {"message": "overloaded"}})),
        Reply(pieces=[delta(content="Half")], headers={**STREAM, "Content-Length": "9999"}),
    ],
    ids=["ends", "tells of an error", "is cut"],
)
def test_a_stream_that_breaks_off_after_a_part_was_shown_is_not_repeated(reply: Reply) -> None:
    error, caller, host = refused(reply, streamed(delta("stop", content="All"), DONE), listens=True)

    assert (error.code, error.retryable) == ("MODEL_STREAM_BROKEN", True)
    assert (caller.pieces, len(host.asked)) == (["Half"], 1)


def test_a_stream_that_stalls_after_a_part_was_shown_is_not_repeated() -> None:
    reply = streamed(delta(content="Half"), hold=True)
    error, caller, host = refused(reply, listens=True, timeout_seconds=1)

    assert error.code == "MODEL_STREAM_BROKEN"
    assert (caller.pieces, len(host.asked)) == (["Half"], 1)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome</html>",
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        {},
        {"choices": []},
        {"choices": "none"},
        {"choices": [{"message": "text"}]},
        {"choices": [{"message": {"tool_calls": [{"id": "c"}]}}]},
        {"choices": [{"message": {"tool_calls": ["call"]}}]},
        {"choices": [{"message": {"tool_calls": [{"function": {"name": "f"}}] * 65}}]},
    ],
    ids=lambda body: str(body)[:30],
)
def test_an_answer_that_is_none_is_an_error(body: Any) -> None:
    error, _, host = refused(Reply(body))

    assert (error.code, error.retryable) == ("MODEL_ANSWER_INVALID", False)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "piece",
    [
        b"data: {broken\n\n",
        b"data: 7\n\n",
        b"data: " + b"x" * (5 * 1024 * 1024),
        delta(tool_calls=[{"index": 100, "function": {"name": "f"}}]),
        delta(tool_calls=[{"index": -1, "function": {"name": "f"}}]),
    ],
    ids=["broken", "number", "endless line", "too many calls", "negative"],
)
def test_a_stream_that_is_none_is_an_error(piece: bytes) -> None:
    error, _, _ = refused(streamed(piece, DONE), listens=True)

    assert error.code == "MODEL_ANSWER_INVALID"


def test_odd_parts_of_an_answer_are_passed_over() -> None:
    odd = said(model=7, usage={"total_tokens": True, "prompt_tokens": -1})
    odd["choices"][0]["message"]["content"] = None
    with model_endpoint(Reply(odd)) as host:
        answer = Caller().chat(host.endpoint())

    assert (answer.text, answer.model, answer.usage.total_tokens) == ("", "tiny", None)


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_that_is_too_large_is_not_read(streams: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 1000)
    many = [delta(content="x" * 90)] * 20
    reply = streamed(*many) if streams else Reply(said("x" * 2000))
    error, _, _ = refused(reply, listens=streams)

    assert error.code == "MODEL_ANSWER_TOO_LARGE"


def test_an_answer_that_is_packed_unasked_is_not_unpacked() -> None:
    reply = Reply(gzip.compress(b"\0" * 1_000_000), headers={"Content-Encoding": "gzip"})
    error, _, host = refused(reply)

    assert error.code == "MODEL_ANSWER_INVALID"
    assert host.asked[0]["headers"]["accept-encoding"] == "identity"


@pytest.mark.parametrize("listens", [True, False])
def test_cancelling_closes_the_connection(backend: str, listens: bool) -> None:
    caller = Caller(backend)
    reply = streamed(delta(content="Half"), hold=True) if listens else Reply(pieces=[], hold=True)
    with model_endpoint(reply) as host:

        async def cancelled() -> bool:
            async with anyio.create_task_group() as tasks:
                request = ChatRequest(model="tiny", messages=HELLO)
                on_text = caller.pieces.append if listens else None
                models = caller.models(host.endpoint())
                tasks.start_soon(lambda: models.chat(request, on_text=on_text))
                await to_thread.run_sync(host.arrived.wait, 5)
                tasks.cancel_scope.cancel()
            return await to_thread.run_sync(host.hung_up.wait, 5)

        assert caller.run(cancelled)
    assert caller.waits == []


def quoting() -> dict[str, Any]:
    return {"error": {"message": f"Bad key {SECRET} given", "code": SECRET}}


@pytest.mark.parametrize(
    "reply",
    [
        *[Reply(quoting(), status) for status in (400, 401, 403, 404, 429, 500)],
        Reply(quoting()),
        Reply(f'{{"error": "key \\u0073{SECRET[1:]}"}}'.encode(), 400),
        Reply(SECRET.encode()),
        Reply({SECRET: SECRET}, 422),
        streamed(delta(content="Half"), event(quoting())),
        streamed(event(SECRET.encode())),
    ],
)
def test_no_error_and_no_log_holds_the_key(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error, _, host = refused(reply, listens=True)

    assert SECRET in host.asked[0]["headers"]["authorization"]
    shown = [error.message, repr(error.details), repr(host.endpoint()), caplog.text]
    assert [text for text in shown if SECRET in text] == []


def test_an_answer_that_quotes_the_key_is_shown_without_it() -> None:
    caller = Caller()
    with model_endpoint(
        streamed(delta("stop", content=f"It is {SECRET}."), DONE), Reply(said(SECRET))
    ) as host:
        assert caller.chat(host.endpoint(), listens=True).text == "It is ***."
        assert caller.chat(host.endpoint()).text == "***"

    assert caller.pieces == ["It is ***."]


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel", "nul\0"])
def test_a_key_that_is_none_is_refused_unseen(key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error, _, host = refused(api_key=key)

    assert error.code == "MODEL_ENDPOINT_INVALID"
    assert key not in error.message + caplog.text
    assert host.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "models.example",
        "ftp://models.example/v1",
        "http://",
        "http://u:p@127.0.0.1/v1",
        "http://h/v1?k=1",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(NodeError) as caught:
        Caller().chat(Endpoint(base_url=url, api_key=SECRET))

    assert caught.value.code == "MODEL_ENDPOINT_INVALID"


def vectors(*entries: tuple[int, list[Any]]) -> Reply:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in entries]
    return Reply({"model": "vectors-1", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}})


def test_vectors_come_in_the_order_of_the_texts() -> None:
    with model_endpoint(vectors((1, [0, 1]), (0, [1, 0.5]))) as host:
        found = Caller().embed(host.endpoint(), "a", "b")

    assert (found.vectors, found.model, found.usage.total_tokens) == (
        [[1.0, 0.5], [0.0, 1.0]],
        "vectors-1",
        4,
    )
    assert host.asked[0]["path"] == "/v1/embeddings"
    assert host.bodies[0]["input"] == ["a", "b"]


@pytest.mark.parametrize(
    "reply",
    [
        vectors((0, [1.0])),
        vectors((0, [1.0]), (0, [1.0])),
        vectors((0, [1.0]), (2, [1.0])),
        vectors((0, [1.0]), (1, [1.0, 2.0])),
        vectors((0, []), (1, [])),
        vectors((0, ["1"]), (1, [1])),
        vectors((0, [True]), (1, [1])),
        Reply({"data": "none"}),
        Reply(b'{"data": [{"embedding": [1e999]}, {"embedding": [1]}]}'),
    ],
)
def test_vectors_that_do_not_fit_are_an_error(reply: Reply) -> None:
    with model_endpoint(reply) as host, pytest.raises(NodeError) as caught:
        Caller().embed(host.endpoint(), "a", "b")

    assert caught.value.code == "MODEL_ANSWER_INVALID"


def ask(models: Models, model: str, *messages: dict[str, Any], endpoint: str = "") -> Completion:
    request = ChatRequest(model=model, messages=messages or HELLO)

    async def asking() -> Completion:
        return await models.chat(request, endpoint=endpoint)

    return anyio.run(asking)


def test_a_named_endpoint_is_asked() -> None:
    with model_endpoint() as host, model_endpoint(Reply(said("From the other"))) as other:
        models = Models({"default": host.endpoint(), "other": other.endpoint()})
        assert ask(models, "tiny", endpoint="other").text == "From the other"

    assert host.asked == []


def test_the_default_model_is_asked_where_none_is_named() -> None:
    with model_endpoint() as host:
        ask(Models({"default": host.endpoint()}, default_model="ours"), " ")

    assert host.bodies[0]["model"] == "ours"


@pytest.mark.parametrize(
    ("model", "endpoint", "code"),
    [
        ("", "", "MODEL_NOT_NAMED"),
        ("tiny", "nowhere", "MODEL_ENDPOINT_UNKNOWN"),
        ("scripted:nothing", "", "MODEL_UNKNOWN"),
        ("scripted:fail 429", "", "MODEL_BUSY"),
        ("scripted:fail 500", "", "MODEL_UNAVAILABLE"),
    ],
)
def test_a_model_that_cannot_be_asked_is_an_error(model: str, endpoint: str, code: str) -> None:
    with pytest.raises(NodeError) as caught:
        ask(Models(), model, endpoint=endpoint)

    assert caught.value.code == code


def test_a_script_answers_step_by_step() -> None:
    steps = ["First", {"tool": "add", "arguments": {"a": 1}}, "Last"]
    models = Models(scripts={"talk": steps})
    talk: list[dict[str, Any]] = list(HELLO)
    answers = []
    for _ in range(4):
        answer = ask(models, "scripted:talk", *talk)
        answers.append((answer.text, [(call.name, call.arguments) for call in answer.tool_calls]))
        talk += [answer.message(), {"role": "user", "content": "And?"}]

    assert answers == [("First", []), ("", [("add", '{"a": 1}')]), ("Last", []), ("Last", [])]


def test_a_scripted_model_streams_and_counts_words() -> None:
    pieces: list[str] = []
    request = ChatRequest(model="scripted:say One, two  three ", messages=HELLO)

    async def asking() -> Completion:
        return await Models().chat(request, on_text=pieces.append)

    answer = anyio.run(asking)
    assert "".join(pieces) == answer.text == "One, two  three"
    assert len(pieces) == 3
    assert answer.usage.total_tokens == 4


def test_scripted_vectors_are_near_for_texts_that_share_words() -> None:
    async def embedding() -> Embedded:
        return await Models().embed("scripted:embed 64", ["rain in Oslo", "Oslo, rain!", "a dog"])

    rain, same, dog = anyio.run(embedding).vectors

    def near(one: Any, other: Any) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert len(rain) == 64
    assert near(rain, same) > 0.7 > 0.4 > near(rain, dog)
