"""A process may die between any two steps of a run with loops; the next one ends it as if nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from engine_runs import Bench, Documents, RecordingSink, bench
from graphs import edge, node
from loop_nodes import Rounds, again, simple_loop

from flowdrop_jupyter.engine.strategies import ASYNCHRONOUS, STATEGRAPH, Strategy
from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.nodes import Branched
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.store import JobRecord

pytestmark = pytest.mark.anyio


class Dying(RecordingSink):
    """A sink that fails for good from its step number *last* on."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.left = last

    async def _keep(self, step: str, jobs: Sequence[JobRecord]) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoreError("The process died.")
        await super()._keep(step, jobs)


@node_type(
    id="limited", shape="gateway", branches=[{"name": "again", "value": 1}, {"name": "done", "value": 2}]
)
async def limited(value: Any = None, most: int = 2) -> Branched[Any]:
    """Takes another round until its value is large enough."""
    return Branched(("again",) if value < most else ("done",), value)


@node_type(id="plus")
async def plus(value: Any = None, loop_back: Any = None) -> Any:
    """Counts up from what comes back."""
    return (value if loop_back is None else loop_back) + 1


@node_type(id="wrap")
async def wrap(value: Any = None) -> Any:
    """Gives a list of its value."""
    return [value]


def nested_lists() -> tuple[Documents, Documents]:
    """Return one list within another, with a node that hangs off the inner one."""
    return (
        [
            node("list", "emit", value=[[1, 2], [3]]),
            node("outer", "foreach"),
            node("inner", "foreach"),
            node("work", "wrap"),
            node("side", "emit"),
            node("last", "emit"),
        ],
        [
            edge("list", "result", "outer", "items"),
            edge("outer", "item", "inner", "items"),
            edge("inner", "item", "work", "value"),
            edge("work", "result", "side", "value"),
            again("work", "inner", "result"),
            again("inner", "outer", "collected_results"),
            edge("outer", "collected_results", "last", "value"),
        ],
    )


def counting() -> tuple[Documents, Documents]:
    """Return a loop that counts to three, and a join behind it."""
    return (
        [
            node("start", "emit", value=0),
            node("head", "plus", maxIterations=3),
            node("long", "emit"),
            node("turn", "limited", most=3),
            node("last", "see"),
        ],
        [
            edge("start", "result", "head", "value"),
            edge("head", "result", "long", "value"),
            edge("long", "result", "turn", "value"),
            again("long", "head", "result"),
            edge("turn", "done", "last", "trigger"),
            edge("long", "result", "last", "a"),
        ],
    )


def told(flow: Bench) -> dict[str, Any]:
    """Return every execution that ended, with what it gave."""
    return {job.result_key: job.output for job in flow.sink.rows.values() if job.status == "completed"}


def fresh(flow: tuple[Documents, Documents], strategy: Strategy) -> Bench:
    return bench(*flow, *Rounds().functions, limited, plus, wrap, strategy=strategy)


@pytest.mark.rule("SG-7", "SG-17")
@pytest.mark.parametrize("strategy", [STATEGRAPH, ASYNCHRONOUS], ids=lambda found: found.id)
@pytest.mark.parametrize("flow", [nested_lists(), counting()], ids=["lists", "counting"])
async def test_a_run_ends_the_same_wherever_a_process_died(
    flow: tuple[Documents, Documents], strategy: Strategy
) -> None:
    whole = fresh(flow, strategy)
    assert (await whole.execute()).outcome.status == "completed"
    expected, steps = told(whole), len(whole.sink.steps)
    assert steps > 10
    for last in range(steps):
        broken = fresh(flow, strategy)
        broken.sink = Dying(last)
        with pytest.raises((StoreError, ExceptionGroup)):
            await broken.execute()
        done = told(broken)
        broken.take_up()
        broken.sink.left = 10_000
        before = list(broken.sink.steps)
        ended = await broken.execute()
        assert ended.outcome.status == "completed", last
        assert told(broken) == expected, last
        finished = [name for step, name in broken.sink.steps if step == "finished"]
        assert len(finished) == len(expected), (last, before)
        assert done.items() <= expected.items()


@pytest.mark.rule("SG-7")
async def test_a_loop_that_was_left_is_not_entered_again_by_a_later_process() -> None:
    rounds = Rounds("again", "done")
    flow = bench(*simple_loop(), *rounds.functions)
    await flow.execute()
    flow.take_up()
    ended = await flow.execute()
    assert ended.outcome.status == "completed"
    assert rounds.executions == 2
