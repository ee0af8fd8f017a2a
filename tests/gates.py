"""Node types that tests hold and let go, so that nothing has to sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import anyio

from flowdrop_jupyter.nodes import NodeContext, Wire, node

DEADLINE = 10.0


class Gate:
    """A node type that waits until the test opens it, and counts how often it was executed.

    Its output ``result`` is what arrived at ``data``.
    """

    def __init__(self, type_id: str = "gate", *, side_effects: bool = False) -> None:
        self.reached = anyio.Event()
        self.opened = anyio.Event()
        self.executions = 0
        self.cancellations = 0
        self._type_id = type_id
        self._side_effects = side_effects

    @property
    def function(self) -> Callable[..., Any]:
        """The node type, for a registry."""

        @node(id=self._type_id, side_effects=self._side_effects)
        async def gate(data: Annotated[Any, Wire()] = None) -> Any:
            """Waits."""
            self.executions += 1
            self.reached.set()
            try:
                await self.opened.wait()
            except anyio.get_cancelled_exc_class():
                self.cancellations += 1
                raise
            return data

        return gate

    async def entered(self) -> None:
        """Wait until the node is at work."""
        with anyio.fail_after(DEADLINE):
            await self.reached.wait()


@node(id="ask")
async def ask(context: NodeContext, prompt: Any = None, times: int = 1) -> Any:
    """Asks the prompt it was configured with, and gives the last answer."""
    value = None
    for _ in range(times):
        value = (await context.ask(prompt or {"type": "text", "message": "And?"})).value
    return value
