"""The expression language: what its operators and functions give, and what it refuses."""

from __future__ import annotations

import time
from typing import Any

import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import evaluate, validate
from flowdrop_jupyter.expressions.language import FUNCTIONS, MAX_EXPRESSION

CONTEXT: dict[str, Any] = {
    "user": {"name": "Ada", "tags": ["a", "b"], "address": {"city": "Paris"}, "0": "zero"},
    "rows": [{"n": 1}, {"n": 2}],
    "nothing": None,
    "zero": 0,
    "yes": True,
    "text": "Hello world",
}


def value(text: str, context: Any = CONTEXT) -> Any:
    return evaluate("expression_language", text, context)


def refusal(text: str, context: Any = CONTEXT) -> NodeError:
    with pytest.raises(NodeError) as caught:
        value(text, context)
    return caught.value


def same(found: Any, expected: Any) -> None:
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("1_000", 1000),
        ("1.5e1", 15.0),
        ("'it\\'s'", "it's"),
        ('"a\\n\\\\"', "a\n\\"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("[1, 'a', [],]", [1, "a", []]),
        ("{a: 1, 'b c': 2, (text): 3, 4: 5, zero}", {"a": 1, "b c": 2, "Hello world": 3, "4": 5, "zero": 0}),
        ("1 /* one */ + 1", 2),
        ("é", "accent"),
    ],
)
def test_literals(text: str, expected: Any) -> None:
    same(value(text, {**CONTEXT, "é": "accent"}), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 - 3 - 4", -5),
        ("6 / 3", 2),
        ("7 / 2", 3.5),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("2 ** 3 ** 2", 512),
        ("2 ** -1", 0.5),
        ("-2 ** 2", 4),
        ("-zero", 0),
        ("+ 3", 3),
        ("5 & 3 | 8 ^ 1", 9),
    ],
)
def test_arithmetic(text: str, expected: Any) -> None:
    same(value(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 == 1.0", True),
        ("1 === 1.0", False),
        ("'1' == 1", True),
        ("'1' === 1", False),
        ("true == 1", False),
        ("null == false", False),
        ("[1, {a: true}] == [1.0, {a: true}]", True),
        ("[1] === [true]", False),
        ("1 != 2", True),
        ("1 !== 1", False),
        ("2 < 10", True),
        ("'2' < 10", True),
        ("'b' > 'a'", True),
        ("2 >= 2 and 2 <= 2", True),
        ("1 in [1, 2]", True),
        ("1 in [1.0]", False),
        ("'x' not in user.tags", True),
        ("'Ada' in user", True),
        ("'ell' in text", True),
        ("text contains 'world'", True),
        ("text starts with 'Hell'", True),
        ("text ends with 'Hell'", False),
        ("not text contains 'world'", False),
        ("text matches '/^hello/i'", True),
        ("text matches '^hello'", False),
        ("'a/b' matches '/a\\/b/'", True),
        ("'a\nb' matches '/^b$/m'", True),
    ],
)
def test_comparison(text: str, expected: bool) -> None:
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes and not zero", True),
        ("yes && !zero || false", True),
        ("yes xor yes", False),
        ("nothing or text", True),
        ("true and missing ?? false", False),
        ("false and missing", False),
        ("true or missing", True),
        ("'0' ? 1 : 2", 2),
        ("[] ? 1 : 2", 2),
        ("yes ? 'a' : yes ? 'b' : 'c'", "a"),
        ("zero ? 'a'", None),
        ("zero ?: 'other'", "other"),
        ("text ?: 'other'", "Hello world"),
        ("zero ? : 3", 3),
        ("missing ?? nothing ?? 'last'", "last"),
        ("missing.deep.er ?? 1", 1),
        ("zero ?? 1", 0),
    ],
)
def test_logic_and_conditions(text: str, expected: Any) -> None:
    same(value(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user.name", "Ada"),
        ("user['name']", "Ada"),
        ("user.address['city']", "Paris"),
        ("user.tags[1]", "b"),
        ("user.tags.1", "b"),
        ("rows.0.n", 1),
        ("user.0", "zero"),
        ("user[0]", "zero"),
        ("user.tags[-1]", None),
        ("user.tags[9]", None),
        ("user.unheard", None),
        ("user.tags['x']", None),
        ("nothing?.a.b['c']", None),
        ("user?.name", "Ada"),
        ("user[zero ? 'x' : 'name']", "Ada"),
        ("[7, 8][1]", 8),
        ("{a: {b: 3}}.a.b", 3),
    ],
)
def test_access_by_key_and_index(text: str, expected: Any) -> None:
    same(value(text), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..3", [1, 2, 3]),
        ("3..1", [3, 2, 1]),
        ("text ~ '!' ~ 1 ~ null ~ true", "Hello world!1true"),
        ("'a' ~ 1 + 2", "a3"),
        ("max(1, 3, 2)", 3),
        ("min([4, 2])", 2),
        ("sum([1, 2.5])", 3.5),
        ("round(2.567, 2)", 2.57),
        ("round(2.6)", 3),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("abs(-3)", 3),
        ("length(text)", 11),
        ("count(user.tags)", 2),
        ("upper('a') ~ lower('B')", "Ab"),
        ("trim(' a ')", "a"),
        ("split('a,b', ',')", ["a", "b"]),
        ("join(user.tags, '-')", "a-b"),
        ("replace('aXa', 'X', 'b')", "aba"),
        ("slice('hello', 1, 3)", "ell"),
        ("slice([1, 2, 3], -2)", [2, 3]),
        ("first([]) ?? last([1, 2])", 2),
        ("reverse([1, 2])", [2, 1]),
        ("sort([3, 1])", [1, 3]),
        ("unique([1, true, 1, 1.0])", [1, True, 1.0]),
        ("merge({a: 1}, {b: 2})", {"a": 1, "b": 2}),
        ("merge([1], [2])", [1, 2]),
        ("keys({a: 1})", ["a"]),
        ("values({a: 1})", [1]),
        ("number('1.5') + number('2')", 3.5),
        ("string([1])", "[1]"),
        ("json_decode(json_encode({a: [1]}))", {"a": [1]}),
        ("type(null) ~ type(true) ~ type(1) ~ type(1.5)", "nullbooleanintegernumber"),
        ("type('') ~ type([]) ~ type({})", "stringarrayobject"),
    ],
)
def test_ranges_texts_and_functions(text: str, expected: Any) -> None:
    found = value(text)

    same(found, expected)
    if isinstance(expected, list):
        assert list(map(type, found)) == list(map(type, expected))


def test_every_function_is_tried_here() -> None:
    tried = {"abs", "ceil", "count", "first", "floor", "join", "json_decode", "json_encode", "keys", "last"}
    tried |= {"length", "lower", "max", "merge", "min", "number", "replace", "reverse", "round", "slice"}
    tried |= {"sort", "split", "string", "sum", "trim", "type", "unique", "upper", "values"}

    assert set(FUNCTIONS) == tried


@pytest.mark.parametrize(
    "text",
    [
        "1 +",
        "1 2",
        "(1",
        "[1",
        "{a 1}",
        "{[1]: 2}",
        "a.",
        "a.b()",
        "a?.b()",
        "unheard(1)",
        "length()",
        "length(1, 2)",
        "'open",
        "1 ? 2 :",
        "a not b",
        "a starts 'x'",
        "@",
        "a = 1",
        "not",
        "1e999",
        "9" * 30,
        "__import__('os')",
        "x" * (MAX_EXPRESSION + 1),
    ],
)
def test_what_is_no_expression_is_invalid(text: str) -> None:
    assert refusal(text).code == "EXPRESSION_INVALID"
    assert validate("expression_language", text)


@pytest.mark.parametrize(
    "text",
    [
        "missing",
        "user.name.first",
        "nothing.a",
        "'a' * 3",
        "'a' + 1",
        "true + 1",
        "1 / 0",
        "1 % 0",
        "0 ** -1",
        "(0 - 8) ** 0.5",
        "1 < null",
        "[1] < [2]",
        "1 contains 'a'",
        "1 in 2",
        "text matches '('",
        "max([])",
        "sort([1, 'a'])",
        "number('a')",
        "json_decode('{')",
        "{(null): 1}",
        "user[null]",
        "user.__class__.__mro__",
        "text.__class__",
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_valid_and_fails(text: str) -> None:
    assert validate("expression_language", text) is None
    assert refusal(text).code == "EXPRESSION_FAILED"


@pytest.mark.parametrize(
    "text", ["9 ** 9 ** 9", "2 ** 64", "1.5 ** 99999", "0.1 ** -999", "9999999999 * 9999999999"]
)
def test_numbers_stay_within_what_json_holds(text: str) -> None:
    assert refusal(text).code == "EXPRESSION_FAILED"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + ")" * 5000,
        "!" * 5000 + "1",
        "[" * 5000,
        "1 ? " * 3000 + "1",
        "a" + "[a" * 5000,
        "-" * 5000 + "1",
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert refusal(text).code == "EXPRESSION_INVALID"


def test_a_long_chain_is_no_nesting() -> None:
    assert value(" + ".join(["1"] * 4000)) == 4000
    assert value(" ?? ".join(["nothing"] * 50) + " ?? 1") == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1..10001", "EXPRESSION_FAILED"),
        ("0..-9999999999", "EXPRESSION_FAILED"),
        ("replace(t, 'x', t)", "EXPRESSION_TOO_COSTLY"),
        ("join(list, t)", "EXPRESSION_TOO_COSTLY"),
        ("[" + ",".join(["t"] * 100) + "]", "EXPRESSION_TOO_COSTLY"),
        (" ~ ".join(["t"] * 100), "EXPRESSION_TOO_COSTLY"),
        ("merge(" + ",".join(["list"] * 600) + ")", "EXPRESSION_TOO_COSTLY"),
    ],
)
def test_an_expression_produces_only_so_much(text: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    context = {"t": "x" * 500_000, "list": ["y"] * 20_000}
    monkeypatch.setattr("flowdrop_jupyter.expressions.language.MAX_SECONDS", 12)
    started = time.monotonic()

    assert refusal(text, context).code == code
    assert time.monotonic() - started < 12


def test_a_pattern_cannot_run_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.1)
    started = time.monotonic()

    assert refusal("t matches '(a|aa)+$'", {"t": "a" * 5000 + "!"}).code == "EXPRESSION_FAILED"
    assert time.monotonic() - started < 2


def test_many_slow_patterns_end_with_the_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.language.MAX_SECONDS", 0.1)
    text = " or ".join(["t matches '(a?){30}a{30}b'"] * 400)
    started = time.monotonic()

    refusal(text, {"t": "a" * 3000})

    assert time.monotonic() - started < 3


def test_values_nested_too_deeply_fail_and_do_not_overflow() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]

    for text in (
        "deep == deep",
        "[deep]",
        "deep in [deep]",
        "unique([deep, deep])",
        "string(deep) ~ 1",
        "json_encode(deep)",
    ):
        assert refusal(text, {"deep": deep}).code in {"EXPRESSION_FAILED", "EXPRESSION_TOO_COSTLY"}


def test_an_error_names_the_expression_shortly() -> None:
    error = refusal("missing ~ '" + "x" * 10_000 + "'")

    assert "missing" in error.message
    assert len(error.message) < 500
