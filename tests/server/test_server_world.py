"""What nodes may reach from inside a real server: the hosts it allows, its kernels, and code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphs import document, edge, node
from local_hosts import LocalHost, local_host
from server_desk import Api

from flowdrop_jupyter.server.kernels import ServerKernels


def flow(type_id: str, output: str, **config: Any) -> dict[str, Any]:
    """A workflow that says one output of one node."""
    return document(
        [
            node("chat_input.1", "chat_input"),
            node(f"{type_id}.1", type_id, **config),
            node("chat_output.1", "chat_output"),
        ],
        [
            edge("chat_input.1", "trigger", f"{type_id}.1", "trigger"),
            edge(f"{type_id}.1", output, "chat_output.1", "message"),
        ],
        id=type_id,
    )


async def said(api: Api, workflow: dict[str, Any]) -> dict[str, Any]:
    """Return the last message of a turn."""
    page = await api.turn(await api.open(workflow), "go")
    found: dict[str, Any] = page["data"][-1]
    return found


@pytest.fixture
def neighbour() -> Iterator[LocalHost]:
    with local_host() as host:
        yield host


async def test_this_machine_is_not_called_from_a_workflow(api: Api, neighbour: LocalHost) -> None:
    answer = await said(api, flow("http_request", "body", url=f"http://127.0.0.1:{neighbour.port}/echo"))

    assert answer["role"] == "system"
    assert answer["metadata"]["code"] == "HOST_NOT_ALLOWED"
    assert neighbour.asked == []


@pytest.mark.parametrize(
    "flowdrop_config", [{"allowed_hosts": ["localhost"]}, {"allow_private_network": True}]
)
async def test_a_host_that_the_server_allows_is_called(api: Api, neighbour: LocalHost) -> None:
    answer = await said(api, flow("http_request", "body", url=f"http://localhost:{neighbour.port}/echo"))

    assert json.loads(answer["content"])["method"] == "GET"


@pytest.mark.parametrize("flowdrop_config", [{"allow_code": False}])
async def test_code_is_not_run_on_a_server_that_forbids_it(api: Api) -> None:
    answer = await said(api, flow("run_code", "stdout", code="print(1)"))

    assert answer["metadata"]["code"] == "CODE_NOT_ALLOWED"


async def test_code_runs_beside_the_servers_own_kernels(api: Api, jp_serverapp: Any) -> None:
    answer = await said(api, flow("run_code", "stdout", code="print('from a kernel')"))

    assert answer["content"] == "from a kernel\n"
    assert jp_serverapp.kernel_manager.list_kernels() == []


async def test_a_workflow_is_told_which_kernels_can_be_started(api: Api) -> None:
    answer = await said(api, flow("kernel_query", "default"))

    assert answer["content"] == "python3"


async def test_kernels_are_told_without_their_commands(jp_serverapp: Any) -> None:
    specs = {spec["name"]: spec for spec in await ServerKernels(jp_serverapp).specs()}

    python = specs["python3"]
    assert set(python) == {"name", "display_name", "language", "default"}
    assert (python["language"], python["default"]) == ("python", True)


async def test_running_kernels_are_told_with_their_state(jp_serverapp: Any) -> None:
    kernel_id = await jp_serverapp.kernel_manager.start_kernel(kernel_name="python3")
    try:
        (kernel,) = await ServerKernels(jp_serverapp).running()
    finally:
        await jp_serverapp.kernel_manager.shutdown_kernel(kernel_id, now=True)

    assert (kernel["id"], kernel["name"], kernel["connections"]) == (kernel_id, "python3", 0)
    assert set(kernel) == {"id", "name", "state", "last_activity", "connections"}
