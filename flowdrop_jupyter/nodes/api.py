"""The ``@node`` decorator: a typed function is a node type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

from ..workflow.handles import TOOL
from ..workflow.node_types import NodeType, Output, Parameter
from .signature import Signature, check_declared, read_signature, suggests_exposure

Function = TypeVar("Function", bound=Callable[..., Any])
Declared = TypeVar("Declared", Parameter, Output)


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
    state_aware: bool = ...,
    message_output: str | None = ...,
    parameters: Mapping[str, Parameter] | None = ...,
    outputs: Mapping[str, Output] | None = ...,
    tool: bool = ...,
    reserved_exposure: Mapping[str, Mapping[str, bool]] | None = ...,
    config_edit: Mapping[str, Any] | None = ...,
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
    state_aware: bool = False,
    message_output: str | None = None,
    parameters: Mapping[str, Parameter] | None = None,
    outputs: Mapping[str, Output] | None = None,
    tool: bool = False,
    reserved_exposure: Mapping[str, Mapping[str, bool]] | None = None,
    config_edit: Mapping[str, Any] | None = None,
) -> Any:
    """Turn a typed function into a node type; the function itself stays callable.

    The name is the function's in words, the description its docstring's first sentence, ports and
    config form come from the signature (:mod:`flowdrop_jupyter.nodes.signature`). A coroutine
    function runs on the event loop, any other in a worker thread.

    :param id: the node type id; the function's name by default.
    :param shape: the visual type; *shapes* lists the others an author may choose.
    :param branches: for a gateway, the default of its ``branches`` configuration.
    :param side_effects: declare it when running the node twice would matter.
    :param state_aware: the function sees the run's live state through its context (SG-2).
    :param message_output: the output that becomes an assistant message.
    :param parameters: parameters to add to those of the signature, or to put in their place.
    :param outputs: the same for outputs; one with ``exposed=False`` never leaves the node (EXPO-13).
    :param tool: offer nodes of this type to models (SCH-13); a type drawn as a tool is one anyway.
    :param reserved_exposure: ``{"inputs": {port: bool}, "outputs": {port: bool}}`` for the reserved
        ports whose default exposure differs from the shipped one (SCH-16).
    :param config_edit: the descriptor of a dynamic form (SCH-22).
    :raises TypeError: when the signature cannot be read as ports, or a schema is malformed (SCH-34).
    """

    def decorate(target: Callable[..., Any]) -> Callable[..., Any]:
        signature = read_signature(target)
        given = {name: _derived(parameter) for name, parameter in (parameters or {}).items()}
        declared = {**signature.parameters, **given}
        produced = {**signature.outputs, **{name: _derived(out) for name, out in (outputs or {}).items()}}
        if branches is not None:
            schema = {
                "type": "array",
                "title": "Branches",
                "description": "What the node decides between: each a name and the value that takes it.",
                "format": "hidden" if shape != "gateway" else "json",
                "default": branches,
            }
            declared["branches"] = Parameter(schema=schema, configurable=True)
        for side, entries in (("parameter", declared), ("output", produced)):
            for key, entry in entries.items():
                check_declared(entry.schema, f"{side} {key!r} of node {target.__qualname__}")
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
            outputs=produced,
            executable=executable,
            start=start,
            terminal=terminal,
            side_effects=side_effects,
            state_aware=state_aware,
            message_output=message_output,
            tool=tool,
            reserved_exposure=_reserved(reserved_exposure or {}, shape),
            config_edit=config_edit,
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


def _derived(declared: Declared) -> Declared:
    """Return a parameter or output with the exposure its schema suggests (EXPO-6)."""
    exposed = declared.exposed_by_default and suggests_exposure(declared.schema)
    return replace(declared, exposed_by_default=exposed)


def _reserved(given: Mapping[str, Mapping[str, bool]], shape: str) -> dict[str, dict[str, bool]]:
    reserved = {side: dict(ports) for side, ports in given.items()}
    if shape == "tool":
        # The canvas draws such a node by its tool port alone, so it has to show.
        reserved.setdefault("outputs", {}).setdefault(TOOL, True)
    return reserved


def _first_sentence(target: Callable[..., Any]) -> str:
    paragraph = (inspect.getdoc(target) or "").split("\n\n", 1)[0].split(":param", 1)[0]
    return " ".join(paragraph.split())
