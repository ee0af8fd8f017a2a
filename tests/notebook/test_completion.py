"""Tab completion that never fails and never waits long."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from notebook_fakes import Recorder

from flowdrop_jupyter.notebook import load_ipython_extension, unload_ipython_extension
from flowdrop_jupyter.notebook.completion import WorkflowNames, candidates, completer

NAMES = ["data-quality", "data-load", "reports"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%flowdrop wo", ["workflows"]),
        ("  %flowdrop s", ["send", "sessions", "stop"]),
        ("%flowdrop open data-", ["data-quality", "data-load"]),
        ("%flowdrop sessions r", ["reports"]),
        ("%flowdrop open ", NAMES),
        ("%flowdrop open data-load -", []),
        ("%flowdrop send da", []),
        ("%flowdrops wo", []),
        ("x = '%flowdrop wo", []),
    ],
)
def test_candidates(line: str, found: list[str]) -> None:
    assert candidates(line, lambda: NAMES) == found


def test_names_are_asked_for_once_while_fresh() -> None:
    asked: list[int] = []
    now = [0.0]

    def fetch() -> list[str]:
        asked.append(1)
        return NAMES

    names = WorkflowNames(fetch, clock=lambda: now[0])
    assert names.get(10) == names.get(10) == NAMES
    assert len(asked) == 1


def test_old_names_are_shown_while_new_ones_are_fetched() -> None:
    now = [0.0]
    lists = [["old"], ["new"]]
    fetched = Recorder()

    def fetch() -> list[str]:
        fetched.add(1)
        return lists.pop(0)

    names = WorkflowNames(fetch, clock=lambda: now[0])
    assert names.get(10) == ["old"]
    now[0] = 1000.0
    names.get(10)
    fetched.until(lambda seen: len(seen) == 2)
    running = names._busy
    if running is not None:
        running.join(10)
    assert names.get(10) == ["new"]


def test_a_slow_server_does_not_hold_up_completion() -> None:
    go_on = threading.Event()

    def fetch() -> list[str]:
        go_on.wait(10)
        return NAMES

    names = WorkflowNames(fetch)
    assert names.get(0.01) == []
    go_on.set()


def test_a_failing_server_completes_nothing_and_is_not_asked_again_at_once() -> None:
    asked: list[int] = []

    def fetch() -> list[str]:
        asked.append(1)
        raise RuntimeError("no")

    names = WorkflowNames(fetch)
    assert (names.get(10), names.get(10)) == ([], [])
    assert len(asked) == 1


def test_a_name_with_dashes_replaces_what_was_typed_of_it(shell: InteractiveShell) -> None:
    assert shell.Completer is not None
    matcher = completer(lambda: NAMES)
    shell.Completer.custom_matchers.append(matcher)
    try:
        with provisionalcompleter():
            [found] = shell.Completer.completions("%flowdrop open data-q", 21)
    finally:
        shell.Completer.custom_matchers.remove(matcher)
    assert (found.text, found.start) == ("data-quality", 15)


def test_a_failing_list_leaves_other_completions_alone(shell: InteractiveShell) -> None:
    def fail() -> list[str]:
        raise RuntimeError("no")

    context: Any = type("Context", (), {"text_until_cursor": "%flowdrop open x"})()
    assert completer(fail)(context) == {"completions": [], "suppress": False}


def test_the_extension_completes_in_a_shell_and_leaves_nothing_behind(shell: InteractiveShell) -> None:
    assert shell.Completer is not None
    before = list(shell.Completer.custom_matchers)
    load_ipython_extension(shell)
    load_ipython_extension(shell)
    assert "flowdrop" in shell.magics_manager.magics["line"]
    assert "flowdrop" in shell.magics_manager.magics["cell"]
    with provisionalcompleter():
        found = [completion.text for completion in shell.Completer.completions("%flowdrop wo", 12)]
    assert found == ["workflows"]
    unload_ipython_extension(shell)
    assert shell.Completer.custom_matchers == before
    assert "flowdrop" not in shell.magics_manager.magics["line"]
