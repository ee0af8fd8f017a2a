"""Starting, stopping and sharing: the host behind the routes lives exactly as long as the server."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import anyio
import pytest
from gates import Gate
from graphs import APPROVAL, ECHO, document, edge, node
from jupyter_server.base.call_context import CallContext
from server_desk import DEADLINE, Api, assert_refused

from flowdrop_jupyter.errors import StoreClosed
from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes import node as node_type
from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import ALL_PERMISSIONS, Host, Principal
from flowdrop_jupyter.store import TinyDBStore

HELD = document(
    [node("chat_input.1", "chat_input"), node("gate.1", "gate"), node("chat_output.1", "chat_output")],
    [
        edge("chat_input.1", "message", "gate.1", "data"),
        edge("gate.1", "result", "chat_output.1", "message"),
    ],
    id="held",
)
LOCAL = Principal("local", "Local", ALL_PERMISSIONS)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what the start hook leaves in the environment for kernels."""
    for name in ("FLOWDROP_SERVER_URL", "FLOWDROP_TOKEN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


async def start_hooks(serverapp: Any) -> None:
    await serverapp.extension_manager.start_all_extensions()


async def test_the_start_hook_starts_the_host(
    jp_serverapp: Any, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    await start_hooks(jp_serverapp)
    assert await host.store.workflows() == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_the_first_request_starts_the_host_when_no_hook_did(api: Api, host: Host) -> None:
    with pytest.raises(StoreClosed):
        await host.store.workflows()
    assert (await api.get("workflows")).status == 200


async def test_requests_that_come_together_start_one_host(api: Api, jp_serverapp: Any) -> None:
    replies = await asyncio.gather(
        *(api.post("workflows", {"name": f"W{number}"}) for number in range(8)), start_hooks(jp_serverapp)
    )
    assert [reply.status for reply in replies[:-1]] == [201] * 8
    assert len((await api.get("workflows")).data) == 8


async def test_kernels_are_told_the_server_until_it_ends(jp_serverapp: Any, flowdrop: FlowDropApp) -> None:
    await start_hooks(jp_serverapp)
    assert os.environ["FLOWDROP_SERVER_URL"] == jp_serverapp.local_url.split("?")[0]
    assert os.environ["FLOWDROP_TOKEN"] == jp_serverapp.identity_provider.token
    await flowdrop.stop_extension()
    assert "FLOWDROP_SERVER_URL" not in os.environ
    assert "FLOWDROP_TOKEN" not in os.environ


async def test_a_run_knows_nothing_of_the_request_that_began_it(api: Api, host: Host) -> None:
    seen: list[Any] = []

    @node_type(id="witness")
    async def witness() -> None:
        seen.append(CallContext.get(CallContext.JUPYTER_HANDLER))

    @node_type(id="witness_in_thread")
    def witness_in_thread() -> None:
        seen.append(CallContext.get(CallContext.JUPYTER_HANDLER))

    host.registry.add(witness)
    host.registry.add(witness_in_thread)
    graph = document([node("a", "witness"), node("b", "witness_in_thread")], [], id="witness")
    await api.turn(await api.open(graph), "hello")
    assert seen == [None, None]


async def test_a_run_goes_on_when_its_request_is_long_over(api: Api, host: Host) -> None:
    gate = Gate()
    host.registry.add(gate.function)
    session_id = await api.open(HELD)
    await api.say(session_id, "hello")
    await gate.entered()
    for _ in range(3):
        assert (await api.messages(session_id))["sessionStatus"] == "running"
    gate.opened.set()
    page = await api.until(session_id, "completed")
    assert page["data"][-1]["content"] == "hello"


async def test_the_server_ends_while_a_run_waits(api: Api, host: Host, flowdrop: FlowDropApp) -> None:
    gate = Gate()
    host.registry.add(gate.function)
    await api.say(await api.open(HELD), "hello")
    await gate.entered()
    async with asyncio.timeout(DEADLINE):
        await flowdrop.stop_extension()
    assert gate.cancellations == 1
    with pytest.raises(StoreClosed):
        await host.store.workflows()


async def test_requests_after_the_end_are_told_so(api: Api, flowdrop: FlowDropApp) -> None:
    await api.post("workflows", ECHO)
    await flowdrop.stop_extension()
    assert_refused(await api.get("workflows"), 503, "SHUTTING_DOWN")


async def test_ending_twice_is_fine(api: Api, flowdrop: FlowDropApp) -> None:
    await api.get("workflows")
    await flowdrop.stop_extension()
    await flowdrop.stop_extension()


async def test_the_start_hook_takes_up_what_an_earlier_server_left_running(
    jp_serverapp: Any, host: Host, api: Api, data_dir: Path, tmp_path: Path
) -> None:
    left = Gate()
    earlier = Host(TinyDBStore(data_dir), with_gate(left), root=tmp_path)
    async with anyio.create_task_group() as owner:
        await owner.start(earlier.run)
        await earlier.workflows.create(HELD, LOCAL)
        session = await earlier.sessions.create("held", LOCAL)
        await earlier.sessions.post_message(session.id, "hello", LOCAL)
        await left.entered()
        owner.cancel_scope.cancel()
    again = Gate()
    again.opened.set()
    host.registry.add(again.function)
    await start_hooks(jp_serverapp)
    with anyio.fail_after(DEADLINE):
        await host.processor.settled(session.id)
    page = await api.messages(session.id)
    assert (page["sessionStatus"], page["data"][-1]["content"]) == ("completed", "hello")
    assert again.executions == 1


def with_gate(gate: Gate) -> NodeRegistry:
    registry = NodeRegistry.installed()
    registry.add(gate.function)
    return registry


# Two servers on one data directory


@pytest.fixture
def taken(data_dir: Path, jp_asyncio_loop: Any) -> Any:
    """A store that holds the data directory until it is closed."""
    store = TinyDBStore(data_dir)
    jp_asyncio_loop.run_until_complete(store.open())
    yield store
    jp_asyncio_loop.run_until_complete(store.close())


ROUTES = [
    ("GET", "workflows"),
    ("POST", "workflows"),
    ("POST", "workflows/validate"),
    ("GET", "nodes"),
    ("GET", "playground/sessions"),
    ("GET", "playground/sessions/x"),
    ("DELETE", "playground/sessions/x"),
    ("GET", "playground/sessions/x/messages"),
    ("POST", "playground/sessions/x/messages"),
    ("POST", "playground/sessions/x/stop"),
    ("GET", "interrupts/x"),
    ("POST", "interrupts/x"),
    ("POST", "interrupts/x/cancel"),
]


async def test_a_second_server_says_on_every_request_that_the_data_is_taken(
    taken: TinyDBStore, api: Api, jp_serverapp: Any
) -> None:
    await start_hooks(jp_serverapp)
    for verb, path in ROUTES:
        assert_refused(await api(verb, path, {}), 503, "STORE_LOCKED")
    assert (await api.fetch("api", "status")).code == 200


async def test_a_second_server_serves_as_soon_as_the_first_one_is_gone(
    taken: TinyDBStore, api: Api, jp_serverapp: Any
) -> None:
    await start_hooks(jp_serverapp)
    assert (await api.get("workflows")).status == 503
    await taken.close()
    assert (await api.get("workflows")).status == 200


async def test_a_prompt_is_answered_by_the_next_server(
    api: Api, host: Host, flowdrop: FlowDropApp, data_dir: Path, tmp_path: Path
) -> None:
    session_id = await api.open(APPROVAL)
    await api.turn(session_id, "please")
    prompt = await api.prompt(session_id)
    await flowdrop.stop_extension()
    later = Host(TinyDBStore(data_dir), NodeRegistry.installed(), root=tmp_path)
    async with anyio.create_task_group() as owner:
        await owner.start(later.run)
        answered = await later.sessions.resolve(prompt["id"], True, LOCAL)
        page = await later.sessions.messages(session_id, LOCAL)
        owner.cancel_scope.cancel()
    assert answered.status == "resolved"
    assert (page.session.status, page.messages[-1].content) == ("completed", "Done.")


@pytest.mark.parametrize("flowdrop_config", [{"read_only": True}])
async def test_a_second_server_that_only_reads_shows_what_is_there_and_changes_nothing(
    taken: TinyDBStore, api: Api, jp_serverapp: Any, tmp_path: Path
) -> None:
    writer = Host(taken, NodeRegistry.installed(), root=tmp_path)
    await writer.workflows.create(ECHO, LOCAL)
    session = await writer.sessions.create("echo", LOCAL)
    await start_hooks(jp_serverapp)
    assert (await api.get("health")).status == 200
    assert [row["id"] for row in (await api.get("playground/sessions")).data] == [session.id]
    sent = await api.post(f"playground/sessions/{session.id}/messages", {"content": "hello"})
    assert_refused(sent, 503, "STORE_READ_ONLY")
    assert_refused(await api.post("workflows", {"name": "New"}), 503, "STORE_READ_ONLY")
    page = await taken.messages(session.id)
    assert page is not None
    assert (page.messages, page.session.status) == ([], "idle")
