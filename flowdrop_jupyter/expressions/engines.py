"""The four expression engines under one interface, by the ids that authors choose them with.

======================= =============== ====================================================
Engine                  Kind            Context
======================= =============== ====================================================
``property_path``       extraction      data that the path leads into
``jsonpath``            extraction      the same; a path without ``$`` is a property path
``expression_language`` transformation  a map of named variables
``twig``                transformation  a map of named variables; the result is a text
======================= =============== ====================================================

A context that is no map is the one variable ``data`` of a transformation engine (LANG-1, LANG-4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from ..errors import NodeError
from .language import check_expression, evaluate_expression
from .paths import check_path, is_jsonpath, read_path
from .quoting import quoted
from .remembered import remembered
from .template import render_template, validate_template

EngineId: TypeAlias = Literal["property_path", "jsonpath", "expression_language", "twig"]
"""The values of the reserved parameter ``engine``: exactly the engines there are (LANG-2)."""

ENGINES: Final[tuple[str, ...]] = get_args(EngineId)
"""The ids of the engines."""

EXTRACTION_ENGINES: Final = frozenset({"property_path", "jsonpath"})
"""The engines that treat their context as data to query by path (LANG-1)."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that its engine could read.

    :param run: takes the context and whether to be strict; :func:`evaluate` says what it raises.
    """

    engine: str
    text: str
    run: Callable[[Any, bool], Any]


def require_engine(engine: str) -> None:
    """Check that there is an engine with this id (LANG-2).

    :raises NodeError: ``ENGINE_UNKNOWN``, naming those there are.
    """
    if engine not in ENGINES:
        offered = ", ".join(ENGINES)
        message = f"There is no expression engine {quoted(engine)}; there are {offered}."
        raise NodeError(message, code="ENGINE_UNKNOWN")


@remembered()
def compile_expression(engine: str, text: str) -> Expression:
    """Return *text* as *engine* reads it; the same text is read once.

    :raises NodeError: ``ENGINE_UNKNOWN``, before anything else is done (LANG-2), or why the engine
        cannot read the text: ``PATH_INVALID``, ``EXPRESSION_INVALID``, ``TEMPLATE_INVALID``.
    """
    _check(engine, text, remember=True)
    if engine in EXTRACTION_ENGINES:
        return Expression(engine, text, lambda context, strict: read_path(context, text, strict=strict))
    if engine == "twig":
        return Expression(engine, text, lambda context, strict: render_template(text, _variables(context)))
    return Expression(engine, text, lambda context, strict: evaluate_expression(text, _variables(context)))


def evaluate(engine: str, text: str, context: Any, *, strict: bool = False) -> Any:
    """Return what *engine* makes of the expression *text* in *context*.

    :param strict: whether a path that cannot be read or evaluated is an error (LANG-22) and not null
        (LANG-8, LANG-9). The transformation engines always raise (LANG-6, LANG-7).
    :raises NodeError: as :func:`compile_expression`, and ``PATH_FAILED``, ``EXPRESSION_FAILED``,
        ``EXPRESSION_TOO_COSTLY``, ``TEMPLATE_FAILED`` or ``TEMPLATE_OUTPUT_TOO_LARGE``.
    """
    require_engine(engine)
    if engine in EXTRACTION_ENGINES and not strict:
        return read_path(context, text)
    return compile_expression(engine, text).run(context, strict)


def validate(engine: str, text: str) -> str | None:
    """Return why *engine* refuses the expression *text*, or None; it is read and never run.

    The empty expression is valid (LANG-3), as is what ``jsonpath`` would read as a property path
    (LANG-12).

    :raises NodeError: ``ENGINE_UNKNOWN``.
    """
    require_engine(engine)
    if not text.strip() or (engine == "jsonpath" and not is_jsonpath(text)):
        return None
    try:
        _check(engine, text, remember=False)
    except NodeError as error:
        return error.message
    return None


def _check(engine: str, text: str, *, remember: bool) -> None:
    """Raise why *engine* cannot read *text*, as :func:`compile_expression` does."""
    require_engine(engine)
    if engine in EXTRACTION_ENGINES:
        check_path(text, remember=remember)
    elif engine == "twig":
        validate_template(text)
    else:
        check_expression(text, remember=remember)


def _variables(context: Any) -> Mapping[str, Any]:
    return context if isinstance(context, Mapping) else {"data": context}
