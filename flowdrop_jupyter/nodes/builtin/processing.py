"""Nodes that make one value from others: templates, commands, extraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from ...errors import NodeError
from ...expressions import PathEngine, check_path, extract_all, is_jsonpath, read_path, render_template
from ...workflow.node_types import Parameter
from ..api import node
from ..context import NodeContext
from ..signature import Config, Wire

_DYNAMIC_INPUTS: Final = Parameter(
    schema={
        "type": "array",
        "title": "Inputs",
        "description": "One input per variable of the template.",
        "default": [],
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Name", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"},
                "label": {"type": "string", "title": "Label"},
                "dataType": {"type": "string", "title": "Data type", "default": "mixed"},
            },
            "required": ["name"],
        },
    },
    configurable=True,
)


class Prompt(msgspec.Struct):
    """A rendered template."""

    prompt: str


class Command(msgspec.Struct):
    """A chat message read as a command."""

    command: str
    arguments: str


class Extracted(msgspec.Struct):
    """What an extraction found."""

    data: Any
    path: str
    success: bool
    is_jsonpath: bool


@node(
    category="processing",
    icon="mdi:text-box-edit-outline",
    color="#b45309",
    tags=("template", "text"),
    parameters={"dynamicInputs": _DYNAMIC_INPUTS},
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
    path: str = "",
    engine: Annotated[PathEngine, Config()] = "jsonpath",
    extract_every: Annotated[bool, Config(), msgspec.Meta(title="Extract all")] = False,
    default: Annotated[Any, Config()] = None,
) -> Extracted:
    """Takes a part of a value by property path or JSONPath.

    :param data: the value; a text is read as JSON if it is JSON.
    :param path: such as ``items[0].name`` or ``$.items[*].name``; empty gives the value unchanged.
    :param engine: with ``jsonpath``, only the first match of a path that starts with ``$`` is given.
    :param extract_every: give a list of all matches.
    :param default: given when nothing is found; an unreadable path is an error all the same.
    """
    jsonpath = is_jsonpath(path)
    if not path.strip():
        return Extracted(data=data, path=path, success=True, is_jsonpath=False)
    try:
        check_path(path)
        if extract_every:
            matches = extract_all(data, path, strict=True)
            found = any(match is not None for match in matches)
            return Extracted(data=matches, path=path, success=found, is_jsonpath=jsonpath)
        if engine == "jsonpath" and jsonpath:
            value = next(iter(extract_all(data, path, strict=True)), None)
        else:
            value = read_path(data, path, strict=True)
    except NodeError as error:
        raise NodeError(
            f"{error.message} (engine {engine})",
            code=error.code,
            details=[{"code": error.code, "message": error.message, "locator": "path"}],
        ) from error
    if value is None:
        return Extracted(data=default, path=path, success=False, is_jsonpath=jsonpath)
    return Extracted(data=value, path=path, success=True, is_jsonpath=jsonpath)


NODES = (chat_command, data_extractor, prompt_template)
