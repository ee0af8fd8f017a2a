"""One daemon thread that looks again and again, as often as it is told and at once when it is woken."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Follower:
    """Calls ``look`` and then rests for ``delay()`` seconds, until it is closed.

    :param look: one look; must not raise.
    :param delay: seconds until the next look, asked after each; ``None`` rests until :meth:`wake`.
    """

    def __init__(self, look: Callable[[], None], delay: Callable[[], float | None]) -> None:
        self._look = look
        self._delay = delay
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def wake(self) -> None:
        """Look now; starts the thread at the first call. Does nothing once closed."""
        with self._lock:
            if self._closed:
                return
            self._woken.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flowdrop-follower", daemon=True)
                self._thread.start()

    def close(self, timeout: float | None = None) -> bool:
        """End the thread; a look under way is the last one.

        :param timeout: seconds to wait for the thread's end; ``None`` does not wait.
        :returns: whether the thread is known to have ended.
        """
        with self._lock:
            self._closed = True
            self._woken.set()
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return thread is None
        if timeout is not None:
            thread.join(timeout)
        return not thread.is_alive()

    def _run(self) -> None:
        while True:
            self._woken.clear()
            # Looked at after the clearing, so that a close in between is not slept over.
            if self._closed:
                return
            self._look()
            self._woken.wait(self._delay())
