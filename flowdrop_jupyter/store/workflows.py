"""The workflow definitions in memory, as they were last made durable."""

from __future__ import annotations

from ..errors import Conflict, NotFound
from .records import WorkflowRecord
from .shelf import Shelf


class WorkflowShelf(Shelf[str, WorkflowRecord]):
    """The workflow definitions by id."""

    def __init__(self) -> None:
        super().__init__(WorkflowRecord, lambda workflow: workflow.id)

    def get(self, workflow_id: str) -> WorkflowRecord | None:
        """Return a copy of one workflow, or None."""
        raw = self.raw(workflow_id)
        return None if raw is None else self.decode(raw)

    def all(self) -> list[WorkflowRecord]:
        """Return copies of all workflows."""
        return [self.decode(raw) for raw in self.raws()]

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
