"""Branches: which ones an author configured on a gateway, and which one an outcome takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import NodeError
from ..expressions import identical, quoted, shortened


def normalized(name: str) -> str:
    """Return a branch name in the form in which two are compared: trimmed, lower case (BR-3)."""
    return name.strip().lower()


def configured_branches(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the usable entries of ``config.branches`` in order (BR-4).

    An entry is usable when it is an object with a non-empty string ``name``; without a ``value``
    the name is the value.
    """
    entries = config.get("branches")
    if not isinstance(entries, list):
        return []
    return [
        {**entry, "value": entry.get("value", entry["name"])}
        for entry in entries
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and entry["name"].strip()
    ]


def branch_names(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the normalized names of the configured branches (BR-2)."""
    return frozenset(normalized(entry["name"]) for entry in configured_branches(config))


def boolean_branch(config: Mapping[str, Any], outcome: bool) -> str:
    """Return the branch configured for a boolean outcome (BR-4).

    :raises NodeError: ``BRANCH_NOT_CONFIGURED`` when none denotes *outcome* and there is no default.
    """
    return gateway_branch(config, outcome)


def gateway_branch(config: Mapping[str, Any], outcome: Any) -> str:
    """Return the branch configured for *outcome*, whose type counts (BR-4).

    A boolean matches only what denotes a boolean; a text matches a text in any case; everything else
    needs the same type and value.

    :raises NodeError: ``BRANCH_NOT_CONFIGURED`` when none matches and there is no default,
        ``BRANCH_NOT_COMPARABLE`` for values nested too deeply.
    """
    if isinstance(outcome, bool):
        for entry in configured_branches(config):
            if _denotes(entry["value"]) is outcome:
                return str(entry["name"])
        return default_branch(config, f"the outcome {str(outcome).lower()}")
    return matching_branch(config, outcome, case_sensitive=False)


def matching_branch(config: Mapping[str, Any], value: Any, *, case_sensitive: bool = True) -> str:
    """Return the first branch whose ``value`` has the same type as *value* and equals it (LANG-27).

    :param case_sensitive: whether texts compare with their case.
    :raises NodeError: ``BRANCH_NOT_CONFIGURED`` when none matches and there is no default,
        ``BRANCH_NOT_COMPARABLE`` for values nested too deeply.
    """
    for entry in configured_branches(config):
        try:
            taken = _same(entry["value"], value, case_sensitive)
        except Exception as error:  # a comparison may end in any exception, above all RecursionError
            raise NodeError(
                f"The value of the branch {quoted(entry['name'])} cannot be compared with {quoted(value)}:"
                f" {shortened(error)}",
                code="BRANCH_NOT_COMPARABLE",
            ) from error
        if taken:
            return str(entry["name"])
    return default_branch(config, f"the value {quoted(value)}")


def default_branch(config: Mapping[str, Any], reason: str) -> str:
    """Return the configured default branch, by ``default_branch``, its older name, or ``isDefault``.

    :raises NodeError: ``BRANCH_NOT_CONFIGURED`` when there is none.
    """
    entries = configured_branches(config)
    for key in ("default_branch", "defaultBranch"):
        wanted = config.get(key)
        for entry in entries:
            if isinstance(wanted, str) and normalized(entry["name"]) == normalized(wanted):
                return str(entry["name"])
    for entry in entries:
        if entry.get("isDefault") is True:
            return str(entry["name"])
    raise NodeError(f"No branch is configured for {reason}.", code="BRANCH_NOT_CONFIGURED")


def _denotes(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(normalized(value))
    return None


def _same(configured: Any, value: Any, case_sensitive: bool) -> bool:
    if isinstance(configured, str) and isinstance(value, str):
        return configured == value if case_sensitive else configured.casefold() == value.casefold()
    return identical(configured, value)
