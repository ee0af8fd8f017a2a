"""From a typed Python function to the parameters and outputs of a node type.

A parameter becomes an input port and a config field at once; ``Annotated[T, Wire()]`` makes it a
port only, ``Annotated[T, Config()]`` a field only. ``msgspec.Meta`` gives titles, descriptions and
bounds. A parameter without a default is required. The return type gives the outputs: one per field
of a struct, dataclass or typed dict, otherwise the single output ``result``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec

from ..workflow.lanes import RETIRED, type_word_problem
from ..workflow.node_types import Output, Parameter
from .context import NodeContext
from .outcome import Branched


@dataclasses.dataclass(frozen=True, slots=True)
class Wire:
    """Marks a parameter as an input port that has no config field.

    :param lane: the port's lane where the type alone does not tell it, such as ``dataframe``.
    """

    lane: str | None = None
    exposed: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Config:
    """Marks a parameter as a config field that has no input port.

    :param format: the form widget, such as ``multiline`` or ``code``.
    """

    format: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """Names the lane of a parameter or output whose type alone does not tell it."""

    lane: str
    exposed: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Signature:
    """What a node function declares.

    :param types: the Python type of each parameter, to convert values with.
    :param unpacks: whether the returned object's fields are the outputs; otherwise the object
        itself is the one output.
    :param context: the name of the parameter that receives the :class:`NodeContext`, if any.
    """

    parameters: Mapping[str, Parameter]
    types: Mapping[str, Any]
    outputs: Mapping[str, Output]
    unpacks: bool
    context: str | None


def read_signature(function: Callable[..., Any]) -> Signature:
    """Return what *function* declares.

    :raises TypeError: for a parameter without a type, ``*args`` or ``**kwargs``, or a type that has
        no JSON form; the message names the function and the parameter.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    described = _parameter_docs(function)
    parameters: dict[str, Parameter] = {}
    types: dict[str, Any] = {}
    context: str | None = None
    for name, declared in inspect.signature(function).parameters.items():
        where = f"parameter {name!r} of node {function.__qualname__}"
        if declared.kind in (declared.VAR_POSITIONAL, declared.VAR_KEYWORD, declared.POSITIONAL_ONLY):
            raise TypeError(f"{where}: only named parameters can become ports")
        if name not in hints:
            raise TypeError(f"{where} has no type annotation")
        if hints[name] is NodeContext:
            context = name
            continue
        parameters[name] = _parameter(name, hints[name], declared, described.get(name, ""), where)
        types[name] = hints[name]
    returned = _bare(hints.get("return", type(None)))
    return Signature(
        parameters=parameters,
        types=types,
        outputs=_outputs(returned, function.__qualname__),
        unpacks=_fields(returned) is not None,
        context=context,
    )


def schema_of(kind: Any, where: str) -> dict[str, Any]:
    """Return the JSON Schema of a Python type with its references put in place.

    :raises TypeError: when the type has no JSON form; the message starts with *where*.
    """
    try:
        (schema,), components = msgspec.json.schema_components([kind], ref_template="#/{name}")
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from error
    return typing.cast("dict[str, Any]", _inline(schema, components))


def suggests_exposure(schema: Mapping[str, Any]) -> bool:
    """Tell whether a declared schema leaves its port exposed; only a plain ``false`` hides it (EXPO-5).

    It is read here alone, when a node type's exposure is first derived (EXPO-6).
    """
    return schema.get("x-exposed-by-default") is not False


def check_declared(schema: Mapping[str, Any], where: str) -> None:
    """Check a schema where it is declared, so that a lane in place of a type is found at once (SCH-34).

    :raises TypeError: for a ``type`` that JSON Schema does not know, or a retired lane (SCH-38); the
        message starts with *where*.
    """
    problem = type_word_problem(schema)
    if problem is not None:
        raise TypeError(f"{where}: {problem}")
    if schema.get("x-data-type") in RETIRED:
        raise TypeError(f"{where}: the lane {schema['x-data-type']!r} is retired; use `trigger` or `mixed`")


def _parameter(name: str, hint: Any, declared: inspect.Parameter, doc: str, where: str) -> Parameter:
    marks = _marks(hint)
    schema = schema_of(hint, where)
    schema.setdefault("title", _title(name))
    if doc:
        schema.setdefault("description", doc)
    required = declared.default is inspect.Parameter.empty
    if not required and declared.default is not None:
        schema["default"] = msgspec.to_builtins(declared.default)
    wire = marks.get(Wire)
    config = marks.get(Config)
    lane = marks.get(Lane)
    if config is not None and config.format:
        schema["format"] = config.format
    named = (wire and wire.lane) or (lane and lane.lane)
    if named:
        schema["x-data-type"] = named
    exposed = (wire is None or wire.exposed) and (lane is None or lane.exposed) and suggests_exposure(schema)
    return Parameter(
        schema=schema,
        connectable=config is None,
        configurable=wire is None,
        required=required,
        exposed_by_default=exposed,
    )


def _bare(hint: Any) -> Any:
    """Return the type of the plain outputs: what a :class:`Branched` result carries, else *hint*."""
    if get_origin(hint) is Branched:
        return get_args(hint)[0]
    return type(None) if hint is Branched else hint


def _outputs(hint: Any, where: str) -> dict[str, Output]:
    if hint is type(None):
        return {}
    fields = _fields(hint)
    named = fields if fields is not None else {"result": hint}
    outputs = {}
    for name, kind in named.items():
        schema = schema_of(kind, f"output {name!r} of node {where}")
        schema.setdefault("title", _title(name))
        lane = _marks(kind).get(Lane)
        if lane is not None:
            schema["x-data-type"] = lane.lane
        exposed = (lane is None or lane.exposed) and suggests_exposure(schema)
        outputs[name] = Output(schema=schema, exposed_by_default=exposed)
    return outputs


def _fields(kind: Any) -> dict[str, Any] | None:
    if not isinstance(kind, type):
        return None
    if issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind) or typing.is_typeddict(kind):
        return typing.get_type_hints(kind, include_extras=True)
    return None


def _marks(hint: Any) -> dict[type, Any]:
    if get_origin(hint) is not Annotated:
        return {}
    return {type(mark): mark for mark in get_args(hint)[1:]}


def _inline(schema: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return {**_inline(components[reference.removeprefix("#/")], components), **rest}
        inlined = {key: _inline(value, components) for key, value in schema.items()}
        inlined = _nullable(inlined)
        choices = inlined.get("enum")
        if isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
            inlined.setdefault("type", "string")
        return inlined
    if isinstance(schema, list):
        return [_inline(item, components) for item in schema]
    return schema


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return ``X | None`` as ``type: [X, "null"]``, so that its lane is that of X (SCH-9)."""
    choices = schema.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices or len(choices) != 2:
        return schema
    (other,) = (choice for choice in choices if choice != {"type": "null"})
    if not isinstance(other.get("type"), str):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **other, "type": [other["type"], "null"]}


def _title(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")
    return words.capitalize()


_PARAM_DOC = re.compile(r"^\s*:param (\w+):\s*(.+?)(?=^\s*:|\Z)", re.MULTILINE | re.DOTALL)


def _parameter_docs(function: Callable[..., Any]) -> dict[str, str]:
    text = inspect.getdoc(function) or ""
    return {name: " ".join(doc.split()) for name, doc in _PARAM_DOC.findall(text)}
