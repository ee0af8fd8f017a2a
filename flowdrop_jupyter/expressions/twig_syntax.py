"""What Twig's expressions have beyond Jinja's: ``a ? b : c``, ``?:``, ``??``, ``a..b`` and a few more.

Each becomes a filter that no author can name: written out as Jinja's own nodes, an operand would stand
in the compiled code several times, and nesting would double it with each level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from jinja2 import Undefined, nodes
from jinja2.lexer import TOKEN_BLOCK_BEGIN, TOKEN_VARIABLE_BEGIN, Lexer
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .language.functions import FUNCTIONS
from .language.operations import BINARY
from .texts import rendered

_QUESTION: Final = "question"
_RANGE: Final = "range"
_RULES: Final = [(re.compile(r"\?\?|\?:|\?"), _QUESTION, None), (re.compile(r"\.\."), _RANGE, None)]
_TWO_WORDS: Final = {"starts": "with", "ends": "with"}


def _filled(value: Any, other: Any) -> Any:
    return other if value is None or isinstance(value, Undefined) else value


OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "??": _filled,
    "?:": lambda value, other: value or other,
    "..": BINARY[".."],
    "matches": BINARY["matches"],
    "starts with": lambda value, start: rendered(value).startswith(rendered(start)),
    "ends with": lambda value, end: rendered(value).endswith(rendered(end)),
}
"""Twig's own operators, as filters by the names the parser gives them."""

TWIG_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    name: FUNCTIONS[name].call for name in ("merge", "slice", "split")
}
"""Filters that Twig has and Jinja has not, or not in this form."""


class TwigEnvironment(ImmutableSandboxedEnvironment):
    """An environment whose templates may use :data:`OPERATORS`; it has to have them as filters."""

    @cached_property
    def lexer(self) -> Lexer:
        """The lexer for this environment."""
        lexer = Lexer(self)
        for state in (TOKEN_BLOCK_BEGIN, TOKEN_VARIABLE_BEGIN):
            # Behind the rule that ends the state, before those that would read a dot or a number.
            lexer.rules[state][1:1] = _RULES  # type: ignore[assignment]
        return lexer

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _TwigParser(self, source, name, filename).parse()


class _TwigParser(Parser):
    def parse_condexpr(self) -> nodes.Expr:
        made = super().parse_condexpr()
        while self.stream.current.type == _QUESTION and self.stream.current.value != "??":
            line = self.stream.current.lineno
            short = next(self.stream).value == "?:" or self.stream.skip_if("colon")
            if short:
                made = _operation("?:", made, self.parse_condexpr(), line)
                continue
            taken = self.parse_condexpr()
            other = self.parse_condexpr() if self.stream.skip_if("colon") else nodes.Const("", lineno=line)
            made = nodes.CondExpr(made, taken, other, lineno=line)
        return made

    def parse_compare(self) -> nodes.Expr:
        made = super().parse_compare()
        while (name := self._comparison()) is not None:
            line = self.stream.current.lineno
            made = _operation(name, made, self.parse_math1(), line)
        return made

    def parse_math1(self) -> nodes.Expr:
        made = super().parse_math1()
        while self.stream.current.type == _RANGE:
            line = next(self.stream).lineno
            made = _operation("..", made, super().parse_math1(), line)
        return made

    def parse_unary(self, with_filter: bool = True) -> nodes.Expr:
        made = super().parse_unary(with_filter)
        if self.stream.current.type == _QUESTION and self.stream.current.value == "??":
            line = next(self.stream).lineno
            made = _operation("??", made, self.parse_unary(), line)
        return made

    def parse_dict(self) -> nodes.Dict:
        opening = self.stream.expect("lbrace")
        pairs: list[nodes.Pair] = []
        while not self.stream.skip_if("rbrace"):
            if pairs:
                self.stream.expect("comma")
                if self.stream.skip_if("rbrace"):
                    break
            key = self._key()
            self.stream.expect("colon")
            pairs.append(nodes.Pair(key, self.parse_expression(), lineno=key.lineno))
        return nodes.Dict(pairs, lineno=opening.lineno)

    def _key(self) -> nodes.Expr:
        token = self.stream.current
        if token.type == "name" and self.stream.look().type == "colon":
            next(self.stream)
            return nodes.Const(token.value, lineno=token.lineno)
        return self.parse_expression()

    def _comparison(self) -> str | None:
        """Take a comparison that Jinja has not, and return its name."""
        token = self.stream.current
        if token.type != "name":
            return None
        if token.value == "matches":
            next(self.stream)
            return "matches"
        second = _TWO_WORDS.get(token.value)
        if second is None or not self.stream.look().test(f"name:{second}"):
            return None
        self.stream.skip(2)
        return f"{token.value} {second}"


def _operation(name: str, left: nodes.Expr, right: nodes.Expr, line: int) -> nodes.Expr:
    return nodes.Filter(left, name, [right], [], None, None, lineno=line)
