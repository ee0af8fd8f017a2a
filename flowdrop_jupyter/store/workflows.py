"""The workflow definitions in memory, as they were last made durable."""

from __future__ import annotations

import msgspec

from ..errors import Conflict, NotFound
from .records import WorkflowRecord

_decode = msgspec.json.Decoder(WorkflowRecord).decode


class WorkflowShelf:
    """Workflows by id; each has the number of its row for as long as it exists."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, bytes]] = {}
        self._highest = 0

    def load(self, rows: dict[int, bytes]) -> None:
        """Take over all rows of a file; a row that is no workflow raises ``msgspec.MsgspecError``."""
        for number, raw in rows.items():
            self.put(_decode(raw).id, number, raw)

    def get(self, workflow_id: str) -> WorkflowRecord | None:
        """Return a copy of one workflow, or None."""
        row = self._rows.get(workflow_id)
        return None if row is None else _decode(row[1])

    def all(self) -> list[WorkflowRecord]:
        """Return copies of all workflows."""
        return [_decode(raw) for _, raw in self._rows.values()]

    def number(self, workflow_id: str) -> int | None:
        """Return the number of the workflow's row, or None."""
        row = self._rows.get(workflow_id)
        return None if row is None else row[0]

    def place(self, workflow_id: str, *, new: bool) -> int:
        """Return the row number to write the workflow to.

        :raises Conflict: code ``WORKFLOW_EXISTS`` when *new* and the id is taken (STORE-3).
        :raises NotFound: code ``WORKFLOW_NOT_FOUND`` when not *new* and the id is unknown.
        """
        number = self.number(workflow_id)
        if new and number is not None:
            raise Conflict(f"A workflow with the id {workflow_id} exists already.", code="WORKFLOW_EXISTS")
        if not new and number is None:
            raise NotFound("There is no such workflow.", code="WORKFLOW_NOT_FOUND")
        return self._highest + 1 if number is None else number

    def put(self, workflow_id: str, number: int, raw: bytes | None) -> None:
        """Take over a workflow that is now durable, or its removal when *raw* is None."""
        if raw is None:
            del self._rows[workflow_id]
        else:
            self._rows[workflow_id] = (number, raw)
            self._highest = max(self._highest, number)
