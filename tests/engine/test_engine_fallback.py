"""A value and its fallback meet in one port, and a failure is recorded whatever it holds."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from engine_runs import bench, run_flow
from graphs import edge, node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import Config, NodeContext
from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


def merged(source: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return *source* with a node whose port takes its result, or else its error."""
    edges = [edge(source["id"], "result", "next", "a"), edge(source["id"], "error", "next", "a")]
    return [source, node("next", "see")], edges


async def test_the_value_arrives_when_its_source_succeeds() -> None:
    ended = await run_flow(*merged(node("source", "emit", value="fine")))
    assert ended.result("next")["a"] == "fine"


@pytest.mark.rule("ERR-10")
async def test_the_error_arrives_in_its_place_when_the_source_fails() -> None:
    ended = await run_flow(*merged(node("source", "fail", code="TOO_HOT")))
    assert ended.outcome.status == "completed"
    assert ended.result("next")["a"]["code"] == "TOO_HOT"


async def test_a_handler_with_values_of_other_nodes_still_waits_for_a_failure() -> None:
    nodes = [node("source", "emit", value=1), node("other", "emit", value=2), node("handler", "see")]
    edges = [edge("source", "error", "handler", "a"), edge("other", "result", "handler", "b")]
    ended = await run_flow(nodes, edges)
    assert ended.statuses["handler"] == "skipped"


async def test_details_that_json_cannot_carry_do_not_keep_a_failure_from_its_handler() -> None:
    @node_type(id="odd")
    async def odd() -> Any:
        raise NodeError("It broke.", details=[{"code": "ODD", "message": "odd", "value": object()}])

    nodes = [node("bad", "odd"), node("handler", "see")]
    ended = await run_flow(nodes, [edge("bad", "error", "handler", "a")], odd)
    assert ended.result("handler")["a"]["details"][0]["value"].startswith("<object")


async def test_a_node_that_changes_its_configuration_changes_no_later_run() -> None:
    @node_type(id="greedy")
    async def greedy(context: NodeContext, items: Annotated[Any, Config()] = None) -> list[Any]:
        seen = list(context.config["items"])
        context.config["items"].clear()
        return seen

    flow = bench([node("a", "greedy", items=[1, 2])], [], greedy)
    assert (await flow.execute()).result("a") == [1, 2]
    flow.kept = {}
    assert (await flow.execute()).result("a") == [1, 2]
