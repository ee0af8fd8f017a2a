"""The ``@node`` decorator: a typed function is a node type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from ..workflow.node_types import NodeType, Parameter
from .signature import Signature, read_signature

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class FunctionNode:
    """A node type together with the Python function that executes it."""

    node_type: NodeType
    function: Callable[..., Any]
    signature: Signature

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function; others run in a worker thread."""
        return inspect.iscoroutinefunction(self.function)


@overload
def node(function: Function, /) -> Function: ...
@overload
def node(
    *,
    id: str | None = ...,
    name: str | None = ...,
    category: str = ...,
    icon: str = ...,
    color: str = ...,
    version: str = ...,
    shape: str = ...,
    shapes: tuple[str, ...] = ...,
    tags: tuple[str, ...] = ...,
    branches: list[dict[str, Any]] | None = ...,
    start: bool = ...,
    terminal: bool = ...,
    executable: bool = ...,
    side_effects: bool = ...,
    message_output: str | None = ...,
    parameters: Mapping[str, Parameter] | None = ...,
) -> Callable[[Function], Function]: ...


def node(
    function: Any = None,
    /,
    *,
    id: str | None = None,  # noqa: A002 - the field's own word, keyword only
    name: str | None = None,
    category: str = "processing",
    icon: str = "mdi:cube-outline",
    color: str = "#5b7083",
    version: str = "1.0.0",
    shape: str = "default",
    shapes: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    branches: list[dict[str, Any]] | None = None,
    start: bool = False,
    terminal: bool = False,
    executable: bool = True,
    side_effects: bool = False,
    message_output: str | None = None,
    parameters: Mapping[str, Parameter] | None = None,
) -> Any:
    """Turn a typed function into a node type; the function itself stays callable.

    The name is the function's in words, the description its docstring's first sentence, ports and
    config form come from the signature (:mod:`flowdrop_jupyter.nodes.signature`). A coroutine
    function runs on the event loop, any other in a worker thread.

    :param id: the node type id; the function's name by default.
    :param shape: the visual type; *shapes* lists the others an author may choose.
    :param branches: for a gateway, the default of its ``branches`` configuration.
    :param side_effects: declare it when running the node twice would matter.
    :param message_output: the output that becomes an assistant message.
    :param parameters: parameters to add to those of the signature, or to put in their place.
    :raises TypeError: when the signature cannot be read as ports.
    """

    def decorate(target: Callable[..., Any]) -> Callable[..., Any]:
        signature = read_signature(target)
        declared = {**signature.parameters, **(parameters or {})}
        if branches is not None:
            schema = {
                "type": "array",
                "title": "Branches",
                "format": "hidden" if shape != "gateway" else "json",
                "default": branches,
            }
            declared["branches"] = Parameter(schema=schema, configurable=True)
        type_id = id or target.__name__
        node_type = NodeType(
            id=type_id,
            name=name or type_id.replace("_", " ").capitalize(),
            description=_first_sentence(target),
            category=category,
            icon=icon,
            color=color,
            version=version,
            visual_type=shape,
            supported_types=tuple(dict.fromkeys((shape, *shapes))),
            tags=tags,
            parameters=declared,
            outputs=signature.outputs,
            executable=executable,
            start=start,
            terminal=terminal,
            side_effects=side_effects,
            message_output=message_output,
        )
        target.__flowdrop_node__ = FunctionNode(  # type: ignore[attr-defined]
            node_type=node_type, function=target, signature=signature
        )
        return target

    return decorate(function) if function is not None else decorate


def function_node(target: Callable[..., Any]) -> FunctionNode:
    """Return the node that :func:`node` made of *target*.

    :raises TypeError: when *target* was not decorated.
    """
    made = getattr(target, "__flowdrop_node__", None)
    if not isinstance(made, FunctionNode):
        raise TypeError(f"{target!r} is not a node; decorate it with @node")
    return made


def _first_sentence(target: Callable[..., Any]) -> str:
    paragraph = (inspect.getdoc(target) or "").split("\n\n", 1)[0].split(":param", 1)[0]
    return " ".join(paragraph.split())
