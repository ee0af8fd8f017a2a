"""Which strategy a run takes: the first usable one that was named, then the default (ORC-2 to ORC-4)."""

from __future__ import annotations

import logging
from typing import Any

from ...errors import InvalidInput
from ...expressions import quoted
from .definitions import ASYNCHRONOUS, STATEGRAPH, STRATEGIES, SYNCHRONOUS, Strategy

logger = logging.getLogger(__name__)


def strategy_or_default(named: Any, fallback: Strategy | None = ASYNCHRONOUS) -> Strategy:
    """Return the strategy with this id, or else *fallback* with a warning (ORC-3).

    :raises InvalidInput: ``STRATEGY_UNKNOWN`` when there is no such strategy and no fallback.
    """
    found = _usable(named)
    if found is not None:
        return found
    if fallback is None:
        raise InvalidInput(f"There is no execution strategy {quoted(named)}.", code="STRATEGY_UNKNOWN")
    logger.warning("There is no execution strategy %s; %s is used.", quoted(named), fallback.id)
    return fallback


def background_strategy(
    *, before_save: bool = False, trigger: Any = None, configured: Any = None
) -> Strategy:
    """Return the strategy of a run that nobody converses with (ORC-2).

    A configured value counts only if it is usable; it is never the state graph by default (ORC-4).

    :param before_save: whether a trigger started it before something is saved.
    :param trigger: what the trigger, or else the workflow, names.
    :param configured: what the installation names.
    """
    if before_save:
        return SYNCHRONOUS
    return _first_usable(trigger, configured) or ASYNCHRONOUS


def interactive_strategy(*, session: Any = None, workflow: Any = None) -> Strategy:
    """Return the strategy of a session's turn: what the session names, then the workflow (ORC-4)."""
    return _first_usable(session, workflow) or STATEGRAPH


def _first_usable(*named: Any) -> Strategy | None:
    for value in named:
        if value is None or value in ("", "default"):
            continue
        found = _usable(value)
        if found is not None:
            return found
        logger.warning("There is no execution strategy %s; it is passed over.", quoted(value))
    return None


def _usable(named: Any) -> Strategy | None:
    return STRATEGIES.get(named) if isinstance(named, str) else None
