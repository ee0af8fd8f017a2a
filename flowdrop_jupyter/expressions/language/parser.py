"""From tokens to something that can be evaluated: a parser by operator precedence that makes closures.

Neither parsing nor evaluating goes deep into Python's stack: nesting is limited, and a chain of
operators is a loop, however long it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..budget import SCALAR, charge, weigh
from ..quoting import quoted
from .functions import FUNCTIONS
from .operations import BINARY, Absent, calculated, item, number, truth
from .tokens import SyntaxFault, Token, tokens_of

Variables: TypeAlias = Mapping[str, Any]
Evaluate: TypeAlias = Callable[[Variables], Any]
Operate: TypeAlias = Callable[[Any, Evaluate, Variables], Any]
"""From the left value and the right side, which it may leave out, to the result."""

MAX_NESTING: Final = 64
"""How deep an expression may be nested in brackets, conditions and right-hand operators."""

_ACCESSES: Final = 64
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_PRECEDENCE: Final = {
    "or": 10, "||": 10, "xor": 12, "and": 15, "&&": 15, "|": 16, "^": 17, "&": 18,
    "==": 20, "===": 20, "!=": 20, "!==": 20, "<": 20, ">": 20, "<=": 20, ">=": 20,
    "in": 20, "not in": 20, "matches": 20, "contains": 20, "starts with": 20, "ends with": 20,
    "..": 25, "~": 27, "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 200, "??": 300,
}  # fmt: skip
_UNARY: Final = {"not": 19, "!": 50, "-": 500, "+": 500}
"""How strongly an operator binds.

As in Symfony's language, but for two that surprise there: ``not a contains b`` negates the whole
comparison, and ``a ~ b + c`` adds before it joins.
"""

_RIGHT: Final = frozenset({"**", "??"})
_TWO_WORDS: Final = {"not": "in", "starts": "with", "ends": "with"}


def parse(text: str) -> Evaluate:
    """Return what evaluates the expression *text* for some variables.

    :raises SyntaxFault: when it is none.
    """
    parser = _Parser(tokens_of(text))
    made = parser.expression()
    parser.expect_end()
    return made


def _operation(name: str) -> Operate:
    if name in ("or", "||"):
        return lambda left, right, variables: truth(left) or truth(right(variables))
    if name in ("and", "&&"):
        return lambda left, right, variables: truth(left) and truth(right(variables))
    operate = BINARY[name]
    return lambda left, right, variables: operate(left, right(variables))


@dataclass(frozen=True, slots=True)
class _Access:
    key: Evaluate
    null_safe: bool


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nesting = 0

    def expression(self, least: int = 0) -> Evaluate:
        """Parse operands joined by operators that bind at least as strongly as *least*."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise SyntaxFault(f"it is nested more than {MAX_NESTING} levels deep")
        made = self._operators(least)
        if least == 0:
            made = self._conditional(made)
        self._nesting -= 1
        return made

    def expect_end(self) -> None:
        """Check that nothing is left."""
        if self._token.kind != "end":
            raise SyntaxFault(f"there is more than one expression: {self._token}")

    # --- tokens

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _is(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.value == sign

    def _took(self, sign: str) -> bool:
        found = self._is(sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._took(sign):
            raise SyntaxFault(f"{quoted(sign)} is missing before {self._token}")

    # --- operators

    def _operators(self, least: int) -> Evaluate:
        first = self._prefix()
        steps: list[tuple[Operate, Evaluate]] = []
        while (name := self._operator(least)) is not None:
            right = self.expression(_PRECEDENCE[name] + (name not in _RIGHT))
            if name == "??":
                first = _coalesced(first, right)
            else:
                steps.append((_operation(name), right))
        return _chain(first, tuple(steps)) if steps else first

    def _operator(self, least: int) -> str | None:
        """Take the operator that stands here, unless it binds too weakly, and return its name."""
        token = self._token
        if token.kind not in ("sign", "name"):
            return None
        name, length = str(token.value), 1
        second = _TWO_WORDS.get(name) if token.kind == "name" else None
        if second is not None:
            following = self._tokens[self._at + 1]
            if following.kind != "name" or following.value != second:
                return None
            name, length = f"{name} {second}", 2
        if _PRECEDENCE.get(name, -1) < least:
            return None
        self._at += length
        return name

    def _conditional(self, condition: Evaluate) -> Evaluate:
        while True:
            if self._took("?:"):
                condition = _either(condition, condition, self.expression())
            elif self._took("?"):
                if self._took(":"):
                    condition = _either(condition, condition, self.expression())
                    continue
                taken = self.expression()
                other = self.expression() if self._took(":") else _constant(None)
                condition = _either(condition, taken, other)
            else:
                return condition

    def _prefix(self) -> Evaluate:
        token = self._token
        precedence = _UNARY.get(token.value) if token.kind in ("sign", "name") else None
        if precedence is None:
            return self._accesses(self._primary())
        self._next()
        operand = self.expression(precedence)
        if precedence < 500:
            return lambda variables: not truth(operand(variables))
        sign = -1 if token.value == "-" else 1
        return lambda variables: calculated(sign * number(operand(variables)))

    # --- operands

    def _primary(self) -> Evaluate:
        token = self._next()
        if token.kind in ("number", "text"):
            return _constant(token.value)
        if token.kind == "name":
            if self._is("("):
                return self._call(token)
            constant = str(token.value).lower()
            return _constant(_CONSTANTS[constant]) if constant in _CONSTANTS else _variable(token.value)
        if token.kind == "sign" and token.value == "(":
            made = self.expression()
            self._expect(")")
            return made
        if token.kind == "sign" and token.value == "[":
            return _list(self._several("]"))
        if token.kind == "sign" and token.value == "{":
            return self._hash()
        raise SyntaxFault(f"a value is missing before {token}")

    def _several(self, closing: str) -> tuple[Evaluate, ...]:
        found: list[Evaluate] = []
        while not self._took(closing):
            if found:
                self._expect(",")
                if self._took(closing):
                    break
            found.append(self.expression())
        return tuple(found)

    def _call(self, name: Token) -> Evaluate:
        function = FUNCTIONS.get(name.value)
        if function is None:
            raise SyntaxFault(f"there is no function {name}")
        self._expect("(")
        arguments = self._several(")")
        if not function.least <= len(arguments) <= function.most:
            raise SyntaxFault(f"{len(arguments)} arguments do not fit the function {name}")
        call = function.call

        def called(variables: Variables) -> Any:
            charge(SCALAR)
            return call(*[argument(variables) for argument in arguments])

        return called

    def _hash(self) -> Evaluate:
        entries: list[tuple[Evaluate, Evaluate]] = []
        while not self._took("}"):
            if entries:
                self._expect(",")
                if self._took("}"):
                    break
            entries.append(self._entry())
        pairs = tuple(entries)

        def built(variables: Variables) -> dict[str, Any]:
            made: dict[str, Any] = {}
            for key, value in pairs:
                name = key(variables)
                if isinstance(name, bool) or not isinstance(name, (str, int)):
                    raise TypeError(f"{quoted(name)} cannot be a key")
                made[str(name)] = value(variables)
            weigh(made)
            return made

        return built

    def _entry(self) -> tuple[Evaluate, Evaluate]:
        token = self._next()
        if token.kind == "sign" and token.value == "(":
            key = self.expression()
            self._expect(")")
        elif token.kind in ("name", "text", "number"):
            key = _constant(token.value)
            if token.kind == "name" and not self._is(":"):
                return key, _variable(token.value)
        else:
            raise SyntaxFault(f"a key is missing before {token}")
        self._expect(":")
        return key, self.expression()

    def _accesses(self, made: Evaluate) -> Evaluate:
        accesses: list[_Access] = []
        safe = False
        while True:
            if self._is(".") or self._is("?."):
                safe = self._next().value == "?." or safe
                token = self._next()
                if token.kind not in ("name", "number"):
                    raise SyntaxFault(f"a name is missing before {token}")
                if self._is("("):
                    raise SyntaxFault(f"methods such as {token} cannot be called")
                accesses.append(_Access(_constant(token.value), safe))
            elif self._took("["):
                accesses.append(_Access(self.expression(), safe))
                self._expect("]")
            else:
                break
            if len(accesses) > _ACCESSES:
                raise SyntaxFault(f"more than {_ACCESSES} keys follow each other")
        return _reached(made, tuple(accesses)) if accesses else made


def _constant(value: Any) -> Evaluate:
    return lambda variables: value


def _variable(name: str) -> Evaluate:
    def read(variables: Variables) -> Any:
        charge(1)
        if name not in variables:
            raise Absent(f"there is no variable {quoted(name)}")
        return variables[name]

    return read


def _chain(first: Evaluate, steps: tuple[tuple[Operate, Evaluate], ...]) -> Evaluate:
    def run(variables: Variables) -> Any:
        value = first(variables)
        for operate, right in steps:
            charge(1)
            value = operate(value, right, variables)
        return value

    return run


def _coalesced(first: Evaluate, second: Evaluate) -> Evaluate:
    def run(variables: Variables) -> Any:
        try:
            value = first(variables)
        except Absent:
            value = None
        return second(variables) if value is None else value

    return run


def _either(condition: Evaluate, taken: Evaluate, other: Evaluate) -> Evaluate:
    same = taken is condition

    def run(variables: Variables) -> Any:
        value = condition(variables)
        if truth(value):
            return value if same else taken(variables)
        return other(variables)

    return run


def _list(items: tuple[Evaluate, ...]) -> Evaluate:
    def built(variables: Variables) -> list[Any]:
        made = [each(variables) for each in items]
        weigh(made)
        return made

    return built


def _reached(start: Evaluate, accesses: tuple[_Access, ...]) -> Evaluate:
    def run(variables: Variables) -> Any:
        value = start(variables)
        for access in accesses:
            if value is None and access.null_safe:
                return None
            value = item(value, access.key(variables))
        return value

    return run
