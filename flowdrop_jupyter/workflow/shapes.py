"""Port shapes: named JSON Schemas whose ids are lanes (SCH-42).

A shape tells an editor what travels on a lane. It is never used to refuse a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ..errors import InvalidInput
from .frozen import frozen

RESERVED: Final = frozenset({"trigger", "tool", "mixed", "any"})
"""Lane ids that no shape can take; one that names them is ignored (SCH-44)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortShape:
    """One lane that carries a value of a known form.

    :param id: the lane's id; ``base:derivative`` for a member of a family.
    :param schema: its JSON Schema, or a function that computes it.
    """

    id: str
    name: str
    schema: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    color: str = "var(--color-ref-slate-500)"
    description: str = ""
    category: str = "complex"
    aliases: tuple[str, ...] = ()

    def entry(self) -> dict[str, Any]:
        """Return the lane entry that is served, the schema in it (SCH-46).

        :raises TypeError: when the schema is no JSON object.
        """
        schema = self.schema() if callable(self.schema) else self.schema
        if not isinstance(schema, Mapping):
            raise TypeError(f"The schema of the port shape {self.id!r} is no object.")
        entry: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "color": self.color,
            "category": self.category,
            "enabled": True,
        }
        if self.description:
            entry["description"] = self.description
        if self.aliases:
            entry["aliases"] = list(self.aliases)
        return {**entry, "schema": frozen(schema, f"port shape {self.id!r}")}


def shape_family(
    base: str, derivatives: Mapping[str, Mapping[str, Any] | Callable[[], Mapping[str, Any]]], **shared: Any
) -> tuple[PortShape, ...]:
    """Return one shape per derivative, with the ids ``base:derivative`` (SCH-42).

    :param derivatives: the schema of each member, or a function that computes it.
    :param shared: ``name``, ``color``, ``description`` and ``category`` of all of them.
    """
    name = shared.pop("name", base.capitalize())
    return tuple(
        PortShape(id=f"{base}:{part}", name=f"{name}: {part}", schema=schema, **shared)
        for part, schema in derivatives.items()
    )


class _SiteShape(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    schema: dict[str, Any]
    name: str = ""
    color: str = "var(--color-ref-slate-500)"
    description: str = ""
    category: str = "complex"
    aliases: tuple[str, ...] = ()


def site_shapes(declared: Mapping[str, Any]) -> tuple[PortShape, ...]:
    """Return the shapes that a site's configuration declares: ``{id: {schema, name, color, …}}``.

    Unknown JSON Schema keywords inside a schema are fine (SCH-45).

    :raises InvalidInput: ``PORT_SHAPE_INVALID`` naming the entry that is malformed.
    """
    shapes = []
    for shape_id, raw in declared.items():
        try:
            read = msgspec.convert(raw, _SiteShape)
            frozen(read.schema, "schema")
        except (msgspec.ValidationError, TypeError) as error:
            raise _invalid(str(shape_id), str(error)) from error
        if not isinstance(shape_id, str) or not shape_id.strip():
            raise _invalid(str(shape_id), "its id has to be a text that is not empty")
        shapes.append(
            PortShape(
                id=shape_id,
                name=read.name or shape_id,
                schema=read.schema,
                color=read.color,
                description=read.description,
                category=read.category,
                aliases=read.aliases,
            )
        )
    return tuple(shapes)


def _invalid(shape_id: str, reason: str) -> InvalidInput:
    message = f"The port shape {shape_id!r} is malformed: {reason}."
    detail = {"code": "PORT_SHAPE_INVALID", "message": reason, "locator": f"shapes.{shape_id}"}
    return InvalidInput(message, code="PORT_SHAPE_INVALID", details=[detail])
