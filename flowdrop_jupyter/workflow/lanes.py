"""Lanes: the data types of ports, which lane a JSON Schema means, and which lanes fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

DEFAULT_LANE: Final = "mixed"

_LANES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("trigger", "Trigger", "var(--color-ref-purple-500)", "basic"),
    ("string", "String", "var(--color-ref-emerald-500)", "basic"),
    ("number", "Number", "var(--color-ref-blue-600)", "numeric"),
    ("boolean", "Boolean", "var(--color-ref-purple-600)", "logical"),
    ("array", "Array", "var(--color-ref-amber-500)", "collection"),
    ("json", "JSON", "var(--color-ref-orange-500)", "complex"),
    ("dataframe", "Data frame", "var(--color-ref-teal-500)", "complex"),
    ("image", "Image", "var(--color-ref-indigo-500)", "media"),
    ("file", "File", "var(--color-ref-red-600)", "file"),
    ("tool", "Tool", "var(--color-ref-amber-600)", "special"),
    ("mixed", "Mixed", "var(--color-ref-slate-500)", "special"),
)

LANES: Final = frozenset(lane for lane, *_ in _LANES)
"""The ids of the shipped lanes (SCH-36)."""

CONTROL_LANES: Final = frozenset({"trigger", "tool"})
"""Lanes that carry no value (SCH-37)."""

_BY_TYPE: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "json",
}


def lane_of(schema: Mapping[str, Any]) -> str:
    """Return the lane a JSON Schema fragment derives (SCH-9, SCH-10).

    ``x-data-type`` wins when it names a shipped lane; of a list of types the first that is not
    ``null`` decides; everything else is the sink ``mixed``.
    """
    override = schema.get("x-data-type")
    if isinstance(override, str) and override in LANES:
        return override
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), None)
    return _BY_TYPE.get(kind, DEFAULT_LANE) if isinstance(kind, str) else DEFAULT_LANE


def port_configuration() -> dict[str, Any]:
    """Return the served port configuration: lanes and the rules between them (SCH-39).

    Every lane fits itself; every lane that carries a value fits ``mixed`` and back, and may end on
    a trigger; shapes widen into ``json``.
    """
    values = [lane for lane, *_ in _LANES if lane not in CONTROL_LANES and lane != DEFAULT_LANE]
    rules = [{"from": lane, "to": lane} for lane, *_ in _LANES]
    rules += [{"from": lane, "to": DEFAULT_LANE} for lane in values]
    rules += [{"from": DEFAULT_LANE, "to": lane} for lane in values]
    rules += [{"from": lane, "to": "trigger"} for lane in [*values, DEFAULT_LANE]]
    rules += [{"from": shape, "to": "json"} for shape in ("array", "dataframe")]
    rules += [{"from": shape, "to": "string"} for shape in ("number", "boolean", "image", "file")]
    return {
        "version": "1.0.0",
        "defaultDataType": DEFAULT_LANE,
        "dataTypes": [
            {"id": lane, "name": name, "color": color, "category": category, "enabled": True}
            for lane, name, color, category in _LANES
        ],
        "compatibilityRules": rules,
    }
