"""Workflows as stored documents: create, read, list, update, delete (STORE)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..clock import Clock, format_time, system_clock
from ..errors import InvalidInput, NotFound
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..store.protocol import Store
from ..store.records import WorkflowRecord
from ..workflow import require_valid, serve_workflow, stored_nodes
from .permissions import Principal

MAX_NAME: Final = 255
_ID: Final = re.compile(r"(?!\.{1,2}\Z)[^\s/\\?#%\x00-\x1f\x7f]+")
"""Any text that can stand in a path as it is; ids come from other systems, so nothing else is asked."""

RESERVED_IDS: Final = frozenset({"validate", "import"})
"""Ids that are words of the API, so that no workflow could be read under them."""

_LISTS: Final = ("nodes", "edges")
_OBJECTS: Final = ("metadata", "interface")


class WorkflowService:
    """Reads and writes workflow definitions; what it returns is the published object (STORE-14)."""

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        *,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._ids = ids

    async def find(self, search: str | None = None) -> list[dict[str, Any]]:
        """Return all workflows, newest change first, whose name holds *search* (STORE-15)."""
        found = await self._store.workflows()
        if search:
            wanted = search.casefold()
            found = [workflow for workflow in found if wanted in workflow.name.casefold()]
        return [serve_workflow(workflow, self._registry) for workflow in found]

    async def read(self, workflow_id: str) -> dict[str, Any]:
        """Return one workflow.

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        return serve_workflow(await self._get(workflow_id), self._registry)

    async def create(self, document: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        """Store a new workflow and return it.

        :param document: ``name`` is required; ``id`` is honoured when it is free (STORE-3).
        :raises InvalidInput: when a key has the wrong form.
        :raises WorkflowInvalid: when the graph does not validate (STORE-5).
        :raises Conflict: ``WORKFLOW_EXISTS`` when the id is taken.
        """
        _check_form(document)
        tags = document.get("tags")
        metadata = dict(document.get("metadata") or {})
        if isinstance(tags, list):
            metadata.setdefault("tags", tags)
        now = format_time(self._clock())
        record = WorkflowRecord(
            id=document.get("id") or self._ids(),
            name=document["name"],
            description=document.get("description") or "",
            nodes=list(document.get("nodes") or []),
            edges=list(document.get("edges") or []),
            metadata=metadata,
            interface=document.get("interface"),
            created=now,
            changed=now,
            uid=principal.id,
        )
        return await self._write(record, new=True)

    async def update(self, workflow_id: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Change the keys that *document* has, ``name`` always among them, and return the workflow.

        Inside ``metadata`` a key that is absent keeps its value too (decision 5).

        :raises NotFound: ``WORKFLOW_NOT_FOUND``; an update never creates.
        :raises InvalidInput: when a key has the wrong form.
        :raises WorkflowInvalid: when the graph does not validate; the stored version stays.
        """
        record = await self._get(workflow_id)
        _check_form(document)
        record.name = document["name"]
        if "description" in document:
            record.description = document["description"] or ""
        for key in _LISTS:
            if key in document:
                setattr(record, key, list(document[key] or []))
        if "metadata" in document:
            record.metadata = {**record.metadata, **(document["metadata"] or {})}
        if "interface" in document:
            record.interface = document["interface"]
        record.changed = format_time(self._clock())
        return await self._write(record, new=False)

    async def delete(self, workflow_id: str) -> None:
        """Remove a workflow; its sessions stay readable (decision 10).

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        if not await self._store.remove_workflow(workflow_id):
            raise _unknown(workflow_id)

    async def _write(self, record: WorkflowRecord, *, new: bool) -> dict[str, Any]:
        require_valid(record.nodes, record.edges, self._registry)
        record.nodes = stored_nodes(record.nodes, self._registry)
        await self._store.save_workflow(record, new=new)
        return serve_workflow(record, self._registry)

    async def _get(self, workflow_id: str) -> WorkflowRecord:
        found = await self._store.workflow(workflow_id)
        if found is None:
            raise _unknown(workflow_id)
        return found


def _unknown(workflow_id: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")


def _check_form(document: Mapping[str, Any]) -> None:
    name = document.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise _wrong("name", f"has to be a text of 1 to {MAX_NAME} characters")
    if not isinstance(document.get("description", ""), str | None):
        raise _wrong("description", "has to be a text")
    workflow_id = document.get("id")
    if workflow_id is not None and (not isinstance(workflow_id, str) or len(workflow_id) > MAX_NAME):
        raise _wrong("id", f"has to be a text of at most {MAX_NAME} characters")
    if workflow_id and not _ID.fullmatch(workflow_id):
        raise _wrong("id", "has to be one word of a web address")
    if workflow_id in RESERVED_IDS:
        raise InvalidInput(f"A workflow cannot be called {workflow_id!r}.", code="WORKFLOW_ID_RESERVED")
    for key in _LISTS:
        items = document.get(key)
        if items is not None and not (
            isinstance(items, list) and all(isinstance(item, Mapping) for item in items)
        ):
            raise _wrong(key, "has to be a list of objects")
    for key in _OBJECTS:
        if not isinstance(document.get(key), Mapping | None):
            raise _wrong(key, "has to be an object")


def _wrong(key: str, problem: str) -> InvalidInput:
    message = f"The {key} {problem}."
    detail = {"code": "VALIDATION_ERROR", "message": message, "locator": key}
    return InvalidInput(message, code="VALIDATION_ERROR", details=[detail])
