"""EXPO-14 over HTTP: a hidden value is in no answer, no event and no file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from graphs import document, edge, node
from server_desk import Api

from flowdrop_jupyter.nodes import Lane, NodeContext
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.sessions import Host
from flowdrop_jupyter.store import JobRecord

SENTINEL = "the-hidden-value-5e1f"
SHOWN = "the-shown-value-77aa"


class Both(TypedDict):
    """One output that is shown, one that is hidden."""

    shown: str
    hidden: Annotated[str, Lane("string", exposed=False)]


@node_type(id="both", message_output="hidden")
async def both() -> Both:
    """Gives a shown and a hidden value."""
    return {"shown": SHOWN, "hidden": SENTINEL}


@node_type(id="ask_after")
async def ask_after(context: NodeContext, value: Any = None, kept: Any = None) -> Any:
    """Pauses the run, and gives what it got."""
    await context.ask({"type": "text", "message": f"Got {value}"})
    return {"value": value, "kept": kept}


FLOW = document(
    [
        node("both.1", "both", ports={"outputs": {"output": {"exposed": True}}}),
        node("ask.1", "ask_after"),
        node("chat_output.1", "chat_output"),
    ],
    [
        edge("both.1", "output", "ask.1", "value"),
        edge("both.1", "shown", "ask.1", "kept"),
        edge("ask.1", "result", "chat_output.1", "message"),
    ],
    id="hides",
)


@pytest.mark.rule("EXPO-14")
async def test_a_hidden_value_is_nowhere(api: Api, host: Host, data_dir: Path) -> None:
    host.registry.add(both)
    host.registry.add(ask_after)
    session = await api.open(FLOW)
    await api.turn(session, "go")
    prompt = await api.prompt(session)
    answered = await api.post(f"interrupts/{prompt['id']}", {"value": "yes"})
    assert answered.status == 200, answered.text
    page = await api.until(session, "completed", "failed")
    assert page["sessionStatus"] == "completed"

    seen = [str(page), str(prompt)]
    seen += [
        (await api.get(f"playground/sessions/{session}{path}")).text
        for path in ("", "/messages", "/interrupts")
    ]
    events = await host.store.events(session)
    jobs: list[JobRecord] = []
    for execution in {message["executionId"] for message in page["data"] if message.get("executionId")}:
        jobs += await host.store.jobs(session, execution)
        seen.append((await api.get(f"executions/{execution}/state")).text)
        seen.append((await api.get(f"executions/{execution}")).text)
    assert jobs
    seen += [str(events), str(jobs)]
    await host.store.close()
    files = _content(data_dir)

    assert SHOWN in "".join(seen)
    assert SENTINEL not in "".join(seen)
    assert SHOWN.encode() in files
    assert SENTINEL.encode() not in files


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
