"""Whether the server answers: what is shown, when to try again, and when waiting has no more sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import FlowDropError, Forbidden, NotAuthenticated, NotFound, TransportError

State = Literal["online", "connecting", "offline"]

FIRST_RETRY = 0.5
LAST_RETRY = 10.0
PATIENCE = 60.0
"""Seconds a waiting cell puts up with a server that cannot be reached."""


@dataclass(slots=True)
class Link:
    """The connection to the server as the last request saw it. Not safe for threads by itself."""

    state: State = "connecting"
    detail: str = ""
    failures: int = 0
    _since: float = 0.0
    _fatal: FlowDropError | None = None

    def connecting(self) -> None:
        """Somebody asked to try again."""
        self.state, self.detail, self._fatal = "connecting", "", None

    def up(self) -> None:
        """A request was answered."""
        self.state, self.detail, self.failures, self._fatal = "online", "", 0, None

    def down(self, error: Exception, now: float) -> None:
        """A request failed.

        :param now: monotonic seconds.
        """
        if not self.failures:
            self._since = now
        self.failures += 1
        self.state, self.detail = "offline", str(error) or type(error).__name__
        lost = isinstance(error, NotFound | Forbidden | NotAuthenticated)
        self._fatal = error if lost and isinstance(error, FlowDropError) else None

    def retry_delay(self) -> float | None:
        """Seconds until the next try after a failure; None when the session is gone and nothing helps."""
        if isinstance(self._fatal, NotFound):
            return None
        return min(FIRST_RETRY * 2.0 ** min(self.failures - 1, 10), LAST_RETRY)

    def check_patience(self, now: float) -> None:
        """Raise when it makes no sense to wait for the server any longer.

        :param now: monotonic seconds.
        :raises FlowDropError: the session is gone or closed to the caller.
        :raises TransportError: nothing has been heard for a minute.
        """
        if self._fatal is not None:
            raise self._fatal
        if self.failures and now - self._since >= PATIENCE:
            raise TransportError(f"The server has been out of reach for a minute: {self.detail}")
