"""The expressions in a node's configuration, and which of them their engines refuse (R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..expressions import ENGINES, quoted, shortened, validate
from ..workflow.patience import ENDLESS, Patience
from .shaping import sources

_REMEMBERED_LENGTH: Final = 1000
"""Characters of the longest expression whose verdict is kept."""


class ExpressionProblem(NamedTuple):
    """One expression that its engine refuses.

    :param key: the expression's place in the configuration, such as ``dynamicOutputs.0.value``.
    """

    key: str
    engine: str
    expression: str
    reason: str


def expression_problems(
    type_id: str, config: Mapping[str, Any], patience: Patience = ENDLESS
) -> list[ExpressionProblem]:
    """Return every expression in *config* that its engine refuses; nothing is raised (R11).

    Once the patience is over, the next expression is refused unread, and nothing is looked at after it.

    An empty expression is valid (LANG-3). With an engine that there is not, nothing is checked: the
    enumeration of ``engine`` reports it.

    :param type_id: the node type that reads the expressions; of any other there is nothing to check.
    :param config: the node's configuration, with the node type's defaults where it has no value.
    """
    found = _FOUND.get(type_id)
    if found is None:
        return []
    engine = _FIXED_ENGINE.get(type_id, config.get("engine"))
    if engine not in ENGINES:
        return []
    return list(_problems(engine, found(config), patience))


def _problems(
    engine: str, found: Iterable[tuple[str, Any]], patience: Patience
) -> Iterator[ExpressionProblem]:
    for key, expression in found:
        if not patience.lasts():
            yield ExpressionProblem(key, engine, _written(expression), patience.reason)
            return
        reason = _reason(engine, expression)
        if reason is not None:
            yield ExpressionProblem(key, engine, _written(expression), reason)


def _written(expression: Any) -> str:
    return expression if isinstance(expression, str) else quoted(expression)


def _reason(engine: str, expression: Any) -> str | None:
    if not isinstance(expression, str):
        return "It is not a text."
    # A workflow is saved many times with the same expressions; most are short.
    judge = _remembered if len(expression) <= _REMEMBERED_LENGTH else validate
    try:
        return judge(engine, expression)
    except Exception as error:  # an engine that throws has refused the expression
        return shortened(error) or type(error).__name__


@lru_cache(maxsize=2048)
def _remembered(engine: str, expression: str) -> str | None:
    return validate(engine, expression)


def _plain(key: str) -> Callable[[Mapping[str, Any]], Iterator[tuple[str, Any]]]:
    def found(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        if config.get(key) is not None:
            yield key, config[key]

    return found


def _outputs(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    definitions = config.get("dynamicOutputs")
    for index, definition in enumerate(definitions if isinstance(definitions, list) else []):
        if isinstance(definition, Mapping) and definition.get("value") is not None:
            yield f"dynamicOutputs.{index}.value", definition["value"]


_FOUND: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, Any]]]]] = {
    "custom_function": _outputs,
    "data_extractor": _plain("path"),
    "data_mapper": _outputs,
    "data_shaper": lambda config: sources(config.get("mapping"), "mapping"),
    "prompt_template": _plain("template"),
}
_FIXED_ENGINE: Final = {"custom_function": "expression_language", "prompt_template": "twig"}
