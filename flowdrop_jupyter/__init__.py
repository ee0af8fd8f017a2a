"""FlowDrop for Jupyter: interactive workflow sessions in notebooks.

The names below are loaded when they are first used, so that a server does not import widgets and a
kernel does not import the server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .client import AsyncFlowDropClient, FlowDropClient
    from .nodes import Branched, Config, Lane, NodeContext, Wire, node
    from .notebook import ChatWidget, chat

__all__ = [
    "AsyncFlowDropClient",
    "Branched",
    "ChatWidget",
    "Config",
    "FlowDropClient",
    "Lane",
    "NodeContext",
    "Wire",
    "__version__",
    "chat",
    "node",
]

_HOMES = {
    "AsyncFlowDropClient": "client",
    "FlowDropClient": "client",
    "Branched": "nodes",
    "Config": "nodes",
    "Lane": "nodes",
    "NodeContext": "nodes",
    "Wire": "nodes",
    "node": "nodes",
    "ChatWidget": "notebook",
    "chat": "notebook",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Make ``%flowdrop`` known to *shell*; called by ``%load_ext flowdrop_jupyter``."""
    from .notebook import load_ipython_extension as load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take ``%flowdrop`` away from *shell* again."""
    from .notebook import unload_ipython_extension as unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server import FlowDropApp

    return [{"module": "flowdrop_jupyter", "app": FlowDropApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "flowdrop-jupyter"}]
