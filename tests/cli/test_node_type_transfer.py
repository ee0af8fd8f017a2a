"""Node types that bundles brought are part of a data directory: exported, imported, undone and repaired."""

from pathlib import Path

import anyio
import pytest
from cli_data import checked
from test_transfer import body, exported, imported, rows

from flowdrop_jupyter.cli.importing import Plan, undo
from flowdrop_jupyter.cli.repair import repair
from flowdrop_jupyter.clock import system_clock
from flowdrop_jupyter.errors import Conflict
from flowdrop_jupyter.ids import new_id
from flowdrop_jupyter.store import NodeTypeRecord, TinyDBStore
from flowdrop_jupyter.testing import node_type, workflow

KEPT = [node_type("loader", publisher="acme"), node_type("other")]


def fill(directory: Path) -> None:
    async def work() -> None:
        store = TinyDBStore(directory)
        await store.open()
        await store.save_workflow(workflow(), new=True, node_types=KEPT)
        await store.close()

    anyio.run(work)


def kept(directory: Path) -> list[NodeTypeRecord]:
    async def work() -> list[NodeTypeRecord]:
        store = TinyDBStore(directory, read_only=True)
        await store.open()
        try:
            return await store.node_types()
        finally:
            await store.close()

    return anyio.run(work)


def test_they_are_exported_and_imported(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    fill(first)
    content = exported(first)
    assert [row["row"]["id"] for row in rows(content) if row.get("kind") == "node_type"] == [
        "loader",
        "other",
    ]
    imported(content, second)
    assert kept(second) == KEPT
    assert body(exported(second)) == body(content)
    assert checked(second).counts["node_type"] == 2


def test_one_that_is_there_already_keeps_an_import_out(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    fill(first)

    async def work() -> None:
        store = TinyDBStore(second)
        await store.open()
        await store.add_node_type(node_type("other", publisher="mine"))
        await store.close()

    anyio.run(work)
    with pytest.raises(Conflict, match="node type other"):
        imported(exported(first), second)
    assert kept(second) == [node_type("other", publisher="mine")]


def test_an_import_that_is_undone_takes_its_own_away(tmp_path: Path) -> None:
    fill(tmp_path / "data")

    async def work() -> list[NodeTypeRecord]:
        store = TinyDBStore(tmp_path / "data")
        await store.open()
        await undo(store, Plan(node_types={"loader": "", "other": "another time"}))
        left = await store.node_types()
        await store.close()
        return left

    assert anyio.run(work) == [KEPT[1]]


def test_those_that_can_be_read_stay_when_the_file_is_damaged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data)
    path = data / "workflows.json"
    path.write_bytes(path.read_bytes()[:-1])
    assert [finding.kind for finding in checked(data).problems] == ["damaged_file"]
    assert not repair(data, clock=system_clock, ids=new_id).problems
    assert kept(data) == KEPT
