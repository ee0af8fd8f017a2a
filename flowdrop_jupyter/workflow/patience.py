"""How long the expressions of one document may keep a worker thread: a time of work, not of the clock.

A document is judged the same on a machine that is busy with others, so only the time in which its own
thread was at work counts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final


class Patience:
    """Lasts until this thread has worked for so long; it has to be asked, by the thread that made it.

    :param seconds: how long.
    :param clock: tells the seconds for which this thread has worked.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.thread_time) -> None:
        self.over = False
        self._seconds = seconds
        self._clock = clock
        self._began = clock()

    def lasts(self) -> bool:
        """Tell whether there is time left; once it is over it stays over."""
        self.over = self.over or self._clock() - self._began >= self._seconds
        return not self.over

    @property
    def reason(self) -> str:
        """Why something was left undone."""
        return (
            f"It was not read, nor any after it: all expressions of one workflow together may take "
            f"{self._seconds:g} seconds to read."
        )


ENDLESS: Final = Patience(math.inf)
"""Patience for what is small."""
