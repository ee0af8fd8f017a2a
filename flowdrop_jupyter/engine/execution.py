"""Executing one node: parameters in, a finished or interrupted job out.

A node-level failure becomes an error on the job and is thrown no further (ERR-1); an interrupt is
no failure and never takes an error edge (ERR-4).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec

from ..errors import EndRun, FlowDropError, InterruptRequired, NodeError
from ..nodes import Branched, NodeContext, resolve_parameters, typed_arguments
from ..nodes.resolution import dynamic_inputs
from ..workflow.dynamic import dynamic_ports
from ..workflow.exposure import without_hidden
from .plan import PlannedNode
from .threads import ThreadFailure, run_in_thread

logger = logging.getLogger(__name__)

PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Types whose values nobody can change, and that JSON gives back as they were."""

_NUMBERS: Final = frozenset({int, float, bool, type(None)})

SMALL_TEXT: Final = 16 * 1024
"""Characters of a text that are looked through at once."""

MAX_PATH: Final = 50
"""Levels of an output that are looked through for the part that JSON cannot carry."""

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
    context: NodeContext | None,
    limiter: anyio.CapacityLimiter,
) -> Produced:
    """Run *node* once and return what it produced.

    Synchronous functions run in threads of their own under *limiter*; a cancelled one is abandoned
    and its result dropped, so its effects may still happen after a stop.

    :raises NodeError: when it failed; unexpected exceptions are logged and become ``NODE_FAILED``.
    :param context: what its function is handed if it asks for a context.
    :raises InterruptRequired: when it asked something that nobody has answered yet.
    :raises EndRun: when it ended the run.
    """
    made = node.executor
    try:
        if made.is_async if node.is_async is None else node.is_async:
            if node.judged_quickly and _is_small(delivered):
                arguments = _arguments(node, delivered, context)
            else:
                arguments = await anyio.to_thread.run_sync(_arguments, node, delivered, context)
            returned = await made.function(**arguments)
            if _is_small(returned):
                produced = _collect(node, returned)
            else:
                produced = await anyio.to_thread.run_sync(_collect, node, returned)
        else:
            produced = await run_in_thread(
                lambda: _collect(node, made.function(**_arguments(node, delivered, context))), limiter
            )
    except EndRun as ended:
        raise EndRun(_kept(node, ended.outputs)) from ended
    except (InterruptRequired, NodeError):
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
        if context is not None and context.open_prompt is not None:
            # A task group of the function's own wrapped the exception that was to pause it.
            raise context.open_prompt from error
        logger.exception("The node %s (%s) failed unexpectedly.", node.id, made.node_type.id)
        kind = str(error) if isinstance(error, ThreadFailure) else type(error).__name__
        message = f"{node.label} failed unexpectedly ({kind}). The server's log has the details."
        raise NodeError(message) from error
    if context is not None and context.open_prompt is not None:
        # The function caught the exception that was to pause it.
        raise context.open_prompt
    return produced


def _is_small(value: Any, left: int = 64) -> bool:
    """Tell whether a value takes so little time to look through that no thread is worth it."""
    kind = type(value)
    if kind is str:
        return len(value) <= SMALL_TEXT
    if kind in _NUMBERS:
        return True
    if kind is dict:
        parts: Collection[Any] = value.values()
    elif isinstance(value, Branched):
        return _is_small(value.outputs, left)
    elif isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, msgspec.Struct):
        parts = [getattr(value, name) for name in value.__struct_fields__]
    else:
        return False
    left -= len(parts)
    return left >= 0 and all(_is_small(part, left // max(len(parts), 1)) for part in parts)


def _arguments(
    node: PlannedNode, delivered: Mapping[str, Any], context: NodeContext | None
) -> dict[str, Any]:
    """Return the arguments of the node's function, and hand its context what else was resolved."""
    made = node.executor
    if node.parameters is not None:
        resolved = node.parameters.resolved(delivered)
    else:
        resolved = resolve_parameters(made.node_type, node.config, delivered)
    arguments = typed_arguments(made, resolved)
    if made.signature.context and context is not None:
        context.dynamic_inputs = dynamic_inputs(made.node_type, resolved)
        arguments[made.signature.context] = context
    return arguments


def _collect(node: PlannedNode, returned: Any) -> Produced:
    """Return the outputs in their JSON form: hidden ones stripped first of all (EXPO-14, decision 17).

    What comes back is a copy, equal to what a later process would read from storage.
    """
    branches: list[str] | None = None
    if isinstance(returned, Branched):
        taken = returned.branches
        named = [taken] if isinstance(taken, str) else taken
        branches = [name for name in named if isinstance(name, str)]  # BR-3
        returned = returned.outputs
    return Produced(output=_kept(node, _by_port(returned, node)), active_branches=branches)


def _kept(node: PlannedNode, by_port: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs by port as they are kept: hidden ones stripped, copied, and JSON (ERR-6).

    :raises NodeError: for what has no JSON form, or is too large.
    """
    exposed = dict(by_port)
    if node.hides_outputs:
        exposed = without_hidden(node.executor.node_type, node.config, by_port)
    try:
        encoded = msgspec.json.encode(exposed)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _not_json(node, exposed, error) from error
    if len(encoded) > MAX_OUTPUT_BYTES:
        message = f"{node.label} produced {len(encoded):,} bytes; at most {MAX_OUTPUT_BYTES:,} are kept."
        raise NodeError(message, code="OUTPUT_TOO_LARGE")
    if all(type(value) in PLAIN for value in exposed.values()):
        return exposed
    kept: dict[str, Any] = msgspec.json.decode(encoded)
    return kept


def _not_json(node: PlannedNode, output: Mapping[str, Any], error: Exception) -> NodeError:
    """Return the failure of a node whose output has no JSON form, naming the leaf at fault (ERR-6)."""
    path, kind = _bad_leaf(output, "", 0)
    at = f" at {path!r} ({kind})" if path else ""
    message = f"{node.label} produced a value that has no JSON form{at}: {error}"
    detail = {
        "code": "OUTPUT_NOT_SERIALIZABLE",
        "message": str(error),
        "locator": path,
        "node_id": node.id,
        "node_type_id": node.executor.node_type.id,
        "type": kind,
    }
    return NodeError(message, code="OUTPUT_NOT_SERIALIZABLE", details=[detail])


def _bad_leaf(value: Any, path: str, depth: int) -> tuple[str, str]:
    """Return the dotted path of the first part of *value* that has no JSON form, and its type's name."""
    parts: Iterable[tuple[Any, Any]] = ()
    if depth < MAX_PATH and isinstance(value, Mapping):
        parts = value.items()
    elif depth < MAX_PATH and isinstance(value, list | tuple):
        parts = enumerate(value)
    elif depth < MAX_PATH and isinstance(value, msgspec.Struct):
        parts = ((name, getattr(value, name)) for name in value.__struct_fields__)
    for key, part in parts:
        try:
            msgspec.json.encode({key: part} if isinstance(value, Mapping) else part)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return _bad_leaf(part, f"{path}.{key}" if path else str(key), depth + 1)
    return path, type(value).__name__


def _by_port(returned: Any, node: PlannedNode) -> dict[str, Any]:
    """Return what the function gave back by output port.

    Keys that the type does not declare stay, of a function whose fields are its outputs. Any other
    that gives a mapping has the dynamic outputs of its node taken out of it.
    """
    made = node.executor
    outputs = made.node_type.outputs
    if made.signature.unpacks:
        if isinstance(returned, Mapping):
            return dict(returned)
        return {name: getattr(returned, name, None) for name in outputs}
    by_port: dict[str, Any] = {}
    if isinstance(returned, Mapping):
        for port in dynamic_ports(made.node_type, node.config, "output"):
            if port.name in returned:
                by_port[port.name] = returned[port.name]
    if outputs:
        by_port[next(iter(outputs))] = returned
    return by_port
