"""Routes of snapshots: envelopes in snake_case, the document in camelCase (SNAP-1)."""

from __future__ import annotations

from typing import Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..sessions.snapshot_bodies import SNAPSHOT_STATUSES
from .handlers import SESSION, FlowDropHandler, answers
from .paging import one_of, page, scalar, window


class SnapshotsHandler(FlowDropHandler):
    """``/snapshots``: save one, list those that the caller saved."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self) -> None:
        rows = await self.host.snapshots.find(
            self.principal,
            workflow_id=scalar(self.request, "workflow_id"),
            status=one_of(scalar(self.request, "status"), SNAPSHOT_STATUSES, "status"),
        )
        shown, block = page(rows, window(self.request))
        self.answer(shown, pagination=block)

    @web.authenticated
    @authorized
    @answers
    async def post(self) -> None:
        saved, new = await self.host.snapshots.save(await self.body(), self.principal)
        self.answer(saved, 201 if new else 200)


class SnapshotHandler(FlowDropHandler):
    """``/snapshots/{execution id}``: read or delete the snapshot of one run."""

    auth_resource = SESSION

    @web.authenticated
    @authorized
    @answers
    async def get(self, execution_id: str) -> None:
        self.answer({"snapshot": await self.host.snapshots.read(execution_id, self.principal)})

    @web.authenticated
    @authorized
    @answers
    async def delete(self, execution_id: str) -> None:
        self.answer(await self.host.snapshots.delete(execution_id, self.principal))


ROUTES: Final = [
    (r"snapshots", SnapshotsHandler),
    (r"snapshots/([^/]+)", SnapshotHandler),
]
