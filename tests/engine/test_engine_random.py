"""Whatever the graph: a run comes to its end, each node once, and never before what it waits for."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from engine_runs import Documents, Ended, run_flow
from gates import DEADLINE
from graphs import edge, node
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.anyio

BRANCHES = ("yes", "no")
ENDINGS = {"completed", "failed", "skipped"}


@st.composite
def flows(draw: st.DrawFn, *, failures: bool) -> tuple[Documents, Documents]:
    """Draw a graph without a cycle, its nodes and edges in any order of definition."""
    kinds = ["emit", "emit_sync", "gateway", *(["fail"] if failures else [])]
    names = [f"n{number}" for number in draw(st.permutations(range(draw(st.integers(1, 7)))))]
    nodes, edges = [], []
    for name in names:
        kind = draw(st.sampled_from(kinds))
        config: dict[str, Any] = {"value": name} if kind != "fail" else {}
        if kind == "gateway":
            config["take"] = draw(st.lists(st.sampled_from(["yes", " NO ", "other"]), unique=True))
        nodes.append(node(name, kind, **config))
    for index, source in enumerate(nodes):
        for target in nodes[index + 1 :]:
            for wire in draw(st.lists(wires(source), max_size=2, unique=True)):
                edges.append(edge(source["id"], wire[0], target["id"], wire[1]))  # noqa: PERF401
    return draw(st.permutations(nodes)), draw(st.permutations(edges))


def wires(source: dict[str, Any]) -> st.SearchStrategy[tuple[str, str]]:
    ports = {"gateway": [*BRANCHES, "value", "trigger", "error"]}.get(
        source["data"]["metadata"]["id"], ["result", "trigger", "error"]
    )
    return st.tuples(st.sampled_from(ports), st.sampled_from(["value", "other", "trigger"]))


def expected(nodes: Documents, edges: Documents) -> dict[str, str]:
    """Return how every node ends when no failure is unhandled, read off the rules one node at a time."""
    by_id = {found["id"]: found for found in nodes}
    endings: dict[str, str] = {}

    def open_(wire: dict[str, Any]) -> bool:
        ending, out = ending_of(wire["source"]), port(wire, "source")
        if ending == "failed" or out == "error":
            return ending == "failed" and out == "error"
        take = by_id[wire["source"]]["data"]["config"].get("take")
        gated = bool(take) and out in BRANCHES
        return ending == "completed" and (not gated or out in [name.strip().lower() for name in take])

    def ending_of(node_id: str) -> str:
        if node_id not in endings:
            incoming = [wire for wire in edges if wire["target"] == node_id]
            control = controlling(incoming)
            if any(open_(wire) for wire in incoming if port(wire, "source") == "error"):
                runs = True
            elif control:
                runs = any(open_(wire) for wire in control)
            else:
                runs = all(
                    any(open_(wire) for wire in incoming if port(wire, "target") == name)
                    for name in {port(wire, "target") for wire in incoming}
                )
            fails = by_id[node_id]["data"]["metadata"]["id"] == "fail"
            endings[node_id] = "skipped" if not runs else "failed" if fails else "completed"
        return endings[node_id]

    return {found["id"]: ending_of(found["id"]) for found in nodes}


def port(wire: dict[str, Any], end: str) -> str:
    """Return the port at one end of an edge."""
    return str(wire[f"{end}Handle"]).rsplit("-", 1)[1]


def controlling(incoming: Documents) -> Documents:
    """Return the edges that alone decide whether their target runs: triggers, and errors to handle.

    An error edge into a port that values reach as well is a fallback for them.
    """
    fed = {port(wire, "target") for wire in incoming if port(wire, "source") != "error"}
    return [
        wire
        for wire in incoming
        if port(wire, "target") == "trigger"
        or (port(wire, "source") == "error" and port(wire, "target") not in fed)
    ]


def unhandled(nodes: Documents, edges: Documents) -> bool:
    """Tell whether a failure will find no error edge."""
    routed = {wire["source"] for wire in edges if wire["sourceHandle"].endswith("-error")}
    endings = expected(nodes, edges)
    return any(ending == "failed" and name not in routed for name, ending in endings.items())


async def ended(flow: tuple[Documents, Documents]) -> Ended:
    with anyio.fail_after(DEADLINE):
        return await run_flow(*flow)


def check_steps(done: Ended, edges: Documents) -> None:
    """Check that each node started and ended at most once, and after something that let it start."""
    steps = done.sink.steps
    assert len(steps) == len(set(steps))
    assert not set(done.sink.of("skipped")) & set(done.sink.of("finished"))
    orders = [done[name].order for name in done.sink.of("finished")]
    assert orders == list(range(1, len(orders) + 1))
    for name in done.sink.of("started"):
        finished = {found for step, found in steps[: steps.index(("started", name))] if step == "finished"}
        incoming = [wire for wire in edges if wire["target"] == name]
        if any(done[wire["source"]].error_routed for wire in incoming if port(wire, "source") == "error"):
            continue
        control = {wire["source"] for wire in controlling(incoming)}
        ports: dict[str, set[str]] = {}
        for wire in incoming:
            ports.setdefault(port(wire, "target"), set()).add(wire["source"])
        needed = [control] if control else list(ports.values())
        assert all(sources & finished for sources in needed)


@pytest.mark.rule("BR-1", "BR-5", "BR-7", "DATA-4", "CMP-8")
@settings(max_examples=60, deadline=None)
@given(flow=flows(failures=False))
async def test_without_failures_every_node_completes_or_is_skipped(flow: tuple[Documents, Documents]) -> None:
    done = await ended(flow)
    assert done.outcome.status == "completed"
    assert done.statuses == dict(sorted(expected(*flow).items()))
    check_steps(done, flow[1])


@pytest.mark.rule("ERR-7", "ERR-8", "ERR-9", "ERR-10")
@settings(max_examples=60, deadline=None)
@given(flow=flows(failures=True))
async def test_a_run_fails_exactly_when_a_failure_is_not_handled(flow: tuple[Documents, Documents]) -> None:
    done = await ended(flow)
    check_steps(done, flow[1])
    assert set(done.statuses) == {found["id"] for found in flow[0]}
    if unhandled(*flow):
        assert done.outcome.status == "failed"
        assert set(done.statuses.values()) <= ENDINGS | {"cancelled"}
        left = [job for job in done.sink.kept.values() if job.skip_reason == "run_failed"]
        assert {job.status for job in left} <= {"skipped", "cancelled"}
    else:
        assert done.outcome.status == "completed"
        assert done.statuses == dict(sorted(expected(*flow).items()))
