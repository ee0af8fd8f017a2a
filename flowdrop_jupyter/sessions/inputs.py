"""Launch inputs: which named values a turn may bring, and which ports they go to (API-2, MAN)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InvalidInput
from ..store.records import WorkflowRecord


def launch_values(workflow: WorkflowRecord, inputs: Any) -> dict[str, dict[str, Any]]:
    """Return the values for the run by node id and port (MAN-11).

    :param inputs: the caller's object of declared input names, or None for none.
    :raises InvalidInput: ``INPUTS_INVALID`` when it is no object, ``INPUT_UNDECLARED`` for a name the
        workflow does not declare, ``INPUT_MISSING`` for a required one that is absent. The message
        ends with the names that are accepted (MAN-15).
    """
    given = {} if inputs is None else inputs
    if not isinstance(given, Mapping):
        raise InvalidInput("The inputs have to be an object.", code="INPUTS_INVALID")
    declared = dict(_declared(workflow))
    accepted = ", ".join(declared) if declared else "no inputs"
    for name in given:
        if name not in declared:
            raise _refusal(
                f"{name!r} is not an input of {workflow.name!r}. It accepts: {accepted}.",
                "INPUT_UNDECLARED",
                name,
            )
    values: dict[str, dict[str, Any]] = {}
    for name, entry in declared.items():
        if name in given:
            binding = entry["bindings"][0]
            values.setdefault(binding["nodeId"], {})[binding["portId"]] = given[name]
        elif entry.get("required") is True:
            raise _refusal(f"{name!r} is required. The workflow accepts: {accepted}.", "INPUT_MISSING", name)
    return values


def _declared(workflow: WorkflowRecord) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = (workflow.interface or {}).get("inputs")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
            continue
        bindings = entry.get("bindings")
        if isinstance(bindings, list) and len(bindings) == 1 and isinstance(bindings[0], Mapping):
            binding = bindings[0]
            if isinstance(binding.get("nodeId"), str) and isinstance(binding.get("portId"), str):
                yield entry["id"], entry


def _refusal(message: str, code: str, name: str) -> InvalidInput:
    detail = {"code": code, "message": message, "locator": f"inputs.{name}"}
    return InvalidInput(message, code=code, details=[detail])
