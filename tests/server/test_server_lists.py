"""Lists of workflows read what they show, and nothing of what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from server_desk import Api

from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store.base import StateStore


async def saved(api: Api, host: Host) -> list[bytes]:
    """Save four workflows, and return a list that takes note of every one that is read in full."""
    for name, tags in (("Alpha", ["x"]), ("beta", ["y"]), ("Gamma", ["x", "z"]), ("delta", [])):
        assert (await api.post("workflows", {"id": name, "name": name, "tags": tags})).status == 201
    assert isinstance(host.store, StateStore)
    shelf, read = host.store._shelf, []
    decode = shelf.decode

    def noted(raw: bytes) -> Any:
        read.append(raw)
        return decode(raw)

    shelf.decode = noted
    return read


@pytest.mark.rule("STORE-15")
@pytest.mark.parametrize(
    ("params", "names", "total"),
    [
        ({"search": "nothing like it"}, [], 0),
        ({"search": "ETA"}, ["beta"], 1),
        ({"tags": "x,q"}, ["Alpha", "Gamma"], 2),
        ({"tags": "x", "search": "gam"}, ["Gamma"], 1),
        ({"limit": "2"}, ["Alpha", "Gamma"], 4),
        ({"limit": "2", "offset": "3"}, ["delta"], 4),
        ({"limit": "1", "order": "desc"}, ["delta"], 4),
        ({"offset": "9"}, [], 4),
    ],
    ids=str,
)
async def test_a_list_reads_only_the_workflows_that_it_shows(
    api: Api, host: Host, params: dict[str, str], names: list[str], total: int
) -> None:
    read = await saved(api, host)
    reply = await api.get("workflows", params={"sort": "name", "order": "asc", **params})
    assert [row["name"] for row in reply.data] == names
    assert reply.body["pagination"]["total"] == total
    assert reply.headers["X-Total-Count"] == str(total)
    assert len(read) == len(names)


async def test_a_list_shows_what_reading_one_shows(api: Api, host: Host) -> None:
    await saved(api, host)
    rows = (await api.get("workflows")).data
    assert [row["name"] for row in rows] == ["delta", "Gamma", "beta", "Alpha"]
    for row in rows:
        assert row == (await api.get(f"workflows/{row['id']}")).data


async def test_a_workflow_that_goes_while_it_is_listed_is_left_out(api: Api, host: Host) -> None:
    await saved(api, host)
    found = await host.workflows.find()
    await host.workflows.delete("beta")
    assert [row["name"] for row in await host.workflows.served(found)] == ["delta", "Gamma", "Alpha"]
