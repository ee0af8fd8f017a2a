"""Which edges a gateway opens, and what becomes of the nodes behind the others."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import Ended, run_flow
from graphs import edge, node

pytestmark = pytest.mark.anyio

COLOURS = [{"name": " Red ", "value": "red"}, {"name": "blue", "value": "blue"}, {"name": "7", "value": 7}]


async def split(take: Any, *, port: str = "yes", target: str = "trigger", **config: Any) -> Ended:
    """Run a gateway with one node behind one of its ports."""
    return await run_flow(
        [node("gate", "gateway", take=take, value="carried", **config), node("behind", "emit")],
        [edge("gate", port, "behind", target)],
    )


async def matched(value: Any, **config: Any) -> Ended:
    """Run a matching gateway with a node behind each port of COLOURS, and one for errors."""
    return await run_flow(
        [
            node("gate", "match", value=value, **{"branches": COLOURS, **config}),
            *(node(name, "emit") for name in ("red", "blue", "seven", "handler")),
        ],
        [
            edge("gate", "red", "red", "trigger"),
            edge("gate", "Blue", "blue", "trigger"),
            edge("gate", "7", "seven", "trigger"),
            edge("gate", "error", "handler", "trigger"),
        ],
    )


def reached(ended: Ended) -> set[str]:
    return {name for name, status in ended.statuses.items() if status == "completed"} - {"gate"}


@pytest.mark.rule("BR-1")
async def test_only_the_taken_branch_is_followed() -> None:
    assert (await split(["yes"]))["behind"].status == "completed"
    assert (await split(["no"]))["behind"].status == "skipped"


@pytest.mark.rule("BR-1")
async def test_several_branches_may_be_taken_at_once() -> None:
    assert (await split(["no", "yes"]))["behind"].status == "completed"


@pytest.mark.rule("BR-1", "BR-3")
@pytest.mark.parametrize(
    ("taken", "port", "configured"),
    [(" YES\t", "yes", "yes"), ("yes", "YeS", "yes"), ("yes", "yes", "  Yes "), ("Yes", "yES ", "YES")],
)
async def test_names_are_compared_trimmed_and_without_case(taken: str, port: str, configured: str) -> None:
    branches = [{"name": configured}, {"name": "no"}]
    assert (await split([taken], port=port, branches=branches))["behind"].status == "completed"
    assert (await split(["no"], port=port, branches=branches))["behind"].status == "skipped"


@pytest.mark.rule("BR-2")
@pytest.mark.parametrize("port", ["value", "trigger", "undeclared"])
async def test_a_port_that_is_no_branch_is_never_gated(port: str) -> None:
    assert (await split(["no"], port=port))["behind"].status == "completed"


@pytest.mark.rule("BR-2")
async def test_an_edge_without_a_source_port_is_followed() -> None:
    trigger = {"id": "e", "source": "gate", "target": "behind", "targetHandle": "behind-input-trigger"}
    ended = await run_flow([node("gate", "gateway", take=["no"]), node("behind", "emit")], [trigger])
    assert ended["behind"].status == "completed"


@pytest.mark.rule("BR-2")
async def test_a_gateway_that_names_no_branch_gates_nothing() -> None:
    assert (await split([]))["behind"].status == "completed"


@pytest.mark.rule("BR-2")
async def test_a_gateway_without_configured_branches_gates_nothing() -> None:
    assert (await split(["no"], branches=[]))["behind"].status == "completed"


@pytest.mark.rule("BR-2")
@pytest.mark.parametrize("broken", ["yes", None, [{"name": ""}, {"name": 7}, "yes", {"value": "yes"}]])
async def test_branches_that_cannot_be_read_are_no_branches(broken: Any) -> None:
    assert (await split(["no"], branches=broken))["behind"].status == "completed"


@pytest.mark.rule("BR-3")
async def test_a_lone_text_is_one_branch() -> None:
    branches = [{"name": "yes"}, {"name": "y"}, {"name": "yes, no"}, {"name": "no"}]
    assert (await split("yes", branches=branches))["behind"].status == "completed"
    assert (await split("yes", port="y", branches=branches))["behind"].status == "skipped"
    assert (await split("yes, no", port="no", branches=branches))["behind"].status == "skipped"


@pytest.mark.rule("BR-3")
async def test_what_is_no_text_among_the_taken_branches_is_dropped() -> None:
    assert (await split([None, 7, "yes"]))["behind"].status == "completed"
    assert (await split([None, 7, "no"]))["behind"].status == "skipped"


@pytest.mark.rule("BR-4")
@pytest.mark.parametrize(("value", "taken"), [("red", "red"), ("RED", "red"), ("blue", "blue"), (7, "seven")])
async def test_a_match_takes_its_branch_alone(value: Any, taken: str) -> None:
    assert reached(await matched(value)) == {taken}


@pytest.mark.rule("BR-4")
@pytest.mark.parametrize("value", ["7", 7.0, True, None, "green"])
@pytest.mark.parametrize("config", [{"default_branch": "BLUE "}, {"defaultBranch": "blue"}])
async def test_without_a_match_the_default_branch_is_taken(value: Any, config: dict[str, Any]) -> None:
    assert reached(await matched(value, **config)) == {"blue"}


@pytest.mark.rule("BR-4")
@pytest.mark.parametrize("config", [{}, {"default_branch": "green"}])
async def test_without_a_match_and_default_the_gateway_fails_over_its_error_edge(
    config: dict[str, Any],
) -> None:
    ended = await matched("green", **config)
    assert ended.outcome.status == "completed"
    assert reached(ended) == {"handler"}
    assert ended["gate"].error is not None
    assert ended["gate"].error["code"] == "BRANCH_NOT_CONFIGURED"


@pytest.mark.rule("BR-4")
async def test_a_gateway_uses_its_types_branches_when_it_has_none_of_its_own() -> None:
    ended = await run_flow(
        [node("gate", "match", value=False), node("y", "emit"), node("n", "emit")],
        [edge("gate", "yes", "y", "trigger"), edge("gate", "no", "n", "trigger")],
    )
    assert reached(ended) == {"n"}


@pytest.mark.rule("BR-5")
async def test_data_edges_out_of_a_branch_are_gated_like_triggers() -> None:
    assert (await split(["yes"], target="value"))["behind"].status == "completed"
    assert (await split(["no"], target="value"))["behind"].status == "skipped"


@pytest.mark.rule("BR-5", "DATA-4")
async def test_a_closed_data_edge_delivers_nothing_to_a_node_that_runs_all_the_same() -> None:
    """The gateway finishes last, so its value would win if the edge were open."""
    branches = [{"name": "value"}, {"name": "no"}]
    ended = await run_flow(
        [
            node("other", "emit", value=2),
            node("gate", "gateway", take=["no"], value=1, branches=branches),
            node("end", "see"),
        ],
        [
            edge("other", "trigger", "gate", "trigger"),
            edge("gate", "value", "end", "a"),
            edge("gate", "no", "end", "trigger"),
            edge("other", "result", "end", "a"),
        ],
    )
    assert ended["gate"].output == {"value": 1}
    assert ended.result("end")["a"] == 2


@pytest.mark.rule("BR-7")
async def test_a_skip_says_why_and_fails_nothing() -> None:
    ended = await split(["no"])
    assert ended.outcome.status == "completed"
    assert ended["behind"].skip_reason == "branch_not_active"
    assert (ended["behind"].output, ended["behind"].order, ended["behind"].started_at) == (None, 0, None)


@pytest.mark.rule("BR-7")
async def test_everything_behind_a_skipped_node_is_reported_skipped_once() -> None:
    ended = await run_flow(
        [node("gate", "gateway", take=["no"]), *(node(name, "see") for name in "abcd")],
        [
            edge("gate", "yes", "a", "trigger"),
            edge("a", "result", "b", "a"),
            edge("a", "trigger", "c", "trigger"),
            edge("b", "result", "d", "a"),
            edge("c", "result", "d", "b"),
        ],
    )
    assert sorted(ended.sink.of("skipped")) == ["a", "b", "c", "d"]
    assert ended.sink.of("started") == ["gate"]
    assert {ended[name].skip_reason for name in "abcd"} == {"branch_not_active"}


@pytest.mark.rule("BR-7")
async def test_skips_are_reported_while_other_nodes_are_still_at_work() -> None:
    ended = await run_flow(
        [node("gate", "gateway", take=["no"]), node("a", "emit"), node("b", "emit"), node("busy", "emit")],
        [
            edge("gate", "yes", "a", "trigger"),
            edge("a", "trigger", "b", "trigger"),
            edge("gate", "no", "busy", "trigger"),
        ],
    )
    steps = ended.sink.steps
    assert steps.index(("skipped", "b")) < steps.index(("finished", "busy"))


@pytest.mark.rule("BR-7", "DATA-4")
async def test_one_of_two_triggers_is_enough() -> None:
    ended = await run_flow(
        [node("gate", "gateway", take=["no"]), node("y", "emit"), node("n", "emit"), node("end", "emit")],
        [
            edge("gate", "yes", "y", "trigger"),
            edge("gate", "no", "n", "trigger"),
            edge("y", "trigger", "end", "trigger"),
            edge("n", "trigger", "end", "trigger"),
        ],
    )
    assert ended.statuses == {"gate": "completed", "y": "skipped", "n": "completed", "end": "completed"}
