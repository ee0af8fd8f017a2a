"""Retention as configuration of the Jupyter server: ``c.FlowDropRetention.max_age_days = 90``."""

from __future__ import annotations

from traitlets import Float, Int
from traitlets.config import Configurable

from ..store import RetentionPolicy


class FlowDropRetention(Configurable):
    """What the server keeps; a trait that is None sets no limit. It is applied at the start and hourly.

    Sessions that run or wait for an answer are never touched.
    """

    max_age_days = Float(
        None, allow_none=True, min=0.0, help="Remove sessions that were quiet for longer, in days."
    ).tag(config=True)
    max_sessions = Int(
        None, allow_none=True, min=0, help="How many sessions to keep; the most recently active stay."
    ).tag(config=True)
    max_messages_per_session = Int(
        None,
        allow_none=True,
        min=1,
        help="How many messages of a session keep their content. Older ones stay as empty messages.",
    ).tag(config=True)
    max_bytes = Int(
        None,
        allow_none=True,
        min=0,
        help="What sessions with their large values may take on disk, in bytes; the oldest are removed.",
    ).tag(config=True)

    def policy(self) -> RetentionPolicy:
        """Return the limits as the store takes them."""
        return RetentionPolicy(
            max_age_days=self.max_age_days,
            max_sessions=self.max_sessions,
            max_messages_per_session=self.max_messages_per_session,
            max_bytes=self.max_bytes,
        )
