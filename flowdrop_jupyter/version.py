"""The version of the installed package; ``labextension/package.json`` is where it is written."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("flowdrop-jupyter")
except PackageNotFoundError:  # a source tree on the path, not installed
    __version__ = "0+unknown"
