"""Templates: Twig-like text with ``{{ variables }}``, run in a sandbox of bounded size and time.

Jinja parses them; the sandbox narrows it to what Twig authors know. A template reaches JSON values
by key and index, never a Python attribute, and has no macros, blocks or other files. Values are
HTML-escaped unless they pass through ``raw``, and a missing variable is empty (LANG-7).

Every loop step and every produced text is charged to a budget, so that a template can neither run
for long nor fill the memory, whatever it is made of.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Final

import msgspec
from jinja2 import (
    ChainableUndefined,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    meta,
    nodes,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from ..errors import NodeError

MAX_OUTPUT: Final = 1024 * 1024
"""Characters one template may produce."""

MAX_TEMPLATE: Final = 64 * 1024
"""Characters one template may consist of."""

MAX_SECONDS: Final = 2.0
"""Seconds one template may run."""

_FAILURES: Final = (
    TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip
_MAX_WORK: Final = 16 * 1024 * 1024
_MAX_RANGE: Final = 10_000
_MAX_NUMBER_BITS: Final = 1024
_FILTERS: Final = (
    "abs", "capitalize", "count", "dictsort", "e", "escape", "first", "float", "int", "items", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round",
    "select", "selectattr", "sort", "string", "striptags", "sum", "title", "tojson", "trim", "truncate",
    "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
_FORBIDDEN: Final = (
    nodes.Block, nodes.CallBlock, nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include, nodes.Macro,
)  # fmt: skip


def validate_template(text: str) -> None:
    """Check that *text* compiles, and nothing more (LANG-13).

    :raises NodeError: ``TEMPLATE_INVALID`` saying what is wrong and in which line.
    """
    _compiled(text, False)


def render_template(text: str, context: Mapping[str, Any], *, strict: bool = False) -> str:
    """Return the text that the template *text* gives for the variables in *context*.

    :param context: JSON values by variable name.
    :param strict: whether a missing variable is an error and not empty.
    :raises NodeError: ``TEMPLATE_INVALID`` when it does not compile, ``TEMPLATE_FAILED`` when it fails
        in rendering or takes too long, ``TEMPLATE_OUTPUT_TOO_LARGE`` beyond :data:`MAX_OUTPUT`.
    """
    template = _compiled(text, strict)
    pieces: list[str] = []
    size = 0
    try:
        with _budget():
            for piece in template.generate(dict(context)):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise _TooLarge
    except _TooLarge as error:
        raise NodeError(
            f"The template produces more than {MAX_OUTPUT} characters.", code="TEMPLATE_OUTPUT_TOO_LARGE"
        ) from error
    except _FAILURES as error:
        raise NodeError(f"The template could not be rendered: {error}", code="TEMPLATE_FAILED") from error
    return "".join(pieces)


def template_variables(text: str) -> tuple[str, ...]:
    """Return the variables that the template *text* reads, in order of appearance.

    :raises NodeError: ``TEMPLATE_INVALID`` when it does not compile.
    """
    validate_template(text)
    found = meta.find_undeclared_variables(_LENIENT.parse(text)) - set(_LENIENT.globals)
    places = {name: re.search(rf"\b{re.escape(name)}\b", text) for name in found}
    return tuple(sorted(found, key=lambda name: (place.start() if (place := places[name]) else 0, name)))


def as_text(value: Any) -> str:
    """Return *value* as templates and text ports show it: texts as they are, null empty, else JSON."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)


class _TooLarge(Exception):
    """Raised when a template has produced or handled more text than it may."""


class _TooSlow(TemplateError):
    """Raised when a template has run for longer than it may."""


class _Budget:
    def __init__(self) -> None:
        self._left = _MAX_WORK
        self._deadline = time.monotonic() + MAX_SECONDS

    def charge(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise _TooLarge
        if time.monotonic() > self._deadline:
            raise _TooSlow(f"it takes longer than {MAX_SECONDS:g} seconds")


_current: ContextVar[_Budget | None] = ContextVar("flowdrop_template_budget", default=None)


@contextmanager
def _budget() -> Iterator[None]:
    token = _current.set(_Budget())
    try:
        yield
    finally:
        _current.reset(token)


def _charge(amount: int) -> None:
    budget = _current.get()
    if budget is not None:
        budget.charge(amount)


class _Generator(CodeGenerator):
    """Compiles ``~`` into a call of the environment's own, charged concatenation."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concatenated((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, undefined: type[Undefined]) -> None:
        super().__init__(autoescape=True, undefined=undefined, finalize=_finalized, optimized=False)
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters.update(
            d=_default, default=_default, join=_join, keys=list, nl2br=_nl2br, raw=_raw, replace=_replace,
            json_encode=as_text, steps=_steps, pairs=_pairs,
        )  # fmt: skip
        self.tests["empty"] = _is_empty
        self.tests["null"] = self.tests["none"]
        self.globals = {"range": _range}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for forbidden in tree.find_all(_FORBIDDEN):
            kind = type(forbidden).__name__.lower()
            raise TemplateSyntaxError(f"'{kind}' is not available here", forbidden.lineno)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateSyntaxError("recursive loops are not available here", loop.lineno)
            pairs = isinstance(loop.target, nodes.Tuple) and len(loop.target.items) == 2
            iterated = nodes.Filter(loop.iter, "pairs", [], [], None, None) if pairs else loop.iter
            cost = nodes.Const(1 + sum(len(data.data) for data in loop.find_all(nodes.TemplateData)))
            loop.iter = nodes.Filter(iterated, "steps", [cost], [], None, None)
            for node in (loop.iter, iterated, cost):
                node.set_environment(self)
                node.set_lineno(loop.lineno)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj[argument]
        if isinstance(obj, LoopContext) and isinstance(argument, str) and not argument.startswith("_"):
            return getattr(obj, argument)
        if isinstance(obj, Mapping) and argument in ("items", "keys", "values") and argument not in obj:
            return getattr(obj, argument)
        if isinstance(obj, (Mapping, list, tuple, str)):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        return obj is _range or isinstance(getattr(obj, "__self__", None), (Mapping, LoopContext))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            bits = _bits(left) * abs(right) if operator == "**" else _bits(left) + _bits(right)
            if bits > _MAX_NUMBER_BITS:
                raise OverflowError("a number grows too large")
        elif operator != "+":
            raise TypeError(f"'{operator}' needs two numbers")
        elif isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
            _charge(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def concatenated(self, parts: Iterable[Any]) -> Markup:
        """Join *parts* as escaped text, charging the result."""
        texts = [escape(_finalized(part)) for part in parts]
        _charge(sum(map(len, texts)))
        return Markup("").join(texts)


def _bits(number: float) -> int:
    return number.bit_length() if isinstance(number, int) else 64


def _finalized(value: Any) -> str:
    if isinstance(value, StrictUndefined):
        return str(value)
    text = as_text(value)
    _charge(len(text))
    return text


def _steps(items: Any, cost: int) -> Iterator[Any]:
    for item in () if items is None else items:
        _charge(cost)
        yield item


def _pairs(items: Any) -> Any:
    return items.items() if isinstance(items, Mapping) else items


def _range(start: int, stop: int | None = None, step: int = 1) -> range:
    steps = range(start) if stop is None else range(start, stop, step)
    if len(steps) > _MAX_RANGE:
        raise OverflowError(f"a range may have at most {_MAX_RANGE} steps")
    return steps


def _is_empty(value: Any) -> bool:
    return isinstance(value, Undefined) or value is None or value is False or value in ("", [], {})


def _default(value: Any, fallback: Any = "") -> Any:
    return fallback if _is_empty(value) else value


def _raw(value: Any) -> Markup:
    return Markup(_finalized(value))  # noqa: S704 - the author's explicit wish (LANG-7)


def _nl2br(value: Any) -> Markup:
    return Markup("<br>\n").join(escape(_finalized(value)).splitlines())


def _join(items: Any, separator: str = "") -> Markup:
    return escape(separator).join(escape(_finalized(item)) for item in _steps(items, 1 + len(separator)))


def _replace(value: Any, old: str, new: str) -> str:
    text = _finalized(value)
    _charge(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


_LENIENT: Final = _Environment(ChainableUndefined)
_STRICT: Final = _Environment(StrictUndefined)


@lru_cache(maxsize=256)
def _compiled(text: str, strict: bool) -> Template:
    if len(text) > MAX_TEMPLATE:
        raise NodeError(f"The template is longer than {MAX_TEMPLATE} characters.", code="TEMPLATE_INVALID")
    try:
        return (_STRICT if strict else _LENIENT).from_string(text)
    except TemplateSyntaxError as error:
        raise NodeError(
            f"The template is not valid: {error.message}, line {error.lineno}.", code="TEMPLATE_INVALID"
        ) from error
    except (TemplateError, SyntaxError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise NodeError(f"The template is not valid: {error}", code="TEMPLATE_INVALID") from error
