"""The body that saves a snapshot: both letter cases are read, one is kept (SNAP-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from ..errors import InvalidInput
from ..store.records import RunStatus

MAX_ID: Final = 255
SNAPSHOT_STATUSES: Final[tuple[str, ...]] = get_args(RunStatus)
NODE_STATUSES: Final = ("idle", "pending", "running", "completed", "failed", "skipped", "interrupted")

_SPELLINGS: Final[Mapping[str, str]] = {
    "workflow_id": "workflowId",
    "workflow_version": "workflowVersion",
    "execution_id": "executionId",
    "node_states": "nodeStates",
    "initial_input": "initialInput",
    "iteration_count": "iterationCount",
    "thread_id": "threadId",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
}
_NODE_SPELLINGS: Final[Mapping[str, str]] = {"execution_order": "executionOrder", "job_id": "jobId"}
_STAMPS: Final = ("createdAt", "updatedAt")
_KNOWN: Final = frozenset({*_SPELLINGS.values(), "status", "metadata"})
_KNOWN_OF_NODE: Final = frozenset({*_NODE_SPELLINGS.values(), "status", "output", "error", "injected"})


def read_snapshot(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that a body spells, in camelCase and without the keys that are absent or null.

    Of a key in both spellings the camelCase one counts. The times are the server's own.

    :raises InvalidInput: ``SNAPSHOT_INVALID``, with a detail for each key at fault.
    """
    problems: list[tuple[str, str]] = []
    document: dict[str, Any] = {}
    for spelled in _by_spelling(body, _SPELLINGS):
        document |= _checked(spelled, problems)
    if "executionId" not in document:
        problems.append(("executionId", "has to name a run"))
    if problems:
        raise InvalidInput(
            " ".join(f"{key!r} {wrong}." for key, wrong in problems[:5]),
            code="SNAPSHOT_INVALID",
            details=[
                {"code": "SNAPSHOT_INVALID", "message": f"{key!r} {wrong}.", "locator": key}
                for key, wrong in problems
            ],
        )
    return document


def _checked(spelled: Mapping[str, Any], problems: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the keys of a document that are given in one spelling; what is wrong joins *problems*."""
    document = {
        key: value
        for key, value in spelled.items()
        if key not in _STAMPS and (value is not None or key == "executionId")
    }
    problems += [(key[:MAX_ID], "is no key of a snapshot") for key in document if key not in _KNOWN]
    problems += [
        (key, f"has to be a text of 1 to {MAX_ID} characters without a slash")
        for key in ("executionId", "workflowId", "threadId")
        if key in document and not _is_id(document[key])
    ]
    version = document.get("workflowVersion", "")
    if not isinstance(version, str) or len(version) > MAX_ID:
        problems.append(("workflowVersion", f"has to be a text of at most {MAX_ID} characters"))
    if document.get("status", "completed") not in SNAPSHOT_STATUSES:
        problems.append(("status", f"has to be one of {', '.join(SNAPSHOT_STATUSES)}"))
    if not _is_count(document.get("iterationCount", 0)):
        problems.append(("iterationCount", "has to be a whole number from 0"))
    elif "iterationCount" in document:
        document["iterationCount"] = int(document["iterationCount"])
    problems += [
        (key, "has to be an object")
        for key in ("initialInput", "metadata", "nodeStates")
        if not isinstance(document.get(key, {}), Mapping)
    ]
    states = document.get("nodeStates")
    if isinstance(states, Mapping):
        document["nodeStates"] = {
            node_id: _node_state(f"nodeStates.{node_id[:MAX_ID]}", state, problems)
            for node_id, state in states.items()
        }
    return document


def _node_state(where: str, state: Any, problems: list[tuple[str, str]]) -> dict[str, Any]:
    if not isinstance(state, Mapping):
        problems.append((where, "has to be an object"))
        return {}
    merged: dict[str, Any] = {}
    for spelled in _by_spelling(state, _NODE_SPELLINGS):
        given = {key: value for key, value in spelled.items() if value is not None}
        fits = (
            isinstance(given.get("injected", False), bool)
            and _is_count(given.get("executionOrder", 0))
            and isinstance(given.get("jobId", ""), str)
            and given.keys() <= _KNOWN_OF_NODE
        )
        if fits and "executionOrder" in given:
            given["executionOrder"] = int(given["executionOrder"])
        if not fits:
            problems.append((where, "has a value that no state of a node has"))
        merged |= given
    if merged.get("status") not in NODE_STATUSES:
        problems.append((where, f"needs a status out of {', '.join(NODE_STATUSES)}"))
    return merged


def _by_spelling(given: Mapping[str, Any], spellings: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Return what is given in snake_case, respelled, and then the rest, which counts more."""
    old = {spellings[key]: value for key, value in given.items() if key in spellings}
    return old, {key: value for key, value in given.items() if key not in spellings}


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_ID and "/" not in value


def _is_count(value: Any) -> bool:
    # As JSON Schema counts it, 3.0 is a whole number.
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 0 <= value < 2**53
