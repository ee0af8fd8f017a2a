"""How the tests of the validator save a workflow and read what was found in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphs import document
from server_desk import Api, assert_refused

Found = list[tuple[str, str]]
"""Code and locator of each finding, in order."""


async def refusal(
    api: Api, nodes: Sequence[Any], edges: Sequence[Any] = (), **keys: Any
) -> list[dict[str, Any]]:
    """Save a workflow and return the details of its refusal, none when it was stored.

    A refused one has left nothing behind; the door that only asks says the same as the one that saves.
    """
    body = document(list(nodes), list(edges), **keys)
    before = (await api.get("workflows")).body["pagination"]["total"]
    saved = await api.post("workflows", body)
    asked = (await api.post("workflows/validate", body)).data
    after = (await api.get("workflows")).body["pagination"]["total"]
    if saved.status == 201:
        assert (asked["valid"], asked["errors"], asked["details"]) == (True, [], [])
        assert after == before + 1
        return []
    details: list[dict[str, Any]] = assert_refused(saved, 422, "VALIDATION_ERROR")["details"]
    assert asked["valid"] is False
    assert asked["details"] == details
    assert asked["errors"] == [detail["message"] for detail in details]
    assert after == before
    return details


async def faults(api: Api, nodes: Sequence[Any], edges: Sequence[Any] = (), **keys: Any) -> Found:
    """Save a workflow and return code and locator of every error, none when it was stored."""
    return [(detail["code"], detail["locator"]) for detail in await refusal(api, nodes, edges, **keys)]


async def warnings(
    api: Api, nodes: Sequence[Any], edges: Sequence[Any] = (), **keys: Any
) -> list[dict[str, Any]]:
    """Return the warnings of a workflow, after seeing that it is stored as if there were none."""
    body = document(list(nodes), list(edges), **keys)
    saved = await api.post("workflows", body)
    assert saved.status == 201, saved.text
    assert "warning" not in saved.text
    asked = (await api.post("workflows/validate", body)).data
    assert asked["valid"] is True
    assert asked["warnings"] == [found["message"] for found in asked["warning_details"]]
    details: list[dict[str, Any]] = asked["warning_details"]
    return details


def entry(name: str, node_id: str, port: str) -> dict[str, Any]:
    """Return an entry of a workflow's interface."""
    return {"id": name, "bindings": [{"nodeId": node_id, "portId": port}]}
