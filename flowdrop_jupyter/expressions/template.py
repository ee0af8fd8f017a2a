"""Templates: Twig-like text with ``{{ variables }}``, run in a sandbox of bounded size and time.

Jinja parses them; the sandbox narrows it to what Twig authors know. A template reaches JSON values
by key and index, never a Python attribute, and has no macros, blocks or other files. Values are
HTML-escaped unless they pass through ``raw``, and a missing variable is empty (LANG-7).

Every loop step, every produced text and every built list is charged to a budget, so that a template
can neither run for long nor fill the memory, whatever it is made of. It may still take seconds:
render it in a worker thread.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from contextlib import contextmanager
from typing import Any, Final

from jinja2 import (
    ChainableUndefined,
    StrictUndefined,
    Template,
    TemplateSyntaxError,
    Undefined,
    meta,
    nodes,
    pass_context,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context, LoopContext
from markupsafe import Markup, escape

from ..errors import NodeError
from .budget import SCALAR, TooLarge, budget, charge, listed, steps, weigh
from .filters import FILTERS, MAX_NUMBER_BITS, is_empty, number_bits
from .quoting import shortened
from .remembered import CHARACTERS, remembered
from .texts import rendered
from .twig_syntax import OPERATORS, TWIG_FILTERS, TwigEnvironment

MAX_OUTPUT: Final = 1024 * 1024
"""Characters one template may produce."""

MAX_TEMPLATE: Final = 64 * 1024
"""Characters one template may consist of."""

MAX_SECONDS: Final = 2.0
"""Seconds one template may run."""

_MAX_RANGE: Final = 10_000
_PLAIN_DEPTH: Final = 12
_FORBIDDEN: Final = (
    nodes.Block, nodes.CallBlock, nodes.EvalContextModifier, nodes.Extends, nodes.FromImport, nodes.Import,
    nodes.Include, nodes.Macro,
)  # fmt: skip


def validate_template(text: str) -> None:
    """Check that *text* compiles, and nothing more (LANG-13).

    :raises NodeError: ``TEMPLATE_INVALID`` saying what is wrong and in which line.
    """
    with _read(text):
        tree = _LENIENT.parse(text)
        # Making Python's code of it takes half the time, and a plain one cannot fail there.
        if _is_plain(tree):
            _LENIENT.compile(tree, raw=True)
        else:
            _LENIENT.compile(tree)


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
        with budget(MAX_SECONDS):
            for piece in template.generate(dict(context)):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise TooLarge
    except TooLarge as error:
        raise NodeError(
            f"The template produces more than {MAX_OUTPUT} characters.", code="TEMPLATE_OUTPUT_TOO_LARGE"
        ) from error
    except Exception as error:  # an author's expression may fail in any way, out of memory included
        reason = shortened(error) or type(error).__name__
        raise NodeError(f"The template could not be rendered: {reason}", code="TEMPLATE_FAILED") from error
    return "".join(pieces)


@remembered()
def template_variables(text: str) -> tuple[str, ...]:
    """Return the variables that the template *text* reads, in order of appearance.

    :raises NodeError: ``TEMPLATE_INVALID`` when it does not compile.
    """
    validate_template(text)
    found = meta.find_undeclared_variables(_LENIENT.parse(text)) - set(_LENIENT.globals)
    places: dict[str, int] = {}
    for word in re.finditer(r"\w+", text):
        places.setdefault(word[0], word.start())
    return tuple(sorted(found, key=lambda name: (places.get(name, 0), name)))


class _Generator(CodeGenerator):
    """Compiles what Jinja leaves to Python into calls of the environment's own, charged operations."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concatenated((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        self.write("(environment.goes_on() and ")
        super().visit_Compare(node, frame)
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.part(")
        self.visit(node.node, frame)
        for bound in (node.arg.start, node.arg.stop, node.arg.step):
            self.write(", ")
            if bound is None:
                self.write("None")
            else:
                self.visit(bound, frame)
        self.write(")")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self._weighed(node, super().visit_List, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self._weighed(node, super().visit_Dict, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        if node.ctx == "load":
            self._weighed(node, super().visit_Tuple, frame)
        else:
            super().visit_Tuple(node, frame)

    def _weighed(self, node: nodes.Expr, visit: Callable[..., None], frame: Frame) -> None:
        self.write("environment.weighed(")
        visit(node, frame)
        self.write(")")


@pass_context
def _output(_context: Context, value: Any) -> str:
    # That it wants the context keeps Jinja from rendering constants, without a budget, in compiling.
    return rendered(value)


class _Environment(TwigEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self, undefined: type[Undefined]) -> None:
        super().__init__(autoescape=True, undefined=undefined, finalize=_output, optimized=False)
        self.filters = {**FILTERS, **TWIG_FILTERS, **OPERATORS}
        self.tests = {name: _timely(test) for name, test in self.tests.items()}
        self.tests["empty"] = is_empty
        self.tests["null"] = self.tests["none"]
        self.tests["lower"] = _timely(lambda value: rendered(value).islower())
        self.tests["upper"] = _timely(lambda value: rendered(value).isupper())
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
            cost = 1 + sum(len(data.data) for data in loop.find_all(nodes.TemplateData))
            charged = nodes.EnvironmentAttribute("pairs" if pairs else "single")
            loop.iter = nodes.Call(charged, [loop.iter, nodes.Const(cost)], [], None, None)
            loop.iter.set_environment(self)
            loop.iter.set_lineno(loop.lineno)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        charge(1)
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

    def part(self, obj: Any, start: Any, stop: Any, step: Any) -> Any:
        """Return the slice of a text or list, charging for its length."""
        if isinstance(obj, Undefined):
            return obj
        if not isinstance(obj, (str, list, tuple)):
            raise TypeError("only texts and lists have slices")
        wanted = slice(start, stop, step)
        places = len(range(*wanted.indices(len(obj))))
        charge(places if isinstance(obj, str) else SCALAR * places)
        return obj[wanted]

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        return obj is _range or owner is self or isinstance(owner, (Mapping, LoopContext))

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        charge()
        returned = super().call(__context, __obj, *args, **kwargs)
        return listed(returned) if isinstance(returned, (ItemsView, KeysView, ValuesView)) else returned

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        charge()
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            bits: float = number_bits(left) + number_bits(right)
            if operator == "**":
                bits = number_bits(left) * abs(right)
            if bits > MAX_NUMBER_BITS:
                raise OverflowError("a number grows too large")
        elif operator != "+":
            raise TypeError(f"'{operator}' needs two numbers")
        elif isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
            weigh(left)
            weigh(right)
        return super().call_binop(context, operator, left, right)

    def concatenated(self, parts: Iterable[Any]) -> Markup:
        """Join *parts* as escaped text, charging the result."""
        texts = [escape(rendered(part)) for part in parts]
        charge(sum(map(len, texts)))
        return Markup("").join(texts)

    def weighed(self, value: Any) -> Any:
        """Return *value*, a list just built, charging for all that it holds."""
        weigh(value)
        return value

    def goes_on(self) -> bool:
        """Return true, unless the time is over."""
        charge()
        return True

    def single(self, items: Any, cost: int) -> Iterator[Any]:
        """Yield what a loop goes through, charging for each round."""
        return steps(items, cost)

    def pairs(self, items: Any, cost: int) -> Iterator[Any]:
        """Yield what a loop with two variables goes through: of a mapping, keys with their values."""
        return steps(items.items() if isinstance(items, Mapping) else items, cost)


def _timely(test: Any) -> Callable[..., Any]:
    @functools.wraps(test)
    def timely(*arguments: Any, **named: Any) -> Any:
        charge()
        return test(*arguments, **named)

    return timely


def _range(start: int, stop: int | None = None, step: int = 1) -> range:
    steps_of = range(start) if stop is None else range(start, stop, step)
    if len(steps_of) > _MAX_RANGE:
        raise OverflowError(f"a range may have at most {_MAX_RANGE} steps")
    return steps_of


_LENIENT: Final = _Environment(ChainableUndefined)
_STRICT: Final = _Environment(StrictUndefined)


def _is_plain(tree: nodes.Template) -> bool:
    """Tell whether the code of a template is nothing that Python's own compiler could refuse.

    It gives up on code that is nested deeply and on an argument that is named twice.
    """
    level: list[nodes.Node] = [tree]
    for _ in range(_PLAIN_DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
        if any(isinstance(node, nodes.Keyword) for node in level):
            return False
        if not level:
            return True
    return False


@contextmanager
def _read(text: str) -> Iterator[None]:
    """Give whatever keeps the template *text* from being compiled its one error."""
    if len(text) > MAX_TEMPLATE:
        raise NodeError(f"The template is longer than {MAX_TEMPLATE} characters.", code="TEMPLATE_INVALID")
    try:
        yield
    except TemplateSyntaxError as error:
        raise NodeError(
            f"The template is not valid: {shortened(error.message)}, line {error.lineno}.",
            code="TEMPLATE_INVALID",
        ) from error
    except Exception as error:  # Python's own compiler gives up on a template in many ways
        raise NodeError(f"The template is not valid: {shortened(error)}", code="TEMPLATE_INVALID") from error


@remembered(2 * CHARACTERS)
def _compiled(text: str, strict: bool) -> Template:
    with _read(text):
        return (_STRICT if strict else _LENIENT).from_string(text)
