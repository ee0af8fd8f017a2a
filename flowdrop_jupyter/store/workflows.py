"""The workflow definitions and the node types they brought, in memory, as last made durable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from ..clock import parse_time
from ..errors import Conflict, NotFound
from .records import NodeTypeRecord, WorkflowHeader, WorkflowRecord
from .shelf import Shelf

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class WorkflowShelf(Shelf[str, WorkflowRecord]):
    """The workflow definitions by id, with their headers beside the rows."""

    def __init__(self) -> None:
        super().__init__(WorkflowRecord, lambda workflow: workflow.id)
        self._headers: dict[str, WorkflowHeader] = {}

    def headers(self) -> list[WorkflowHeader]:
        """Return the headers of all workflows, newest ``changed`` first."""
        return sorted(
            self._headers.values(),
            key=lambda header: (parse_time(header.changed) or _LONG_AGO, header.id),
            reverse=True,
        )

    def keep(self, header: WorkflowHeader, number: int, raw: bytes) -> None:
        """Take over the row of a workflow that is now durable."""
        self._headers[header.id] = header
        super().put(header.id, number, raw)

    def put(self, key: str, number: int, raw: bytes | None) -> None:
        """Take over a row that is now durable, or its removal when *raw* is None."""
        if raw is None:
            del self._headers[key]
            super().put(key, number, None)
        else:
            self.keep(WorkflowHeader.of(self.decode(raw)), number, raw)

    def _load(self, number: int, raw: bytes, row: WorkflowRecord) -> None:
        self.keep(WorkflowHeader.of(row), number, raw)

    def place(self, workflow_id: str, *, new: bool) -> int:
        """Return the row number to write the workflow to.

        :raises Conflict: code ``WORKFLOW_EXISTS`` when *new* and the id is taken (STORE-3).
        :raises NotFound: code ``WORKFLOW_NOT_FOUND`` when not *new* and the id is unknown.
        """
        known = self.number(workflow_id) is not None
        if new and known:
            raise Conflict(f"A workflow with the id {workflow_id} exists already.", code="WORKFLOW_EXISTS")
        if not new and not known:
            raise NotFound("There is no such workflow.", code="WORKFLOW_NOT_FOUND")
        return self.next_number(workflow_id)


class NodeTypeShelf(Shelf[str, NodeTypeRecord]):
    """The node types that were made at run time, by id."""

    def __init__(self) -> None:
        super().__init__(NodeTypeRecord, lambda node_type: node_type.id)

    def all(self) -> list[NodeTypeRecord]:
        """Return copies of all node types, by id."""
        return [self.decode(raw) for key in sorted(self) if (raw := self.raw(key)) is not None]

    def places(self, node_types: Sequence[NodeTypeRecord]) -> list[int]:
        """Return the row numbers to write new node types to.

        :raises Conflict: code ``NODE_TYPE_EXISTS`` when an id is taken, or given twice.
        """
        seen: set[str] = set()
        for node_type in node_types:
            if self.number(node_type.id) is not None or node_type.id in seen:
                message = f"A node type with the id {node_type.id} exists already."
                raise Conflict(message, code="NODE_TYPE_EXISTS")
            seen.add(node_type.id)
        return [self.free_number + place for place in range(len(node_types))]
