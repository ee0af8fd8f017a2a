"""CFG: how a parameter gets its value, on real graphs."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import bench, run_flow
from graphs import document, edge, node
from parameter_desk import DYNAMIC, WAYS, open_parameter, probe, refusal, told
from schema_desk import by_id, published
from server_desk import Api

from flowdrop_jupyter.errors import WorkflowInvalid
from flowdrop_jupyter.nodes import Answer, NodeContext, function_node, resolve_parameters
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.workflow import Parameter

DEFAULT = {"default": "schema default"}
NEVER_ANSWERS = {"connectable": False, "configurable": False}


@pytest.mark.rule("CFG-1")
async def test_a_flag_that_was_not_stored_is_false(api: Api, host: Host) -> None:
    shown = await published(api, host, parameters={"plain": Parameter(schema={"type": "string"})})
    assert "plain" not in by_id(shown["inputs"])
    assert "plain" not in shown["configSchema"]["properties"]
    assert "plain" not in shown["inputSchema"]["required"] + shown["configSchema"]["required"]


@pytest.mark.rule("CFG-1")
@pytest.mark.anyio
async def test_without_stored_flags_nothing_is_taken_and_nothing_is_required() -> None:
    given = await told({"value": Parameter(schema={})}, wired={"value": 1}, config={"value": 2})
    assert given["value"] is None


@pytest.mark.rule("CFG-2")
async def test_a_port_without_stored_exposure_is_visible(api: Api, host: Host) -> None:
    shown = await published(api, host, parameters={"port": Parameter(schema={}, connectable=True)})
    assert "exposedByDefault" not in by_id(shown["inputs"])["port"]


@pytest.mark.rule("CFG-2")
@pytest.mark.anyio
async def test_a_port_without_stored_exposure_takes_its_wire() -> None:
    assert (await told({"value": Parameter(schema={}, connectable=True)}, wired={"value": 1}))["value"] == 1


@pytest.mark.rule("CFG-3", "CFG-6")
@pytest.mark.anyio
@pytest.mark.parametrize(
    ("stored", "schema", "effective"),
    [
        ("type's", DEFAULT, "type's"),
        (None, DEFAULT, "schema default"),
        ("type's", {}, "type's"),
        (None, {}, None),
        (False, DEFAULT, False),
        ("", DEFAULT, ""),
        (0, DEFAULT, 0),
        ([], DEFAULT, []),
    ],
)
@pytest.mark.parametrize("flags", [{}, NEVER_ANSWERS], ids=["open", "closed"])
async def test_the_effective_default(
    stored: Any, schema: dict[str, Any], effective: Any, flags: dict[str, Any]
) -> None:
    given = await told({"value": open_parameter(schema, stored_default=stored, **flags)})
    assert given["value"] == effective
    assert type(given["value"]) is type(effective)


@pytest.mark.rule("CFG-3", "CFG-18")
async def test_a_default_is_published_for_what_is_configurable_and_has_one(api: Api, host: Host) -> None:
    shown = await published(
        api,
        host,
        parameters={
            "stored": Parameter(schema={"default": 1}, configurable=True, stored_default=2),
            "masked": Parameter(schema={"default": 1}, configurable=True, stored_default=None),
            "wired": Parameter(schema={"default": 1}, connectable=True),
            "empty": Parameter(schema={"type": "string"}, configurable=True),
            "nothing": Parameter(schema={"default": None}, configurable=True),
            "falsy": Parameter(schema={"default": False}, configurable=True),
        },
    )
    assert shown["config"] == {"stored": 2, "masked": 1, "falsy": False}


@pytest.mark.rule("CFG-4")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "launched"])
async def test_what_arrives_beats_configuration_and_default(door: str, way: str) -> None:
    arriving: dict[str, Any] = {door: {"value": "arrived"}}
    given = await told(
        {"value": open_parameter(DEFAULT)}, config={"value": "configured"}, way=way, **arriving
    )
    assert given["value"] == "arrived"


@pytest.mark.rule("CFG-4")
@pytest.mark.anyio
@pytest.mark.parametrize("door", ["wired", "launched"])
@pytest.mark.parametrize(
    "closed", [{"connectable": False}, {"exposed_by_default": False}], ids=["not connectable", "hidden"]
)
async def test_what_arrives_at_a_closed_port_is_not_taken(closed: dict[str, Any], door: str) -> None:
    arriving: dict[str, Any] = {door: {"value": "arrived"}}
    parameter = open_parameter(DEFAULT, **closed)
    assert (await told({"value": parameter}, config={"value": "configured"}, **arriving))[
        "value"
    ] == "configured"
    assert (await told({"value": parameter}, **arriving))["value"] == "schema default"


@pytest.mark.rule("CFG-5")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("configurable", "taken"), [(True, "configured"), (False, "schema default")])
async def test_configuration_counts_where_it_is_allowed(configurable: bool, taken: str, way: str) -> None:
    parameter = Parameter(schema=DEFAULT, configurable=configurable)
    assert (await told({"value": parameter}, config={"value": "configured"}, way=way))["value"] == taken


@pytest.mark.rule("CFG-4", "CFG-7")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "launched"])
@pytest.mark.parametrize("falsy", [None, False, 0, "", [], {}], ids=repr)
async def test_a_null_or_empty_value_that_arrives_is_a_value(falsy: Any, door: str, way: str) -> None:
    arriving: dict[str, Any] = {door: {"value": falsy}}
    given = await told(
        {"value": open_parameter(DEFAULT)}, config={"value": "configured"}, way=way, **arriving
    )
    assert given["value"] == falsy
    assert type(given["value"]) is type(falsy)


@pytest.mark.rule("CFG-5", "CFG-7")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("falsy", [None, False, 0, "", [], {}], ids=repr)
async def test_a_null_or_empty_configuration_is_a_value(falsy: Any, way: str) -> None:
    parameter = open_parameter(DEFAULT, stored_default="type's")
    given = await told({"value": parameter}, config={"value": falsy}, way=way)
    assert given["value"] == falsy
    assert type(given["value"]) is type(falsy)


@pytest.mark.rule("CFG-7")
@pytest.mark.anyio
async def test_a_null_that_an_edge_delivers_beats_one_given_at_launch() -> None:
    assert (await told(wired={"value": None}, launched={"value": "launched"}))["value"] is None


@pytest.mark.rule("CFG-7")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_a_session_resolves_as_the_engine_does(serve: Any, way: str) -> None:
    @node_type(id="null")
    async def null() -> Any:
        """Gives null."""

    flow = document(
        [
            node("null.1", "null"),
            node("probe.1", "probe", value="configured", other=None),
            node("chat_output.1", "chat_output"),
        ],
        [
            edge("null.1", "result", "probe.1", "value"),
            edge("probe.1", "result", "chat_output.1", "message"),
        ],
        id="nulls",
    )
    parameters = {"value": open_parameter(DEFAULT), "other": open_parameter(DEFAULT)}
    async with serve(probe(parameters, way), null) as desk:
        session = await desk.open(flow)
        answer = (await desk.turn(session)).messages[-1]
        jobs = {job.node_id: job for job in await desk.host.store.jobs(session, answer.execution_id)}
    result = jobs["probe.1"].output["result"]
    assert (result["value"], result["other"]) == (None, None)


@pytest.mark.rule("CFG-7")
@pytest.mark.anyio
async def test_a_run_that_goes_on_after_a_prompt_resolves_as_before() -> None:
    @node_type(id="asking", parameters={"value": open_parameter(DEFAULT)})
    async def asking(context: NodeContext, value: Any) -> Any:
        """Asks, then tells."""
        answer: Answer = await context.ask({"type": "text", "message": "?"})
        return {"value": value, "answer": answer.value}

    flow = bench(
        [node("source", "emit", value=None), node("probe", "asking", value="configured")],
        [edge("source", "result", "probe", "value")],
        asking,
    )
    assert (await flow.execute()).outcome.status == "paused"
    flow.answer("probe", "yes")
    assert (await flow.execute()).result("probe") == {"value": None, "answer": "yes"}


@pytest.mark.rule("CFG-8")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "launched"])
@pytest.mark.parametrize("flags", [{}, {"exposed_by_default": False}, {"configurable": True}], ids=str)
async def test_an_internal_parameter_takes_what_arrives_whatever_its_flags(
    flags: dict[str, Any], door: str, way: str
) -> None:
    arriving: dict[str, Any] = {door: {"__internal__": "state"}}
    parameter = Parameter(schema=DEFAULT, **flags)
    hidden = {"ports": {"inputs": {"__internal__": {"exposed": False}}}}
    assert (await told({"__internal__": parameter}, config=hidden, way=way, **arriving))[
        "__internal__"
    ] == "state"


@pytest.mark.rule("CFG-8")
@pytest.mark.anyio
async def test_an_internal_parameter_never_reads_the_configuration() -> None:
    parameter = open_parameter(DEFAULT)
    given = await told({"__internal__": parameter}, config={"__internal__": "configured"})
    assert given["__internal__"] == "schema default"


@pytest.mark.rule("CFG-8")
@pytest.mark.anyio
@pytest.mark.parametrize(
    "arriving",
    [
        {"wired": {"__more__": 1}},
        {"launched": {"__more__": 1}},
        {"wired": {"input": {"__more__": 1}}},
        {"config": {"__more__": 1}},
        {"launched": {"__more__": 1}, "config": {"dynamicInputs": [{"name": "__more__"}]}},
    ],
    ids=["wire", "launch", "bundle", "configuration", "dynamic input"],
)
async def test_an_undeclared_internal_name_is_not_passed_on(arriving: dict[str, Any]) -> None:
    given = await told(DYNAMIC, **arriving)
    assert "__more__" not in {**given, **given["dynamic"], **given["config"]}


@pytest.mark.rule("CFG-9")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "arriving",
    [{}, {"wired": {"value": None}, "config": {"value": "configured"}}, {"config": {"value": None}}],
    ids=["nothing", "null by wire", "null in the configuration"],
)
async def test_a_required_parameter_that_ends_up_null_fails_its_node(
    arriving: dict[str, Any], way: str
) -> None:
    error = await refusal({"value": open_parameter(required=True)}, way=way, **arriving)
    assert error["code"] == "PARAMETER_MISSING"
    assert "'value'" in error["message"]
    assert error["details"][0]["locator"] == "value"


@pytest.mark.rule("CFG-9")
@pytest.mark.anyio
@pytest.mark.parametrize("falsy", [False, 0, "", [], {}], ids=repr)
async def test_a_required_parameter_is_satisfied_by_any_other_value(falsy: Any) -> None:
    given = await told({"value": open_parameter(required=True)}, config={"value": falsy})
    assert given["value"] == falsy


@pytest.mark.rule("CFG-9")
@pytest.mark.anyio
async def test_a_missing_parameter_is_reported_before_an_invalid_one() -> None:
    parameters = {
        "value": open_parameter({"type": "integer"}),
        "other": open_parameter(required=True),
    }
    assert (await refusal(parameters, config={"value": "text"}))["code"] == "PARAMETER_MISSING"


@pytest.mark.rule("CFG-13")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_what_names_no_parameter_does_not_reach_the_node(way: str) -> None:
    given = await told(
        wired={"stray": 1}, launched={"another": 2}, config={"unknown": 3, "value": 4}, way=way
    )
    assert set(given) == {"value", "other", "input", "__internal__", "dynamic", "config"}
    assert given["dynamic"] == {}
    assert "unknown" not in given["config"]
    assert given["config"]["value"] == 4


@pytest.mark.rule("CFG-13", "CFG-14", "DYN-4")
def test_the_resolved_set_has_every_declared_name_and_no_other() -> None:
    kind = function_node(probe({**DYNAMIC, "extra": Parameter(schema={})})).node_type
    config = {"dynamicInputs": [{"name": "more"}], "unknown": 1}
    resolved = resolve_parameters(kind, config, {"stray": 1})
    assert set(resolved) == {
        *("value", "other", "input", "__internal__", "extra", "dynamicInputs", "dynamicOutputs", "more")
    }
    assert resolved["extra"] is None
    assert resolved["more"] is None


@pytest.mark.rule("CFG-14")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_a_parameter_without_a_value_is_there_as_null(way: str) -> None:
    @node_type(id="plain")
    async def plain(value: Any = "the function's own") -> Any:
        """Gives what it gets."""
        return {"value": value}

    closed = {"value": Parameter(schema={})}
    assert (await told(closed, way=way))["value"] is None
    assert (await run_flow([node("n", "plain", value=None)], [], plain)).result("n") == {"value": None}


@pytest.mark.rule("CFG-15")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [1, "text", None, {"a": [None]}], ids=repr)
async def test_a_dynamic_input_is_copied_unchanged_and_unchecked(value: Any, way: str) -> None:
    config = {
        "dynamicInputs": [{"name": "more", "dataType": "boolean", "required": True}],
        "ports": {"inputs": {"more": {"exposed": False}}},
    }
    assert (await told(DYNAMIC, wired={"more": value}, config=config, way=way))["dynamic"] == {"more": value}


@pytest.mark.rule("CFG-15", "DYN-5")
@pytest.mark.anyio
@pytest.mark.parametrize("flags", [{}, {"connectable": True}], ids=["closed", "wireable"])
async def test_a_declared_parameter_wins_over_a_dynamic_input_even_with_null(flags: dict[str, Any]) -> None:
    given = await told(
        {**DYNAMIC, "value": Parameter(schema={}, exposed_by_default=False, **flags)},
        wired={"value": 1},
        config={"dynamicInputs": [{"name": "value"}]},
    )
    assert given["value"] is None
    assert given["dynamic"] == {}


@pytest.mark.rule("CFG-15")
@pytest.mark.anyio
async def test_a_dynamic_input_without_a_name_is_skipped() -> None:
    config = {"dynamicInputs": [{"name": ""}, {}, "text", None, {"name": "more"}]}
    assert (await told(DYNAMIC, launched={"": 1, "more": 2}, config=config))["dynamic"] == {"more": 2}


@pytest.mark.rule("CFG-15")
@pytest.mark.anyio
async def test_definitions_that_the_node_type_stores_count_where_the_author_wrote_none() -> None:
    stored = {"dynamicInputs": Parameter(schema={}, configurable=True, stored_default=[{"name": "more"}])}
    assert (await told(stored, wired={"more": 1}))["dynamic"] == {"more": 1}
    assert (await told(stored, wired={"more": 1}, config={"dynamicInputs": []}))["dynamic"] == {}


@pytest.mark.rule("CFG-16")
@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("door", ["wired", "launched"])
async def test_a_bundle_is_spread_over_the_ports_it_names(door: str, way: str) -> None:
    bundle = {"value": 1, "__internal__": 2, "more": 3, "stray": 4}
    given = await told(
        {**DYNAMIC, "other": Parameter(schema={}, configurable=True)},
        config={"dynamicInputs": [{"name": "more"}], "other": "configured"},
        way=way,
        **{door: {"input": {**bundle, "other": 5}}},
    )
    assert (given["value"], given["__internal__"], given["other"]) == (1, 2, "configured")
    assert given["dynamic"] == {"more": 3}


@pytest.mark.rule("CFG-16")
@pytest.mark.anyio
@pytest.mark.parametrize("own", [None, 0, "own"], ids=repr)
async def test_a_wire_of_its_own_beats_the_bundle(own: Any) -> None:
    given = await told(wired={"input": {"value": "bundled", "other": "bundled"}, "value": own})
    assert (given["value"], given["other"]) == (own, "bundled")


@pytest.mark.rule("CFG-16")
@pytest.mark.anyio
@pytest.mark.parametrize("raw", [None, 7, "text", ["value"], False], ids=repr)
async def test_what_is_no_object_is_not_unpacked_and_stays_at_its_port(raw: Any) -> None:
    given = await told({"input": Parameter(schema={}, connectable=True)}, wired={"input": raw, "other": 1})
    assert (given["input"], given["value"], given["other"]) == (raw, None, 1)


@pytest.mark.rule("CFG-16")
@pytest.mark.anyio
async def test_a_declared_parameter_called_input_gets_the_whole_bundle_too() -> None:
    declared = {"input": Parameter(schema={}, connectable=True)}
    given = await told(declared, wired={"input": {"value": 1, "input": 2}})
    assert (given["input"], given["value"]) == ({"value": 1, "input": 2}, 1)


@pytest.mark.rule("CFG-17")
@pytest.mark.anyio
@pytest.mark.parametrize(
    "flags",
    [{"exposed_by_default": False}, {"connectable": False}, {}],
    ids=["hidden", "not connectable", "open"],
)
async def test_a_bundle_fills_no_port_that_a_wire_could_not_fill(flags: dict[str, Any]) -> None:
    parameters = {"value": open_parameter(DEFAULT, **flags)}
    config = {"value": "configured"}
    by_wire = await told(parameters, wired={"value": "arrived"}, config=config)
    bundled = await told(parameters, wired={"input": {"value": "arrived"}}, config=config)
    assert bundled["value"] == by_wire["value"] == ("configured" if flags else "arrived")


@pytest.mark.rule("CFG-17")
@pytest.mark.anyio
async def test_a_bundle_does_not_fill_a_port_that_its_author_hid() -> None:
    config = {"value": "configured", "ports": {"inputs": {"value": {"exposed": False}}}}
    assert (await told(wired={"input": {"value": "arrived"}}, config=config))["value"] == "configured"


@pytest.mark.rule("STORE-10", "SCH-29")
@pytest.mark.anyio
async def test_before_a_run_defaults_fill_absent_keys_only() -> None:
    parameters = {"value": open_parameter(DEFAULT), "other": open_parameter(DEFAULT)}
    config = (await told(parameters, config={"value": None}))["config"]
    assert (config["value"], config["other"]) == (None, "schema default")


@pytest.mark.rule("SCH-29")
@pytest.mark.anyio
async def test_metadata_stored_on_a_node_has_no_authority_at_run_time() -> None:
    tampered = node("probe", "probe")
    tampered["data"]["metadata"] |= {
        "node_type_id": "probe",
        "config": {"value": "tampered"},
        "inputs": [{"id": "value", "exposedByDefault": False}],
        "executor": "emit",
        "outputs": [],
    }
    ended = await run_flow(
        [node("source", "emit", value="arrived"), tampered],
        [edge("source", "result", "probe", "value")],
        probe({"other": open_parameter(DEFAULT)}),
    )
    result = ended.result("probe")
    assert (result["value"], result["other"]) == ("arrived", "schema default")


@pytest.mark.rule("STORE-10")
@pytest.mark.anyio
async def test_edges_that_lead_nowhere_are_dropped_for_a_run_and_refused_in_a_document(serve: Any) -> None:
    nodes = [node("a", "emit", value=1), node("probe", "probe")]
    edges = [
        edge("a", "result", "probe", "value"),
        edge("gone", "result", "probe", "other"),
        edge("a", "result", "nowhere", "a"),
    ]
    ended = await run_flow(nodes, edges, probe())
    assert (ended.result("probe")["value"], ended.result("probe")["other"]) == (1, None)
    async with serve(probe()) as desk:
        with pytest.raises(WorkflowInvalid) as caught:
            await desk.open(document([node("probe", "probe")], edges[1:2], id="dangling"))
    assert [detail["code"] for detail in caught.value.details] == ["R8_EDGE_SOURCE_MISSING"]
