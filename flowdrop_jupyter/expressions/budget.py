"""The budget of one template: how much it may produce, and for how long it may run.

One call into Python's own C code cannot be interrupted. So whoever makes a value larger, or more of
them, charges for it *before*: no value a template builds is larger than the budget, and therefore
no single operation on one takes long. The deadline is looked at with every charge.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final

MAX_WORK: Final = 16 * 1024 * 1024
"""Characters one template may handle; another value counts as :data:`SCALAR` of them."""

SCALAR: Final = 16
"""What a number, a truth value or a place in a list counts."""

_MAX_DEPTH: Final = 200


class TooLarge(Exception):
    """Raised when a template has produced or handled more than it may."""


class TooSlow(Exception):
    """Raised when a template has run for longer than it may."""


class _Budget:
    def __init__(self, seconds: float) -> None:
        self._left = MAX_WORK
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def charge(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise TooLarge
        if time.monotonic() > self._deadline:
            raise TooSlow(f"it takes longer than {self._seconds:g} seconds")


_current: ContextVar[_Budget | None] = ContextVar("flowdrop_template_budget", default=None)


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Give what runs inside a budget of *seconds* and :data:`MAX_WORK`."""
    token = _current.set(_Budget(seconds))
    try:
        yield
    finally:
        _current.reset(token)


def charge(amount: int = 0) -> None:
    """Take *amount* from the budget; without one, only look at the deadline.

    :raises TooLarge: when nothing is left.
    :raises TooSlow: after the deadline.
    """
    current = _current.get()
    if current is not None:
        current.charge(max(amount, 0))


def weigh(value: Any) -> None:
    """Charge for all that *value* holds, once for every place in which it stands.

    :raises ValueError: when it is nested too deeply.
    """
    open_values: list[Iterator[Any]] = [iter((value,))]
    while open_values:
        if len(open_values) > _MAX_DEPTH:
            raise ValueError(f"a value is nested more than {_MAX_DEPTH} levels deep")
        for item in open_values[-1]:
            charge(SCALAR + (len(item) if isinstance(item, str) else 0))
            if isinstance(item, (list, tuple)):
                open_values.append(iter(item))
                break
            if isinstance(item, Mapping):
                open_values.append(chain(item.keys(), item.values()))
                break
        else:
            open_values.pop()


def steps(items: Any, cost: int) -> Iterator[Any]:
    """Yield *items*, of null none, charging *cost* for each."""
    for item in () if items is None else items:
        charge(cost)
        yield item


def listed(items: Any) -> list[Any]:
    """Return *items* as a list, charging for its places."""
    if isinstance(items, (list, tuple, Mapping)):
        charge(SCALAR * len(items))
        return list(items)
    return list(steps(items, SCALAR))


def weighed(items: Iterable[Any]) -> list[Any]:
    """Return *items* as a list, charging for all that each of them holds."""
    found = []
    for item in items:
        weigh(item)
        found.append(item)
    return found
