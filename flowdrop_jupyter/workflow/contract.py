"""The published contract: the schemas of a workflow's declared inputs and outputs (MAN-1 … MAN-9, MAN-18).

A contract is built from the manifests when these change, and is not touched by anything else; what
callers are checked against is this snapshot, not the node types of the moment.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..store.records import WorkflowRecord
from .document import node_type_id
from .frozen import thawed
from .handles import Direction, text
from .interface import PIN, bound_entries, fragment_of
from .node_types import NodeCatalog

Bump: TypeAlias = Literal["major", "minor", "patch", "none"]

KEPT: Final = (
    "type",
    "enum",
    "format",
    "default",
    "required",
    "properties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
)
"""The twelve keys of a port's schema that a contract takes over (MAN-5)."""

ANNOTATIONS: Final = ("title", "description", "examples")
NO_VERSION: Final = "0.0.0"
FIRST_VERSION: Final = "1.0.0"

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,14})"
_VERSION: Final = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}")

Nested: TypeAlias = Callable[[str], WorkflowRecord | None]
"""The workflow that a node type runs, by the node type's id; None for every other node type (MAN-9)."""

logger = logging.getLogger(__name__)


def nothing_nested(_type_id: str) -> WorkflowRecord | None:
    """Say that no node type runs a workflow."""
    return None


@dataclass(frozen=True, slots=True)
class Contract:
    """Both sides of a contract; a side without entries has no schema."""

    parameter_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None


def build_contract(
    workflow: WorkflowRecord, catalog: NodeCatalog, nested: Nested = nothing_nested
) -> Contract:
    """Return the contract of a workflow's manifests as its node types are now.

    Exposure is not asked (MAN-1). An entry whose port cannot be found is left out with a warning (MAN-8).
    """
    ports = _Ports(catalog, nested)
    return Contract(
        parameter_schema=_side(workflow, "input", ports), output_schema=_side(workflow, "output", ports)
    )


def is_unbuilt(workflow: WorkflowRecord) -> bool:
    """Tell whether a side declares something of which no contract was ever built."""
    return (bool(workflow.inputs) and workflow.parameter_schema is None) or (
        bool(workflow.outputs) and workflow.output_schema is None
    )


def form_problem(workflow: WorkflowRecord) -> str | None:
    """Return what is wrong with the form of a contract that was not built here, or None (STORE-8)."""
    if not _VERSION.fullmatch(workflow.contract_version):
        return "contract_version has to be three whole numbers apart by dots"
    for name in ("parameter_schema", "output_schema"):
        schema = getattr(workflow, name) or {}
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, Mapping) or not all(
            isinstance(fragment, Mapping) for fragment in properties.values()
        ):
            return f"the properties of {name} have to be an object of objects"
        if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
            return f"what {name} requires has to be a list of names"
    return None


def annotated(workflow: WorkflowRecord, catalog: NodeCatalog, nested: Nested = nothing_nested) -> Contract:
    """Return the stored contract with the words its ports have now, where the author gave none (MAN-5)."""
    ports = _Ports(catalog, nested)

    def side(direction: Direction, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is None:
            return None
        described = copy.deepcopy(schema)
        for name, node_id, port, _ in bound_entries(_entries(workflow, direction)):
            fragment = fragment_of(described, name)
            found = ports.find(workflow, node_id, direction, port)
            if isinstance(fragment, dict) and found is not None:
                _annotate(fragment, found.schema)
        return described

    return Contract(
        parameter_schema=side("input", workflow.parameter_schema),
        output_schema=side("output", workflow.output_schema),
    )


def bumped(version: str, bump: Bump) -> str:
    """Return the version that follows *version*, three whole numbers apart by dots (MAN-18)."""
    if bump == "none":
        return version
    if version == NO_VERSION:
        return FIRST_VERSION
    major, minor, patch = (int(digit) for digit in version.split("."))
    if bump == "major":
        return f"{major + 1}.0.0"
    if bump == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def reduced(schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a fragment with nothing but the twelve kept keys, at every depth (MAN-5).

    A default that is more than one level deep is dropped and reported in the log (MAN-7).

    :param where: what the fragment belongs to, for the log.
    """
    fragment: dict[str, Any] = {}
    for key in KEPT:
        if key not in schema:
            continue
        value = schema[key]
        if key == "properties" and isinstance(value, Mapping):
            fragment[key] = {
                name: reduced(member, f"{where}.{name}")
                for name, member in value.items()
                if isinstance(member, Mapping)
            }
        elif key == "items" and isinstance(value, Mapping):
            fragment[key] = reduced(value, f"{where}[]")
        elif key == "items" and isinstance(value, list | tuple):
            fragment[key] = [reduced(item, f"{where}[]") for item in value if isinstance(item, Mapping)]
        elif key == "default" and not _is_flat(value):
            logger.warning("The contract leaves out the default of %s, which is nested too deep.", where)
        else:
            fragment[key] = thawed(value)
    return fragment


@dataclass(frozen=True, slots=True)
class _Port:
    schema: Mapping[str, Any]
    lane: str


_LOOP: Final = _Port({"type": "object"}, "json")
"""What stands for a workflow that is used inside itself (MAN-9)."""


class _Ports:
    """Finds the schema behind a manifest entry, through workflows that are used as nodes."""

    def __init__(self, catalog: NodeCatalog, nested: Nested) -> None:
        self._catalog = catalog
        self._nested = nested
        self._nodes: dict[str, dict[str, Mapping[str, Any]]] = {}

    def find(
        self,
        workflow: WorkflowRecord,
        node_id: str,
        direction: Direction,
        port: str,
        ancestors: frozenset[str] = frozenset(),
    ) -> _Port | None:
        """Return the port an entry of *workflow* is bound to, or None when there is no such port."""
        node = self._nodes_of(workflow).get(node_id)
        if node is None:
            return None
        anchor = node_type_id(node)
        within = self._nested(anchor)
        if within is not None:
            return self._through(within, direction, port, ancestors | {workflow.id})
        kind = self._catalog.node_type(anchor)
        declared = kind.port_schema(direction, port) if kind is not None else None
        return None if declared is None else _Port(declared, self._catalog.lanes.lane_of(declared))

    def _through(
        self, within: WorkflowRecord, direction: Direction, port: str, path: frozenset[str]
    ) -> _Port | None:
        if within.id in path:
            logger.warning("The workflow %s is used inside itself; its contract ends there.", within.id)
            return _LOOP
        for name, node_id, inner, entry in bound_entries(_entries(within, direction)):
            if name == port:
                found = self.find(within, node_id, direction, inner, path)
                return None if found is None else _Port(_overlaid(found.schema, entry, direction), found.lane)
        return None

    def _nodes_of(self, workflow: WorkflowRecord) -> dict[str, Mapping[str, Any]]:
        known = self._nodes.get(workflow.id)
        if known is None:
            known = {text(node.get("id")): node for node in workflow.nodes}
            self._nodes[workflow.id] = known
        return known


def _entries(workflow: WorkflowRecord, direction: Direction) -> list[dict[str, Any]]:
    return workflow.inputs if direction == "input" else workflow.outputs


def _side(workflow: WorkflowRecord, direction: Direction, ports: _Ports) -> dict[str, Any] | None:
    entries = _entries(workflow, direction)
    if not entries:
        return None
    properties: dict[str, Any] = {}
    required: list[str] = []
    for name, node_id, port, entry in _whole(entries, workflow.id, direction):
        found = ports.find(workflow, node_id, direction, port)
        if found is None:
            logger.warning(
                "The %s %r of the workflow %s is left out of its contract: there is no port %r on a node %r.",
                direction,
                name,
                workflow.id,
                port,
                node_id,
            )
            continue
        fragment = reduced(found.schema, f"{workflow.id}.{name}")
        properties[name] = {**_overlaid(fragment, entry, direction), PIN: found.lane}
        if direction == "input" and entry.get("required") is True and name not in required:
            required.append(name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


def _whole(
    entries: list[dict[str, Any]], workflow_id: str, direction: Direction
) -> list[tuple[str, str, str, dict[str, Any]]]:
    kept = list(bound_entries(entries))
    if len(kept) < len(entries):
        logger.warning(
            "%d %s entries of the workflow %s are left out of its contract: each needs a name, a node"
            " and a port.",
            len(entries) - len(kept),
            direction,
            workflow_id,
        )
    return kept


def _overlaid(schema: Mapping[str, Any], entry: Mapping[str, Any], direction: Direction) -> dict[str, Any]:
    """Return *schema* under the author's words, empty ones left out; outputs have none (MAN-6)."""
    words = {key: thawed(entry[key]) for key in ANNOTATIONS if entry.get(key)}
    return {**schema, **words} if direction == "input" else dict(schema)


def _annotate(fragment: dict[str, Any], schema: Mapping[str, Any]) -> None:
    for key in ANNOTATIONS:
        if schema.get(key):
            fragment.setdefault(key, thawed(schema[key]))
    mine, theirs = fragment.get("properties"), schema.get("properties")
    if isinstance(mine, dict) and isinstance(theirs, Mapping):
        for name, member in mine.items():
            if isinstance(member, dict) and isinstance(theirs.get(name), Mapping):
                _annotate(member, theirs[name])
    if isinstance(fragment.get("items"), dict) and isinstance(schema.get("items"), Mapping):
        _annotate(fragment["items"], schema["items"])


def _is_flat(value: Any) -> bool:
    """Tell whether a default is null, a scalar, or one level of them (MAN-7)."""
    if isinstance(value, Mapping):
        value = list(value.values())
    members = value if isinstance(value, list | tuple) else (value,)
    return not any(isinstance(member, Mapping | list | tuple) for member in members)
