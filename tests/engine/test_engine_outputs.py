"""What is kept of a node's output, and that nobody shares it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from engine_nodes import DYNAMIC_INPUTS, EXTRA, Shown
from engine_runs import bench, run_flow
from graphs import edge, node

from flowdrop_jupyter.engine import execution
from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Branched, Config, NodeContext
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio

NOT_JSON = {
    "object": object(),
    "tuple as key": {("a", 1): 2},
    "half a character": "\ud800",
    "class": float,
    "complex number": 1j,
}


def giving(value: Any, *, hidden: bool = False) -> Any:
    """Return the node type ``giving``, which gives *value* over a shown or a hidden output."""

    @node_type(id="giving")
    async def gives() -> Shown:
        """Gives something."""
        return {"hidden": value, "left": 1} if hidden else {"left": value}

    return gives


@pytest.mark.rule("ERR-6", "DATA-8")
@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
async def test_a_shown_value_without_a_json_form_fails_its_node(value: Any) -> None:
    ended = await run_flow(
        [node("bad", "giving"), node("handler", "see")],
        [edge("bad", "error", "handler", "a")],
        giving([{"deep": value}]),
    )
    assert ended.outcome.status == "completed"
    envelope = ended.result("handler")["a"]
    assert (envelope["code"], envelope["retryable"]) == ("OUTPUT_NOT_SERIALIZABLE", False)
    assert "bad" in envelope["message"]


@pytest.mark.rule("ERR-6")
async def test_an_output_that_contains_itself_fails_its_node() -> None:
    circle: list[Any] = []
    circle.append(circle)
    ended = await run_flow([node("bad", "giving")], [], giving(circle))
    assert ended["bad"].error is not None
    assert ended["bad"].error["code"] == "OUTPUT_NOT_SERIALIZABLE"


@pytest.mark.rule("DATA-8")
@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
async def test_a_hidden_value_is_stripped_before_it_is_looked_at(value: Any) -> None:
    ended = await run_flow(
        [node("good", "giving"), node("end", "see", a="configured")],
        [edge("good", "hidden", "end", "a"), edge("good", "left", "end", "b")],
        giving(value, hidden=True),
    )
    assert ended["good"].output == {"left": 1}
    assert ended.result("end") == {"a": "configured", "b": 1}


@pytest.mark.rule("DATA-8")
async def test_the_author_of_a_node_decides_what_is_hidden_on_it() -> None:
    ports = {"outputs": {"left": {"exposed": False}, "hidden": {"exposed": True}}}
    ended = await run_flow([node("n", "give", values={"left": 1, "hidden": 2}, ports=ports)], [])
    assert ended["n"].output == {"hidden": 2}


@pytest.mark.rule("DATA-8", "BR-1")
async def test_a_gateways_hidden_value_is_stripped_and_its_branches_are_kept() -> None:
    ports = {"outputs": {"value": {"exposed": False}}}
    ended = await run_flow(
        [node("gate", "gateway", take=["no"], value=1, ports=ports), node("y", "emit")],
        [edge("gate", "yes", "y", "trigger")],
    )
    assert (ended["gate"].output, ended["gate"].active_branches) == ({}, ["no"])
    assert ended["y"].status == "skipped"


@pytest.mark.rule("DATA-9", "DYN-6")
@pytest.mark.parametrize("ports", [{}, {"outputs": {"extra": {"exposed": False}}}])
async def test_an_output_that_the_type_does_not_declare_stays(ports: dict[str, Any]) -> None:
    ended = await run_flow([node("n", "give", values={"extra": 1}, ports=ports)], [])
    assert ended["n"].output == {"extra": 1}


@pytest.mark.parametrize("kind", ["emit", "emit_sync"])
async def test_the_largest_output_is_kept_and_one_byte_more_is_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "MAX_OUTPUT_BYTES", 1000)
    fits = "x" * (1000 - len('{"result":""}'))
    assert (await run_flow([node("n", kind, value=fits)], [])).result("n") == fits
    ended = await run_flow([node("n", kind, value=fits + "x")], [])
    assert ended.outcome.error is not None
    assert ended.outcome.error["code"] == "OUTPUT_TOO_LARGE"
    assert ended["n"].output is None


@pytest.mark.parametrize("kind", ["emit", "emit_sync"])
@pytest.mark.parametrize("value", [0, False, "", [], {}, None, 2**70, 1e300, "🦉", {"a": [None]}], ids=repr)
async def test_json_values_arrive_as_they_are(kind: str, value: Any) -> None:
    ended = await run_flow(
        [node("n", kind, value=value), node("end", "see")], [edge("n", "result", "end", "a")]
    )
    arrived = ended.result("end")["a"]
    assert arrived == value
    assert type(arrived) is type(value)


async def test_what_comes_back_is_what_storage_would_give_back() -> None:
    ended = await run_flow([node("n", "giving")], [], giving({1: datetime(2026, 1, 1, tzinfo=UTC)}))
    assert ended["n"].output == {"left": {"1": "2026-01-01T00:00:00Z"}}


async def test_a_node_that_declares_no_output_has_none() -> None:
    @node_type(id="silent")
    async def silent() -> None:
        """Says nothing."""

    ended = await run_flow([node("n", "silent")], [], silent)
    assert ended["n"].output == {}


@pytest.mark.parametrize("threaded", [False, True])
async def test_changing_the_returned_object_later_changes_nothing(threaded: bool) -> None:
    shared: list[int] = [1]

    @node_type(id="first")
    async def first() -> list[int]:
        """Gives an object that it keeps."""
        return shared

    @node_type(id="first_sync")
    def first_sync() -> list[int]:
        """Gives an object that it keeps."""
        return shared

    @node_type(id="second")
    async def second() -> None:
        """Changes what the first node gave."""
        shared.append(2)

    ended = await run_flow(
        [node("one", "first_sync" if threaded else "first"), node("two", "second"), node("end", "see")],
        [
            edge("one", "trigger", "two", "trigger"),
            edge("two", "trigger", "end", "trigger"),
            edge("one", "result", "end", "a"),
        ],
        first,
        first_sync,
        second,
    )
    assert shared == [1, 2]
    assert ended["one"].output == {"result": [1]}
    assert ended.result("end")["a"] == [1]


@pytest.mark.parametrize("parameter", ["anything", "typed", "extra"])
async def test_a_node_that_changes_what_arrived_changes_nothing_for_others(parameter: str) -> None:
    @node_type(id="greedy", parameters=DYNAMIC_INPUTS)
    async def greedy(context: NodeContext, anything: Any = None, typed: dict[str, Any] | None = None) -> None:
        """Changes its input."""
        arrived = {"anything": anything, "typed": typed, **context.dynamic_inputs}[parameter]
        arrived["rows"].append("greedy")
        arrived["more"] = True

    rows = {"rows": ["first"]}
    prepared = bench(
        [node("one", "emit", value=rows), node("two", "greedy", dynamicInputs=EXTRA), node("end", "see")],
        [
            edge("one", "result", "two", parameter),
            edge("one", "result", "end", "a"),
            edge("two", "trigger", "end", "trigger"),
        ],
        greedy,
    )
    ended = await prepared.execute()
    assert ended["two"].status == "completed"
    assert ended.result("end")["a"] == {"rows": ["first"]}
    assert rows == {"rows": ["first"]}


async def test_each_attempt_gets_its_input_afresh() -> None:
    seen: list[list[int]] = []

    @node_type(id="greedy")
    async def greedy(numbers: Any = None) -> None:
        """Changes its input and fails the first time."""
        seen.append(list(numbers))
        numbers.append(2)
        if len(seen) == 1:
            raise NodeError("Once more.", retryable=True)

    await run_flow(
        [node("one", "emit", value=[1]), node("two", "greedy", maxRetries=1)],
        [edge("one", "result", "two", "numbers")],
        greedy,
    )
    assert seen == [[1], [1]]


async def test_a_node_knows_its_place_its_turn_and_its_configuration() -> None:
    known: list[Any] = []

    @node_type(id="aware")
    async def aware(context: NodeContext, colour: Annotated[str, Config()] = "red") -> None:
        """Looks around."""
        known.extend([context.node_id, context.run_id, context.turn.message, context.config, colour])
        known.append(context.files.root)

    await run_flow([node("n", "aware", colour="blue")], [], aware)
    assert known == ["n", "run", "Hello", {"colour": "blue"}, "blue", Path("/nonexistent")]


async def test_a_gateway_without_value_ports_has_no_output() -> None:
    @node_type(id="fork", branches=[{"name": "yes"}, {"name": "no"}])
    def fork() -> Branched:  # type: ignore[type-arg]
        """Takes one way."""
        return Branched(("no",), None)

    ended = await run_flow(
        [node("f", "fork"), node("y", "emit"), node("n", "emit")],
        [edge("f", "yes", "y", "trigger"), edge("f", "no", "n", "trigger")],
        fork,
    )
    assert ended["f"].output == {}
    assert ended.statuses == {"f": "completed", "n": "completed", "y": "skipped"}
