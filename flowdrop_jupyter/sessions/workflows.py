"""Workflows as stored documents: create, read, list, update, delete, and their contracts (STORE, MAN-18)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import anyio
import anyio.to_thread
import msgspec

from ..clock import Clock, format_time, system_clock
from ..errors import Conflict, InvalidInput, NotFound
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..store.records import WorkflowHeader, WorkflowRecord
from ..workflow import Verdict, check, node_type_id, require_valid, serve_workflow, stored_nodes
from ..workflow.contract import Bump, Nested, annotated, build_contract, bumped, nothing_nested
from ..workflow.interface import OWN_KEYS, Manifests, normalised_entries, read_interface
from .permissions import Principal
from .workflow_files import PREFIX as FILE_PREFIX
from .workflow_files import WorkflowSource
from .writing import TurnsById, judged

MAX_NAME: Final = 255
MAX_STORED_BYTES: Final = 16 * 1024 * 1024
"""How large a definition may grow; absent keys keep their values, so updates could add up without end."""

_ID: Final = re.compile(r"(?!\.{1,2}\Z)[^\s/\\?#%\x00-\x1f\x7f]+")
"""Any text that can stand in a path as it is; ids come from other systems, so nothing else is asked.

Those of files are judged where files are: each file that may be used can be named.
"""

RESERVED_IDS: Final = frozenset({"validate", "import", "import-bundle"})
"""Ids that are words of the API, so that no workflow could be read under them."""

_LISTS: Final = ("nodes", "edges")
_KNOWN: Final = frozenset(
    {"id", "name", "description", "nodes", "edges", "metadata", "interface", "tags"}
    | {"created", "changed", "uid"}
)

RunsWorkflow = Callable[[str], str | None]
"""The id of the workflow that a node type runs, by the node type's id; None for every other node type."""

Listed: TypeAlias = WorkflowHeader | WorkflowRecord
"""A workflow as lists look through it: the header of a stored one, the whole of a file."""

logger = logging.getLogger(__name__)


def _runs_none(_type_id: str) -> str | None:
    return None


class WorkflowService:
    """Reads and writes workflow definitions; what it returns is the published object (STORE-14).

    :param runs_workflow: which node types are workflows used as nodes (MAN-9); none by default.
    """

    def __init__(
        self,
        store: WorkflowSource,
        registry: NodeRegistry,
        *,
        runs_workflow: RunsWorkflow = _runs_none,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._registry = registry
        self._runs_workflow = runs_workflow
        self._clock = clock
        self._ids = ids
        # Two updates of one workflow must not start from the same contract version.
        self._turns = TurnsById()

    async def find(
        self,
        search: str | None = None,
        *,
        tags: Iterable[str] = (),
        sort: str = "changed",
        down: bool = True,
        among: Iterable[WorkflowRecord] | None = None,
    ) -> list[Listed]:
        """Return the workflows whose name holds *search*, newest change first (STORE-15).

        :param search: plain text, in which no character has a meaning of its own.
        :param tags: when there are any, only workflows that have one of them.
        :param sort: ``created``, ``changed`` or ``name``; *down* from the last to the first.
        :param among: the workflows to look through; those in the store by default.
        """
        found: Iterable[Listed] = await self._store.workflow_headers() if among is None else among
        wanted, labels = (search or "").casefold(), set(tags)
        kept = [
            workflow
            for workflow in found
            if wanted in workflow.name.casefold() and (not labels or labels & _tags(workflow))
        ]
        return sorted(kept, key=lambda workflow: str(getattr(workflow, sort)), reverse=down)

    async def served(self, workflows: Iterable[Listed]) -> list[dict[str, Any]]:
        """Return the published object of each workflow; one that was removed meanwhile is left out."""
        records = []
        for listed in workflows:
            record = listed
            if isinstance(record, WorkflowHeader):
                found = await self._store.workflow(record.id)
                if found is None:
                    continue
                record = found
            records.append(record)
        return await anyio.to_thread.run_sync(
            lambda: [serve_workflow(record, self._registry) for record in records]
        )

    async def read(self, workflow_id: str) -> dict[str, Any]:
        """Return one workflow as it is published.

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        return (await self.served([await self.record(workflow_id)]))[0]

    async def record(self, workflow_id: str) -> WorkflowRecord:
        """Return one workflow as it is stored.

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        found = await self._store.workflow(workflow_id)
        if found is None:
            raise _unknown(workflow_id)
        return found

    async def create(
        self,
        document: Mapping[str, Any],
        principal: Principal,
        *,
        manifests: Manifests | None = None,
        bump: Bump = "minor",
    ) -> dict[str, Any]:
        """Store a new workflow and return it.

        :param document: ``name`` is required; ``id`` is honoured when it is free (STORE-3). Top-level keys
            without a meaning are kept.
        :param manifests: what it declares at its boundary, instead of the document's ``interface``.
        :raises InvalidInput: when a key has the wrong form.
        :raises WorkflowInvalid: when the workflow does not validate (STORE-5).
        :raises Conflict: ``WORKFLOW_EXISTS`` when the id is taken.
        """
        _check_id(document.get("id"))
        _check_form(document)
        declared = manifests or read_interface(document.get("interface"))
        now = format_time(self._clock())
        record = WorkflowRecord(
            id=document.get("id") or self._ids(),
            name=document["name"],
            description=document.get("description") or "",
            nodes=list(document.get("nodes") or []),
            edges=list(document.get("edges") or []),
            metadata=_metadata(document),
            inputs=declared.inputs,
            outputs=declared.outputs,
            extra=_unknown_keys(document),
            created=now,
            changed=now,
            uid=principal.id,
        )
        return await self._write(record, Manifests(), bump, new=True)

    async def update(
        self, workflow_id: str, document: Mapping[str, Any], *, bump: Bump = "minor"
    ) -> dict[str, Any]:
        """Change the keys that *document* has, ``name`` always among them, and return the workflow.

        Inside ``metadata`` a key that is absent keeps its value too (decision 5); an ``interface`` that is
        there replaces both sides (STORE-4).

        :param bump: which digit of the contract version goes up if the declared ports changed.
        :raises NotFound: ``WORKFLOW_NOT_FOUND``; an update never creates.
        :raises InvalidInput: when a key has the wrong form.
        :raises WorkflowInvalid: when the workflow does not validate; the stored version stays.
        """
        async with self._turns.turn(workflow_id):
            record = await self.record(workflow_id)
            before = Manifests(record.inputs, record.outputs)
            _check_form(document)
            record.name = document["name"]
            if "description" in document:
                record.description = document["description"] or ""
            for key in _LISTS:
                if key in document:
                    setattr(record, key, list(document[key] or []))
            record.metadata = {**record.metadata, **_metadata(document)}
            if "interface" in document:
                declared = read_interface(document["interface"])
                record.inputs, record.outputs = declared.inputs, declared.outputs
            record.extra = {**record.extra, **_unknown_keys(document)}
            record.changed = format_time(self._clock())
            return await self._write(record, before, bump, new=False)

    async def check(self, document: Mapping[str, Any]) -> Verdict:
        """Return what a save of *document* would find, warnings included; nothing is saved.

        :raises InvalidInput: when a key has the wrong form, as a save does.
        """
        _check_form(document)
        declared = read_interface(document.get("interface"))
        return await judged(
            document.get("nodes"),
            lambda: check(
                document.get("nodes"),
                document.get("edges"),
                self._registry,
                inputs=declared.inputs,
                outputs=declared.outputs,
            ),
        )

    async def delete(self, workflow_id: str) -> None:
        """Remove a workflow; its sessions stay readable (decision 10).

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        if not await self._store.remove_workflow(workflow_id):
            raise _unknown(workflow_id)

    # Contracts

    async def contract(self, workflow: WorkflowRecord, *, with_annotations: bool) -> dict[str, Any]:
        """Return the published contract, ``{schema_version, parameter_schema, output_schema}`` (META-4).

        :param with_annotations: whether to add the titles, descriptions and examples that the bound ports
            have now; without them it is the stored snapshot unaltered.
        """
        parameters, outputs = workflow.parameter_schema, workflow.output_schema
        if with_annotations:
            nested = await self._nested(workflow)
            described = await anyio.to_thread.run_sync(annotated, workflow, self._registry, nested)
            parameters, outputs = described.parameter_schema, described.output_schema
        return {
            "schema_version": workflow.contract_version,
            "parameter_schema": parameters,
            "output_schema": outputs,
        }

    async def rebuild(self, workflow_id: str, bump: Bump = "minor") -> WorkflowRecord:
        """Build the contract again from the node types as they are now, and return the workflow (MAN-18).

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        :raises Conflict: ``CONTRACT_NOT_BUILT`` when it cannot be built; the old one stays.
        """
        async with self._turns.turn(workflow_id):
            record = await self.record(workflow_id)
            nested = await self._nested(record)
            if not await anyio.to_thread.run_sync(self._build, record, nested, bump):
                raise Conflict(
                    "The contract could not be built; the published one stays.", code="CONTRACT_NOT_BUILT"
                )
            await self._store.save_workflow(record, new=False)
            return record

    async def _write(
        self, record: WorkflowRecord, before: Manifests, bump: Bump, *, new: bool
    ) -> dict[str, Any]:
        changed = before != Manifests(record.inputs, record.outputs)
        nested = await self._nested(record) if changed else nothing_nested

        def prepare() -> dict[str, Any]:
            # What a bundle brought is kept as it was submitted, and judged in its normal form (STORE-9).
            inputs, outputs = normalised_entries(record.inputs), normalised_entries(record.outputs)
            require_valid(record.nodes, record.edges, self._registry, inputs=inputs, outputs=outputs)
            record.nodes = stored_nodes(record.nodes, self._registry)
            if changed:
                self._build(record, nested, bump)
            if len(msgspec.json.encode(record)) > MAX_STORED_BYTES:
                raise InvalidInput("The workflow would be larger than 16 MiB.", code="WORKFLOW_TOO_LARGE")
            return serve_workflow(record, self._registry)

        served = await judged(record.nodes, prepare)
        await self._store.save_workflow(record, new=new)
        return served

    def _build(self, record: WorkflowRecord, nested: Nested, bump: Bump) -> bool:
        """Give *record* a new contract; when that fails it keeps the old one (MAN-18)."""
        try:
            built = build_contract(record, self._registry, nested)
        except Exception:
            logger.exception("The contract of %s could not be built; the published one stays.", record.id)
            return False
        record.parameter_schema, record.output_schema = built.parameter_schema, built.output_schema
        record.contract_version = bumped(record.contract_version, bump)
        return True

    async def _nested(self, workflow: WorkflowRecord) -> Nested:
        """Read every workflow that is used as a node in this one, at any depth."""
        by_type: dict[str, WorkflowRecord | None] = {}
        waiting = [workflow]
        while waiting:
            for node in waiting.pop().nodes:
                type_id = node_type_id(node)
                workflow_id = None if type_id in by_type else self._runs_workflow(type_id)
                if workflow_id is None:
                    continue
                found = await self._store.workflow(workflow_id)
                by_type[type_id] = found
                if found is not None:
                    waiting.append(found)
        return by_type.get


def _tags(workflow: Listed) -> frozenset[str]:
    return (workflow if isinstance(workflow, WorkflowHeader) else WorkflowHeader.of(workflow)).tags


def _unknown(workflow_id: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")


def _unknown_keys(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in _KNOWN | OWN_KEYS}


def _metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that a document brings, its top-level tags included."""
    metadata = dict(document.get("metadata") or {})
    if "tags" in document:
        metadata.setdefault("tags", document["tags"] or [])
    return metadata


def _check_form(document: Mapping[str, Any]) -> None:
    name = document.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise _wrong("name", f"has to be a text of 1 to {MAX_NAME} characters")
    if not isinstance(document.get("description", ""), str | None):
        raise _wrong("description", "has to be a text")
    for key in OWN_KEYS & document.keys():
        # Kept like an unknown key, it would stand in the way of what storage keeps there.
        if document[key] not in (None, []):
            raise _refused_at(key, f"The key {key} is the server's own; send an interface.", "KEY_RESERVED")
    for key in _LISTS:
        items = document.get(key)
        if items is not None and not (
            isinstance(items, list) and all(isinstance(item, Mapping) for item in items)
        ):
            raise _wrong(key, "has to be a list of objects")
    metadata, tags = document.get("metadata"), document.get("tags")
    # Systems without a kind of its own for an empty object write it as an empty list (STORE-4).
    if not isinstance(metadata, Mapping | None) and metadata != []:
        raise _wrong("metadata", "has to be an object")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise _wrong("tags", "has to be a list of texts")


def _check_id(workflow_id: Any) -> None:
    if workflow_id is None or workflow_id == "":
        return
    if not isinstance(workflow_id, str):
        raise _wrong("id", "has to be a text")
    if workflow_id.startswith(FILE_PREFIX):
        return
    if len(workflow_id) > MAX_NAME:
        raise _wrong("id", f"has to be a text of at most {MAX_NAME} characters")
    if not _ID.fullmatch(workflow_id):
        raise _wrong("id", "has to be one word of a web address")
    if workflow_id in RESERVED_IDS:
        raise _refused_at("id", f"A workflow cannot be called {workflow_id!r}.", "WORKFLOW_ID_RESERVED")


def _wrong(key: str, problem: str) -> InvalidInput:
    return _refused_at(key, f"The {key} {problem}.", "VALIDATION_ERROR")


def _refused_at(key: str, message: str, code: str) -> InvalidInput:
    return InvalidInput(message, code=code, details=[{"code": code, "message": message, "locator": key}])
