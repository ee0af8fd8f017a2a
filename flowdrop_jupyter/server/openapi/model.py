"""What is said of one operation of the API, and short ways to say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
Method: TypeAlias = Literal["get", "post", "put", "patch", "delete"]

JSON: Final = "application/json"
Query: TypeAlias = Mapping[str, "str | Schema"]

ANYTHING: Final[Schema] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries.

    :param required: whether it may be left out altogether.
    """

    schema: Schema
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a successful reply carries; ``schema`` None means that it has no body.

    :param also: other media types that the same may be asked for in.
    """

    description: str
    schema: Schema | None
    also: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route.

    :param path: below the base of the API, with ``{name}`` for each parameter.
    :param answers: by status; the ones that are no refusal.
    :param query: the parameters behind the path by name, each with a sentence or a schema.
    :param refusals: the statuses of refusals beside those that every operation may give.
    :param refusal: the schema of the refusals, where a door has its own.
    :param public: whether it answers without credentials (decision 6).
    """

    method: Method
    path: str
    id: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    refusals: Sequence[int] = ()
    refusal: Schema = field(default_factory=lambda: ref("Refusal"))
    public: bool = False


def ref(name: str) -> Schema:
    """Return a reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def obj(
    properties: Mapping[str, Schema],
    *,
    required: Sequence[str] | None = None,
    closed: bool = False,
) -> dict[str, Any]:
    """Return the schema of an object.

    :param required: the keys that are always there; all by default.
    :param closed: whether there are no other keys.
    """
    schema: dict[str, Any] = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties) if required is None else list(required),
    }
    if closed:
        schema["additionalProperties"] = False
    return schema


def array(items: Schema) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def one_of(*values: str) -> dict[str, Any]:
    """Return the schema of a text out of a few."""
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> dict[str, Any]:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def text(description: str = "", **more: Any) -> dict[str, Any]:
    """Return the schema of a text."""
    return {"type": "string", **({"description": description} if description else {}), **more}


def success(data: Schema, **beside: Schema) -> dict[str, Any]:
    """Return the schema of ``{success: true, data}`` with what goes beside it (API-5)."""
    return obj({"success": {"const": True}, "data": data, **beside})


def ok(data: Schema, description: str = "Done.", **beside: Schema) -> Answer:
    """Return a JSON reply in the envelope of success."""
    return Answer(description=description, schema=success(data, **beside))


def page_of(items: Schema, description: str = "One page.") -> Answer:
    """Return a JSON reply that is one page of a list (API-5)."""
    return ok(array(items), description, pagination=ref("Pagination"))


def acknowledged(description: str = "Done.") -> Answer:
    """Return a JSON reply that has nothing to show but a sentence."""
    return Answer(description=description, schema=obj({"success": {"const": True}, "message": text()}))


OBJECT: Final[Schema] = {"type": "object"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "number"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
UUID: Final[Schema] = text(format="uuid")
TIME: Final[Schema] = text("UTC, six decimals, `Z`.", format="date-time")
