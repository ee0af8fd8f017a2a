"""A site's overlay on the port configuration: its reading and what makes it malformed (SCH-45)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..errors import InvalidInput
from .frozen import frozen

_TEXTS: Final = ("id", "name", "color")
_OPTIONAL: Final[Mapping[str, type]] = {
    "description": str,
    "category": str,
    "enabled": bool,
    "aliases": list,
    "schema": dict,
}


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a site lays over the composed lanes: its own lanes and rules come first (SCH-10.a)."""

    lanes: tuple[Mapping[str, Any], ...]
    rules: tuple[Mapping[str, Any], ...]
    scalars: Mapping[str, Any]

    def check_rules(self, known: Collection[str]) -> None:
        """Check that every rule joins lanes that are served.

        :raises InvalidInput: ``PORT_CONFIG_INVALID`` naming the rule.
        """
        for index, rule in enumerate(self.rules):
            for end in ("from", "to"):
                if rule[end] not in known:
                    where = f"compatibilityRules.{index}.{end}"
                    raise _invalid(where, f"there is no lane {rule[end]!r}")


def read_overlay(raw: Mapping[str, Any]) -> Overlay:
    """Return the overlay that a site's configuration spells.

    :param raw: ``{dataTypes?, compatibilityRules?}`` and scalars, as the port configuration is served.
    :raises InvalidInput: ``PORT_CONFIG_INVALID`` with a locator when it is malformed.
    """
    lanes: list[Mapping[str, Any]] = []
    for index, entry in enumerate(_objects(raw, "dataTypes")):
        where = f"dataTypes.{index}"
        for key in _TEXTS:
            if not isinstance(entry.get(key), str) or not entry[key].strip():
                raise _invalid(f"{where}.{key}", "a text that is not empty is needed")
        for key, kind in _OPTIONAL.items():
            if key in entry and not isinstance(entry[key], kind):
                raise _invalid(f"{where}.{key}", f"it has to be a {kind.__name__}")
        if any(not isinstance(alias, str) for alias in entry.get("aliases", ())):
            raise _invalid(f"{where}.aliases", "each has to be a text")
        if any(entry["id"] == other["id"] for other in lanes):
            raise _invalid(f"{where}.id", f"the lane {entry['id']!r} is there twice")
        lanes.append(_frozen(entry, where))
    rules: list[Mapping[str, Any]] = []
    for index, rule in enumerate(_objects(raw, "compatibilityRules")):
        where = f"compatibilityRules.{index}"
        for key in ("from", "to", *(("description",) if "description" in rule else ())):
            if not isinstance(rule.get(key), str):
                raise _invalid(f"{where}.{key}", "a text is needed")
        rules.append(_frozen(rule, where))
    scalars = {key: value for key, value in raw.items() if key not in ("dataTypes", "compatibilityRules")}
    for name, value in scalars.items():
        if not isinstance(value, str | int | float | bool):
            raise _invalid(str(name), "only the lists of lanes and rules may be there beside scalars")
    if scalars.get("defaultDataType", "mixed") != "mixed":
        # The derivation gives `mixed` for an undeclared type; a served default that differs would lie.
        raise _invalid("defaultDataType", "it has to be 'mixed'")
    return Overlay(lanes=tuple(lanes), rules=tuple(rules), scalars=scalars)


def _objects(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = raw.get(key, [])
    if not isinstance(listed, list | tuple):
        raise _invalid(key, "it has to be a list")
    for index, entry in enumerate(listed):
        if not isinstance(entry, Mapping):
            raise _invalid(f"{key}.{index}", "it has to be an object")
    return list(listed)


def _frozen(entry: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    try:
        kept: Mapping[str, Any] = frozen(entry, where)
    except TypeError as error:
        raise _invalid(where, str(error)) from error
    return kept


def _invalid(locator: str, reason: str) -> InvalidInput:
    detail = {"code": "PORT_CONFIG_INVALID", "message": reason, "locator": locator}
    message = f"The port configuration is malformed at {locator}: {reason}."
    return InvalidInput(message, code="PORT_CONFIG_INVALID", details=[detail])
