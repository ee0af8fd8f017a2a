"""What was made of texts, remembered for the next time, within a bound of memory.

What is made of an expression takes hundreds of times the memory of its text. So a text is not one
entry among so many: it weighs its characters.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

CHARACTERS: Final = 128 * 1024
"""How much text one engine remembers: what is made of it takes up to 300 bytes for a character."""

_ENTRY: Final = 32
"""Characters that an entry weighs beside its text."""


class Remembered(Generic[P, R]):
    """A function of texts whose results are kept, the most recently wanted ones up to a weight.

    What it raises is not kept. Any thread may call it.

    :param characters: the most that the texts of all entries may weigh together.
    """

    def __init__(self, function: Callable[P, R], characters: int) -> None:
        functools.update_wrapper(self, function)
        self.plain = function
        """The function itself, for whoever should leave no trace."""
        self._limit = characters
        self._entries: OrderedDict[Hashable, tuple[R, int]] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    @property
    def weight(self) -> int:
        """What the entries weigh together, in characters."""
        return self._weight

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (args, tuple(kwargs.items()))
        with self._lock:
            known = self._entries.get(key)
            if known is not None:
                self._entries.move_to_end(key)
                return known[0]
        made = self.plain(*args, **kwargs)
        weight = _ENTRY + sum(len(each) for each in args if isinstance(each, str))
        if weight > self._limit:
            return made
        with self._lock:
            # Another thread may have been quicker; all of them get the same then.
            if key in self._entries:
                return self._entries[key][0]
            self._entries[key] = made, weight
            self._weight += weight
            while self._weight > self._limit:
                self._weight -= self._entries.popitem(last=False)[1][1]
        return made


def remembered(characters: int = CHARACTERS) -> Callable[[Callable[P, R]], Remembered[P, R]]:
    """Return a decorator that makes a function a :class:`Remembered` one."""
    return lambda function: Remembered(function, characters)
