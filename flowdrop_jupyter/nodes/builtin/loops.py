"""Going through a list, one item per round of a loop (SG-4, SG-5)."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from ...errors import NodeError
from ...workflow.node_types import Parameter
from ..api import node
from ..context import NodeContext
from ..iteration import Reentry, Step
from ..outcome import Branched
from ..signature import Config, Lane, Wire

EACH: Final = ("item", "index", "is_first", "is_last", "current_item", "current_index", "has_more")
"""The outputs whose edges are followed for an item."""

AFTERWARDS: Final = ("completed", "collected_results")
"""The outputs whose edges are followed when every item is done."""

BRANCHES: Final = Parameter(
    schema={
        "type": "array",
        "title": "Branches",
        "format": "hidden",
        "default": [{"name": name, "value": name} for name in (*EACH, *AFTERWARDS)],
    },
    configurable=True,
)


class Each(msgspec.Struct):
    """One item of the list, or the end of it."""

    item: Any
    index: int | None
    total: int
    is_first: bool
    is_last: bool
    completed: Annotated[Any, Lane("trigger")]
    current_item: Any
    current_index: int | None
    total_count: int
    has_more: bool
    loop_active: bool
    collected_results: list[Any] | None = None


@node(
    id="foreach",
    name="For each",
    category="logic",
    icon="mdi:repeat-variant",
    color="#6d28d9",
    tags=("loop", "list"),
    state_aware=True,
    parameters={"branches": BRANCHES},
)
async def foreach(
    context: NodeContext,
    items: Annotated[Any, Wire()],
    item_result: Annotated[Any, Wire(exposed=False)] = None,
    loop_back: Annotated[Any, Wire(lane="trigger")] = None,
    maxIterations: Annotated[int, Config(), msgspec.Meta(ge=1)] = 1000,
    continueOnError: Annotated[bool, Config()] = False,
) -> Branched[Each]:
    """Hands out the items of a list, one per round of its loop, and collects what becomes of them.

    Edges from the outputs about an item are followed for each item, those from ``completed`` and
    ``collected_results`` once, after the last.

    :param items: the list; anything else counts as a list of one item.
    :param item_result: what became of the last item.
    :param loop_back: begins the next round; its value is the item's result where ``item_result`` has none.
    :param maxIterations: rounds after which its loop ends; a list is gone through to its end all the same.
    :param continueOnError: take the error of a failed item for its result, and go on with the next.
    """
    going = context.iteration
    if going is None:
        listed = list(items) if isinstance(items, list) else [items]
        if not listed:
            return Branched(branches=AFTERWARDS, outputs=_end(0, []))
        context.step = Step(begin=listed)
        return _item(listed, 0)
    returned = context.reentry or Reentry()
    if returned.failed and not continueOnError:
        raise _failed(going.index, returned.value)
    result = loop_back if item_result is None else item_result
    if going.has_more:
        context.step = Step(result=result)
        return _item(going.items, going.index + 1)
    context.step = Step(end=True)
    done = [*going.results, result]
    return Branched(branches=AFTERWARDS, outputs=_end(len(going.items), done))


def _item(items: list[Any], index: int) -> Branched[Each]:
    last = index + 1 == len(items)
    made = Each(
        item=items[index],
        index=index,
        total=len(items),
        is_first=index == 0,
        is_last=last,
        completed=False,
        current_item=items[index],
        current_index=index,
        total_count=len(items),
        has_more=not last,
        loop_active=True,
    )
    return Branched(branches=EACH, outputs=made)


def _end(total: int, results: list[Any]) -> Each:
    return Each(
        item=None,
        index=None,
        total=total,
        is_first=False,
        is_last=False,
        completed=True,
        current_item=None,
        current_index=None,
        total_count=total,
        has_more=False,
        loop_active=False,
        collected_results=results,
    )


def _failed(index: int, error: Any) -> NodeError:
    told = error.get("message") if isinstance(error, dict) else None
    reason = told if isinstance(told, str) else "a node of the loop failed."
    return NodeError(f"Item {index + 1} of the list failed: {reason}", code="FOREACH_ITEM_FAILED")


NODES = (foreach,)
