"""Import of bundles through seven gates, and export (STORE-9).

Nothing is made before the last gate is passed: the node types of a bundle are tried on a copy of the
registry, and are then written in one commit with the workflow. So a refusal, and a crash at any
moment, leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import anyio
from anyio import to_thread

from ..clock import Clock, format_time, system_clock
from ..errors import BundleInvalid, Conflict, FlowDropError, Forbidden, InvalidInput, WorkflowInvalid
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..nodes.presets import read_preset
from ..store.records import NodeTypeRecord, WorkflowRecord
from ..workflow import node_type_id, validate
from ..workflow.bundle import Bundle, is_flow_id, read_bundle, write_bundle
from ..workflow.interface import OWN_KEYS, Manifests, normalised_entries, read_manifests
from ..workflow.patience import Patience
from ..workflow.validation.findings import MAX_EXPRESSION_SECONDS
from .permissions import Principal, may_confirm_publisher
from .workflow_files import WorkflowSource
from .workflows import MAX_NAME, RESERVED_IDS, WorkflowService

DEFAULT_PUBLISHER: Final = "local"

_OF_THE_STORE: Final = OWN_KEYS | {"interface", "created", "changed", "uid"}

Services = Callable[[WorkflowSource, NodeRegistry], WorkflowService]


class BundleService:
    """Imports and exports bundles.

    :param publisher: the name that exported bundles carry.
    :param trusted: the publishers whose bundles are imported without anybody's confirmation.
    """

    def __init__(
        self,
        source: WorkflowSource,
        registry: NodeRegistry,
        *,
        publisher: str = DEFAULT_PUBLISHER,
        trusted: Collection[str] = (),
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._source = source
        self._registry = registry
        self._publisher = publisher
        self._trusted = frozenset(trusted)
        self._clock = clock
        self._ids = ids
        # What one import tries out must still be true when it is written.
        self._turn = anyio.Lock()

    async def export(self, workflow_id: str) -> dict[str, Any]:
        """Return a workflow as a bundle, with the node types of its nodes that presets made.

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        service = WorkflowService(self._source, self._registry, clock=self._clock, ids=self._ids)
        record = await service.record(workflow_id)
        used = sorted({type_id for node in record.nodes if (type_id := node_type_id(node))})
        presets = [dict(preset) for type_id in used if (preset := self._registry.preset(type_id)) is not None]
        made = {preset["id"] for preset in presets}
        processors = {
            type_id for type_id in used if type_id not in made and self._registry.available(type_id)
        }
        processors |= {preset["executor_plugin"] for preset in presets}
        return write_bundle(record, publisher=self._publisher, processors=processors, node_types=presets)

    async def take_in(
        self, document: Mapping[str, Any], principal: Principal, *, confirmed: str | None = None
    ) -> dict[str, Any]:
        """Import a bundle and return its workflow; the first gate that refuses ends it (STORE-9).

        :param confirmed: the publisher that the caller confirms by name; counts only for a principal
            that may do so.
        :raises BundleInvalid: gates 1 ``BUNDLE_UNSUPPORTED`` and ``BUNDLE_MALFORMED``, 3
            ``CAPABILITY_MISSING``, 4 ``NODE_TYPE_INVALID`` and 6 ``FLOW_ID_INVALID``.
        :raises Forbidden: gate 2, ``PUBLISHER_UNTRUSTED``.
        :raises WorkflowInvalid: gate 5, with every error of the flow.
        :raises Conflict: gate 4, ``NODE_TYPE_EXISTS``, and gate 7, ``WORKFLOW_EXISTS``.
        """
        bundle = read_bundle(document)
        self._check_publisher(bundle.publisher, principal, confirmed)
        self._check_capabilities(bundle)
        async with self._turn:
            trial = self._registry.copy()
            generated = await to_thread.run_sync(_generate, trial, bundle.node_types)
            flow = bundle.flow
            submitted, judged = _manifests(flow)
            await to_thread.run_sync(_check_flow, flow, judged, trial)
            workflow_id = self._new_id(flow.get("id"))
            if await self._source.workflow(workflow_id) is not None:
                raise _taken(workflow_id)
            now = format_time(self._clock())
            brought = [
                NodeTypeRecord(
                    id=preset["id"],
                    preset=preset,
                    publisher=bundle.publisher,
                    workflow_id=workflow_id,
                    created=now,
                )
                for preset in generated
            ]
            kept = {key: value for key, value in flow.items() if key not in _OF_THE_STORE}
            service = WorkflowService(
                _Bringing(self._source, brought, self._registry), trial, clock=self._clock, ids=self._ids
            )
            try:
                return await service.create(kept | {"id": workflow_id}, principal, manifests=submitted)
            except Conflict as error:
                # Somebody else was quicker since the check.
                raise error if error.details else _taken(workflow_id) from error

    def _check_publisher(self, publisher: str, principal: Principal, confirmed: str | None) -> None:
        if publisher in self._trusted or (confirmed == publisher and may_confirm_publisher(principal)):
            return
        message = f"The publisher {publisher!r} is not trusted here."
        if may_confirm_publisher(principal):
            message += " Confirm it by its name to import the bundle."
        raise Forbidden(
            message,
            code="PUBLISHER_UNTRUSTED",
            details=[{"code": "PUBLISHER_UNTRUSTED", "message": message, "locator": "publisher"}],
        )

    def _check_capabilities(self, bundle: Bundle) -> None:
        named = [(f"capabilities.processors.{index}", each) for index, each in enumerate(bundle.processors)]
        named += [
            (f"node_types.{index}.executor_plugin", each["executor_plugin"])
            for index, each in enumerate(bundle.node_types)
            if isinstance(each.get("executor_plugin"), str)
        ]
        missing = [(locator, each) for locator, each in named if self._registry.processor(each) is None]
        if missing:
            names = ", ".join(sorted({each for _, each in missing})[:5])
            raise BundleInvalid(
                f"The bundle needs what is not installed here: {names}.",
                code="CAPABILITY_MISSING",
                details=[
                    {
                        "code": "CAPABILITY_MISSING",
                        "message": f"The processor {each!r} is not installed here.",
                        "locator": locator,
                    }
                    for locator, each in missing
                ],
            )

    def _new_id(self, wanted: Any) -> str:
        """Return the id that the workflow gets: the one it asks for, or a fresh one of the same shape."""
        if wanted is None or wanted == "":
            return self._ids().replace("-", "_")
        if not is_flow_id(wanted) or wanted in RESERVED_IDS:
            message = "The id of a flow is at most 64 of a to z, 0 to 9 and _, and no word of the API."
            raise BundleInvalid(
                message,
                code="FLOW_ID_INVALID",
                details=[{"code": "FLOW_ID_INVALID", "message": message, "locator": "flow.id"}],
            )
        return str(wanted)


class _Bringing:
    """A source that writes node types with the workflow, and shows them to the registry after that."""

    def __init__(
        self, source: WorkflowSource, brought: Sequence[NodeTypeRecord], registry: NodeRegistry
    ) -> None:
        self.workflow = source.workflow
        self.workflow_headers = source.workflow_headers
        self.remove_workflow = source.remove_workflow
        self._source = source
        self._brought = brought
        self._registry = registry

    async def save_workflow(
        self, workflow: WorkflowRecord, *, new: bool, node_types: Sequence[NodeTypeRecord] = ()
    ) -> None:
        # Whoever gives up waiting must not leave node types behind that only the store knows.
        with anyio.CancelScope(shield=True):
            await self._source.save_workflow(workflow, new=new, node_types=[*node_types, *self._brought])
            self._registry.load_presets(each.preset for each in self._brought)


def _generate(trial: NodeRegistry, node_types: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add node types to *trial*; return those that were not there before, as they were submitted.

    One that is here already, and says exactly the same, is used as it is.
    """
    generated = []
    patience = Patience(MAX_EXPRESSION_SECONDS)
    for index, raw in enumerate(node_types):
        locator = f"node_types.{index}"
        try:
            preset = read_preset(raw)
        except FlowDropError as error:
            raise _no_type(error, [(locator, error.message)]) from error
        if trial.preset(preset.id) == preset.raw:
            continue
        try:
            trial.add_preset(raw, patience)
        except Conflict as error:
            detail = {"code": "NODE_TYPE_EXISTS", "message": error.message, "locator": f"{locator}.id"}
            raise Conflict(error.message, code="NODE_TYPE_EXISTS", details=[detail]) from error
        except FlowDropError as error:
            places = [(f"{locator}.{each['locator']}", each["message"]) for each in error.details]
            raise _no_type(error, places or [(locator, error.message)]) from error
        generated.append(raw)
    return generated


def _no_type(error: FlowDropError, places: Sequence[tuple[str, str]]) -> BundleInvalid:
    details = [
        {"code": "NODE_TYPE_INVALID", "message": message, "locator": place} for place, message in places
    ]
    return BundleInvalid(error.message, code="NODE_TYPE_INVALID", details=details)


def _manifests(flow: Mapping[str, Any]) -> tuple[Manifests, Manifests]:
    """Return what a flow declares at its boundary: as it is to be kept, and as it is to be judged."""
    try:
        declared = read_manifests(flow)
    except InvalidInput as error:
        raise _malformed([(detail["locator"], detail["message"]) for detail in error.details]) from error
    return declared, Manifests(
        inputs=normalised_entries(declared.inputs), outputs=normalised_entries(declared.outputs)
    )


def _check_flow(flow: Mapping[str, Any], judged: Manifests, catalog: NodeRegistry) -> None:
    """The fifth gate: everything that a save would refuse, with its own locators."""
    name, nodes, edges = flow.get("name"), flow.get("nodes"), flow.get("edges")
    wrong = []
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        wrong.append(("name", f"It has to be a text of 1 to {MAX_NAME} characters."))
    if not isinstance(flow.get("description"), str | None):
        wrong.append(("description", "It has to be a text."))
    if not isinstance(flow.get("metadata"), Mapping | None) and flow.get("metadata") != []:
        wrong.append(("metadata", "It has to be an object."))
    tags = flow.get("tags")
    if tags is not None and not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        wrong.append(("tags", "It has to be a list of texts."))
    for key, items in (("nodes", nodes), ("edges", edges)):
        if not isinstance(items, list | None) or any(not isinstance(item, dict) for item in items or ()):
            wrong.append((key, "It has to be a list of objects."))
    if wrong:
        raise _malformed(wrong)
    findings = validate(nodes or [], edges or [], catalog, inputs=judged.inputs, outputs=judged.outputs)
    if findings:
        more = f" ({len(findings) - 1} more)" if len(findings) > 1 else ""
        message = f"Workflow validation failed: {findings[0].message}{more}"
        raise WorkflowInvalid(
            message,
            details=[
                {"code": found.code, "message": found.message, "locator": found.locator} for found in findings
            ],
        )


def _malformed(wrong: Sequence[tuple[str, str]]) -> WorkflowInvalid:
    details = [{"code": "FLOW_MALFORMED", "message": text, "locator": f"flow.{key}"} for key, text in wrong]
    return WorkflowInvalid(f"The flow is malformed at {wrong[0][0]}.", code="FLOW_MALFORMED", details=details)


def _taken(workflow_id: str) -> Conflict:
    message = f"A workflow with the id {workflow_id} exists already; an import never replaces one."
    detail = {"code": "WORKFLOW_EXISTS", "message": message, "locator": "flow.id"}
    return Conflict(message, code="WORKFLOW_EXISTS", details=[detail])
