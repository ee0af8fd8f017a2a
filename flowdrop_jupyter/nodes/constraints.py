"""Whether a value satisfies a parameter's JSON Schema (CFG-10, CFG-11, CFG-12).

Types match exactly and nothing is converted. What the schema says in a way that means nothing, such
as an unknown type word or a bound that is no number, lets every value through.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final, TypeAlias, cast

import msgspec

from ..errors import NodeError
from ..expressions import pattern_found, quoted
from ..expressions.equality import identical, is_number

MAX_DEPTH: Final = 200
"""Levels of a value, or of schemas within schemas, that are looked into."""

MAX_PATTERN_SECONDS: Final = 2.0
"""Seconds that the patterns of one schema may take on one value."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What a value breaks.

    :param constraint: the schema's keyword, such as ``minLength``.
    :param path: where in the value, as keys and indexes joined by dots; empty for the value itself.
    """

    constraint: str
    message: str
    path: str = ""


def breach_of(value: Any, schema: Any) -> Breach | None:
    """Return the first constraint of *schema* that *value* breaks, or None.

    ``type`` and ``enum`` are judged first and end the check when they fail. It blocks while patterns
    are matched: call it in a worker thread.

    :raises NodeError: as :func:`~flowdrop_jupyter.expressions.pattern_found`, for patterns.
    """
    check = _Check(schema)
    try:
        return next(check.breaches(value, schema, "", 0), None)
    except RecursionError:
        return Breach("depth", "is nested too deeply")


Rule: TypeAlias = Callable[["_Check", Any, Any, Mapping[str, Any]], "str | None"]


class _Check:
    """One check of one value against one schema."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._pattern_seconds = 0.0

    def breaches(self, value: Any, schema: Any, path: str, depth: int) -> Iterator[Breach]:
        """Yield what *value* breaks of *schema*: its type, then its enum, then the rest.

        It is lazy, and whoever asks takes the first one only: what follows a breach is never judged.
        """
        if depth > MAX_DEPTH:
            yield Breach("depth", "is nested too deeply", path)
            return
        if schema is False:
            yield Breach("false", "is not allowed", path)
        if not isinstance(schema, Mapping):
            return
        for keyword, rule in _RULES.items():
            message = rule(self, value, schema[keyword], schema) if keyword in schema else None
            if message is not None:
                yield Breach(keyword, message, path)
        yield from self._inside(value, schema, path, depth + 1)
        yield from self._combined(value, schema, path, depth + 1)

    def found(self, pattern: str, text: str) -> bool:
        """Return whether *pattern* matches in *text*; all matching together has one allowance."""
        if self._pattern_seconds > MAX_PATTERN_SECONDS:
            message = f"Matching the pattern {quoted(pattern)} takes too long on this value."
            raise NodeError(message, code="PATTERN_TIMEOUT")
        began = time.monotonic()
        try:
            return pattern_found(pattern, text)
        finally:
            self._pattern_seconds += time.monotonic() - began

    def _inside(self, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Iterator[Breach]:
        if isinstance(value, (list, tuple)):
            first = schema.get("prefixItems")
            first = first if isinstance(first, list) else []
            for index, item in enumerate(value):
                part = first[index] if index < len(first) else schema.get("items")
                yield from self.breaches(item, part, _below(path, index), depth)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                parts = self._schemas_of(key, schema)
                for keyword, part in parts:
                    for breach in self.breaches(item, part, _below(path, key), depth):
                        yield Breach(keyword, "is not a known key", path) if part is False else breach
                names = schema.get("propertyNames")
                if names is not None and next(self.breaches(key, names, path, depth), None):
                    yield Breach("propertyNames", f"may not have the key {quoted(key)}", path)

    def _schemas_of(self, key: Any, schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Return the schemas that the entry *key* of an object has to satisfy, with their keywords."""
        properties, patterns = schema.get("properties"), schema.get("patternProperties")
        found: list[tuple[str, Any]] = []
        if isinstance(properties, Mapping) and key in properties:
            found.append(("properties", properties[key]))
        if isinstance(patterns, Mapping) and isinstance(key, str):
            found += [
                ("patternProperties", part)
                for pattern, part in patterns.items()
                if isinstance(pattern, str) and self.found(pattern, key)
            ]
        if not found and "additionalProperties" in schema:
            found.append(("additionalProperties", schema["additionalProperties"]))
        return found

    def _combined(self, value: Any, schema: Mapping[str, Any], path: str, depth: int) -> Iterator[Breach]:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield from self.breaches(value, _referenced(self._root, reference), path, depth)
        for part in _listed(schema, "allOf"):
            yield from self.breaches(value, part, path, depth)
        choices = _listed(schema, "anyOf")
        if choices and not any(self._fits(value, part, depth) for part in choices):
            yield Breach("anyOf", "is none of the kinds that are accepted", path)
        choices = _listed(schema, "oneOf")
        if choices and sum(self._fits(value, part, depth) for part in choices) != 1:
            yield Breach("oneOf", "has to be exactly one of the kinds that are accepted", path)
        if isinstance(schema.get("not"), Mapping) and self._fits(value, schema["not"], depth):
            yield Breach("not", "is of a kind that is not accepted", path)

    def _fits(self, value: Any, schema: Any, depth: int) -> bool:
        return next(self.breaches(value, schema, "", depth), None) is None


def _below(path: str, key: object) -> str:
    text = key if isinstance(key, str) else str(key)
    return f"{path}.{text}" if path else text


def _listed(schema: Mapping[str, Any], keyword: str) -> list[Any]:
    parts = schema.get(keyword)
    return parts if isinstance(parts, list) else []


def _referenced(root: Any, reference: str) -> Any:
    """Return the part of the schema that ``#/…`` points to; anything else lets every value through."""
    if not reference.startswith("#"):
        return None
    place = root
    for step in reference[1:].strip("/").split("/") if reference.strip("#/") else ():
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(place, Mapping) or key not in place:
            return None
        place = place[key]
    return place


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}


def _type(_check: _Check, value: Any, wanted: Any, _schema: Mapping[str, Any]) -> str | None:
    words = wanted if isinstance(wanted, list) else [wanted]
    # One word that means nothing lets every value through, and so does a list without words.
    if not words or any(not isinstance(word, str) or word not in _IS for word in words):
        return None
    if any(_IS[word](value) for word in words):
        return None
    given = next((word for word in _NARROW_FIRST if _IS[word](value)), type(value).__name__)
    return f"has to be of type {' or '.join(words)}, not {given}"


_NARROW_FIRST: Final = ("null", "boolean", "integer", "number", "string", "array", "object")


def _enum(_check: _Check, value: Any, choices: Any, _schema: Mapping[str, Any]) -> str | None:
    if not isinstance(choices, list) or any(identical(value, choice) for choice in choices):
        return None
    return f"has to be one of {quoted(choices)}"


def _const(_check: _Check, value: Any, wanted: Any, _schema: Mapping[str, Any]) -> str | None:
    return None if identical(value, wanted) else f"has to be {quoted(wanted)}"


def _count(kind: type | tuple[type, ...], at_least: bool, unit: str) -> Rule:
    def rule(_check: _Check, value: Any, bound: Any, _schema: Mapping[str, Any]) -> str | None:
        if not isinstance(value, kind) or not is_number(bound):
            return None
        size = len(cast("Sized", value))
        if size >= bound if at_least else size <= bound:
            return None
        return f"has to have at {'least' if at_least else 'most'} {bound} {unit}"

    return rule


def _bound(accepts: Callable[[Any, Any], bool], words: str) -> Rule:
    def rule(_check: _Check, value: Any, bound: Any, _schema: Mapping[str, Any]) -> str | None:
        if not is_number(value) or not is_number(bound) or accepts(value, bound):
            return None
        return f"has to be {words} {quoted(bound)}"

    return rule


def _multiple_of(_check: _Check, value: Any, step: Any, _schema: Mapping[str, Any]) -> str | None:
    if not is_number(value) or not is_number(step):
        return None
    try:
        # As they are written: 0.3 is a multiple of 0.1.
        exact, by = (Fraction(n if isinstance(n, int) else repr(n)) for n in (value, step))
    except (ValueError, OverflowError):  # an infinity, or no number at all
        return f"has to be a multiple of {quoted(step)}" if step else None
    return None if by <= 0 or exact % by == 0 else f"has to be a multiple of {quoted(step)}"


def _pattern(check: _Check, value: Any, pattern: Any, _schema: Mapping[str, Any]) -> str | None:
    if not isinstance(value, str) or not isinstance(pattern, str) or check.found(pattern, value):
        return None
    return f"has to match the pattern {quoted(pattern)}"


def _format(_check: _Check, value: Any, name: Any, _schema: Mapping[str, Any]) -> str | None:
    known = FORMATS.get(name) if isinstance(name, str) else None
    if known is None or not isinstance(value, str) or known(value):
        return None
    return f"has to be written as {name}"


def _unique(_check: _Check, value: Any, wanted: Any, _schema: Mapping[str, Any]) -> str | None:
    if wanted is not True or not isinstance(value, (list, tuple)):
        return None
    return None if len({_identity(item) for item in value}) == len(value) else "has to have different items"


def _identity(item: Any) -> bytes | str:
    try:
        return msgspec.json.encode(item, order="deterministic")
    except (TypeError, ValueError, OverflowError):  # no JSON value, so equal to nothing but itself
        return repr(item)


def _required(_check: _Check, value: Any, names: Any, _schema: Mapping[str, Any]) -> str | None:
    if not isinstance(value, Mapping) or not isinstance(names, list):
        return None
    missing = next((name for name in names if isinstance(name, str) and name not in value), None)
    return None if missing is None else f"has to have the key {quoted(missing)}"


_RULES: Final[Mapping[str, Rule]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minLength": _count(str, True, "characters"),
    "maxLength": _count(str, False, "characters"),
    "pattern": _pattern,
    "format": _format,
    "minimum": _bound(lambda value, bound: bool(value >= bound), "at least"),
    "maximum": _bound(lambda value, bound: bool(value <= bound), "at most"),
    "exclusiveMinimum": _bound(lambda value, bound: bool(value > bound), "more than"),
    "exclusiveMaximum": _bound(lambda value, bound: bool(value < bound), "less than"),
    "multipleOf": _multiple_of,
    "minItems": _count((list, tuple), True, "items"),
    "maxItems": _count((list, tuple), False, "items"),
    "uniqueItems": _unique,
    "minProperties": _count(Mapping, True, "keys"),
    "maxProperties": _count(Mapping, False, "keys"),
    "required": _required,
}


_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_EMAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@([^\s@]{1,255})")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]+")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(?:[Zz]|[+-]([0-9]{2}:[0-9]{2}))")


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _reads(date.fromisoformat, text)


def _is_time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    return found is not None and all(
        _reads(datetime.fromisoformat, f"2000-01-01T{part}") for part in found.groups() if part
    )


def _is_date_time(text: str) -> bool:
    return len(text) > 10 and text[10] in "Tt " and _is_date(text[:10]) and _is_time(text[11:])


def _is_hostname(text: str) -> bool:
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    found = _EMAIL.fullmatch(text)
    return found is not None and _is_hostname(found[1])


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "email": _is_email,
    "hostname": _is_hostname,
    "ipv4": lambda text: _reads(ipaddress.IPv4Address, text),
    "ipv6": lambda text: "%" not in text and _reads(ipaddress.IPv6Address, text),
    "uri": lambda text: _URI.fullmatch(text) is not None,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
}
"""The formats that are enforced, by name (CFG-12); all others say how a form shows the field."""
