"""How the tests of node types declare one and read it back over HTTP."""

from __future__ import annotations

from typing import Any

from server_desk import Api

from flowdrop_jupyter.nodes import node
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Output, Parameter


def declare(host: Host, type_id: str = "sample", **declared: Any) -> None:
    """Add a node type without a signature of its own, as *declared*."""

    @node(id=type_id, **{"category": "data", **declared})
    def sample() -> None:
        """A sample."""

    host.registry.add(sample)


async def published(api: Api, host: Host, **declared: Any) -> dict[str, Any]:
    """Add a node type and return what its door says of it."""
    declare(host, **declared)
    return await read(api)


async def read(api: Api, type_id: str = "sample") -> dict[str, Any]:
    """Return what the door of a node type says."""
    data: dict[str, Any] = (await api.get(f"nodes/{type_id}")).data
    return data


def wired(schema: dict[str, Any] | None = None, **flags: Any) -> Parameter:
    """Return a parameter that may be wired."""
    return Parameter(schema=schema or {"type": "string"}, **{"connectable": True, **flags})


def configured(schema: dict[str, Any] | None = None, **flags: Any) -> Parameter:
    """Return a parameter that may be configured."""
    return Parameter(schema=schema or {"type": "string"}, **{"configurable": True, **flags})


def output(schema: dict[str, Any] | None = None, **flags: Any) -> Output:
    """Return an output."""
    return Output(schema=schema or {"type": "string"}, **flags)


def by_id(ports: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return served ports by their id."""
    return {port["id"]: port for port in ports}


def ids(ports: list[dict[str, Any]]) -> list[str]:
    """Return the ids of served ports, in order."""
    return [port["id"] for port in ports]
