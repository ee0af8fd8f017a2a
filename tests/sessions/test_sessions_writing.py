"""Workflows are written one at a time each, and a slow one holds up no other."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import pytest
from gates import DEADLINE
from graphs import node

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.sessions.permissions import Principal
from flowdrop_jupyter.sessions.workflows import WorkflowService
from flowdrop_jupyter.sessions.writing import LARGE, MAX_JUDGED, TurnsById, judged
from flowdrop_jupyter.store import Store

pytestmark = pytest.mark.anyio

ADA = Principal(id="ada", name="Ada", permissions=frozenset())
SLOW = "{{ slow }}"


class SlowRegistry(NodeRegistry):
    """Takes its time with one expression, until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__(NODE_TYPES)
        self.reached = anyio.Event()
        self.all_places_taken = anyio.Event()
        self.waiting = 0
        self.go_on = threading.Event()

    def expression_problems(self, type_id: str, config: Mapping[str, Any], *rest: Any) -> Any:
        if config.get("template") == SLOW:
            anyio.from_thread.run_sync(self._reach)
            assert self.go_on.wait(DEADLINE)
        return super().expression_problems(type_id, config, *rest)

    def _reach(self) -> None:
        self.waiting += 1
        self.reached.set()
        if self.waiting == MAX_JUDGED:
            self.all_places_taken.set()


def document(name: str, *, slow: bool = False) -> dict[str, Any]:
    return {"name": name, "nodes": [node("n", "prompt_template", template=SLOW if slow else "fast")]}


Scene = tuple[WorkflowService, SlowRegistry]


@pytest.fixture
async def scene(store: Store) -> AsyncIterator[Scene]:
    """A service that slow expressions keep waiting, with the workflows ``a`` and ``b``."""
    registry = SlowRegistry()
    await store.open()
    service = WorkflowService(store, registry)
    for name in ("a", "b"):
        await service.create({**document(name), "id": name}, ADA)
    yield service, registry
    await store.close()


async def test_a_slow_save_of_one_workflow_holds_up_no_other(scene: Scene) -> None:
    service, registry = scene
    async with anyio.create_task_group() as group:
        group.start_soon(service.update, "a", document("slow", slow=True))
        with anyio.fail_after(DEADLINE):
            await registry.reached.wait()
            await service.update("b", document("fast"))
            assert (await service.read("b"))["name"] == "fast"
            assert (await service.read("a"))["name"] == "a"
        registry.go_on.set()
    assert (await service.read("a"))["name"] == "slow"


async def test_two_updates_of_one_workflow_follow_each_other(scene: Scene) -> None:
    service, registry = scene
    async with anyio.create_task_group() as group:
        group.start_soon(service.update, "a", document("first", slow=True))
        await registry.reached.wait()
        group.start_soon(service.update, "a", {"name": "second", "description": "said"})
        await anyio.wait_all_tasks_blocked()
        assert (await service.read("a"))["description"] == ""
        registry.go_on.set()
    found = await service.read("a")
    assert (found["name"], found["description"]) == ("second", "said")
    assert found["nodes"][0]["data"]["config"]["template"] == SLOW


async def test_large_workflows_that_are_judged_leave_threads_for_everything_else(scene: Scene) -> None:
    service, registry = scene
    slow = document("slow", slow=True)
    slow["nodes"].append({"id": "note", "type": "note", "text": "x" * LARGE})
    async with anyio.create_task_group() as group:
        for _ in range(MAX_JUDGED + 2):
            group.start_soon(service.check, slow)
        with anyio.fail_after(DEADLINE):
            await registry.all_places_taken.wait()
            await anyio.wait_all_tasks_blocked()
            assert registry.waiting == MAX_JUDGED
            await service.update("b", document("fast"))
        registry.go_on.set()
    assert registry.waiting == MAX_JUDGED + 2


async def test_what_a_judge_raises_is_raised() -> None:
    for nodes in ([], ["x" * LARGE]):
        with pytest.raises(ZeroDivisionError):
            await judged(nodes, lambda: 1 / 0)


async def test_a_turn_is_there_for_as_long_as_somebody_wants_it() -> None:
    turns = TurnsById()
    order: list[str] = []

    async def take(name: str) -> None:
        async with turns.turn("x"):
            order.append(name)

    async with anyio.create_task_group() as group:
        async with turns.turn("x"), turns.turn("y"):
            group.start_soon(take, "first")
            await anyio.wait_all_tasks_blocked()
            group.start_soon(take, "second")
            await anyio.wait_all_tasks_blocked()
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(take, "gone")
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            assert len(turns) == 2
            assert order == []
        assert len(turns) == 1
    assert order == ["first", "second"]
    assert len(turns) == 0
