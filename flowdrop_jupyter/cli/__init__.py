"""The command ``flowdrop``: look after a data directory, and carry what is in it elsewhere."""

from .command import main

__all__ = ["main"]
