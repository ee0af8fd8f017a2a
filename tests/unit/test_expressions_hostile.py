"""Expressions written to hurt: none runs for long, fills the memory or holds the other threads up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import (
    as_text,
    check_path,
    extract_all,
    pattern_found,
    quoted,
    read_path,
    render_template,
    shortened,
    validate_template,
)

TEXT = "x" * 1_000_000
ROWS = [[number, str(number)] for number in range(50_000)]
NUMBERS = [1.5] * 1_000_000
CONTEXT: dict[str, Any] = {
    "text": TEXT,
    "rows": ROWS,
    "numbers": NUMBERS,
    "same": list(NUMBERS),
    "lines": "\n" * 500_000,
    "tags": "<>" * 250_000,
}


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        call(*arguments, **named)
    return caught.value


# --- templates


@pytest.mark.parametrize(
    "text",
    [
        '{{ 1|round(10000000, "ceil") }}',
        "{{ 123|round(-100000000) }}",
        "{{ [1]|tojson(indent=300000000) }}",
        "{{ rows|sum(start=[]) }}",
        "{{ numbers|sort|length }}",
        "{{ text|trim(text) }}",
        "{{ text|truncate(-5) }}",
        "{% if numbers == same %}{% endif %}" * 1000,
        "{% if numbers is eq(same) %}{% endif %}" * 1000,
        "{% if 2 in numbers %}{% endif %}" * 1500,
        "{% for i in [1] %}" + "{% set x = loop.cycle(*numbers) %}" * 1500 + "{% endfor %}",
    ],
    ids=lambda text: text[:40],
)
def test_a_costly_template_fails_soon(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.template.MAX_SECONDS", 0.3)
    with at_most(3):
        assert refusal(render_template, text, CONTEXT).code == "TEMPLATE_FAILED"


@pytest.mark.parametrize(
    "text",
    [
        "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}",
        "{% set x = (1,) %}" + "{% set x = (x, x) %}" * 40 + "{{ {x: 1} }}",
        "{% set x = {} %}" + "{% set x = {1: x, 2: x} %}" * 40 + "{{ x|tojson }}",
        "{% set x = [text] %}" + "{% set x = x + x %}" * 16 + "{{ x|tojson }}",
        "{{ [" + "''," * 1000 + "]|map('default', text)|list }}",
        "{% set x = text[:] %}" * 3000,
        "{% set x = numbers[:] %}" * 2500,
        "{% set x = rows|reverse %}" * 2000,
        "{% set x = range(10000)|list %}" * 2000,
        "{{ tags|striptags|length }}" * 10,
        "{{ lines|nl2br|length }}" * 100,
        "{{ text|upper|length }}" * 1000,
        "{{ tags" + "|urlencode" * 60 + "|length }}",
    ],
    ids=lambda text: text[:40],
)
def test_a_template_that_would_fill_the_memory_is_stopped_before(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is spent ends it and not the time, even where the machine is busy.
    monkeypatch.setattr("flowdrop_jupyter.expressions.template.MAX_SECONDS", 12)
    with at_most(12):
        assert refusal(render_template, text, CONTEXT).code == "TEMPLATE_OUTPUT_TOO_LARGE"


def test_a_template_cannot_refill_its_budget() -> None:
    assert refusal(render_template, "{{ [1]|steps(-100)|list }}", {}).code == "TEMPLATE_INVALID"
    assert refusal(render_template, "{{ [1]|map('pairs')|list }}", {}).code == "TEMPLATE_FAILED"


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x'|replace('x', 'y' ~ 'z')|upper|wordcount }}",
        "{{ range(10000)|sum }}",
    ],
)
def test_validating_a_template_runs_nothing_of_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(*_: Any, **__: Any) -> None:
        pytest.fail("an expression was evaluated")

    monkeypatch.setattr("flowdrop_jupyter.expressions.template.rendered", ran)
    monkeypatch.setattr("flowdrop_jupyter.expressions.filters.rendered", ran)

    validate_template(text)


def test_escaping_cannot_be_switched_off_around_values() -> None:
    text = "{% autoescape false %}{{ a }}{% endautoescape %}"

    assert refusal(render_template, text, {"a": "<b>"}).code == "TEMPLATE_INVALID"


def test_running_out_of_memory_is_a_failed_template(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Any) -> str:
        raise MemoryError

    monkeypatch.setattr("flowdrop_jupyter.expressions.template.rendered", full)

    error = refusal(render_template, "{{ a }}", {"a": 1})

    assert (error.code, error.message.rpartition(" ")[2]) == ("TEMPLATE_FAILED", "MemoryError")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ -1.5|abs }} {{ '7.9'|int }} {{ 'ff'|int(0, 16) }} {{ 'x'|int(3) }}", "1.5 7 255 3"),
        ("{{ '1.5'|float }} {{ 'x'|float }}", "1.5 0.0"),
        ("{{ 42.55|round }} {{ 42.55|round(1, 'floor') }} {{ 42.1|round(0, 'ceil') }}", "43.0 42.5 43.0"),
        ("{{ [1, 2.5]|sum }} {{ people|sum('age') }} {{ [1]|sum(start=2) }}", "3.5 59 3"),
        ("{{ people|sort(attribute='age')|map(attribute='name')|join(',') }}", "Bo,ada,Cy"),
        ("{{ ['b', 'A', 'C']|sort|join }} {{ ['b', 'A']|sort(reverse=true)|join }}", "AbC bA"),
        ("{{ people|sort(attribute='age,name', reverse=true)|map(attribute='name')|first }}", "Cy"),
        ("{{ ['a', 'A', 'b']|unique|join }} {{ ['a', 'A']|unique(true)|join }}", "ab aA"),
        ("{{ ['b', 'A']|min }} {{ [3, 1]|max }} [{{ []|max }}]", "A 3 []"),
        ("{{ (people|max(attribute='age')).name }}", "Cy"),
        ("{% for k, v in {'b': 1, 'A': 2}|dictsort %}{{ k }}{{ v }}{% endfor %}", "A2b1"),
        ("{% for k, v in {'b': 1, 'a': 2}|dictsort(by='value') %}{{ k }}{% endfor %}", "ba"),
        ("{{ people|selectattr('age', 'gt', 18)|map(attribute='name')|join }}", "adaCy"),
        ("{{ people|rejectattr('age', 'gt', 18)|list|length }} {{ [0, 1]|select|join }}", "1 1"),
        ("{{ 'a b'|title }} {{ 'aB'|capitalize }} {{ 'a b c'|wordcount }} {{ ' a '|trim }}", "A B Ab 3 a"),
        ("{{ 'foo bar baz'|truncate(6, leeway=0) }} {{ 'foo bar'|truncate(2, true, '', 0) }}", "foo... fo"),
        ("{{ '<p>a &amp; <b>b</b><!-- > --> c</p> <'|striptags }}", "a &amp; b c &lt;"),
        ("{{ '<!-- <b>x'|striptags }}", "x"),
        ("{{ 'a b&c'|urlencode }} {{ {'q': 'a b'}|urlencode }}", "a%20b%26c q=a+b"),
        ("{{ {'b': '<', 'a': 1}|tojson }}", r'{"a": 1, "b": "\u003c"}'),
        ("{{ [1]|tojson(indent=2) }}", "[\n  1\n]"),
        ("{{ 'a\nb'|nl2br }} {{ ['<', 1]|join('>') }}", "a<br>\nb &lt;&gt;1"),
        ("{{ 'abc'|reverse }} {{ [1, 2]|reverse|join }} {{ {'a': 1}|items|first|join }}", "cba 21 a1"),
        ("{{ [1, 2, 3][1:]|join }} {{ 'abc'[::-1] }} [{{ gone[1:] }}]", "23 cba []"),
        ("{{ ages.values()|join('-') }} {{ ages.keys()|length }}", "1-2 2"),
        ("{{ 'A' is upper }} {{ 2 is even }} {{ 1 < 2 < 3 }} {{ 3 in [1, 3] }}", "true true true true"),
        ("{{ '<'|raw|upper }} {{ '<'|upper }}", "< &lt;"),
    ],
)
def test_a_filter_does_what_twig_authors_expect(text: str, expected: str) -> None:
    people = [{"name": "ada", "age": 20}, {"name": "Bo", "age": 9}, {"name": "Cy", "age": 30}]

    assert render_template(text, {"people": people, "ages": {"a": 1, "b": 2}}) == expected


# --- patterns


def test_a_pattern_that_backtracks_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.2)

    with at_most(5):
        assert refusal(pattern_found, "(a|aa)+$", "a" * 5000 + "!").code == "PATTERN_TIMEOUT"


def test_other_threads_run_while_a_pattern_is_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.2)
    rounds = 0
    with ThreadPoolExecutor(1) as threads:
        matching = threads.submit(pattern_found, r"(a|aa)+$", "a" * 50_000 + "!")
        while not matching.done():
            rounds += 1

        assert isinstance(matching.exception(), NodeError)
    assert rounds > 1000


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "(" * 900,
        "a" * 1001,
        "a{600000000}",
        "(?:a{1000}){1000}",
        "((a{50}b){50}c){50}",
        "[ab]{99999}",
        "(?:a #)\n b{1000} #(\n ){1000}(?x)",
        "(?x:a) {100000}",
        "(?#\\)(a{99}){999}",
        "(?R)",
        "a(?0)?b",
        "(?:a){2}{2}",
    ],
    ids=lambda pattern: pattern[:20],
)
def test_a_pattern_that_is_too_large_or_none_is_invalid(pattern: str) -> None:
    with at_most(2):
        error = refusal(pattern_found, pattern, "a")

    assert error.code == "PATTERN_INVALID"
    assert len(error.message) < 600


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", "12345678-1234-1234-1234-123456789abc", True),
        (r"^\d{1,3}(\.\d{1,3}){3}$", "192.168.0.1", True),
        ("Hello {d}", "Hello {d}", True),
        ("Hello {d}", "Hello ", False),
        ("a{e<=2}z", "az", False),
        (r"^\{a{,2}$", "{aa", True),
        (r"\N{LATIN SMALL LETTER A}b", "ab", True),
        ("(?P<x>a)(?P=x)", "aa", True),
        ("[]{3}]{2}", "]{", True),
    ],
)
def test_a_pattern_means_what_it_means_to_python(pattern: str, text: str, found: bool) -> None:
    assert pattern_found(pattern, text) is found


def test_ignoring_case_leaves_the_pattern_as_it_is() -> None:
    assert pattern_found("^[a-c]+É$", "ABCé", case_sensitive=False)
    assert not pattern_found(r"\D", "7", case_sensitive=False)
    assert not pattern_found("a", "A")


def test_a_text_too_long_for_a_pattern_is_refused() -> None:
    assert refusal(pattern_found, "a", "b" * 100_001).code == "PATTERN_TEXT_TOO_LONG"


# --- paths


@pytest.mark.parametrize(
    "path",
    [
        "$..*..*..*..*",
        "$[" + ",".join("*" * 400) + "][" + ",".join("*" * 400) + "]",
        "$[?count($..*) > 1][?count($..*) > 1]",
        "$.rows[?count($.rows[*]) > 1]",
        '$.words[?search(@, "(a|aa)+$")]',
        "$.deep..*",
    ],
    ids=lambda path: path[:30],
)
def test_a_costly_jsonpath_finds_nothing_and_is_an_error_when_strict(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.jsonpath.MAX_VISITS", 100_000)
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.2)
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    context = {"rows": ROWS, "words": ["a" * 1000 + "!"] * 100, "deep": deep}

    with at_most(5):
        error = refusal(extract_all, context, path, strict=True)
        assert read_path(context, path, "fallback") == "fallback"

    assert error.code == "PATH_FAILED"
    assert "JSONPath" in error.message
    assert len(error.message) < 600


def test_a_jsonpath_may_look_at_many_values() -> None:
    assert len(extract_all({"rows": ROWS}, "$.rows[*][0]", strict=True)) == len(ROWS)


def test_a_pattern_in_a_jsonpath_matches_as_the_standard_says() -> None:
    context = [{"a": "ab"}, {"a": "xab"}, {"a": "a\nb"}, {"a": 1}]

    assert extract_all(context, "$[?match(@.a, 'a.?b')].a") == ["ab"]
    assert extract_all(context, "$[?search(@.a, 'a[.b]')].a") == ["ab", "xab"]
    assert extract_all(context, "$[?match(@.a, '(?=a)')]") == []


@pytest.mark.parametrize("path", ["$[?@ > 1e999]", "$[?" + "!" * 3000 + "@]", "a" * 9000, "[" + "x" * 3000])
def test_an_odd_path_is_invalid_and_shortly_said(path: str) -> None:
    error = refusal(check_path, path)

    assert error.code == "PATH_INVALID"
    assert len(error.message) < 600
    assert read_path([1], path, "fallback") == "fallback"


def test_an_index_is_read_whole() -> None:
    assert read_path(["a", "b"], "[00000000001]") == "b"
    assert read_path(["a", "b"], "[" + "9" * 4000 + "]", "none") == "none"


def test_a_text_that_is_no_unicode_is_no_json() -> None:
    assert read_path("\ud800", "a", "fallback") == "fallback"
    assert as_text(["\ud800"]) == "['\\ud800']"


# --- quoting


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    ["a" * 10_000, ["a" * 10_000] * 10_000, {"a": {"b" * 999: [1] * 9999}}, 10**9999, Rude(), [Rude()]],
    ids=type,
)
def test_a_quoted_value_is_short_whatever_it_is(value: Any) -> None:
    assert 0 < len(quoted(value)) <= 200


def test_short_values_are_quoted_whole() -> None:
    assert [quoted(value) for value in ("a'b", 1, None, [1, {"a": True}])] == [
        '"a\'b"',
        "1",
        "None",
        "[1, {'a': True}]",
    ]


def test_a_deep_value_is_quoted() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]

    assert len(quoted(deep)) <= 200


def test_a_shortened_text_is_one_line() -> None:
    assert shortened(ValueError("a\n  b")) == "a b"
    assert shortened("a" * 999).endswith("a…")
