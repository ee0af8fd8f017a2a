"""The launch check: what callers may bring to a run, and what they get from it (MAN-10 … MAN-19).

Every door that starts a workflow goes through here, so that equal payloads get equal verdicts (API-2).
The published contract is what counts, not the node types of the moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..errors import Conflict, InvalidInput
from ..store.records import WorkflowRecord
from .interface import bound_entries, fragment_of, lane_of_fragment
from .lanes import CONTROL_LANES, DEFAULT_LANE
from .sameness import same

EXECUTION: Final = "execution"
"""The key of a workflow's metadata that declares how it runs; ``asynchronous`` is the one that counts."""

_LISTED: Final = 20
_NAME_SHOWN: Final = 200

logger = logging.getLogger(__name__)

_TESTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list | Mapping),
    "object": lambda value: isinstance(value, list | Mapping),
}
"""What each type word demands; words that are not here, ``null`` among them, mean any value (SCH-35)."""


def launch_values(workflow: WorkflowRecord, inputs: Any) -> dict[str, dict[str, Any]]:
    """Return the initial data of a run by node id and port (MAN-11).

    Three stages, and the first that fails ends the check with one refusal: keys that are not declared,
    required inputs that are missing, values that do not fit (MAN-15). Its message ends with the inputs
    that are accepted. Node-keyed payloads are no exception: such a key is simply not declared (MAN-12).

    :param inputs: the caller's object of declared input names; None and ``{}`` are the same.
    :raises InvalidInput: ``INPUTS_INVALID`` when it is no object, ``INPUT_UNDECLARED``,
        ``INPUT_MISSING`` or ``INPUT_INVALID``, with one detail for each input at fault.
    """
    given = {} if inputs is None else inputs
    declared = _declared(workflow)
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f"The inputs have to be an object of names and values. {_accepts(declared)}",
            code="INPUTS_INVALID",
        )
    for code, problems in (
        ("INPUT_UNDECLARED", _undeclared(workflow, declared, given)),
        ("INPUT_MISSING", _missing(workflow, declared, given)),
        ("INPUT_INVALID", _invalid(workflow, declared, given)),
    ):
        if problems:
            raise _refusal(code, problems, declared)
    values: dict[str, dict[str, Any]] = {}
    for name, (node_id, port, _) in declared.items():
        if name in given:
            values.setdefault(node_id, {})[port] = given[name]
    return values


def declared_outputs(
    workflow: WorkflowRecord, produced: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return the workflow's outputs by their declared names (MAN-17).

    That a key is there decides, not its value: null was produced too. What was not produced is left
    out with a warning in the log.

    :param produced: by node id, what each node put on its ports.
    """
    outputs: dict[str, Any] = {}
    for name, node_id, port, _ in bound_entries(workflow.outputs):
        ports = produced.get(node_id)
        if ports is not None and port in ports:
            outputs[name] = ports[port]
        else:
            logger.warning(
                "The output %r of the workflow %s was not produced: nothing came from %r of the node %r.",
                name,
                workflow.id,
                port,
                node_id,
            )
    return outputs


def is_asynchronous(workflow: WorkflowRecord) -> bool:
    """Tell whether the workflow declares that nobody waits for its runs."""
    return workflow.metadata.get(EXECUTION) == "asynchronous"


def require_waitable(workflow: WorkflowRecord) -> None:
    """Check that a caller may wait for the end of a run; to be called before a run exists (MAN-19).

    :raises Conflict: ``WORKFLOW_ASYNCHRONOUS`` when the workflow declares ``execution: "asynchronous"``
        in its metadata.
    """
    if is_asynchronous(workflow):
        raise Conflict(
            f"{workflow.name!r} runs asynchronously; start it without waiting for its end.",
            code="WORKFLOW_ASYNCHRONOUS",
        )


_Declared = dict[str, tuple[str, str, bool]]


def _declared(workflow: WorkflowRecord) -> _Declared:
    """Return node id, port and whether it is required for each declared input.

    An entry that lacks one of its three names is dropped, however strict the callers' keys are judged
    (MAN-14); the manifest and the contract may each require an input (MAN-15).
    """
    listed = (workflow.parameter_schema or {}).get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    declared: _Declared = {}
    for name, node_id, port, entry in bound_entries(workflow.inputs):
        declared[name] = (node_id, port, entry.get("required") is True or name in required)
    if len(declared) < len(workflow.inputs):
        logger.warning("The workflow %s has input entries that name no port; they are dropped.", workflow.id)
    return declared


def _undeclared(
    workflow: WorkflowRecord, declared: _Declared, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    return [
        (name, f"{name[:_NAME_SHOWN]!r} is not an input of the workflow {workflow.name!r}.")
        for name in given
        if name not in declared
    ]


def _missing(
    workflow: WorkflowRecord, declared: _Declared, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    return [
        (name, f"The input {name!r} of the workflow {workflow.name!r} is required.")
        for name, (_, _, required) in declared.items()
        if required and name not in given
    ]


def _invalid(
    workflow: WorkflowRecord, declared: _Declared, given: Mapping[str, Any]
) -> list[tuple[str, str]]:
    found = []
    for name in declared:
        fragment = fragment_of(workflow.parameter_schema, name)
        if name in given and fragment is not None:
            breach = _breach(given[name], fragment)
            if breach:
                found.append((name, f"The input {name!r} {breach}."))
    return found


def _breach(value: Any, fragment: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a value; only ``type`` and ``enum`` are enforced (MAN-16).

    An input of the sink or of a control lane takes a value of any type (SCH-40).
    """
    kind = fragment.get("type")
    untyped = lane_of_fragment(fragment) in (DEFAULT_LANE, *CONTROL_LANES)
    test = _TESTS.get(kind) if isinstance(kind, str) and not untyped else None
    if test is not None and not test(value):
        return f"has to be of the type {kind}"
    enum = fragment.get("enum")
    if isinstance(enum, list) and not any(same(value, allowed) for allowed in enum):
        return "is not one of the values that are allowed"
    return None


def _accepts(declared: _Declared) -> str:
    return f"The workflow accepts: {', '.join(declared)}." if declared else "The workflow accepts no inputs."


def _refusal(code: str, problems: list[tuple[str, str]], declared: _Declared) -> InvalidInput:
    listed = problems[:_LISTED]
    more = [f"There are {len(problems) - _LISTED} more of these."] if len(problems) > _LISTED else []
    message = " ".join([*(text for _, text in listed), *more, _accepts(declared)])
    details = [
        {"code": code, "message": text, "locator": f"inputs.{name[:_NAME_SHOWN]}"} for name, text in listed
    ]
    return InvalidInput(message, code=code, details=details)
