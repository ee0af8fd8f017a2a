"""What the ``@node`` decorator derives from a typed function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import (
    Branched,
    Config,
    Lane,
    NodeContext,
    NodeRegistry,
    Wire,
    function_node,
    node,
    resolve_parameters,
)
from flowdrop_jupyter.workflow.node_types import NodeType


class Found(msgspec.Struct):
    """Two outputs."""

    best: str
    rows: Annotated[list[dict[str, Any]], Lane("dataframe")]
    secret: Annotated[int, Lane("number", exposed=False)]


@node(category="data", shapes=("simple",), tags=("example",))
async def find_rows(
    context: NodeContext,
    table: Annotated[Mapping[str, Any], Wire(lane="dataframe")],
    query: Annotated[str, msgspec.Meta(min_length=1)],
    mode: Annotated[Literal["fast", "exact"], Config()] = "fast",
    limit: Annotated[int, Config(format="range"), msgspec.Meta(title="Most rows", ge=1)] = 10,
    api_key: Annotated[str, Config()] = "",
    hint: str | None = None,
) -> Found:
    """Finds the rows that match
    a query.

    More about it.

    :param query: what to look for,
        in words.
    :param limit: at most so many.
    """
    return Found(best=query, rows=[], secret=1)


def made() -> NodeType:
    return function_node(find_rows).node_type


def test_name_and_description_come_from_the_function() -> None:
    assert made().id == "find_rows"
    assert made().name == "Find rows"
    assert made().description == "Finds the rows that match a query."


def test_the_decorated_function_stays_callable() -> None:
    @node
    def double(number: int) -> int:
        """Doubles."""
        return 2 * number

    assert double(4) == 8
    assert list(function_node(double).node_type.outputs) == ["result"]


def test_a_plain_parameter_is_port_and_field_and_marks_narrow_it() -> None:
    parameters = made().parameters

    assert {name: (entry.connectable, entry.configurable) for name, entry in parameters.items()} == {
        "table": (True, False),
        "query": (True, True),
        "mode": (False, True),
        "limit": (False, True),
        "api_key": (False, True),
        "hint": (True, True),
    }


def test_the_context_is_no_parameter() -> None:
    assert function_node(find_rows).signature.context == "context"
    assert "context" not in made().parameters


def test_only_a_required_wire_is_required_in_the_ports() -> None:
    required = {port["id"]: port["required"] for port in made().metadata()["inputs"]}

    assert required["table"]
    assert not required["query"]
    assert not required["trigger"]


def test_only_a_required_field_is_required_in_the_form() -> None:
    @node
    def send(address: Annotated[str, Config()], text: str) -> None:
        """Sends."""

    assert function_node(send).node_type.config_schema()["required"] == ["address"]


def test_the_form_has_types_titles_descriptions_bounds_and_formats() -> None:
    properties = made().config_schema()["properties"]

    assert properties["query"] == {
        "type": "string",
        "minLength": 1,
        "title": "Query",
        "description": "what to look for, in words.",
    }
    assert properties["limit"]["title"] == "Most rows"
    assert properties["limit"]["minimum"] == 1
    assert properties["limit"]["format"] == "range"
    assert "table" not in properties


def test_a_literal_becomes_an_enumeration() -> None:
    mode = made().config_schema()["properties"]["mode"]

    assert (mode["type"], sorted(mode["enum"]), mode["default"]) == ("string", ["exact", "fast"], "fast")


def test_defaults_that_are_not_null_are_config_defaults() -> None:
    assert made().config_defaults() == {"mode": "fast", "limit": 10, "api_key": "", "nodeType": "default"}


def test_lanes_come_from_types_and_marks() -> None:
    inputs = {port["id"]: port["dataType"] for port in made().metadata()["inputs"]}
    outputs = {port["id"]: port["dataType"] for port in made().metadata()["outputs"]}

    assert (inputs["table"], inputs["query"]) == ("dataframe", "string")
    assert (outputs["best"], outputs["rows"]) == ("string", "dataframe")


def test_an_output_may_be_hidden() -> None:
    outputs = {port["id"]: port.get("exposedByDefault", True) for port in made().metadata()["outputs"]}

    assert outputs == {"best": True, "rows": True, "secret": False, "trigger": True, "error": False}


def test_the_reserved_parameter_branches_is_configuration_with_a_default() -> None:
    @node(shape="default", branches=[])
    def choose(value: str) -> Branched[Found]:
        """Chooses."""
        raise NotImplementedError

    kind = function_node(choose).node_type
    assert kind.config_defaults()["branches"] == []
    assert kind.config_schema()["properties"]["branches"]["format"] == "hidden"
    assert "branches" not in kind.ports("input")
    assert list(kind.outputs) == ["best", "rows", "secret"]


def test_a_parameter_without_a_type_is_refused() -> None:
    def loose(value) -> None:  # type: ignore[no-untyped-def]
        """Loose."""

    with pytest.raises(TypeError, match=r"'value' of node .*loose"):
        node(loose)


def test_variadic_parameters_are_refused() -> None:
    def variadic(*values: int) -> None:
        """Variadic."""

    with pytest.raises(TypeError, match="only named parameters"):
        node(variadic)


def test_a_type_without_a_json_form_is_refused() -> None:
    def strange(value: object) -> None:
        """Strange."""

    def complex_number(value: complex) -> None:
        """Complex."""

    with pytest.raises(TypeError, match=r"'value' of node .*complex_number"):
        node(complex_number)
    with pytest.raises(TypeError, match=r"'value' of node .*strange"):
        node(strange)


def test_a_function_that_was_not_decorated_is_no_node() -> None:
    with pytest.raises(TypeError, match="decorate it with @node"):
        function_node(print)


def test_two_nodes_cannot_share_an_id() -> None:
    with pytest.raises(ValueError, match="find_rows"):
        NodeRegistry([find_rows, find_rows])


def test_the_catalog_is_in_order_of_category_and_name() -> None:
    @node(category="ai")
    def zebra() -> None:
        """Zebra."""

    assert [kind.id for kind in NodeRegistry([find_rows, zebra])] == ["zebra", "find_rows"]


def test_a_delivered_null_beats_configuration_and_counts_as_missing() -> None:
    with pytest.raises(NodeError) as caught:
        resolve_parameters(made(), {"query": "configured"}, {"table": {}, "query": None})

    assert caught.value.code == "PARAMETER_MISSING"


def test_what_no_step_supplies_is_there_with_its_default_or_null() -> None:
    resolved = resolve_parameters(made(), {"query": "x", "unknown": 1}, {"table": {}})

    assert resolved == {
        "table": {},
        "query": "x",
        "mode": "fast",
        "limit": 10,
        "api_key": "",
        "hint": None,
    }


@pytest.mark.parametrize("changed", [{"limit": "10"}, {"limit": 0}, {"mode": "slow"}, {"query": ""}])
def test_a_value_of_another_type_or_out_of_bounds_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(NodeError) as caught:
        resolve_parameters(made(), {"query": "x", **changed}, {"table": {}})

    assert caught.value.code == "PARAMETER_INVALID"
    assert caught.value.details[0]["locator"] == next(iter(changed))
