"""Which server a kernel takes for its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from flowdrop_jupyter.client import FlowDropClient, find_server
from flowdrop_jupyter.client.processes import process_alive
from flowdrop_jupyter.errors import InvalidInput, ServerNotFound


class Machine:
    """A runtime directory, an environment and a folder to look from."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.runtime = base / "runtime"
        self.runtime.mkdir()
        self.env: dict[str, str] = {}
        self.cwd = self.folder("home/work/project")
        self.dead: set[int] = set()

    def folder(self, name: str) -> Path:
        path = self.base / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def run(self, pid: int, root: Path | None, **more: Any) -> str:
        url = f"http://localhost:{pid}/"
        note = {
            "pid": pid,
            "url": url,
            "token": f"token-{pid}",
            "root_dir": str(root) if root else None,
            "sock": "",
            **more,
        }
        (self.runtime / f"jpserver-{pid}.json").write_text(json.dumps(note), "utf-8")
        return url.rstrip("/")

    def find(self, *args: str | None) -> tuple[str, str | None]:
        found = find_server(
            *args,
            environ=self.env,
            runtime_dir=self.runtime,
            cwd=self.cwd,
            is_alive=lambda pid: pid not in self.dead,
        )
        return found.url, found.token


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_argument_wins_over_everything(machine: Machine) -> None:
    machine.env = {"FLOWDROP_SERVER_URL": "http://other:1", "FLOWDROP_TOKEN": "t"}
    machine.run(8888, machine.cwd)
    assert machine.find("https://here/base/", "mine") == ("https://here/base", "mine")


def test_a_pasted_address_gives_its_token(machine: Machine) -> None:
    assert machine.find("http://here:8888/lab?token=abc") == ("http://here:8888", "abc")


def test_an_explicit_address_takes_the_token_noted_for_it(machine: Machine) -> None:
    url = machine.run(8888, None)
    assert machine.find(url) == (url, "token-8888")


def test_a_token_from_the_environment_is_not_given_to_another_server(machine: Machine) -> None:
    machine.env = {"FLOWDROP_SERVER_URL": "http://known:1", "FLOWDROP_TOKEN": "secret"}
    assert machine.find("http://known:1/") == ("http://known:1", "secret")
    assert machine.find("http://stranger:1/") == ("http://stranger:1", None)


@pytest.mark.parametrize("bad", ["localhost:8888", "file:///etc", "", "http://"])
def test_an_address_must_be_http(machine: Machine, bad: str) -> None:
    with pytest.raises(InvalidInput, match="http"):
        machine.find(bad)


def test_flowdrops_variables_come_before_the_hub(machine: Machine) -> None:
    machine.env = {
        "FLOWDROP_SERVER_URL": "http://127.0.0.1:9/base/",
        "FLOWDROP_TOKEN": "fd",
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8/user/x/",
        "JUPYTERHUB_API_TOKEN": "hub",
    }
    assert machine.find() == ("http://127.0.0.1:9/base", "fd")


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("http://127.0.0.1:8080/user/ann/", "hub"),
        ("http://localhost:8080/user/ann", "hub"),
        ("http://127.0.0.1:8080/user/bob/", None),
        ("http://127.0.0.1:9090/user/ann/", None),
        ("http://elsewhere:8080/user/ann/", None),
    ],
)
def test_the_hubs_token_is_used_for_the_hubs_own_server_only(
    machine: Machine, address: str, token: str | None
) -> None:
    machine.env = {
        "FLOWDROP_SERVER_URL": address,
        "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8080/user/ann/",
        "JUPYTERHUB_API_TOKEN": "hub",
    }
    assert machine.find() == (address.rstrip("/"), token)


def test_a_server_with_a_password_and_no_token_says_what_to_do(machine: Machine) -> None:
    url = machine.run(1, machine.cwd, token="", password=True)
    with pytest.raises(ServerNotFound, match=r"IdentityProvider\.token") as caught:
        machine.find()
    assert caught.value.code == "SERVER_TOKEN_MISSING"
    assert "server=… and token=…" in str(caught.value)
    assert url in str(caught.value)


def test_a_server_with_a_password_is_gone_to_with_a_token_of_ones_own(machine: Machine) -> None:
    url = machine.run(1, machine.cwd, token="", password=True)
    assert machine.find(None, "mine") == (url, "mine")


def test_a_server_that_lets_everybody_in_needs_no_token(machine: Machine) -> None:
    url = machine.run(1, machine.cwd, token="", password=False)
    assert machine.find() == (url, None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:8080/user/ann/", "http://127.0.0.1:8080/user/ann"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080/user/ann"),
        ("http://[::]:8080/user/ann/", "http://127.0.0.1:8080/user/ann"),
        ("http://[fd00::1]:8080/user/ann/", "http://[fd00::1]:8080/user/ann"),
    ],
)
def test_under_jupyterhub_the_hubs_variables_are_used(machine: Machine, address: str, expected: str) -> None:
    machine.env = {
        "JUPYTERHUB_SERVICE_URL": address,
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
        "JUPYTERHUB_API_TOKEN": "hub",
    }
    machine.run(8888, machine.cwd)
    assert machine.find() == (expected, "hub")


def test_a_running_server_is_taken_when_its_root_holds_the_folder(machine: Machine) -> None:
    machine.run(1, machine.folder("elsewhere"))
    url = machine.run(2, machine.folder("home"))
    assert machine.find() == (url, "token-2")


def test_a_sibling_with_the_same_prefix_does_not_hold_the_folder(machine: Machine) -> None:
    machine.run(1, machine.folder("home/work/proj"))
    with pytest.raises(ServerNotFound):
        machine.find()


def test_the_deepest_root_wins(machine: Machine) -> None:
    machine.run(1, machine.folder("home"))
    url = machine.run(2, machine.folder("home/work"))
    assert machine.find() == (url, "token-2")


def test_the_notebooks_path_counts_more_than_the_working_directory(machine: Machine) -> None:
    machine.run(1, machine.cwd)
    url = machine.run(2, machine.folder("books"))
    machine.env = {"JPY_SESSION_NAME": str(machine.base / "books" / "a.ipynb")}
    assert machine.find() == (url, "token-2")


def test_two_servers_with_the_same_root_are_an_error_that_lists_them(machine: Machine) -> None:
    machine.run(1, machine.cwd)
    machine.run(2, machine.cwd)
    with pytest.raises(ServerNotFound, match=r"(?s)localhost:1.*localhost:2") as caught:
        machine.find()
    assert caught.value.code == "SERVER_AMBIGUOUS"
    assert "token-1" not in str(caught.value)


def test_one_server_alone_elsewhere_is_never_taken(machine: Machine) -> None:
    machine.run(1, machine.folder("elsewhere"))
    with pytest.raises(ServerNotFound, match="does not hold"):
        machine.find()


def test_the_error_names_all_that_was_tried(machine: Machine) -> None:
    machine.run(1, machine.cwd)
    machine.dead.add(1)
    machine.run(2, machine.folder("elsewhere"))
    machine.run(3, machine.cwd, sock="/run/x.sock", url="http+unix://%2Frun")
    (machine.runtime / "jpserver-4.json").write_text("{torn", "utf-8")
    with pytest.raises(ServerNotFound) as caught:
        machine.find()
    text = str(caught.value)
    for words in (
        "'server' argument",
        "FLOWDROP_SERVER_URL",
        "JUPYTERHUB_API_TOKEN",
        "process 1 has ended",
        "localhost:2",
        "Unix socket",
        "jpserver-4.json: cannot be read",
    ):
        assert words in text


def test_an_explicit_token_replaces_the_found_one(machine: Machine) -> None:
    url = machine.run(1, machine.cwd)
    assert machine.find(None, "other") == (url, "other")


def test_a_server_does_not_show_its_token() -> None:
    found = find_server("http://here", "s3cret", environ={}, runtime_dir=Path("/nonexistent"))
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(FlowDropClient("http://here", "s3cret"))


def test_the_own_process_is_alive_and_impossible_ones_are_not() -> None:
    assert process_alive(os.getpid())
    assert not any(process_alive(pid) for pid in (0, -1, 2**22 + 1, 2**70))
