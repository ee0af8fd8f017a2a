"""Who looks on: the views of a widget, their signs of life, and which of them has the keyboard's focus.

A closed tab or a browser that went to sleep does not say good-bye, so a view that has been silent for a
while is forgotten; when it is heard of again, it counts again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

SILENT_SECONDS = 60.0
"""A view is forgotten after this time; the front end gives a sign of life every 20 seconds."""


class Views:
    """The views of one widget; safe to use from any thread.

    :param clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._heard: dict[str, float] = {}
        self._ever = False
        self._focused: str | None = None
        self._put_off = False

    def note(self, view: str, state: Any) -> None:
        """Take in a view's message.

        A new view cannot have the focus yet, and one that is gone has it no more.

        :param view: tells views apart.
        :param state: a ``ViewState``; anything else is ignored.
        """
        if state not in ("attached", "alive", "detached", "focus", "blur"):
            return
        with self._lock:
            self._ever = True
            if state == "detached":
                self._heard.pop(view, None)
            else:
                self._heard[view] = self._clock()
            if state == "focus":
                self._focused = view
            elif state != "alive" and self._focused == view:
                self._focused = None

    def anybody(self) -> bool:
        """Whether a view is there; also while none has come yet, as where no front end runs."""
        with self._lock:
            self._forget()
            return bool(self._heard) or not self._ever

    def put_off(self) -> bool:
        """Ask before a refresh: True means that it has to wait for the focus to leave and is remembered."""
        with self._lock:
            self._forget()
            self._put_off = self._focused is not None
            return self._put_off

    def due(self) -> bool:
        """Whether a refresh that was put off is to be made now; says so once."""
        with self._lock:
            self._forget()
            due = self._put_off and self._focused is None
            if due:
                self._put_off = False
            return due

    def _forget(self) -> None:
        oldest = self._clock() - SILENT_SECONDS
        self._heard = {view: heard for view, heard in self._heard.items() if heard > oldest}
        if self._focused not in self._heard:
            self._focused = None
