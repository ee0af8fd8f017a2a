"""Routes of the catalog: health, node types, categories and the port configuration."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated, authorized
from tornado import web

from ..clock import format_time, system_clock
from ..errors import NotFound
from ..version import __version__
from ..workflow.categories import served_categories
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import page, scalar, window

_STARTED: Final = time.monotonic()


class HealthHandler(FlowDropHandler):
    """``/health``: whether the service answers, 503 when it cannot; open without credentials (decision 6)."""

    auth_resource = WORKFLOW

    @allow_unauthenticated
    @answers
    async def get(self) -> None:
        now = system_clock()
        described: dict[str, Any] = {
            "status": "healthy",
            "version": __version__,
            "service": "flowdrop-jupyter",
            "uptime": int(time.monotonic() - _STARTED),
        }
        seconds = datetime.timestamp(now.astimezone(UTC))
        data = {**described, "timestamp": round(seconds * 1000)}
        self.answer(data, **described, timestamp=format_time(now))


class CategoriesHandler(FlowDropHandler):
    """``/categories``: the palette's groups (META-1); open without credentials."""

    auth_resource = WORKFLOW
    failure = "The node categories could not be read."

    @allow_unauthenticated
    async def get(self) -> None:
        used = (kind.category for kind in self.host.registry)
        self.answer(served_categories(self.settings["flowdrop_categories"], used))


class PortConfigHandler(FlowDropHandler):
    """``/port-config``: lanes and the rules between them; open without credentials."""

    auth_resource = WORKFLOW

    @allow_unauthenticated
    async def get(self) -> None:
        self.answer(self.host.registry.lanes.served())


class NodesHandler(FlowDropHandler):
    """``/nodes``: the enabled node types in order, all of them unless a limit is given (SCH-26)."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        category, search = scalar(self.request, "category"), scalar(self.request, "search")
        found = [
            kind.metadata()
            for kind in self.host.registry
            if (not category or kind.category == category)
            and (not search or _mentions(kind.name, kind.description, kind.tags, search))
        ]
        part = window(self.request)
        rows, block = page(found, part)
        self.set_header("X-Total-Count", str(block["total"]))
        self.set_header("X-Page-Size", str(block["limit"]))
        self.set_header("X-Page-Offset", str(block["offset"]))
        self.answer(rows, pagination=block)


class NodeHandler(FlowDropHandler):
    """``/nodes/{id}`` and ``/nodes/{id}/metadata``: one node type, disabled ones too."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self, type_id: str) -> None:
        kind = self.host.registry.node_type(type_id)
        if kind is None:
            raise NotFound(f"There is no node type {type_id!r}.", code="NODE_TYPE_NOT_FOUND")
        self.answer(kind.metadata())


def _mentions(name: str, description: str, tags: tuple[str, ...], search: str) -> bool:
    wanted = search.casefold()
    return any(wanted in text.casefold() for text in (name, description, *tags))


ROUTES: Final = [
    (r"health", HealthHandler),
    (r"categories", CategoriesHandler),
    (r"port-config", PortConfigHandler),
    (r"nodes", NodesHandler),
    (r"nodes/([^/]+?)(?:/metadata)?", NodeHandler),
]
