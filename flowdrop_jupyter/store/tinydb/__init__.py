"""The default store: TinyDB files in one directory."""

from .files import Files
from .store import TinyDBStore

__all__ = ["Files", "TinyDBStore"]
