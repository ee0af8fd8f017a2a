"""CMP: stages in order, one failure, the wiring of tools, and plans that are kept."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from engine_nodes import Tools, registry
from engine_runs import Documents
from graphs import edge, node, workflow

from flowdrop_jupyter.engine import Plan, PlanCache, compile_workflow
from flowdrop_jupyter.errors import CompileError
from flowdrop_jupyter.nodes import Config
from flowdrop_jupyter.nodes import node as node_type


@node_type(id="passes", executable=False)
async def passes(tools: Tools = None) -> Any:
    """Passes tools on."""


@node_type(id="plain")
async def plain(value: Annotated[Any, Config()] = None) -> Any:
    """Takes no tools."""


def compiled(nodes: Documents, edges: Documents) -> Plan:
    return compile_workflow(workflow(nodes, edges), registry(passes, plain))


def refusal(nodes: Documents, edges: Documents) -> tuple[str, str]:
    with pytest.raises(CompileError) as caught:
        compiled(nodes, edges)
    error = caught.value
    assert error.code == "COMPILE_FAILED"
    assert error.message.count("The workflow cannot run: ") == 1
    assert isinstance(error.__cause__, CompileError)
    assert error.message == f"The workflow cannot run: {error.__cause__.message}"
    (detail,) = error.details
    return detail["code"], detail["locator"]


def tool(source: str, target: str) -> dict[str, Any]:
    return edge(source, "tool", target, "tool")


CYCLE = [edge("a", "result", "b", "value"), edge("b", "result", "a", "value")]


@pytest.mark.rule("CMP-1", "CMP-3", "CMP-5", "CMP-9", "CMP-10")
@pytest.mark.parametrize(
    ("nodes", "edges", "refused"),
    [
        ([], [], ("WORKFLOW_WITHOUT_NODES", "nodes")),
        ([{"id": "a"}, {"type": "emit"}], [], ("NODE_WITHOUT_TYPE", "a")),
        ([node("a", "emit"), {"id": "", "type": "emit"}, {"id": "c"}], [], ("NODE_WITHOUT_ID", "nodes.1")),
        ([node("a", "emit"), node("b", "emit")], [*CYCLE, tool("a", "b")], ("WORKFLOW_CYCLE", "b → a → b")),
        ([node("a", "emit"), node("b", "plain")], [tool("a", "b")], ("TOOLS_NOT_ACCEPTED", "a.tool>b.tool")),
        ([node("a", "unheard_of")], [], ("R9_NODE_TYPE_UNKNOWN", "a")),
    ],
    ids=["no nodes", "no type", "the first miss", "cycle before tools", "tools", "type"],
)
def test_every_stage_refuses_with_one_prefix_and_its_own_error_as_the_cause(
    nodes: Documents, edges: Documents, refused: tuple[str, str]
) -> None:
    code, locator = refusal(nodes, edges)
    assert code == refused[0]
    assert locator == refused[1] or set(locator.split(" → ")) == set(refused[1].split(" → "))


def labelled(node_id: str, label: str, kind: str = "emit") -> dict[str, Any]:
    made = node(node_id, kind)
    made["data"]["label"] = label
    return made


@pytest.mark.rule("CMP-9")
def test_two_tools_of_one_name_at_one_node_are_refused() -> None:
    nodes = [labelled("x", "Web search"), labelled("y", "web  Search"), node("agent", "emit")]
    edges = [tool("x", "agent"), tool("y", "agent")]
    assert refusal(nodes, edges) == ("TOOL_NAMES_CLASH", "agent")


@pytest.mark.rule("CMP-9")
def test_tools_of_one_name_at_two_nodes_are_fine() -> None:
    nodes = [labelled("x", "Search"), labelled("y", "Search"), node("one", "emit"), node("two", "emit")]
    assert sorted(compiled(nodes, [tool("x", "one"), tool("y", "two")]).nodes) == ["one", "two"]


@pytest.mark.rule("CMP-9", "CMP-10", "DATA-12")
def test_tools_that_are_passed_on_count_at_the_node_they_reach() -> None:
    nodes = [labelled("x", "Search"), labelled("y", "Search"), node("p", "passes"), node("agent", "emit")]
    edges = [tool("x", "p"), tool("p", "agent"), tool("y", "agent")]
    assert refusal(nodes, edges) == ("TOOL_NAMES_CLASH", "agent")
    assert list(compiled(nodes[1:], edges[1:]).nodes) == ["agent"]


@pytest.mark.rule("DATA-10")
def test_nodes_may_not_pass_tools_on_in_a_circle() -> None:
    nodes = [node("p", "passes"), node("q", "passes"), node("agent", "emit")]
    edges = [tool("p", "q"), tool("q", "p"), tool("q", "agent")]
    assert refusal(nodes, edges)[0] == "TOOL_FORWARDING_CYCLE"


@pytest.mark.rule("CMP-4", "CMP-5")
def test_what_an_agent_gives_back_may_close_a_cycle() -> None:
    back = {**edge("b", "result", "a", "value"), "data": {"edgeType": "agent_result"}}
    made = compiled([node("a", "emit"), node("b", "emit")], [CYCLE[0], back])
    assert list(made.nodes) == ["a", "b"]


@pytest.mark.rule("CMP-4")
def test_a_type_field_of_an_edge_does_not_count() -> None:
    wire = {**edge("a", "result", "b", "value"), "type": "loopback"}
    assert compiled([node("a", "emit"), node("b", "emit")], [wire]).nodes["b"].incoming[0].kind == "data"


@pytest.mark.rule("CMP-11")
def test_two_node_types_of_one_processor_are_told_apart() -> None:
    known = registry()
    known.add_preset({"id": "preset", "label": "Preset", "executor_plugin": "emit"})
    made = compile_workflow(workflow([node("a", "emit"), node("b", "preset")], []), known)
    assert made.nodes["a"].executor.function is made.nodes["b"].executor.function
    assert [made.nodes[name].executor.node_type.id for name in "ab"] == ["emit", "preset"]


@pytest.mark.rule("CMP-6")
def test_a_head_without_an_edge_forward_stays_out() -> None:
    made = compiled([node("head", "emit"), node("b", "emit")], [edge("b", "result", "head", "loop_back")])
    assert made.excluded == {"head": "loopback_only"}


def test_a_plan_is_compiled_once_per_version() -> None:
    cache = PlanCache(registry())
    one = workflow([node("a", "emit")], [])
    assert cache.plan(one) is cache.plan(workflow([node("a", "emit")], []))
    assert cache.plan(workflow([node("a", "emit", value=2)], [])) is not cache.plan(one)


@pytest.mark.rule("CMP-2")
def test_a_kept_plan_does_not_outlive_the_node_types_it_is_made_of() -> None:
    known = registry()
    known.add_preset({"id": "preset", "label": "Preset", "executor_plugin": "emit"})
    cache = PlanCache(known)
    flow = workflow([node("a", "preset")], [])
    before = cache.plan(flow)
    known.change_preset({"id": "preset", "label": "Preset", "executor_plugin": "see"})
    after = cache.plan(flow)
    assert before.nodes["a"].executor.function is not after.nodes["a"].executor.function


def test_the_least_used_plan_goes_first() -> None:
    cache = PlanCache(registry(), size=2)
    flows = [workflow([node(name, "emit")], []) for name in "abc"]
    kept = cache.plan(flows[0])
    cache.plan(flows[1])
    assert cache.plan(flows[0]) is kept
    cache.plan(flows[2])
    assert cache.plan(flows[0]) is kept
