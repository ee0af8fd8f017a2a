"""JSONPath (RFC 9535) of bounded cost: how much a query may look at, and for how long it may run.

A query of a few characters can visit a document's values any number of times, as ``$[*,*][*,*]``
and filters inside filters do. So every value that is visited or judged counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any, Final

from iregexp_check import check as is_i_regexp
from jsonpath_rfc9535 import JSONPathEnvironment, JSONPathQuery
from jsonpath_rfc9535.filter_expressions import FilterContext, FilterExpression
from jsonpath_rfc9535.function_extensions import Match, Search
from jsonpath_rfc9535.node import JSONPathNode
from jsonpath_rfc9535.parse import Parser
from jsonpath_rfc9535.segments import (
    JSONPathChildSegment,
    JSONPathRecursiveDescentSegment,
    JSONPathSegment,
)
from jsonpath_rfc9535.selectors import FilterSelector
from jsonpath_rfc9535.tokens import TokenStream

from .patterns import i_regexp_found

MAX_VISITS: Final = 2_000_000
"""Values one query may visit, each counted as often as it is."""

MAX_SECONDS: Final = 5.0
"""Seconds one query may run."""


class QueryTooCostly(Exception):
    """Raised when a query visits more, or runs for longer, than it may."""


def compile_query(path: str) -> JSONPathQuery:
    """Return the query that *path* is.

    :raises JSONPathError: when it is none; other exceptions for odd ones.
    """
    return _ENVIRONMENT.compile(path)


def find_values(query: JSONPathQuery, value: Any) -> list[Any]:
    """Return what *query* finds in *value*, in order.

    :raises QueryTooCostly: beyond :data:`MAX_VISITS` or :data:`MAX_SECONDS`.
    :raises NodeError: when a pattern in it is too costly.
    :raises JSONPathError: when it cannot run, as on a value that is nested too deeply.
    """
    token = _current.set(_Cost())
    try:
        return [node.value for node in query.finditer(value)]
    finally:
        _current.reset(token)


class _Cost:
    def __init__(self) -> None:
        self._left = MAX_VISITS
        self._deadline = time.monotonic() + MAX_SECONDS

    def count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise QueryTooCostly(f"it visits more than {MAX_VISITS} values")
        if time.monotonic() > self._deadline:
            raise QueryTooCostly(f"it takes longer than {MAX_SECONDS:g} seconds")


_current: ContextVar[_Cost] = ContextVar("flowdrop_jsonpath_cost")


def _counted(nodes: Iterable[JSONPathNode]) -> Iterator[JSONPathNode]:
    count = _current.get().count
    for node in nodes:
        count()
        yield node


class _Child(JSONPathChildSegment):
    def resolve(self, nodes: Iterable[JSONPathNode]) -> Iterable[JSONPathNode]:
        return _counted(super().resolve(_counted(nodes)))


class _Descent(JSONPathRecursiveDescentSegment):
    def resolve(self, nodes: Iterable[JSONPathNode]) -> Iterable[JSONPathNode]:
        return _counted(super().resolve(nodes))

    def _visit(self, node: JSONPathNode, depth: int = 1) -> Iterable[JSONPathNode]:
        _current.get().count()
        return super()._visit(node, depth)


class _Judgement(FilterExpression):
    def evaluate(self, context: FilterContext) -> bool:
        _current.get().count()
        return super().evaluate(context)


class _Parser(Parser):
    def parse_query(self, stream: TokenStream, *, in_filter: bool = False) -> Iterable[JSONPathSegment]:
        for segment in super().parse_query(stream, in_filter=in_filter):
            descends = isinstance(segment, JSONPathRecursiveDescentSegment)
            kind = _Descent if descends else _Child
            yield kind(env=segment.env, token=segment.token, selectors=segment.selectors)

    def parse_filter_selector(self, stream: TokenStream) -> FilterSelector:
        made = super().parse_filter_selector(stream)
        made.expression = _Judgement(made.expression.token, made.expression.expression)
        return made


class _Match(Match):
    def __call__(self, string: object, pattern: object) -> bool:
        return _matched(string, pattern, whole=True)


class _Search(Search):
    def __call__(self, string: object, pattern: object) -> bool:
        return _matched(string, pattern, whole=False)


def _matched(text: object, pattern: object, *, whole: bool) -> bool:
    if not isinstance(text, str) or not isinstance(pattern, str) or not is_i_regexp(pattern):
        return False
    return i_regexp_found(pattern, text, whole=whole)


class _Environment(JSONPathEnvironment):
    parser_class = _Parser

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions["match"] = _Match()
        self.function_extensions["search"] = _Search()


_ENVIRONMENT: Final = _Environment()
