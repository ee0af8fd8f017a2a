"""FlowDrop for Jupyter: interactive workflow sessions in notebooks."""

from __future__ import annotations

from typing import Any

from .version import __version__

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server import FlowDropApp

    return [{"module": "flowdrop_jupyter", "app": FlowDropApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "flowdrop-jupyter"}]
