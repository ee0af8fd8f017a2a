"""The engines themselves: contexts, results, and what raises (LANG-1 to LANG-20)."""

from __future__ import annotations

from typing import Any

import pytest
from lang_desk import failure, mapper, outputs

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import (
    evaluate,
    exists,
    extract_all,
    is_jsonpath,
    read_path,
    trigger_value,
)

pytestmark = pytest.mark.anyio

STORE: dict[str, Any] = {
    "store": {
        "name": "Test Store",
        "nothing": None,
        "books": [
            {"title": "Book 1", "price": 12},
            {"title": "Book 2", "price": 10},
            {"title": "Book 3", "price": 8},
        ],
        "tags": ["a"],
    }
}
UNREADABLE = ["a..b", "a[", "a[]", ".", "]", "store.name.first", "nowhere", "store.books[99]", "store[-1]"]
UNRUNNABLE = ["$.[invalid", "$.store.nonexistent", "$[", "$..[?", "$" + "[*]" * 60]


@pytest.mark.rule("LANG-1")
@pytest.mark.parametrize(
    ("engine", "expression", "expected"),
    [
        ("property_path", "data.store.name", "Test Store"),
        ("jsonpath", "$.data.store.name", "Test Store"),
        ("expression_language", "data.store.name ~ '!'", "Test Store!"),
        ("twig", "{{ data.store.name }}!", "Test Store!"),
    ],
)
async def test_one_context_is_data_for_some_engines_and_variables_for_others(
    engine: str, expression: str, expected: str
) -> None:
    given = await outputs("data_mapper", STORE, **mapper(engine, out=expression))

    assert given["out"] == expected


@pytest.mark.rule("LANG-4")
@pytest.mark.parametrize(
    ("context", "rendered"), [(7, "<7>"), ("7", "<7>"), ([7], "<[7]>"), (True, "<true>"), (None, "<>")]
)
async def test_a_context_that_is_no_map_is_the_variable_data(context: Any, rendered: str) -> None:
    found = await outputs("data_extractor", context, path="<{{ data }}>", engine="twig")
    assert found["data"] == rendered

    found = await outputs("data_extractor", context, path="[data]", engine="expression_language")
    assert found["data"] == [context]


@pytest.mark.rule("LANG-4")
async def test_items_that_are_no_maps_are_the_variable_data() -> None:
    mapping = {"doubled": {"_source": "numbers", "_each": "data * 2"}}

    given = await outputs("data_shaper", {"numbers": [1, 2]}, mapping=mapping, engine="expression_language")

    assert given["data"] == {"doubled": [2, 4]}


@pytest.mark.rule("LANG-6")
@pytest.mark.parametrize("expression", ["data +", "1 / 0", "data.x.y", "unheard", "unheard ~ ''"])
async def test_an_expression_that_fails_gives_no_value(expression: str) -> None:
    error = await failure("data_mapper", {"x": 1}, **mapper("expression_language", out=expression))

    assert error["details"][0]["code"] == (
        "EXPRESSION_INVALID" if expression == "data +" else "EXPRESSION_FAILED"
    )
    with pytest.raises(NodeError):
        evaluate("expression_language", expression, {"data": {"x": 1}})


@pytest.mark.rule("LANG-7")
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ data }}", "&lt;b&gt; &amp; c"),
        ("{{ data|raw }}", "<b> & c"),
        ("[{{ unheard }}]", "[]"),
        ("[{{ unheard.of.it }}]", "[]"),
        ("{{ 1 + 1 }}", "2"),
    ],
)
async def test_a_template_gives_an_escaped_text(template: str, expected: str) -> None:
    given = await outputs("data_mapper", "<b> & c", **mapper("twig", out=template))

    assert given["out"] == expected


@pytest.mark.rule("LANG-7")
@pytest.mark.parametrize(
    ("template", "code", "said"),
    [
        ("{{ data", "TEMPLATE_INVALID", "is not valid"),
        ("{{ 1 / 0 }}", "TEMPLATE_FAILED", "could not be rendered"),
    ],
)
async def test_a_template_says_whether_it_did_not_compile_or_not_render(
    template: str, code: str, said: str
) -> None:
    error = await failure("data_mapper", 1, **mapper("twig", out=template))

    assert error["details"][0]["code"] == code
    assert said in error["message"]


@pytest.mark.rule("LANG-8")
@pytest.mark.parametrize("path", [*UNREADABLE, "\0", "\ud800", "a" * 100_000])
@pytest.mark.parametrize("context", [STORE, None, 7, "text", [1]])
async def test_evaluating_a_property_path_never_raises(path: str, context: Any) -> None:
    assert evaluate("property_path", path, context) is None


@pytest.mark.rule("LANG-8")
async def test_a_path_that_cannot_be_read_looks_like_a_stored_null() -> None:
    assert (
        evaluate("property_path", "store.nothing", STORE)
        is evaluate("property_path", "store[", STORE)
        is None
    )


@pytest.mark.rule("LANG-9")
@pytest.mark.parametrize("path", UNRUNNABLE)
async def test_evaluating_a_jsonpath_never_raises_and_gives_the_default(path: str) -> None:
    assert read_path(STORE, path, "fallback") == "fallback"
    assert evaluate("jsonpath", path, STORE) is None


@pytest.mark.rule("LANG-9")
async def test_a_query_that_costs_too_much_gives_the_default() -> None:
    wide = [[1] * 2000] * 2000

    assert read_path(wide, "$[*][*]", "fallback") == "fallback"


@pytest.mark.rule("LANG-14")
@pytest.mark.parametrize(
    ("path", "query"),
    [("$.a", True), (" \n\t$.a ", True), ("$", True), ("a.$b", False), ("'$'", False), ("", False)],
)
async def test_a_path_is_a_jsonpath_exactly_when_it_starts_with_a_dollar(path: str, query: bool) -> None:
    given = await outputs("data_extractor", {"a": 1, "$b": 2}, path=path)

    assert given["is_jsonpath"] is query
    assert is_jsonpath(path) is query


@pytest.mark.rule("LANG-14")
@pytest.mark.parametrize("engine", ["property_path", "jsonpath"])
async def test_both_path_engines_read_both_kinds_of_path(engine: str) -> None:
    assert (await outputs("data_extractor", STORE, path="  $.store.name", engine=engine))[
        "data"
    ] == "Test Store"
    assert (await outputs("data_extractor", STORE, path="store.name", engine=engine))["data"] == "Test Store"


@pytest.mark.rule("LANG-15")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.store.name", "Test Store"),
        ("$.store.tags", ["a"]),
        ("$.store.books[?(@.price < 9)].title", ["Book 3"]),
        ("$.store.tags[*]", ["a"]),
        ("$.store.books[0:1].title", ["Book 1"]),
        ("$.store.books[*].title", ["Book 1", "Book 2", "Book 3"]),
        ("$..name", "Test Store"),
        ("$.store.books[0, 9].title", "Book 1"),
    ],
)
async def test_one_match_is_unwrapped_unless_the_path_can_give_several(path: str, expected: Any) -> None:
    assert evaluate("jsonpath", path, STORE) == expected
    given = await outputs("data_mapper", STORE, **mapper("jsonpath", out=path.replace("$", "$.data", 1)))
    assert given["out"] == expected


@pytest.mark.rule("LANG-16")
@pytest.mark.parametrize(
    ("context", "path", "expected"),
    [
        ('{"a": {"b": 1}}', "a.b", 1),
        ('{"a": {"b": 1}}', "$.a.b", 1),
        ("[3, 4]", "1", 4),
        ("no JSON", "$", "no JSON"),
        ("no JSON", "a", None),
        ("null", "$", None),
        ("123", "$", 123),
        ("NaN", "$", "NaN"),
        ("Infinity", "$", "Infinity"),
    ],
)
async def test_a_text_is_read_as_json_first(context: str, path: str, expected: Any) -> None:
    assert (await outputs("data_extractor", context, path=path))["data"] == expected


@pytest.mark.rule("LANG-17")
@pytest.mark.parametrize(
    "path",
    [
        "store.books[2].title",
        "store.books.2.title",
        "[store][books][2][title]",
        "store['books'].2[\"title\"]",
        "['store'].books[2]['title']",
    ],
)
async def test_dots_and_brackets_spell_the_same_path_everywhere(path: str) -> None:
    assert read_path(STORE, path) == trigger_value(STORE, path) == "Book 3"
    assert extract_all(STORE, path) == ["Book 3"]
    assert exists(STORE, path)
    assert (await outputs("data_extractor", STORE, path=path, engine="property_path"))["data"] == "Book 3"
    assert (await outputs("data_extractor", STORE, path=path, engine="jsonpath"))["data"] == "Book 3"
    shaped = await outputs("data_shaper", STORE, mapping={"title": path})
    assert shaped["data"] == {"title": "Book 3"}


@pytest.mark.rule("LANG-18")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("literal:store.name", "store.name"),
        ("'store.name'", "store.name"),
        ('"store.name"', "store.name"),
        ("store.name", "Test Store"),
        ("'store.name\"", None),
    ],
)
async def test_a_trigger_mapping_knows_literals(value: str, expected: Any) -> None:
    assert trigger_value(STORE, value) == expected


@pytest.mark.rule("LANG-18")
async def test_nothing_but_a_trigger_mapping_knows_them() -> None:
    context = {"literal:a": 1, "'a'": 2}

    assert read_path(context, "literal:a") == 1
    assert read_path(context, "'a'") == 2


@pytest.mark.rule("LANG-19")
@pytest.mark.parametrize(
    ("path", "expected"),
    [("store.name", ["Test Store"]), ("store.tags", [["a"]]), ("store.nothing", []), ("nowhere", [])],
)
async def test_extracting_all_of_a_property_path_gives_a_list(path: str, expected: list[Any]) -> None:
    assert extract_all(STORE, path) == expected
    config = {"path": path, "engine": "property_path", "extract_all": True}
    assert (await outputs("data_extractor", STORE, **config))["data"] == expected


@pytest.mark.rule("LANG-20")
@pytest.mark.parametrize("path", [*UNREADABLE, *UNRUNNABLE, "\0", "$.store.name.first"])
async def test_what_cannot_be_read_does_not_exist(path: str) -> None:
    assert exists(STORE, path) is False


@pytest.mark.rule("LANG-20")
@pytest.mark.parametrize("scalar", [7, True, None, "text", "7"])
async def test_nothing_exists_in_a_scalar_but_the_scalar(scalar: Any) -> None:
    assert exists(scalar, "a") is False
    assert exists(scalar, "0") is False
    assert exists(scalar, "") is True
    assert exists(scalar, "  ") is True


@pytest.mark.rule("LANG-20")
@pytest.mark.parametrize("path", ["store.nothing", "$.store.nothing", "store.books[0]", "$"])
async def test_what_can_be_read_exists_even_when_it_is_null(path: str) -> None:
    assert exists(STORE, path) is True
