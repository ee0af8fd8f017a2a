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
from ..workflow import port_configuration
from .handlers import WORKFLOW, FlowDropHandler, answers
from .paging import page, scalar, window

_STARTED: Final = time.monotonic()

_CATEGORIES: Final = (
    ("triggers", "Triggers", "mdi:lightning-bolt", "#a855f7"),
    ("inputs", "Inputs", "mdi:arrow-down-circle", "#10b981"),
    ("outputs", "Outputs", "mdi:arrow-up-circle", "#3b82f6"),
    ("prompts", "Prompts", "mdi:message-text", "#f59e0b"),
    ("models", "Models", "mdi:robot", "#6366f1"),
    ("processing", "Processing", "mdi:cog", "#14b8a6"),
    ("logic", "Logic", "mdi:source-branch", "#8b5cf6"),
    ("data", "Data", "mdi:database", "#f97316"),
    ("tools", "Tools", "mdi:wrench", "#eab308"),
    ("helpers", "Helpers", "mdi:help-circle", "#64748b"),
    ("vector stores", "Vector stores", "mdi:vector-square", "#0ea5e9"),
    ("embeddings", "Embeddings", "mdi:vector-line", "#06b6d4"),
    ("memories", "Memories", "mdi:brain", "#ec4899"),
    ("agents", "Agents", "mdi:account-cog", "#d946ef"),
    ("ai", "AI", "mdi:creation", "#7c3aed"),
    ("interrupts", "Human in the loop", "mdi:account-question", "#ef4444"),
    ("bundles", "Bundles", "mdi:package-variant", "#78716c"),
)


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
            "uptime": round(time.monotonic() - _STARTED, 3),
        }
        seconds = datetime.timestamp(now.astimezone(UTC))
        data = {**described, "timestamp": round(seconds * 1000)}
        self.answer(data, **described, timestamp=format_time(now))


class CategoriesHandler(FlowDropHandler):
    """``/categories``: the palette's groups (META-1); open without credentials."""

    auth_resource = WORKFLOW

    @allow_unauthenticated
    async def get(self) -> None:
        self.answer(
            [
                {"name": name, "label": label, "icon": icon, "color": color, "description": ""}
                for name, label, icon, color in _CATEGORIES
            ]
        )


class PortConfigHandler(FlowDropHandler):
    """``/port-config``: lanes and the rules between them; open without credentials."""

    auth_resource = WORKFLOW

    @allow_unauthenticated
    async def get(self) -> None:
        self.answer(port_configuration())


class NodesHandler(FlowDropHandler):
    """``/nodes``: the node types, all of them unless a limit is given."""

    auth_resource = WORKFLOW

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        category, search = scalar(self.request, "category"), scalar(self.request, "search")
        found = [
            kind.metadata()
            for kind in self.host.registry
            if (category is None or kind.category == category)
            and (not search or _mentions(kind.name, kind.description, kind.tags, search))
        ]
        part = window(self.request)
        rows, block = page(found, part)
        self.set_header("X-Total-Count", str(block["total"]))
        self.set_header("X-Page-Size", str(block["limit"]))
        self.set_header("X-Page-Offset", str(block["offset"]))
        self.answer(rows, pagination=block)


class NodeHandler(FlowDropHandler):
    """``/nodes/{id}`` and ``/nodes/{id}/metadata``: one node type."""

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
