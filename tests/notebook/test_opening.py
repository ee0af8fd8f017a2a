"""Which workflow and which session a person means."""

from __future__ import annotations

from typing import Any

import pytest
from notebook_fakes import FakeServer

from flowdrop_jupyter.client import FlowDropClient
from flowdrop_jupyter.errors import Conflict, InvalidInput, NotFound
from flowdrop_jupyter.notebook.opening import find_session, find_workflow, notebook_path


@pytest.fixture
def client(server: FakeServer) -> FlowDropClient:
    return server.client()


def find(client: FlowDropClient, **words: Any) -> Any:
    return find_session(client, find_workflow(client, "w1"), **words)


@pytest.mark.parametrize("words", ["w1", "Data quality", "  w1 "])
def test_a_workflow_is_named_by_id_or_name(client: FlowDropClient, words: str) -> None:
    assert find_workflow(client, words)["id"] == "w1"


def test_a_name_that_two_workflows_have_is_a_conflict(client: FlowDropClient, server: FakeServer) -> None:
    server.add_workflow("w2", "Data quality")
    with pytest.raises(Conflict, match="w1, w2"):
        find_workflow(client, "Data quality")


def test_an_unknown_workflow_names_similar_ones(client: FlowDropClient) -> None:
    with pytest.raises(NotFound, match="Did you mean 'Data quality'"):
        find_workflow(client, "Data qualty")


def test_no_workflow_at_all_is_refused(client: FlowDropClient) -> None:
    with pytest.raises(InvalidInput):
        find_workflow(client, " ")


def test_the_newest_session_of_a_name_is_taken(client: FlowDropClient, server: FakeServer) -> None:
    server.add_session("a")
    newest = server.add_session("a")
    assert find(client, name="a")["id"] == newest["id"]
    assert find(client, session="a")["id"] == newest["id"]


def test_a_name_that_is_new_makes_a_session(client: FlowDropClient) -> None:
    made = find(client, name="b", notebook="/x/n.ipynb")
    assert (made["name"], made["metadata"]) == ("b", {"notebook": "/x/n.ipynb", "named": True})


def test_a_session_that_must_exist_is_not_made(client: FlowDropClient, server: FakeServer) -> None:
    with pytest.raises(NotFound, match="no session 'b'"):
        find(client, session="b")
    assert server.sessions == {}


def test_a_session_is_found_by_its_id(client: FlowDropClient, server: FakeServer) -> None:
    first = server.add_session("a")
    server.add_session("a")
    assert find(client, session=first["id"])["id"] == first["id"]


def test_a_notebook_comes_back_to_its_own_session(client: FlowDropClient) -> None:
    mine = find(client, notebook="/x/n.ipynb")
    find(client, name="other", notebook="/x/n.ipynb")
    find(client, notebook="/x/m.ipynb")
    assert find(client, notebook="/x/n.ipynb")["id"] == mine["id"]
    assert mine["name"] == "n"


def test_a_new_session_is_the_notebooks_own_from_then_on(client: FlowDropClient) -> None:
    find(client, notebook="/x/n.ipynb")
    fresh = find(client, notebook="/x/n.ipynb", new=True)
    assert find(client, notebook="/x/n.ipynb")["id"] == fresh["id"]


def test_archived_sessions_are_left_alone(client: FlowDropClient, server: FakeServer) -> None:
    old = server.add_session("a", archived=True)
    assert find(client, name="a")["id"] != old["id"]


def test_without_a_notebook_each_session_is_new(client: FlowDropClient) -> None:
    first = find(client)
    assert find(client)["id"] != first["id"]
    assert first["name"] == "Data quality"


@pytest.mark.parametrize(
    ("environ", "namespace", "path"),
    [
        ({"JPY_SESSION_NAME": "/x/n.ipynb"}, {}, "/x/n.ipynb"),
        ({"JPY_SESSION_NAME": "/x/RTC:n.ipynb"}, {}, "/x/n.ipynb"),
        ({"JPY_SESSION_NAME": "console-1-0a1b"}, {}, None),
        ({}, {}, None),
        ({"JPY_SESSION_NAME": "x"}, {"__vsc_ipynb_file__": "/y/n.ipynb"}, "/y/n.ipynb"),
    ],
)
def test_the_notebooks_path(environ: dict[str, str], namespace: dict[str, Any], path: str | None) -> None:
    assert notebook_path(environ, namespace) == path
