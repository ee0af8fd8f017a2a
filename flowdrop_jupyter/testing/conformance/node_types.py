"""What a store promises of node types that are made at run time."""

from __future__ import annotations

import pytest

from ...errors import Conflict, NotFound, StoreClosed
from ...store import Store
from ..rows import node_type, workflow
from .suite import Suite, reopen


class NodeTypeConformance(Suite):
    """What a store promises of node types that are made at run time."""

    async def test_node_types_are_there_after_reopening_in_the_order_of_their_ids(self, store: Store) -> None:
        later, first = node_type("b", preset={"deep": [1, None]}), node_type("a", publisher="acme")
        await store.add_node_type(later)
        await store.add_node_type(first)
        for _ in range(2):
            assert await store.node_types() == [first, later]
            await reopen(store)

    async def test_a_taken_node_type_id_is_a_conflict(self, store: Store) -> None:
        await store.add_node_type(node_type("a"))
        with pytest.raises(Conflict) as refusal:
            await store.add_node_type(node_type("a", publisher="other"))
        assert refusal.value.code == "NODE_TYPE_EXISTS"
        assert await store.node_types() == [node_type("a")]

    async def test_removing_a_node_type_tells_whether_it_was_there(self, store: Store) -> None:
        await store.add_node_type(node_type("a"))
        await store.add_node_type(node_type("b"))
        assert await store.remove_node_type("a")
        assert not await store.remove_node_type("a")
        await reopen(store)
        await store.add_node_type(node_type("a", publisher="again"))
        await reopen(store)
        assert await store.node_types() == [node_type("a", publisher="again"), node_type("b")]

    async def test_a_workflow_and_its_node_types_are_written_together(self, store: Store) -> None:
        brought = [node_type("a"), node_type("b")]
        await store.save_workflow(workflow(), new=True, node_types=brought)
        for _ in range(2):
            assert await store.workflow("w") == workflow()
            assert await store.node_types() == brought
            await reopen(store)

    async def test_a_taken_workflow_id_brings_no_node_type(self, store: Store) -> None:
        await store.save_workflow(workflow(), new=True)
        with pytest.raises(Conflict) as refusal:
            await store.save_workflow(workflow(name="Other"), new=True, node_types=[node_type("a")])
        assert refusal.value.code == "WORKFLOW_EXISTS"
        with pytest.raises(NotFound):
            await store.save_workflow(workflow("v"), new=False, node_types=[node_type("a")])
        await reopen(store)
        assert await store.node_types() == []
        assert await store.workflows() == [workflow()]

    @pytest.mark.parametrize("brought", [["new", "taken"], ["new", "new"]], ids=["taken", "twice"])
    async def test_a_taken_node_type_id_keeps_the_workflow_out(
        self, store: Store, brought: list[str]
    ) -> None:
        await store.add_node_type(node_type("taken"))
        with pytest.raises(Conflict) as refusal:
            await store.save_workflow(workflow(), new=True, node_types=[node_type(i) for i in brought])
        assert refusal.value.code == "NODE_TYPE_EXISTS"
        await reopen(store)
        assert await store.workflows() == []
        assert await store.node_types() == [node_type("taken")]

    async def test_a_removed_workflow_leaves_its_node_types(self, store: Store) -> None:
        await store.save_workflow(workflow(), new=True, node_types=[node_type("a")])
        await store.remove_workflow("w")
        assert await store.node_types() == [node_type("a")]

    async def test_what_is_read_is_a_copy(self, store: Store) -> None:
        await store.add_node_type(node_type("a", preset={"x": 1}))
        (await store.node_types())[0].preset["x"] = 2
        assert (await store.node_types())[0].preset == {"x": 1}

    async def test_a_closed_store_refuses_node_types(self, store: Store) -> None:
        await store.close()
        for call in (store.node_types(), store.add_node_type(node_type()), store.remove_node_type("a")):
            with pytest.raises(StoreClosed):
                await call
