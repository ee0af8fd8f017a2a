"""Templates, property paths and JSONPath as authors write them (LANG)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import (
    as_text,
    check_path,
    exists,
    extract_all,
    is_jsonpath,
    read_path,
    render_template,
    template_variables,
    validate_template,
)

STORE: dict[str, Any] = {
    "store": {
        "name": "Test Store",
        "books": [{"title": "Book 1", "price": 12}, {"title": "Book 3", "price": 8}],
        "empty": None,
    }
}


def refused(text: str, context: dict[str, Any] | None = None, *, strict: bool = False) -> NodeError:
    with pytest.raises(NodeError) as caught:
        render_template(text, context or {}, strict=strict)
    return caught.value


@pytest.mark.parametrize(
    ("text", "context", "expected"),
    [
        ("Hi {{ name }}", {"name": "A & <B>"}, "Hi A &amp; &lt;B&gt;"),
        ("{{ name|raw }}", {"name": "A & <B>"}, "A & <B>"),
        ("{{ '<' ~ name|raw }}", {"name": "<b>"}, "&lt;<b>"),
        ("[{{ missing }}{{ missing.deeper.still }}]", {}, "[]"),
        ("[{{ nothing }}]", {"nothing": None}, "[]"),
        ("{{ yes }} {{ list|raw }}", {"yes": True, "list": [1, "x"]}, 'true [1,"x"]'),
        ("{{ data.items }}", {"data": {"items": 3}}, "3"),
        ("{% for k, v in data %}{{ k }}={{ v }};{% endfor %}", {"data": {"a": 1, "b": 2}}, "a=1;b=2;"),
        ("{% for i in l %}{{ loop.index }}/{{ loop.length }} {% endfor %}", {"l": [7, 8]}, "1/2 2/2 "),
        ("{% for i in nothing %}x{% else %}none{% endfor %}", {"nothing": None}, "none"),
        ("{{ text|default('-') }}{{ gone|default('?') }}", {"text": ""}, "-?"),
        ("{{ names|join(', ') }}", {"names": ["<", 1]}, "&lt;, 1"),
    ],
)
def test_a_template_renders(text: str, context: dict[str, Any], expected: str) -> None:
    assert render_template(text, context) == expected


def test_an_image_passes_through_raw_unchanged() -> None:
    image = "![plot](data:image/png;base64,iVBORw0KGgo+/==)\n\n| a | b |\n| --- | --- |\n"

    assert render_template("{{ plot|raw }}", {"plot": image}) == image


def test_strict_mode_makes_a_missing_variable_an_error() -> None:
    error = refused("{{ name }}", strict=True)

    assert error.code == "TEMPLATE_FAILED"
    assert "name" in error.message


@pytest.mark.parametrize("text", ["{{ a", "{% if %}", "{{ a|unheard_of }}", "{{ " + "(" * 5000 + "}}"])
def test_a_template_that_does_not_compile_is_invalid(text: str) -> None:
    assert refused(text).code == "TEMPLATE_INVALID"
    with pytest.raises(NodeError, match="not valid"):
        validate_template(text)


@pytest.mark.parametrize(
    "text",
    [
        "{% macro again() %}{{ again() }}{% endmacro %}",
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{% for i in l recursive %}{{ loop(l) }}{% endfor %}",
    ],
)
def test_macros_other_files_and_recursion_are_not_available(text: str) -> None:
    assert refused(text).code == "TEMPLATE_INVALID"


@pytest.mark.parametrize(
    "text", ["{{ 1 / 0 }}", "{{ a + 1 }}", "{{ unknown() }}", "{{ range(10001)|length }}"]
)
def test_a_template_that_fails_in_rendering_is_valid_and_fails(text: str) -> None:
    validate_template(text)

    assert refused(text, {"a": "b"}).code == "TEMPLATE_FAILED"


@pytest.mark.parametrize(
    "text",
    ["{{ a.__class__ }}", "{{ a.upper }}", "{{ ''.__class__ }}", "{{ d.__init__ }}", "{{ l.append }}"],
)
def test_python_attributes_are_out_of_reach(text: str) -> None:
    assert render_template(text, {"a": "x", "d": {}, "l": []}) == ""


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(10000) %}" + "x" * 200 + "{% endfor %}",
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x ~ x %}" * 40,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x + x %}" * 40,
        "{% set x = [1] %}" + "{% set x = x + x %}" * 40,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40,
        "{% set x = 'xxxxxxxxxx' %}" + "{% set x = x|replace('x', x) %}" * 9,
    ],
)
def test_a_template_cannot_grow_without_bound(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is spent ends it and not the time, even where the machine is busy.
    monkeypatch.setattr("flowdrop_jupyter.expressions.template.MAX_SECONDS", 20)

    assert refused(text).code == "TEMPLATE_OUTPUT_TOO_LARGE"


@pytest.mark.parametrize("text", ["{{ 'a' * 1000000000 }}", "{{ '%9999999d' % 1 }}", "{{ 9 ** 9999 ** 99 }}"])
def test_arithmetic_stays_with_numbers_of_a_sensible_size(text: str) -> None:
    assert refused(text).code == "TEMPLATE_FAILED"


def test_a_template_cannot_run_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.template.MAX_SECONDS", 0.05)
    loops = "{% for i in r %}{% for j in r %}{% for k in r %}{% endfor %}{% endfor %}{% endfor %}"
    started = time.monotonic()

    error = refused("{% set r = range(10000) %}" + loops)

    assert error.code == "TEMPLATE_FAILED"
    assert time.monotonic() - started < 1


def test_variables_come_in_order_of_appearance() -> None:
    text = "{{ zebra }} {{ apple.core }} {% for i in list %}{{ i }}{{ range(3) }}{% endfor %}"

    assert template_variables(text) == ("zebra", "apple", "list")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), ("a", "a"), (1, "1"), (1.5, "1.5"), (False, "false"), ({"a": [1]}, '{"a":[1]}')],
)
def test_text_of_a_value_is_itself_or_json(value: Any, expected: str) -> None:
    assert as_text(value) == expected


@pytest.mark.parametrize(
    "path",
    [
        "store.books[0].title",
        "store.books.0.title",
        "[store][books][0][title]",
        "store['books'][0][\"title\"]",
        " $.store.books[0].title ",
    ],
)
def test_spellings_of_a_path_are_equivalent(path: str) -> None:
    assert read_path(STORE, path) == "Book 1"


@pytest.mark.parametrize(
    "path", ["a..b", "a.", "a[", "a[]", "a[0]b", "a]", "$.[invalid", "$.a[?", "a" * 5000]
)
def test_an_unreadable_path_is_invalid_but_never_raises_in_reading(path: str) -> None:
    with pytest.raises(NodeError) as caught:
        check_path(path)

    assert caught.value.code == "PATH_INVALID"
    assert read_path(STORE, path, "fallback") == "fallback"
    assert extract_all(STORE, path) == []
    assert not exists(STORE, path)


@pytest.mark.parametrize(
    "path", ["store.nonexistent", "store.books[9]", "$.store.nonexistent", "store.name.first"]
)
def test_a_path_that_finds_nothing_gives_the_default(path: str) -> None:
    check_path(path)

    assert read_path(STORE, path, "fallback") == "fallback"
    assert not exists(STORE, path)


def test_a_stored_null_exists() -> None:
    assert read_path(STORE, "store.empty", "fallback") is None
    assert exists(STORE, "store.empty")
    assert exists(STORE, "$.store.empty")


def test_the_empty_path_is_the_context() -> None:
    check_path("")

    assert read_path(STORE, " ") is STORE
    assert exists(None, "")


def test_a_single_match_is_unwrapped_unless_the_path_can_have_several() -> None:
    assert read_path(STORE, "$.store.name") == "Test Store"
    assert read_path(STORE, "$.store.books[?(@.price < 9)].title") == ["Book 3"]
    assert read_path({"tags": ["a"]}, "$.tags") == ["a"]
    assert read_path({"a": {"b": 1}}, "$.a[*]") == [1]


def test_a_text_is_read_as_json_when_it_is_json() -> None:
    assert read_path('{"a": {"b": 1}}', "a.b") == 1
    assert read_path('{"a": {"b": 1}}', "$.a.b") == 1
    assert read_path("not json", "a.b", "fallback") == "fallback"
    assert read_path("NaN", "$", "fallback") == "NaN"
    assert read_path("null", "$", "fallback") is None


def test_extracting_all_gives_a_list() -> None:
    assert extract_all(STORE, "store.name") == ["Test Store"]
    assert extract_all(STORE, "store.empty") == []
    assert extract_all(STORE, "$..title") == ["Book 1", "Book 3"]


def test_only_a_leading_dollar_makes_a_jsonpath() -> None:
    assert is_jsonpath("  $.a")
    assert not is_jsonpath("a.$b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ yes ? 'a' : 'b' }}{{ no ? 'a' : 'b' }}", "ab"),
        ("{{ no ? 'a' : yes ? 'b' : 'c' }}{{ no ? 'a' }}", "b"),
        ("{{ name ?: 'none' }} {{ empty ?: 'none' }} {{ missing ? : 'none' }}", "Ada none none"),
        ("{{ missing ?? nothing ?? 'last' }} {{ missing.deep ?? 'x' }} {{ empty ?? 'x' }}.", "last x ."),
        ("{{ (missing ?? 1) + 1 }}", "2"),
        ("{% for n in 1..3 %}{{ n }}{% endfor %} {{ 3..1 }}", "123 [3,2,1]"),
        ("{{ {a: 1, 'b': {c: name}}|raw }}", '{"a":1,"b":{"c":"Ada"}}'),
        ("{{ name starts with 'A' and name ends with 'a' }} {{ name matches '/^ada$/i' }}", "true true"),
        ("{{ name|slice(1, 2) }} {{ 'a,b'|split(',')|join('-') }} {{ [1]|merge([2]) }}", "da a-b [1,2]"),
        ("{{ {'a': 1}.a }}{{ 'x' if yes else 'y' }}{{ [1, 2, 3][1:] }}", "1x[2,3]"),
    ],
)
def test_a_template_may_use_what_twig_has_beyond_jinja(text: str, expected: str) -> None:
    context = {"yes": True, "no": False, "name": "Ada", "empty": "", "nothing": None}

    assert render_template(text, context) == expected


def test_a_value_with_a_fallback_is_not_missing_in_strict_mode() -> None:
    assert render_template("{{ name ?? 'none' }}", {}, strict=True) == "none"


@pytest.mark.parametrize(
    "text",
    ["{{ a ? }}", "{{ ?? a }}", "{{ a ?: }}", "{{ 1.. }}", "{{ a starts 'b' }}", "{{ a|?? }}", "{{ {a} }}"],
)
def test_broken_twig_does_not_compile(text: str) -> None:
    assert refused(text).code == "TEMPLATE_INVALID"


@pytest.mark.parametrize(
    "text",
    ["{{ " + "(" * 25 + "a" + " ?: a)" * 25 + "}}", "{{ " + "(" * 25 + "a" + " ?? a)" * 25 + "}}"],
)
def test_nested_operators_do_not_multiply_the_compiled_template(text: str) -> None:
    started = time.monotonic()

    assert render_template(text, {"a": "x"}) == "x"
    assert time.monotonic() - started < 2


def test_ranges_and_patterns_of_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.1)

    assert refused("{{ 1..99999999999 }}").code == "TEMPLATE_FAILED"
    assert refused("{{ a matches '(a|aa)+$' }}", {"a": "a" * 5000 + "!"}).code == "TEMPLATE_FAILED"
