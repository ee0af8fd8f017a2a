"""Nodes that check values against JSON Schemas, within bounds of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, Final, Literal

import msgspec
from jsonschema import (  # type: ignore[import-untyped, unused-ignore]
    Draft202012Validator,
    exceptions,
    validators,
)
from referencing import Registry
from referencing.exceptions import Unresolvable

from ...errors import NodeError
from ...expressions import pattern_found, quoted, shortened
from ..api import node
from ..signature import Config, Wire
from .formats import read_text, unfenced, written
from .lists import identity
from .refusals import refused

MAX_SECONDS: Final = 5.0
"""Seconds that checking one value may take."""

MAX_ERRORS: Final = 100
"""Errors that are told."""

_ANYTHING: Final[dict[str, Any]] = {}
_deadline: ContextVar[float] = ContextVar("flowdrop_schema_deadline")


class Validated(msgspec.Struct):
    """Whether a value is what a schema describes; an error has ``path``, ``message`` and ``keyword``."""

    valid: bool
    data: Any
    errors: list[dict[str, str]]
    schema: Any


class Structured(msgspec.Struct):
    """A value as a text of a format, and whether it is what a schema describes."""

    output: str
    data: Any
    format: str
    validation_errors: list[dict[str, str]]
    is_valid: bool


@node(
    name="JSON validator",
    category="processing",
    icon="mdi:check-decagram",
    color="#10b981",
    tags=("json", "quality", "schema"),
)
def json_validator(
    data: Annotated[Any, Wire()] = None,
    jsonSchema: Annotated[Any, Config(format="json")] = _ANYTHING,
    strictMode: Annotated[bool, Config()] = False,
) -> Validated:
    """Checks a value against a JSON Schema and passes it on.

    :param data: the value.
    :param jsonSchema: the schema, of the draft that its ``$schema`` names, otherwise 2020-12; it
        cannot refer to others.
    :param strictMode: a value that does not fit is an error of the node and not an outcome.
    """
    schema = _schema(jsonSchema, "jsonSchema")
    errors = schema_errors(data, schema, "jsonSchema")
    if errors and strictMode:
        details = [{"code": "DATA_INVALID", "message": e["message"], "locator": e["path"]} for e in errors]
        message = f"The data does not fit its schema: {errors[0]['path']}: {errors[0]['message']}"
        raise NodeError(message, code="DATA_INVALID", details=details)
    return Validated(valid=not errors, data=data, errors=errors, schema=schema)


@node(
    category="prompts",
    icon="mdi:table-cog",
    color="#6366f1",
    tags=("csv", "json", "schema", "xml", "yaml"),
)
def structured_output(
    data: Annotated[Any, Wire()] = None,
    format: Annotated[Literal["json", "xml", "yaml", "csv"], Config()] = "json",  # noqa: A002 - documented key
    schema: Annotated[Any, Config(format="json")] = _ANYTHING,
    validate: Annotated[bool, Config()] = True,
) -> Structured:
    """Writes a value as JSON, XML, YAML or CSV and checks it against a schema.

    :param data: the value; a text that is JSON, as a model answers it, counts as what it says.
    :param format: how to write it.
    :param schema: a JSON Schema; an empty one allows everything.
    :param validate: whether to check it.
    """
    value = _said(data)
    errors = schema_errors(value, _schema(schema, "schema"), "schema") if validate else []
    return Structured(
        output=written(value, format),
        data=value,
        format=format,
        validation_errors=errors,
        is_valid=not errors,
    )


def schema_errors(value: Any, schema: Any, locator: str) -> list[dict[str, str]]:
    """Return the first :data:`MAX_ERRORS` ways in which *value* does not fit *schema*.

    ``format`` is only a remark, as drafts from 2019-09 on have it.

    :param locator: the parameter that the schema is from, for errors.
    :raises NodeError: ``SCHEMA_INVALID`` for a schema that is none or refers to others,
        ``SCHEMA_TOO_SLOW`` beyond :data:`MAX_SECONDS`, and as :func:`pattern_found`.
    """
    kind = _bounded(validators.validator_for(schema, default=Draft202012Validator))
    token = _deadline.set(time.monotonic() + MAX_SECONDS)
    try:
        kind.check_schema(schema)
        found = kind(schema, registry=Registry()).iter_errors(value)
        return [_told(error) for error in islice(found, MAX_ERRORS)]
    except exceptions.SchemaError as error:
        message = f"The schema cannot be used: {_path(error)}: {shortened(error.message)}"
        raise refused(message, "SCHEMA_INVALID", locator) from error
    except Unresolvable as error:
        raise refused(
            f"The schema refers to {quoted(error.ref)}, which it does not hold.", "SCHEMA_INVALID", locator
        ) from error
    except (RecursionError, TypeError, ValueError, AttributeError) as error:
        raise refused(f"The schema cannot be used: {shortened(error)}", "SCHEMA_INVALID", locator) from error
    finally:
        _deadline.reset(token)


@lru_cache(maxsize=16)
def _bounded(kind: Any) -> Any:
    """Return the validator *kind* with every keyword under the deadline and its patterns bounded."""
    keywords = dict(kind.VALIDATORS)
    if "patternProperties" in keywords:
        keywords.update(
            pattern=_pattern,
            patternProperties=_pattern_properties,
            additionalProperties=_additional_properties,
            uniqueItems=_unique_items,
        )
    return validators.extend(kind, {name: _timed(check) for name, check in keywords.items()})


def _timed(check: Callable[..., Any]) -> Callable[..., Any]:
    def checked(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if time.monotonic() > _deadline.get():
            message = f"Checking the value against the schema takes longer than {MAX_SECONDS:g} s."
            raise NodeError(message, code="SCHEMA_TOO_SLOW")
        yield from check(validator, wanted, instance, schema) or ()

    return checked


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not pattern_found(pattern, instance):
        yield exceptions.ValidationError(f"{quoted(instance)} does not match {quoted(pattern)}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _: Any) -> Iterator[Any]:
    if not isinstance(instance, Mapping):
        return
    for pattern, schema in patterns.items():
        for name, item in instance.items():
            if pattern_found(pattern, name):
                yield from validator.descend(item, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, Mapping):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [
        name
        for name in instance
        if name not in known and not any(pattern_found(pattern, name) for pattern in patterns)
    ]
    if wanted is False and extra:
        named = ", ".join(quoted(name) for name in extra[:5])
        yield exceptions.ValidationError(f"properties that are not allowed: {named}")
    elif isinstance(wanted, Mapping):
        for name in extra:
            yield from validator.descend(instance[name], wanted, path=name)


def _unique_items(_: Any, wanted: Any, instance: Any, __: Any) -> Iterator[Any]:
    if wanted is not True or not isinstance(instance, list):
        return
    if len({identity(item) for item in instance}) < len(instance):
        yield exceptions.ValidationError("it has the same item twice")


def _told(error: Any) -> dict[str, str]:
    return {"path": _path(error), "message": shortened(error.message), "keyword": str(error.validator)}


def _path(error: Any) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return shortened("$" + "".join(steps))


def _schema(given: Any, locator: str) -> Any:
    schema = read_text(given, "json", locator) if isinstance(given, str) and given.strip() else given
    if schema in (None, "", []):
        return {}
    if not isinstance(schema, (Mapping, bool)):
        raise refused("A schema is an object.", "SCHEMA_INVALID", locator)
    if _holds(schema, "patternProperties") and _holds(schema, "unevaluatedProperties"):
        message = "A schema cannot have both patternProperties and unevaluatedProperties here."
        raise refused(message, "SCHEMA_INVALID", locator)
    return schema


def _holds(schema: Any, keyword: str) -> bool:
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            if keyword in part:
                return True
            pending.extend(part.values())
        elif isinstance(part, (list, tuple)):
            pending.extend(part)
    return False


def _said(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    try:
        return read_text(unfenced(data), "json", "data")
    except NodeError:
        return data


NODES = (json_validator, structured_output)
