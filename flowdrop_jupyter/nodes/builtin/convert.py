"""Nodes between texts and values: JSON out of data, data out of JSON and other texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from ...expressions import as_text, check_path, exists, read_path
from ..api import node
from ..signature import Config, Wire
from .formats import TextFormat, read_text, unfenced


class Json(msgspec.Struct):
    """A value as a JSON text."""

    json: str
    success: bool


class Decoded(msgspec.Struct):
    """The value of a JSON text."""

    data: Any
    success: bool


class MessageData(msgspec.Struct):
    """The data of a message."""

    data: Any
    format: str
    extracted_fields: list[str]
    original_message: str


@node(
    name="Data to JSON", category="processing", icon="mdi:code-json", color="#b45309", tags=("json", "text")
)
def data_to_json(data: Annotated[Any, Wire()] = None) -> Json:
    """Writes a value as a JSON text.

    :param data: any value.
    """
    return Json(json=msgspec.json.encode(data).decode(), success=True)


@node(
    name="JSON to data", category="processing", icon="mdi:code-braces", color="#b45309", tags=("json", "text")
)
def json_to_data(json: Annotated[str, Wire()] = "") -> Decoded:
    """Reads the value of a JSON text.

    Nothing to read is no success; a text that is not JSON is an error.

    :param json: the text.
    """
    if not json.strip():
        return Decoded(data=None, success=False)
    return Decoded(data=read_text(json, "json", "json"), success=True)


@node(
    name="Message to data",
    category="data",
    icon="mdi:message-arrow-right-outline",
    color="#0e7490",
    tags=("csv", "json", "text", "xml", "yaml"),
)
def message_to_data(
    message: Annotated[Any, Wire(lane="string")] = "",
    format: Annotated[TextFormat, Config()] = "json",  # noqa: A002 - documented key
    extractFields: Annotated[Sequence[str], Config()] = (),
) -> MessageData:
    """Reads the data that a message is written in.

    A Markdown code fence around it does not count. XML with a document type and YAML with aliases are
    refused.

    :param message: the message, a text.
    :param format: what it is written in; ``key_value`` is a line ``name: value`` for each property.
    :param extractFields: property paths of what to keep, of each item if the data is a list; all of it
        when there are none.
    """
    text = as_text(message)
    data = read_text(unfenced(text), format, "message")
    for path in extractFields:
        check_path(path)
    kept, found = _fields(data, extractFields) if extractFields else (data, list(_names(data)))
    return MessageData(data=kept, format=format, extracted_fields=found, original_message=text)


def _fields(data: Any, paths: Sequence[str]) -> tuple[Any, list[str]]:
    items = data if isinstance(data, list) else [data]
    kept = [
        {path: read_path(item, path, strict=True) for path in paths if exists(item, path)} for item in items
    ]
    found = [path for path in paths if any(path in item for item in kept)]
    return (kept if isinstance(data, list) else kept[0]), found


def _names(data: Any) -> dict[str, None]:
    items = data if isinstance(data, list) else [data]
    return {str(name): None for item in items if isinstance(item, Mapping) for name in item}


NODES = (data_to_json, json_to_data, message_to_data)
