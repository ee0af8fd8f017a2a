"""EXPO: which ports of a node are visible, and what hiding one does to its run."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import run_flow
from graphs import document, edge, node
from parameter_desk import DYNAMIC, WAYS, Keys, giving, open_parameter, probe, told

from flowdrop_jupyter.errors import WorkflowInvalid
from flowdrop_jupyter.nodes import function_node
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.nodes.resolution import tool_parameters
from flowdrop_jupyter.workflow import NodeType, Output, Parameter, is_exposed

OUT = Output(schema={})
HIDDEN_OUT = Output(schema={}, exposed_by_default=False)
SENTINEL = "the-hidden-value-5e1f"

pytestmark = pytest.mark.anyio


def override(direction: str, port: str, exposed: Any) -> dict[str, Any]:
    """Return the configuration by which an instance shows or hides one port."""
    return {"ports": {f"{direction}s": {port: {"exposed": exposed}}}}


@pytest.mark.rule("EXPO-1")
@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize("overridden", [None, True, False])
async def test_every_question_gets_the_same_answer(
    serve: Any, by_default: bool, overridden: bool | None
) -> None:
    """A hidden input takes no wire, is offered to no tool, and cannot be joined; outputs likewise."""
    parameters = {"value": open_parameter({"default": "kept"}, exposed_by_default=by_default)}
    outputs = {"left": Output(schema={}, exposed_by_default=by_default), "right": OUT}
    config = {}
    if overridden is not None:
        sides = {"inputs": {"value": {"exposed": overridden}}, "outputs": {"left": {"exposed": overridden}}}
        config = {"ports": sides}
    expected = by_default if overridden is None else overridden
    kinds = probe(parameters), giving({"left": 1, "right": 2}, outputs)

    given = await told(parameters, wired={"value": "arrived"}, config=config)
    assert (given["value"] == "arrived") is expected
    assert ("value" in tool_parameters(function_node(kinds[0]).node_type, config, ())) is expected
    ended = await run_flow([node("n", "giving", **config)], [], kinds[1])
    assert ended["n"].output == ({"left": 1, "right": 2} if expected else {"right": 2})

    async with serve(*kinds) as desk:
        for source, port, target, into in (
            (node("a", "giving"), "right", node("b", "probe", **config), "value"),
            (node("a", "giving", **config), "left", node("b", "probe"), "other"),
        ):
            flow = document([source, target], [edge("a", port, "b", into)], id=f"to_{into}")
            if expected:
                await desk.open(flow)
            else:
                with pytest.raises(WorkflowInvalid) as caught:
                    await desk.open(flow)
                assert [detail["code"][:2] for detail in caught.value.details] == ["R7"]


@pytest.mark.rule("EXPO-1")
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"ports": {"value": {"exposed": False}}},
        {"inputs": {"value": {"exposed": False}}},
        {"exposed": {"value": False}},
    ],
)
async def test_an_override_in_another_place_means_nothing(elsewhere: dict[str, Any]) -> None:
    assert (await told(wired={"value": "arrived"}, config=elsewhere))["value"] == "arrived"


@pytest.mark.rule("EXPO-2")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        ({"exposed": True}, True),
        ({"exposed": False}, False),
        ({}, None),
        ({"label": "Renamed"}, None),
        (None, None),
        ("exposed", None),
    ],
)
async def test_an_override_counts_if_it_says_something(
    entry: Any, answer: bool | None, by_default: bool, way: str
) -> None:
    given = await told(
        {"value": open_parameter(exposed_by_default=by_default)},
        wired={"value": "arrived"},
        config={"ports": {"inputs": {"value": entry}}, "value": "configured"},
        way=way,
    )
    expected = by_default if answer is None else answer
    assert given["value"] == ("arrived" if expected else "configured")


@pytest.mark.parametrize("by_default", [True, False])
@pytest.mark.parametrize("value", [None, 0, 1, "", "true", "false", [], {}], ids=repr)
async def test_an_override_that_is_no_boolean_says_nothing(value: Any, by_default: bool) -> None:
    given = await told(
        {"value": open_parameter(exposed_by_default=by_default)},
        wired={"value": "arrived"},
        config=override("input", "value", value),
    )
    assert given["value"] == ("arrived" if by_default else None)


@pytest.mark.rule("EXPO-3")
@pytest.mark.parametrize("direction", ["input", "output"])
@pytest.mark.parametrize("exposed", [True, False])
async def test_an_override_concerns_its_own_direction(direction: str, exposed: bool) -> None:
    @node_type(
        id="both",
        parameters={"port": open_parameter(exposed_by_default=not exposed)},
        outputs={"port": Output(schema={}, exposed_by_default=not exposed)},
    )
    async def both(port: Any = None) -> Any:
        """Has an input and an output of one name."""
        return port

    kind = function_node(both).node_type
    config = override(direction, "port", exposed)
    other = "output" if direction == "input" else "input"
    assert is_exposed(kind, config, direction, "port") is exposed  # type: ignore[arg-type]
    assert is_exposed(kind, config, other, "port") is not exposed  # type: ignore[arg-type]


@pytest.mark.rule("EXPO-3")
async def test_hiding_an_input_leaves_the_output_of_that_name_alone() -> None:
    @node_type(id="both", parameters={"port": open_parameter()}, outputs={"port": OUT})
    async def both(port: Any = None) -> Keys:
        """Has an input and an output of one name."""
        return {"port": port}  # type: ignore[typeddict-unknown-key]

    for direction, output in (("input", {"port": None}), ("output", {})):
        ended = await run_flow(
            [node("a", "emit", value=1), node("b", "both", **override(direction, "port", False))],
            [edge("a", "result", "b", "port")],
            both,
        )
        assert ended["b"].output == output


@pytest.mark.rule("EXPO-10")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "launched"])
@pytest.mark.parametrize(
    ("flags", "config", "taken"),
    [
        ({}, {"value": "configured"}, "configured"),
        ({}, {"value": None}, None),
        ({}, {}, "default"),
        ({"configurable": False}, {"value": "configured"}, "default"),
    ],
)
async def test_a_hidden_input_goes_on_to_configuration_and_default(
    flags: dict[str, Any], config: dict[str, Any], taken: Any, door: str, way: str
) -> None:
    arriving: dict[str, Any] = {door: {"value": SENTINEL}}
    given = await told(
        {"value": open_parameter({"default": "default"}, **flags)},
        config={**config, **override("input", "value", False)},
        way=way,
        **arriving,
    )
    assert given["value"] == taken
    assert SENTINEL not in str(given)


@pytest.mark.rule("EXPO-10")
async def test_an_internal_parameter_keeps_taking_what_arrives_when_hidden() -> None:
    config = override("input", "__internal__", False)
    assert (await told(launched={"__internal__": 1}, config=config))["__internal__"] == 1


@pytest.mark.rule("EXPO-11")
@pytest.mark.parametrize(
    "more",
    [{}, {"extra": 1}, {"active_branches": ["x"]}, {"state_update": {}}, {"error": 1}, {"right": None}],
    ids=str,
)
async def test_hidden_outputs_are_dropped_whatever_else_there_is(more: dict[str, Any]) -> None:
    outputs = {"left": HIDDEN_OUT, "right": OUT}
    ended = await run_flow([node("n", "giving")], [], giving({"left": 1, **more}, outputs))
    assert ended["n"].output == more


@pytest.mark.rule("EXPO-11")
async def test_a_node_without_declared_outputs_gives_the_keys_that_it_gives() -> None:
    config = override("output", "extra", False)
    ended = await run_flow([node("n", "giving", **config)], [], giving({"extra": 1}, {}))
    assert ended["n"].output == {"extra": 1}


@pytest.mark.rule("EXPO-11")
async def test_a_node_whose_only_output_is_vetoed_by_its_type_gives_nothing() -> None:
    vetoed = {"left": Output(schema={}, exposed=False)}
    ended = await run_flow([node("n", "giving")], [], giving({"left": 1}, vetoed))
    assert ended["n"].output == {}


@pytest.mark.rule("EXPO-12")
@pytest.mark.parametrize("control", ["active_branches", "state_update"])
@pytest.mark.parametrize("declared", [{}, {"exposed_by_default": False}, {"exposed": False}], ids=str)
async def test_what_steers_the_engine_is_never_stripped(control: str, declared: dict[str, Any]) -> None:
    outputs = {control: Output(schema={}, **declared)} if declared else {}
    config = override("output", control, False)
    ended = await run_flow([node("n", "giving", **config)], [], giving({control: ["kept"]}, outputs))
    assert ended["n"].output == {control: ["kept"]}


@pytest.mark.rule("EXPO-12")
async def test_hiding_every_output_of_a_gateway_leaves_its_branches() -> None:
    ports = {"outputs": {"value": {"exposed": False}, "active_branches": {"exposed": False}}}
    ended = await run_flow(
        [node("gate", "gateway", take=["no"], ports=ports), node("y", "emit"), node("n", "emit")],
        [edge("gate", "yes", "y", "trigger"), edge("gate", "no", "n", "trigger")],
    )
    assert (ended["gate"].output, ended["gate"].active_branches) == ({}, ["no"])
    assert (ended["y"].status, ended["n"].status) == ("skipped", "completed")


@pytest.mark.rule("EXPO-13")
@pytest.mark.parametrize(
    ("declared", "overridden", "stays"),
    [
        ({"exposed": False}, None, False),
        ({"exposed": False}, True, False),
        ({"exposed": False, "exposed_by_default": True}, True, False),
        ({"exposed_by_default": False}, None, False),
        ({"exposed_by_default": False}, True, True),
        ({"exposed_by_default": True}, False, False),
        ({}, None, True),
    ],
)
async def test_the_order_in_which_an_outputs_exposure_is_decided(
    declared: dict[str, Any], overridden: bool | None, stays: bool
) -> None:
    config = {} if overridden is None else override("output", "left", overridden)
    ended = await run_flow(
        [node("n", "giving", **config)], [], giving({"left": 1}, {"left": Output(schema={}, **declared)})
    )
    assert ended["n"].output == ({"left": 1} if stays else {})


@pytest.mark.rule("EXPO-14", "DATA-9")
@pytest.mark.parametrize("shown_by", ["type", "instance"])
async def test_the_unified_output_is_composed_of_what_is_left(shown_by: str) -> None:
    values = {"left": 1, "right": SENTINEL, "extra": 2, "_private": 3, "trigger": 4}
    declared: dict[str, Any] = (
        {"reserved_exposure": {"outputs": {"output": True}}} if shown_by == "type" else {}
    )
    config = override("output", "output", True) if shown_by == "instance" else {}
    ended = await run_flow(
        [node("n", "giving", **config), node("end", "see")],
        [edge("n", "output", "end", "a")],
        giving(values, {"left": OUT, "right": HIDDEN_OUT}, **declared),
    )
    assert ended.result("end")["a"] == {"left": 1, "extra": 2}


@pytest.mark.rule("SCH-16", "EXPO-13")
@pytest.mark.parametrize("how", ["as shipped", "hidden by the instance"])
async def test_without_being_shown_there_is_no_unified_output(how: str) -> None:
    declared: dict[str, Any] = {}
    config = {}
    if how != "as shipped":
        declared = {"reserved_exposure": {"outputs": {"output": True}}}
        config = override("output", "output", False)
    ended = await run_flow(
        [node("n", "giving", **config)], [], giving({"left": 1}, {"left": OUT}, **declared)
    )
    assert ended["n"].output == {"left": 1}


@pytest.mark.rule("DATA-9")
async def test_a_declared_output_of_that_name_is_no_unified_one() -> None:
    ended = await run_flow(
        [node("n", "giving")], [], giving({"output": "own", "left": 1}, {"output": OUT, "left": OUT})
    )
    assert ended["n"].output == {"output": "own", "left": 1}


@pytest.mark.rule("EXPO-14")
@pytest.mark.parametrize("value", [object(), "\ud800", {("a", 1): 2}], ids=["object", "text", "key"])
async def test_a_hidden_value_without_a_json_form_cannot_fail_its_node(value: Any) -> None:
    ended = await run_flow(
        [node("n", "giving", **override("output", "output", True))],
        [],
        giving({"left": value, "right": 1}, {"left": HIDDEN_OUT, "right": OUT}),
    )
    assert ended["n"].output == {"right": 1, "output": {"right": 1}}


@pytest.mark.rule("EXPO-15")
@pytest.mark.parametrize(
    ("flags", "config", "wired", "offered"),
    [
        ({}, {}, [], True),
        ({"connectable": False}, {}, [], False),
        ({"exposed_by_default": False}, {}, [], False),
        ({"exposed_by_default": False}, override("input", "value", True), [], True),
        ({}, override("input", "value", False), [], False),
        ({}, {}, ["value"], False),
        ({}, {}, ["other"], True),
        ({}, {"value": "configured"}, [], True),
    ],
)
async def test_a_model_may_fill_what_is_connectable_exposed_and_not_wired(
    flags: dict[str, Any], config: dict[str, Any], wired: list[str], offered: bool
) -> None:
    kind = function_node(probe({"value": open_parameter(**flags)})).node_type
    assert ("value" in tool_parameters(kind, config, wired)) is offered


@pytest.mark.rule("EXPO-15")
async def test_a_model_reaches_nothing_that_only_engine_or_author_fill() -> None:
    wireable = {"connectable": True, "configurable": True}
    parameters = {
        **{name: Parameter(schema={"type": "array"}, **wireable) for name in DYNAMIC},
        "__internal__": Parameter(schema={}, **wireable),
        "secret": Parameter(schema={"format": "hidden"}, **wireable),
    }
    kind = function_node(probe(parameters)).node_type
    assert set(tool_parameters(kind, {}, ())) == {"value", "other"}


@pytest.mark.rule("EXPO-17")
@pytest.mark.parametrize("orders", [(0, 0, 0), (1, 2, 3), (30, 20, 10), (-1, 5, 0)])
async def test_the_order_of_ports_changes_no_result(orders: tuple[int, int, int]) -> None:
    first, second, third = orders
    parameters = {
        "value": open_parameter({"x-port-order": first, "default": 1}, exposed_by_default=False),
        "other": open_parameter({"x-port-order": second, "type": "integer"}),
    }
    reversed_ = dict(reversed(parameters.items())) if first > second else parameters
    given = await told(reversed_, wired={"value": 5, "other": 6})
    assert (given["value"], given["other"]) == (1, 6)
    outputs = {
        "left": Output(schema={"x-port-order": third}),
        "right": Output(schema={"x-port-order": first}, exposed_by_default=False),
    }
    ended = await run_flow([node("n", "giving")], [], giving({"left": 1, "right": 2}, outputs))
    assert ended["n"].output == {"left": 1}


@pytest.mark.rule("EXPO-6")
@pytest.mark.parametrize("suggested", [False, True, None])
@pytest.mark.parametrize("stored", [True, False])
async def test_a_run_reads_the_stored_exposure_and_never_the_suggestion(
    suggested: bool | None, stored: bool
) -> None:
    schema = {"x-exposed-by-default": suggested}
    kind = NodeType(
        id="k",
        name="K",
        description="",
        category="data",
        parameters={"value": Parameter(schema=schema, connectable=True, exposed_by_default=stored)},
        outputs={"value": Output(schema=schema, exposed_by_default=stored)},
    )
    assert is_exposed(kind, {}, "input", "value") is stored
    assert is_exposed(kind, {}, "output", "value") is stored
