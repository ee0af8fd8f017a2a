"""Executing one node: parameters in, a finished or interrupted job out.

A node-level failure becomes an error on the job and is thrown no further (ERR-1); an interrupt is
no failure and never takes an error edge (ERR-4).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec

from ..errors import FlowDropError, InterruptRequired, NodeError
from ..nodes import Branched, FunctionNode, NodeContext, resolve_parameters, typed_arguments
from ..workflow import is_exposed
from .plan import PlannedNode
from .threads import ThreadFailure, run_in_thread

logger = logging.getLogger(__name__)

MAX_OUTPUT_BYTES: Final = 16 * 1024 * 1024
"""The largest output of one node, encoded as JSON."""


@dataclass(frozen=True, slots=True)
class Produced:
    """What a node gave back: its exposed outputs and, for a gateway, the branches it takes."""

    output: dict[str, Any]
    active_branches: list[str] | None


async def execute_node(
    node: PlannedNode,
    delivered: Mapping[str, Any],
    context: NodeContext,
    limiter: anyio.CapacityLimiter,
) -> Produced:
    """Run *node* once and return what it produced.

    Synchronous functions run in threads of their own under *limiter*; a cancelled one is abandoned
    and its result dropped, so its effects may still happen after a stop.

    :raises NodeError: when it failed; unexpected exceptions are logged and become ``NODE_FAILED``.
    :raises InterruptRequired: when it asked something that nobody has answered yet.
    """
    made = node.executor
    try:
        resolved = resolve_parameters(made.node_type, node.config, delivered)
        arguments = typed_arguments(made, resolved)
        if made.signature.context:
            arguments[made.signature.context] = context
        if made.is_async:
            returned = await made.function(**arguments)
            produced = await anyio.to_thread.run_sync(_collect, node, returned)
        else:
            produced = await run_in_thread(lambda: _collect(node, made.function(**arguments)), limiter)
    except InterruptRequired:
        raise
    except NodeError:
        raise
    except FlowDropError as error:
        raise NodeError(error.message, code=error.code, details=error.details) from error
    except anyio.get_cancelled_exc_class() as error:
        # Passed on when the run is being cancelled. Otherwise the node awaited something that was
        # cancelled alone, and the run would wait for its result for ever.
        await anyio.lowlevel.checkpoint_if_cancelled()
        raise NodeError(f"{node.label} awaited something that was cancelled.") from error
    except GeneratorExit:
        raise
    except BaseException as error:  # sys.exit() or a panic in a node must not end the server
        if context.open_prompt is not None:
            # A task group of the function's own wrapped the exception that was to pause it.
            raise context.open_prompt from error
        logger.exception("The node %s (%s) failed unexpectedly.", node.id, made.node_type.id)
        kind = str(error) if isinstance(error, ThreadFailure) else type(error).__name__
        message = f"{node.label} failed unexpectedly ({kind}). The server's log has the details."
        raise NodeError(message) from error
    if context.open_prompt is not None:
        # The function caught the exception that was to pause it.
        raise context.open_prompt
    return produced


def _collect(node: PlannedNode, returned: Any) -> Produced:
    """Return the outputs in their JSON form: hidden ones stripped, then checked (decision 17).

    What comes back is a copy, equal to what a later process would read from storage.
    """
    made = node.executor
    branches: list[str] | None = None
    if isinstance(returned, Branched):
        taken = returned.branches
        named = [taken] if isinstance(taken, str) else taken
        branches = [name for name in named if isinstance(name, str)]  # BR-3
        returned = returned.outputs
    exposed = {
        name: value
        for name, value in _by_port(returned, made).items()
        if name not in made.node_type.outputs or is_exposed(made.node_type, node.config, "output", name)
    }
    try:
        encoded = msgspec.json.encode(exposed)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"{node.label} produced a value that has no JSON form: {error}"
        raise NodeError(message, code="OUTPUT_NOT_SERIALIZABLE") from error
    if len(encoded) > MAX_OUTPUT_BYTES:
        message = f"{node.label} produced {len(encoded):,} bytes; at most {MAX_OUTPUT_BYTES:,} are kept."
        raise NodeError(message, code="OUTPUT_TOO_LARGE")
    return Produced(output=msgspec.json.decode(encoded), active_branches=branches)


def _by_port(returned: Any, made: FunctionNode) -> dict[str, Any]:
    if not made.node_type.outputs:
        return {}
    if not made.signature.unpacks:
        return {next(iter(made.node_type.outputs)): returned}
    if isinstance(returned, Mapping):
        return dict(returned)
    return {name: getattr(returned, name, None) for name in made.node_type.outputs}
