"""The bundle: one workflow with the node types it brings and the processors it needs, as one document.

::

    {
      "format": "flowdrop-bundle",
      "schemaVersion": "1.0",
      "publisher": "example.org",
      "capabilities": {"processors": ["text_input", …]},
      "node_types": [{"id": "greeting", "executor_plugin": "text_input", "label": "Greeting", …}, …],
      "flow": {"id", "name", "description", "nodes", "edges", "metadata", "inputs", "outputs", …}
    }

``docs/bundles.md`` explains it. Nothing here looks at an installation; see ``sessions/bundles.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import BundleInvalid
from ..store.records import WorkflowRecord
from .interface import OWN_KEYS

FORMAT: Final = "flowdrop-bundle"
SCHEMA_VERSION: Final = "1.0"
MAX_PUBLISHER: Final = 255
MAX_NODE_TYPES: Final = 500

_VERSION: Final = re.compile(r"1\.[0-9]{1,4}")
_FLOW_ID: Final = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose envelope is sound; what is in the flow was not looked at yet.

    :param processors: what the capability manifest says that the flow needs.
    :param node_types: presets as they were submitted.
    :param flow: the workflow, with its manifests under ``inputs`` and ``outputs``.
    """

    publisher: str
    processors: list[str] = field(default_factory=list)
    node_types: list[dict[str, Any]] = field(default_factory=list)
    flow: dict[str, Any] = field(default_factory=dict)


def read_bundle(document: Mapping[str, Any]) -> Bundle:
    """Return the bundle that a document holds: the first gate of an import (STORE-9).

    :raises BundleInvalid: ``BUNDLE_UNSUPPORTED`` when it is of another format or a later version,
        ``BUNDLE_MALFORMED`` when a part of the envelope has the wrong form.
    """
    if document.get("format") != FORMAT:
        raise BundleInvalid(
            "This is not a bundle that can be imported.",
            code="BUNDLE_UNSUPPORTED",
            details=[_cause("BUNDLE_UNSUPPORTED", f"The format has to be {FORMAT!r}.", "format")],
        )
    version = document.get("schemaVersion")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BundleInvalid(
            "The bundle has a version that is not known here.",
            code="BUNDLE_UNSUPPORTED",
            details=[_cause("BUNDLE_UNSUPPORTED", "The versions 1.x are known.", "schemaVersion")],
        )
    capabilities = document.get("capabilities", {})
    processors = capabilities.get("processors", []) if isinstance(capabilities, Mapping) else None
    node_types, flow = document.get("node_types", []), document.get("flow")
    publisher = document.get("publisher")
    wrong = [
        _cause("BUNDLE_MALFORMED", message, locator)
        for sound, message, locator in (
            (_is_name(publisher), "The publisher has to be named.", "publisher"),
            (
                _is_list(processors, str),
                "The processors have to be a list of ids.",
                "capabilities.processors",
            ),
            (
                _is_list(node_types, dict) and len(node_types) <= MAX_NODE_TYPES,
                f"The node types have to be a list of at most {MAX_NODE_TYPES} objects.",
                "node_types",
            ),
            (isinstance(flow, dict), "The flow has to be an object.", "flow"),
        )
        if not sound
    ]
    if wrong:
        raise BundleInvalid("The bundle is malformed.", code="BUNDLE_MALFORMED", details=wrong)
    assert isinstance(publisher, str)
    assert isinstance(flow, dict)
    return Bundle(publisher, list(processors or ()), [dict(each) for each in node_types], dict(flow))


def write_bundle(
    workflow: WorkflowRecord,
    *,
    publisher: str,
    processors: Iterable[str],
    node_types: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the bundle of a stored workflow; an id that no import would take is left empty."""
    return {
        "format": FORMAT,
        "schemaVersion": SCHEMA_VERSION,
        "publisher": publisher,
        "capabilities": {"processors": sorted(processors)},
        "node_types": [dict(each) for each in node_types],
        "flow": {
            # Rows of older versions may hold keys here that are the flow's own.
            **{key: value for key, value in workflow.extra.items() if key not in OWN_KEYS},
            "id": workflow.id if is_flow_id(workflow.id) else "",
            "name": workflow.name,
            "description": workflow.description,
            "nodes": workflow.nodes,
            "edges": workflow.edges,
            "metadata": workflow.metadata,
            "inputs": workflow.inputs,
            "outputs": workflow.outputs,
        },
    }


def is_flow_id(value: Any) -> bool:
    """Tell whether a bundle may ask for this id: the sixth gate (STORE-9)."""
    return isinstance(value, str) and _FLOW_ID.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_PUBLISHER


def _is_list(value: Any, of: type) -> bool:
    return isinstance(value, list) and all(isinstance(each, of) for each in value)


def _cause(code: str, message: str, locator: str) -> dict[str, str]:
    return {"code": code, "message": message, "locator": locator}
