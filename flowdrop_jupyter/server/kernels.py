"""What nodes are told of the server's kernels; asked of the server's own managers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from anyio import to_thread
from jupyter_server.serverapp import ServerApp


class ServerKernels:
    """A :class:`~flowdrop_jupyter.nodes.Kernels` over the managers of a Jupyter server.

    The managers are looked up at each question: when extensions are loaded, there may be none yet.
    """

    def __init__(self, serverapp: ServerApp) -> None:
        self._serverapp = serverapp

    async def specs(self) -> Sequence[Mapping[str, Any]]:
        """Return the installed kernelspecs by name; no command line and no environment is told."""
        # It reads folders and files. Managers that ask another server give an awaitable.
        manager: Any = self._serverapp.kernel_spec_manager
        found = await to_thread.run_sync(manager.get_all_specs)
        if inspect.isawaitable(found):
            found = await found
        default = self._serverapp.kernel_manager.default_kernel_name
        return [
            {
                "name": name,
                "display_name": str(entry["spec"].get("display_name", name)),
                "language": str(entry["spec"].get("language", "")),
                "default": name == default,
            }
            for name, entry in sorted(found.items())
        ]

    async def running(self) -> Sequence[Mapping[str, Any]]:
        """Return the running kernels, the one active last first."""
        manager: Any = self._serverapp.kernel_manager
        found = manager.list_kernels()
        if inspect.isawaitable(found):
            found = await found
        kernels = [
            {
                "id": str(model["id"]),
                "name": str(model["name"]),
                "state": str(model.get("execution_state", "unknown")),
                "last_activity": str(model.get("last_activity", "")),
                "connections": int(model.get("connections", 0)),
            }
            for model in found
        ]
        return sorted(kernels, key=lambda kernel: str(kernel["last_activity"]), reverse=True)
