"""The API's ``interface`` object and the manifests that are stored for it (MAN-20, MAN-21).

An interface entry names itself by ``id``, is shown under ``name`` and says in ``bindings`` which port
it stands for. Storage keeps the manifest form: ``name``, ``node_id``, ``port`` and an author's words.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from ..errors import InvalidInput
from ..store.records import WorkflowRecord
from .lanes import DEFAULT_LANE, lane_of

Entry: TypeAlias = dict[str, Any]
Side: TypeAlias = Literal["inputs", "outputs"]

PIN: Final = "x-data-type"
"""The key of a stored contract fragment that holds the lane, as it was when the contract was built."""

OWN_KEYS: Final = frozenset({"inputs", "outputs", "contract_version", "parameter_schema", "output_schema"})
"""Top-level keys under which storage keeps manifests and contract; nothing else can be kept under them."""

_ENTRY_KEYS: Final = ("name", "node_id", "port")
_WORDS: Final[Mapping[str, type]] = {"description": str, "examples": list, "required": bool}
_TITLES: Final = ("name", "label", "title")
"""What clients call the display name; the first that is there counts, and ``name`` is what is served."""
_STATED_BY_THE_ENTRY: Final = (PIN, "title", "description", "examples")


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a workflow declares at its boundary, as it is stored."""

    inputs: list[Entry] = field(default_factory=list)
    outputs: list[Entry] = field(default_factory=list)


def read_interface(interface: Any) -> Manifests:
    """Return the manifests that an ``interface`` object stands for (MAN-20).

    An entry without a binding is a draft of the client and left out. Data type, schema, default value
    and free-form metadata are not taken over: they follow from the bound port, or have no meaning here.

    :param interface: ``{inputs?, outputs?}``, None or an empty list for no ports at all.
    :raises InvalidInput: ``INTERFACE_INVALID`` when the object or an entry has the wrong form,
        ``INTERFACE_BINDINGS`` when an entry has more than one binding.
    """
    if interface is None or interface == []:
        return Manifests()
    if not isinstance(interface, Mapping):
        raise _wrong("The interface has to be an object.", "interface")
    return Manifests(
        inputs=list(_read_side(interface.get("inputs"), "inputs")),
        outputs=list(_read_side(interface.get("outputs"), "outputs")),
    )


def read_manifests(document: Mapping[str, Any]) -> Manifests:
    """Return the manifests that a document spells, as a file or a bundle does, or else its ``interface``.

    The entries stay as they are; that one is unusable is for the validation to say (STORE-9).

    :raises InvalidInput: as :func:`read_interface`, and when a side is no list.
    """
    sides = {side: document[side] for side in ("inputs", "outputs") if document.get(side) not in (None, [])}
    if not sides:
        return read_interface(document.get("interface"))
    wrong = [side for side, entries in sides.items() if not isinstance(entries, list)]
    if wrong:
        message = f"The {wrong[0]} have to be a list."
        details = [
            {"code": "INTERFACE_INVALID", "message": "It has to be a list.", "locator": side}
            for side in wrong
        ]
        raise InvalidInput(message, code="INTERFACE_INVALID", details=details)
    return Manifests(**sides)


def serve_interface(workflow: WorkflowRecord) -> dict[str, Any] | None:
    """Return the ``interface`` of a published workflow, or None when it declares no port (STORE-14).

    Lane and schema come from the stored contract; what has no fragment there is of the sink lane and
    has an empty schema.
    """
    inputs = _served_side(workflow.inputs, workflow.parameter_schema, "inputs")
    outputs = _served_side(workflow.outputs, workflow.output_schema, "outputs")
    return {"inputs": inputs, "outputs": outputs} if inputs or outputs else None


def bound_entries(entries: list[Entry]) -> Iterator[tuple[str, str, str, Entry]]:
    """Give name, node id, port and the whole entry of each one that has all three (MAN-8, MAN-14).

    They are in the form in which they were judged, so that what a save accepts can be launched (STORE-9).
    """
    for entry, judged in zip(entries, normalised_entries(entries), strict=True):
        name, node_id, port = (judged.get(key, "") for key in _ENTRY_KEYS)
        if name and node_id and port:
            yield name, node_id, port, entry


def normalised_entries(entries: Iterable[Any]) -> list[dict[str, Any]]:
    """Return exposure entries in the form in which they are judged, at the same indexes (STORE-9).

    Only ``name``, ``node_id`` and ``port`` stay, each only if it is a scalar, as text; an entry of
    which nothing can be used is empty. What is stored is the entry as it was submitted.
    """
    return [
        {key: _as_text(entry[key]) for key in _ENTRY_KEYS if isinstance(entry.get(key), str | int | float)}
        if isinstance(entry, Mapping)
        else {}
        for entry in entries
    ]


def _as_text(value: str | int | float) -> str:
    # A truth value is a number to Python; its text is JSON's.
    return str(value).lower() if isinstance(value, bool) else str(value)


def fragment_of(schema: Mapping[str, Any] | None, name: str) -> Mapping[str, Any] | None:
    """Return the fragment that a stored contract schema holds for a declared name, or None."""
    properties = (schema or {}).get("properties")
    found = properties.get(name) if isinstance(properties, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _read_side(entries: Any, side: Side) -> Iterator[Entry]:
    if entries is None:
        return
    if not isinstance(entries, list):
        raise _wrong(f"The {side} of the interface have to be a list.", f"interface.{side}")
    for index, entry in enumerate(entries):
        locator = f"interface.{side}.{index}"
        if not isinstance(entry, Mapping):
            raise _wrong("Each entry of the interface has to be an object.", locator)
        bindings = entry.get("bindings")
        if bindings is None or bindings == []:
            continue
        if not isinstance(bindings, list) or not isinstance(bindings[0], Mapping):
            raise _wrong("The bindings of an entry have to be a list of objects.", f"{locator}.bindings")
        if len(bindings) > 1:
            raise InvalidInput(
                f"An entry of the interface stands for one port, this one for {len(bindings)}.",
                code="INTERFACE_BINDINGS",
                details=[
                    {
                        "code": "INTERFACE_BINDINGS",
                        "message": "Exactly one binding is possible.",
                        "locator": f"{locator}.bindings",
                    }
                ],
            )
        kept: Entry = {
            "name": _text(entry, "id", locator),
            "node_id": _text(bindings[0], "nodeId", f"{locator}.bindings.0"),
            "port": _text(bindings[0], "portId", f"{locator}.bindings.0"),
        }
        if side == "inputs":
            kept |= _words(entry, locator)
        yield kept


def _words(entry: Mapping[str, Any], locator: str) -> Entry:
    words: Entry = {}
    title = next((entry[key] for key in _TITLES if entry.get(key) is not None), None)
    if title is not None and not isinstance(title, str):
        raise _wrong("The display name of an entry has to be a text.", f"{locator}.name")
    if title:
        words["title"] = title
    for key, kind in _WORDS.items():
        value = entry.get(key)
        if value is None:
            continue
        if not isinstance(value, kind):
            raise _wrong(f"The {key} of an entry has the wrong form.", f"{locator}.{key}")
        words[key] = copy.deepcopy(value)
    return words


def _text(holder: Mapping[str, Any], key: str, locator: str) -> str:
    """Return a name as it was sent; that it is empty or unknown is for the validation to say."""
    value = holder.get(key, "")
    if not isinstance(value, str):
        raise _wrong(f"The {key} of an entry has to be a text.", f"{locator}.{key}")
    return value


def _served_side(entries: list[Entry], schema: Mapping[str, Any] | None, side: Side) -> list[dict[str, Any]]:
    return [
        _served(name, node_id, port, entry, fragment_of(schema, name), side)
        for name, node_id, port, entry in bound_entries(entries)
    ]


def _served(
    name: str, node_id: str, port: str, entry: Entry, fragment: Mapping[str, Any] | None, side: Side
) -> dict[str, Any]:
    served: dict[str, Any] = {"id": name}
    if side == "inputs":
        if "title" in entry:
            served["name"] = entry["title"]
        served |= {key: copy.deepcopy(entry[key]) for key in _WORDS if key in entry}
    served["dataType"] = lane_of_fragment(fragment)
    served["schema"] = _schema(fragment)
    served["bindings"] = [{"nodeId": node_id, "portId": port}]
    return served


def lane_of_fragment(fragment: Mapping[str, Any] | None) -> str:
    """Return the pinned lane, or for a contract older than the pin the one its type implies (MAN-21)."""
    if fragment is None:
        return DEFAULT_LANE
    pinned = fragment.get(PIN)
    return pinned if isinstance(pinned, str) and pinned else lane_of(fragment)


def _schema(fragment: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = {
        key: copy.deepcopy(value)
        for key, value in (fragment or {}).items()
        if key not in _STATED_BY_THE_ENTRY
    }
    if isinstance(kept.get("required"), bool):
        del kept["required"]
    return kept


def _wrong(message: str, locator: str) -> InvalidInput:
    detail = {"code": "INTERFACE_INVALID", "message": message, "locator": locator}
    return InvalidInput(message, code="INTERFACE_INVALID", details=[detail])
