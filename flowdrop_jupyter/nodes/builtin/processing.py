"""Nodes that make one value from others: templates, commands, extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from ...errors import NodeError
from ...expressions import (
    EXTRACTION_ENGINES,
    EngineId,
    check_path,
    evaluate,
    extract_all,
    is_jsonpath,
    quoted,
    render_template,
)
from ..api import node
from ..context import NodeContext
from ..dynamic_definitions import dynamic_inputs
from ..signature import Config, Wire


class Prompt(msgspec.Struct):
    """A rendered template."""

    prompt: str


class Command(msgspec.Struct):
    """A chat message read as a command."""

    command: str
    arguments: str


class Extracted(msgspec.Struct):
    """What an extraction found.

    :param matches: how many values the path denotes; none for the empty path.
    """

    data: Any
    path: str
    success: bool
    is_jsonpath: bool
    matches: int = 0


@node(
    category="processing",
    icon="mdi:text-box-edit-outline",
    color="#b45309",
    tags=("template", "text"),
    parameters={"dynamicInputs": dynamic_inputs("Inputs beside those of the template's variables.")},
)
def prompt_template(
    context: NodeContext,
    data: Annotated[Any, Wire()] = None,
    template: Annotated[str, Config(format="template")] = "",
    strictMode: Annotated[bool, Config()] = False,
) -> Prompt:
    """Fills the variables of a template with the values that arrive.

    Values are HTML-escaped unless they pass through ``raw``, as Markdown and images have to.

    :param data: an object whose keys are variables; anything else is the variable ``data``.
    :param template: text with ``{{variables}}``, filters, conditions and loops as in Twig.
    :param strictMode: a missing variable is an error and not empty.
    """
    variables: dict[str, Any] = {}
    if isinstance(data, Mapping):
        variables.update(data)
    elif data is not None:
        variables["data"] = data
    wired = context.dynamic_inputs.items()
    # An unwired dynamic input is there as null (DYN-4); in a template that is a missing variable.
    variables.update((name, value) for name, value in wired if value is not None or name not in variables)
    if strictMode:
        variables = {name: value for name, value in variables.items() if value is not None}
    return Prompt(prompt=render_template(template, variables, strict=strictMode))


@node(category="processing", icon="mdi:console-line", color="#b45309", tags=("chat", "text"))
def chat_command(message: Annotated[str, Wire()]) -> Command:
    """Splits a chat message into a command, its first word, and the command's arguments.

    A slash before the word and punctuation behind it do not count, nor does upper case.

    :param message: what the user wrote.
    """
    first, *rest = message.split(maxsplit=1) or [""]
    return Command(command=first.strip("/.,:;!?").casefold(), arguments=rest[0].strip() if rest else "")


@node(category="processing", icon="mdi:code-json", color="#b45309", tags=("json", "path"))
def data_extractor(
    data: Annotated[Any, Wire()] = None,
    json: Annotated[Any, Wire(), msgspec.Meta(title="JSON")] = None,
    path: str = "",
    engine: Annotated[EngineId, Config()] = "jsonpath",
    extract_all: Annotated[bool, Config()] = False,
    default: Annotated[Any, Config()] = None,
) -> Extracted:
    """Takes a part of a value by a path or an expression.

    :param data: the value; a text is read as JSON if it is JSON.
    :param json: the value as JSON text, read when no data arrives.
    :param path: such as ``items[0].name`` or ``$.items[*].name``; empty gives the value unchanged.
    :param engine: with ``jsonpath``, only the first match of a path that starts with ``$`` is given.
    :param extract_all: give a list of all matches.
    :param default: given when nothing is found; an unreadable path is an error all the same.
    """
    value = json if data is None else data
    jsonpath = is_jsonpath(path)
    if not path.strip():
        return Extracted(data=value, path=path, success=True, is_jsonpath=jsonpath)
    try:
        found, matches = _extracted(value, path, engine, every=extract_all)
    except NodeError as error:
        message = f"The path {quoted(path)} failed (engine {engine}): {error.message}"
        detail = {"code": error.code, "message": error.message, "locator": "path"}
        raise NodeError(message, code=error.code, details=[detail]) from error
    success = any(item is not None for item in found) if extract_all else found is not None
    return Extracted(
        data=found if success or extract_all else default,
        path=path,
        success=success,
        is_jsonpath=jsonpath,
        matches=matches,
    )


def _extracted(value: Any, path: str, engine: str, *, every: bool) -> tuple[Any, int]:
    """Return what *path* finds, as a list when *every* match is wanted, and how many there are."""
    if engine not in EXTRACTION_ENGINES:
        given = evaluate(engine, path, value)
        matches = [] if given is None else given if isinstance(given, list) and every else [given]
        return (matches if every else given), len(matches)
    check_path(path)
    if every or (engine == "jsonpath" and is_jsonpath(path)):
        matches = extract_all(value, path, strict=True)
        return (matches if every else next(iter(matches), None)), len(matches)
    given = evaluate(engine, path, value, strict=True)
    return given, 0 if given is None else len(given) if isinstance(given, list) and is_jsonpath(path) else 1


NODES = (chat_command, data_extractor, prompt_template)
