"""Lanes: the data types of ports, which lane a JSON Schema means, and which lanes fit together.

Everything that speaks of lanes reads one :class:`PortConfiguration`: the shipped vocabulary, then
the shapes that code declares, then those of the site, then the site's overlay (SCH-41, SCH-44).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .frozen import frozen
from .overlay import Overlay, read_overlay
from .shapes import RESERVED, PortShape

DEFAULT_LANE: Final = "mixed"
"""The sink: what an undeclared type means; it takes any JSON value (SCH-35)."""

CONTROL_LANES: Final = frozenset({"trigger", "tool"})
"""Lanes that carry no value; ``loop_back`` ports wear the first (SCH-37)."""

RETIRED: Final = ("any",)
"""Lanes that nothing ships any more, served disabled until the next major version (SCH-38.a)."""

JSON_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
"""The type words of JSON Schema, the only ones a schema may use (SCH-34)."""

_BY_TYPE: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "json",
}

_PRIMITIVES: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("trigger", "Trigger", "var(--color-ref-purple-500)", "basic", "Control: when a node runs; no value."),
    ("string", "String", "var(--color-ref-emerald-500)", "basic", "Text."),
    ("number", "Number", "var(--color-ref-blue-600)", "numeric", "A whole or decimal number."),
    ("boolean", "Boolean", "var(--color-ref-purple-600)", "logical", "True or false."),
    ("array", "Array", "var(--color-ref-amber-500)", "collection", "A list of any values."),
    ("json", "JSON", "var(--color-ref-orange-500)", "complex", "An object with any keys."),
)
_SPECIAL: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("tool", "Tool", "var(--color-ref-amber-600)", "special", "Control: offers a node to a model; no value."),
    ("mixed", "Mixed", "var(--color-ref-slate-500)", "special", "Any JSON value."),
)
_MESSAGE: Final = {
    "type": "object",
    "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
    "required": ["role", "content"],
}
_SHAPES: Final = (
    PortShape(
        id="dataframe",
        name="Data frame",
        color="var(--color-ref-teal-500)",
        description="A table: its columns and its rows.",
        schema={
            "type": "object",
            "properties": {
                "columns": {"type": "array", "items": {"type": "string"}},
                "rows": {"type": "array"},
            },
        },
    ),
    PortShape(
        id="messages",
        name="Messages",
        color="var(--color-ref-pink-500)",
        description="A conversation: who said what, in order.",
        category="collection",
        schema={"type": "array", "items": _MESSAGE},
    ),
    PortShape(
        id="image",
        name="Image",
        color="var(--color-ref-indigo-500)",
        description="A picture as base64 text or as an address.",
        category="media",
        schema={"type": "string", "contentMediaType": "image/*"},
    ),
    PortShape(
        id="file",
        name="File",
        color="var(--color-ref-red-600)",
        description="The path of a file below the server's root.",
        category="file",
        schema={"type": "string"},
    ),
    PortShape(
        id="file[]",
        name="Files",
        color="var(--color-ref-red-500)",
        description="The paths of several files.",
        category="collection",
        schema={"type": "array", "items": {"type": "string"}},
    ),
    PortShape(
        id="mimebundle",
        name="Mime bundle",
        color="var(--color-ref-cyan-500)",
        description="What a kernel displays: one representation per media type.",
        category="media",
        schema={"type": "object", "additionalProperties": True},
    ),
    PortShape(
        id="datetime",
        name="Date and time",
        color="var(--color-ref-lime-600)",
        description="A moment in ISO 8601.",
        category="temporal",
        schema={"type": "string", "format": "date-time"},
    ),
    PortShape(
        id="url",
        name="URL",
        color="var(--color-ref-sky-500)",
        description="An absolute web address.",
        category="basic",
        schema={"type": "string", "format": "uri"},
    ),
)
_WIDENING: Final[tuple[tuple[str, str, str], ...]] = (
    ("messages", "array", "A conversation is a list of messages."),
    ("image", "string", "A picture travels as text: base64 or an address."),
    ("file", "string", "A file travels as its path."),
    ("file[]", "array", "Several files are a list of paths."),
    ("datetime", "string", "A moment travels as ISO 8601 text."),
    ("url", "string", "An address is text."),
)
"""Hand-written rules beyond the generated ones, each with its reason (SCH-39, SCH-43).

A number does not widen into text: resolution matches types exactly (CFG-11) and would refuse it.
"""

logger = logging.getLogger(__name__)


class PortConfiguration:
    """The lanes there are, their shapes, and the rules between them, composed in one place.

    :param shapes: the shapes that code declares; :param site: those of the site's configuration.
    :param overlay: the site's overlay, ``{dataTypes, compatibilityRules, …}`` as served.
    :raises InvalidInput: ``PORT_CONFIG_INVALID`` when the overlay is malformed (SCH-45).
    """

    def __init__(
        self,
        shapes: Iterable[PortShape] = (),
        site: Iterable[PortShape] = (),
        overlay: Mapping[str, Any] | None = None,
    ) -> None:
        laid: Overlay = read_overlay(overlay or {})
        entries = _composed(shapes, site)
        overlaid = {entry["id"]: entry for entry in laid.lanes}
        united = {**overlaid, **{lane: entry for lane, entry in entries.items() if lane not in overlaid}}
        laid.check_rules(united)
        rules = {(rule["from"], rule["to"]): rule for rule in laid.rules}
        for rule in _rules(united):
            rules.setdefault((rule["from"], rule["to"]), rule)
        self.ids: frozenset[str] = frozenset(united)
        """Every lane that is served, retired ones too."""
        self.offered: tuple[str, ...] = tuple(
            lane
            for lane, entry in united.items()
            if lane not in CONTROL_LANES and lane not in RETIRED and entry.get("enabled", True)
        )
        """The lanes an author may give a dynamic port: those that carry a value (SCH-37, DYN-2)."""
        self._pairs = frozenset(rules)
        self._served: dict[str, Any] = frozen(
            {
                "version": "1.0.0",
                "defaultDataType": DEFAULT_LANE,
                **laid.scalars,
                "dataTypes": list(united.values()),
                "compatibilityRules": list(rules.values()),
            }
        )

    def lane_of(self, schema: Mapping[str, Any]) -> str:
        """Return the lane a JSON Schema fragment derives (SCH-9, SCH-10).

        ``x-data-type`` wins when it names a lane that is served; of a list of types the first that
        is not ``null`` decides; everything else is the sink ``mixed``.
        """
        override = schema.get("x-data-type")
        if isinstance(override, str) and override in self.ids:
            return override
        kind = schema.get("type")
        if isinstance(kind, list | tuple):
            kind = next((word for word in kind if word != "null"), None)
        return _BY_TYPE.get(kind, DEFAULT_LANE) if isinstance(kind, str) else DEFAULT_LANE

    def declarable(self, lane: str) -> bool:
        """Tell whether a port may declare *lane*: it is served and not retired (SCH-41, SCH-38)."""
        return lane in self.ids and lane not in RETIRED

    def fits(self, source: str, target: str) -> bool:
        """Tell whether an output of lane *source* may be drawn into an input of lane *target*."""
        return (source, target) in self._pairs

    def served(self) -> dict[str, Any]:
        """Return the port configuration as it is served; it cannot be changed (SCH-36)."""
        return self._served


def type_word_problem(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the ``type`` words of a schema and its parts, or None (SCH-34)."""
    kind = schema.get("type")
    words = kind if isinstance(kind, list | tuple) else () if "type" not in schema else (kind,)
    for word in words:
        if not isinstance(word, str) or word not in JSON_TYPES:
            hint = "; a lane is written as x-data-type" if isinstance(word, str) else ""
            return f"{word!r} is no type of JSON Schema{hint}"
    nested = [schema.get("items"), schema.get("additionalProperties"), *_members(schema)]
    for part in nested:
        if isinstance(part, Mapping) and (problem := type_word_problem(part)) is not None:
            return problem
    return None


def _members(schema: Mapping[str, Any]) -> list[Any]:
    properties = schema.get("properties")
    members = list(properties.values()) if isinstance(properties, Mapping) else []
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        choices = schema.get(key)
        members += choices if isinstance(choices, list | tuple) else []
    return members


def _composed(shapes: Iterable[PortShape], site: Iterable[PortShape]) -> dict[str, dict[str, Any]]:
    """Return lane entries by id: shipped, then code shapes, then site shapes, the later one whole.

    Which of two shapes of one layer wins depends on nothing but their form, never on load order
    (SCH-44).
    """
    entries = {row[0]: _plain(*row) for row in _PRIMITIVES}
    entries |= {shape.id: shape.entry() for shape in _SHAPES}
    for layer in (shapes, site):
        found: dict[str, dict[str, Any]] = {}
        for shape in layer:
            if shape.id in RESERVED:
                logger.warning("The port shape %r takes a reserved lane id and is ignored.", shape.id)
                continue
            try:
                entry = shape.entry()
            except Exception:
                logger.exception("The port shape %r cannot be built and is left out.", shape.id)
                continue
            if shape.id in found and repr(found[shape.id]) != repr(entry):
                logger.warning("The port shape %r is declared twice.", shape.id)
                entry = min(entry, found[shape.id], key=repr)
            found[shape.id] = entry
        entries |= dict(sorted(found.items()))
    entries |= {row[0]: _plain(*row) for row in _SPECIAL}
    for lane in RETIRED:
        text = "Deprecated: nothing declares it any more. A control input takes every lane through `trigger`."
        entries[lane] = {
            **_plain(lane, lane.capitalize(), "var(--color-ref-slate-400)", "special", text),
            "enabled": False,
        }
    return entries


def _plain(lane: str, name: str, color: str, category: str, description: str) -> dict[str, Any]:
    return {
        "id": lane,
        "name": name,
        "color": color,
        "category": category,
        "enabled": True,
        "description": description,
    }


def _rules(entries: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the generated rules and the hand-written ones (SCH-38, SCH-39, SCH-43)."""
    live = [lane for lane in entries if lane not in RETIRED]
    values = [lane for lane in live if lane not in CONTROL_LANES and lane != DEFAULT_LANE]
    shapes = [lane for lane in values if "schema" in entries[lane]]
    rules = [_rule(lane, lane, "") for lane in entries]
    rules += [_rule(lane, DEFAULT_LANE, "The sink takes any value.") for lane in values]
    rules += [_rule(DEFAULT_LANE, lane, "What it carries is known only when it runs.") for lane in values]
    rules += [
        _rule(lane, "trigger", "Its arrival starts the node; the value is thrown away.")
        for lane in live
        if lane != "trigger"
    ]
    rules += [_rule(lane, "json", "A shape is a narrower JSON value.") for lane in shapes if lane != "json"]
    rules += [_rule(*widening) for widening in _WIDENING if widening[0] in entries and widening[1] in entries]
    for old in RETIRED:
        kept = [lane for lane in live if lane != "tool"]
        rules += [_rule(lane, old, "Kept for old workflows.") for lane in kept]
        rules += [_rule(old, lane, "Kept for old workflows.") for lane in kept]
    return rules


def _rule(source: str, target: str, reason: str) -> dict[str, str]:
    rule = {"from": source, "to": target}
    return {**rule, "description": reason} if reason else rule


SHIPPED: Final = PortConfiguration()
"""The vocabulary as shipped, without any site's shapes or overlay (SCH-36)."""

LANES: Final = SHIPPED.ids
"""The ids of the shipped lanes."""


def lane_of(schema: Mapping[str, Any]) -> str:
    """Return the lane a JSON Schema fragment derives by the shipped vocabulary (SCH-10)."""
    return SHIPPED.lane_of(schema)
