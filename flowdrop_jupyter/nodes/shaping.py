"""The mapping of a data shaper: an object whose texts say where each value comes from (LANG-25)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..clock import Clock, format_time
from ..errors import NodeError
from ..expressions import (
    EXTRACTION_ENGINES,
    TooLarge,
    TooSlow,
    budget,
    evaluate,
    quoted,
    require_engine,
    shortened,
    weigh,
)

MAX_SECONDS: Final = 10.0
"""Seconds one mapping may take."""

MAX_DEPTH: Final = 32
"""How deep a mapping may be nested."""

SOURCE: Final = "_source"
"""The key of the source that an object's other sources start from."""

EACH: Final = "_each"
"""The key of what is made of every item of the source."""

_LITERAL: Final = "_LITERAL:"
_FIXED: Final[Mapping[str, Callable[[], Any]]] = {
    "_NULL_": lambda: None,
    "_EMPTY_ARRAY_": list,
    "_EMPTY_OBJECT_": dict,
}
_NOW: Final = "_NOW_"


def is_reserved(source: str) -> bool:
    """Tell whether a *source* is one that no engine reads: ``_NOW_``, ``_LITERAL:…`` and the like."""
    return source == _NOW or source in _FIXED or source.startswith(_LITERAL)


def shaped(mapping: Any, context: Any, engine: str, clock: Clock) -> Any:
    """Return what *mapping* makes of *context*.

    A text is a source: a reserved one, or an expression for *engine*. An object gives an object and a
    list a list, of what they hold; any other value is itself. ``_source`` in an object is where its
    other sources start from; ``_each`` is made of every item there, and then gives a list.

    :param clock: tells what ``_NOW_`` is.
    :raises NodeError: ``SHAPE_FAILED``, naming the source and the engine, when it fails in the engine;
        ``SHAPE_INVALID`` for a mapping that is nested too deeply or has keys beside ``_each``;
        ``SHAPE_TOO_COSTLY`` when it makes too much or takes too long; ``ENGINE_UNKNOWN``.
    """
    require_engine(engine)
    shaper = _Shaper(engine, clock)
    try:
        with budget(MAX_SECONDS):
            return shaper.value(mapping, context, 0)
    except (TooLarge, TooSlow) as error:
        message = f"The mapping makes too much of its data: {shortened(error) or 'the result is too large'}."
        raise NodeError(message, code="SHAPE_TOO_COSTLY") from error


def sources(mapping: Any, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield every source in *mapping* that an engine would read, with its place below *place* (R11)."""
    if isinstance(mapping, str):
        if not is_reserved(mapping):
            yield place, mapping
    elif depth < MAX_DEPTH:
        if isinstance(mapping, Mapping):
            for key, part in mapping.items():
                yield from sources(part, f"{place}.{key}", depth + 1)
        elif isinstance(mapping, list):
            for index, part in enumerate(mapping):
                yield from sources(part, f"{place}.{index}", depth + 1)


class _Shaper:
    def __init__(self, engine: str, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def value(self, mapping: Any, context: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NodeError(f"The mapping is nested more than {MAX_DEPTH} levels deep.", code="SHAPE_INVALID")
        if isinstance(mapping, str):
            return self._source(mapping, context)
        if isinstance(mapping, list):
            return [self.value(part, context, depth + 1) for part in mapping]
        if not isinstance(mapping, Mapping):
            return mapping
        rest = {key: part for key, part in mapping.items() if key not in (SOURCE, EACH)}
        if SOURCE in mapping:
            context = self.value(mapping[SOURCE], context, depth + 1)
        if EACH in mapping:
            if rest:
                message = f"The mapping has the key {quoted(next(iter(rest)))} beside {EACH}."
                raise NodeError(message, code="SHAPE_INVALID")
            return [self.value(mapping[EACH], item, depth + 1) for item in _items(context)]
        if SOURCE in mapping and not rest:
            return context
        made = {key: self.value(part, context, depth + 1) for key, part in rest.items()}
        weigh(list(made))
        return made

    def _source(self, source: str, context: Any) -> Any:
        value = self._reserved(source) if is_reserved(source) else self._evaluated(source, context)
        weigh(value)
        return value

    def _reserved(self, source: str) -> Any:
        if source == _NOW:
            return format_time(self._clock())
        return _FIXED[source]() if source in _FIXED else source.removeprefix(_LITERAL)

    def _evaluated(self, source: str, context: Any) -> Any:
        if not source.strip() and self._engine not in EXTRACTION_ENGINES:
            return None
        try:
            return evaluate(self._engine, source, context, strict=True)
        except NodeError as error:
            message = f"The source {quoted(source)} failed (engine {self._engine}): {error.message}"
            detail = {"code": error.code, "message": error.message, "locator": "mapping"}
            raise NodeError(message, code="SHAPE_FAILED", details=[detail]) from error


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
