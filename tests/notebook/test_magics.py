"""``%flowdrop`` in a real shell against a server in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output
from notebook_fakes import FakeServer

from flowdrop_jupyter.notebook.arguments import options_then_text, parser, unquote, waiting_parser
from flowdrop_jupyter.notebook.arguments import parse as parse_line
from flowdrop_jupyter.notebook.magics import FlowDropMagics


class Cell:
    """Runs code as a cell and gives what it printed and displayed as one text."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def __call__(self, code: str) -> str:
        captured: CapturedIO
        with capture_output() as captured:
            self.shell.run_cell(code)
        shown = [output.data.get("text/plain", "") for output in captured.outputs]
        return "\n".join([captured.stdout, *shown, captured.stderr])


@pytest.fixture
def magics(shell: InteractiveShell, server: FakeServer) -> FlowDropMagics:
    client = server.client()
    made = FlowDropMagics(shell, lambda: client)
    shell.register_magics(made)
    return made


@pytest.fixture
def cell(magics: FlowDropMagics, shell: InteractiveShell) -> Iterator[Cell]:
    yield Cell(shell)
    shell.reset(new_session=False)


@pytest.mark.parametrize("quoted", ["'my session'", '"my session"'])
def test_quotes_around_an_argument_are_not_part_of_it(quoted: str) -> None:
    made = parser("%flowdrop open")
    made.add_argument("-s", "--session")
    assert parse_line(made, f"-s {quoted}").session == "my session"


@pytest.mark.parametrize(
    ("text", "expected"),
    [('"a"', "a"), ("'a b'", "a b"), ('"a" and "b"', '"a" and "b"'), ('"', '"'), ("it's", "it's"), ("", "")],
)
def test_only_a_pair_around_the_whole_text_is_taken_off(text: str, expected: str) -> None:
    assert unquote(text) == expected


@pytest.mark.parametrize(
    ("line", "text", "timeout", "no_wait"),
    [
        ("what's -n up? --no-wait", "what's -n up? --no-wait", None, False),
        ("--no-wait hello", "hello", None, True),
        ("--timeout 5 --no-wait hello world", "hello world", 5.0, True),
        ("--timeout=5 hello", "hello", 5.0, False),
        ("-- --no-wait is an option", "--no-wait is an option", None, False),
        ("--no-wait", "", None, True),
        ('"quoted text"', "quoted text", None, False),
        ("-5", "-5", None, False),
    ],
)
def test_options_come_before_the_text(line: str, text: str, timeout: float | None, no_wait: bool) -> None:
    args, rest = options_then_text(waiting_parser("x"), line)
    assert (rest, args.timeout, args.no_wait) == (text, timeout, no_wait)


def test_an_unknown_option_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        options_then_text(waiting_parser("x"), "--fast hello")


def test_help_lists_the_commands(cell: Cell) -> None:
    for line in ("%flowdrop", "%flowdrop help"):
        assert "%flowdrop open <workflow>" in cell(line)


def test_workflows_are_listed(cell: Cell) -> None:
    assert "w1  Data quality" in cell("%flowdrop workflows")


@pytest.mark.parametrize("wanted", ["w1", "Data quality", "'Data quality'"])
def test_open_shows_a_chat(cell: Cell, magics: FlowDropMagics, wanted: str) -> None:
    assert "No messages yet" in cell(f"%flowdrop open {wanted}")
    assert magics.current.session["workflowId"] == "w1"


def test_open_with_a_name_comes_back_to_that_session(cell: Cell, magics: FlowDropMagics) -> None:
    cell("%flowdrop open w1 -s 'my session'")
    first = magics.current.session_id
    assert magics.current.session["name"] == "my session"
    cell("%flowdrop open w1")
    assert magics.current.session_id != first
    cell('%flowdrop open w1 --session "my session"')
    assert magics.current.session_id == first
    cell("%flowdrop open w1 --new")
    assert magics.current.session_id != first


def test_a_message_is_sent_and_its_answer_shown(cell: Cell) -> None:
    cell("%flowdrop open w1")
    assert "Assistant: You said: hello there" in cell("%flowdrop send hello there")


def test_variables_are_expanded_in_a_line(cell: Cell) -> None:
    cell("%flowdrop open w1")
    cell("who = 'Ann'")
    assert "You said: hello Ann" in cell("%flowdrop send hello {who}")


def test_braces_and_dollars_in_a_cell_stay_as_they_are(cell: Cell) -> None:
    cell("%flowdrop open w1")
    cell("who = 'Ann'")
    assert "You said: {who} $who" in cell("%%flowdrop\n{who} $who\n")


def test_the_first_line_of_a_cell_is_not_expanded_either(cell: Cell, magics: FlowDropMagics) -> None:
    cell("%flowdrop open w1")
    cell("who = 'Ann'")
    cell("%%flowdrop -s {who}\nhi")
    assert magics.current.session["name"] == "{who}"


def test_a_cell_goes_to_the_session_it_names(cell: Cell, magics: FlowDropMagics, server: FakeServer) -> None:
    cell("%flowdrop open w1")
    other = server.add_session("my session")
    assert "You said: hi" in cell("%%flowdrop -s 'my session'\nhi")
    assert magics.current.session_id == other["id"]


def test_a_cell_can_name_a_session_before_any_is_open(cell: Cell, server: FakeServer) -> None:
    server.add_session("my session")
    assert "You said: hi" in cell('%%flowdrop -s "my session"\nhi')


def test_sessions_are_listed_with_the_current_one_marked(cell: Cell, magics: FlowDropMagics) -> None:
    cell("%flowdrop open w1 -s mine")
    listed = cell("%flowdrop sessions w1")
    assert any(line.startswith("*") and "mine" in line for line in listed.splitlines())


def test_the_last_messages_are_shown(cell: Cell) -> None:
    cell("%flowdrop open w1")
    cell("%flowdrop send one")
    cell("%flowdrop send two")
    shown = cell("%flowdrop messages -n 2")
    assert "You: two" in shown
    assert "You: one" not in shown


def test_a_question_says_how_it_is_answered(cell: Cell, server: FakeServer) -> None:
    server.reply = lambda _: [{"interrupt_id": "i1", "content": "Delete 3 rows?"}]
    cell("%flowdrop open w1")
    shown = cell("%flowdrop send clean")
    assert "Delete 3 rows?" in shown
    assert "%flowdrop answer yes" in shown


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("false", False), ("'no'", False)])
def test_words_answer_a_confirmation(cell: Cell, server: FakeServer, word: str, value: bool) -> None:
    server.reply = lambda _: [{"interrupt_id": "i1"}]
    cell("%flowdrop open w1")
    cell("%flowdrop send clean")
    assert f"Answered {value}" in cell(f"%flowdrop answer {word}")


def test_a_question_is_closed_by_cancel(cell: Cell, server: FakeServer) -> None:
    server.reply = lambda _: [{"interrupt_id": "i1"}]
    cell("%flowdrop open w1")
    cell("%flowdrop send clean")
    assert "Answered None" in cell("%flowdrop cancel")


def test_without_waiting_the_run_goes_on(cell: Cell, server: FakeServer) -> None:
    server.held = True
    cell("%flowdrop open w1")
    assert "the run goes on" in cell("%flowdrop send --no-wait hello")
    assert "Stopped" in cell("%flowdrop stop")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%flowdrop fly", "There is no %flowdrop fly"),
        ("%flowdrop _plainly", "There is no"),
        ("%flowdrop send hello", "No session is open"),
        ("%flowdrop open", "required"),
        ("%flowdrop open nothing", "There is no workflow 'nothing'"),
        ("%flowdrop open .", "There is no workflow '.'"),
        ("%flowdrop open ..", "There is no workflow '..'"),
        ("%flowdrop sessions ..", "cannot be an id"),
        ("%flowdrop open w1 --fast", "unrecognized"),
        ("%flowdrop open 'w1", "quot"),
        ("%flowdrop open w1\n%flowdrop send", "What shall be sent"),
        ("%flowdrop open w1\n%flowdrop answer yes", "Nothing is asked"),
        ("%flowdrop open w1\n%flowdrop stop", "Nothing is running"),
        ("%flowdrop open w1\n%flowdrop messages -n x", "invalid int"),
        ("%%flowdrop -s nobody\nhi", "There is no session 'nobody'"),
        ("%%flowdrop\n\n", "empty"),
    ],
)
def test_what_goes_wrong_is_one_line_without_a_traceback(cell: Cell, code: str, words: str) -> None:
    shown = cell(code)
    assert words in shown
    assert "UsageError" in shown
    assert "Traceback" not in shown


def test_an_unreachable_server_is_one_line(cell: Cell, server: FakeServer) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    server.failure = fail
    shown = cell("%flowdrop workflows")
    assert "is it running" in shown
    assert "Traceback" not in shown


def test_a_turn_that_takes_too_long_is_one_line(cell: Cell, server: FakeServer) -> None:
    server.held = True
    cell("%flowdrop open w1")
    shown = cell("%flowdrop send --timeout 0.01 hello")
    assert "still running" in shown
    assert "Traceback" not in shown


@pytest.fixture
def interrupt(magics: FlowDropMagics, cell: Cell) -> Callable[[str], str]:
    """Runs a line whose wait is interrupted as Ctrl-C does."""

    def run(line: str) -> str:
        cell("%flowdrop open w1")
        conversation: Any = magics.current

        def interrupted(_timeout: float | None) -> None:
            raise KeyboardInterrupt

        conversation._await_rest = interrupted
        return cell(line)

    return run


def test_an_interrupt_ends_the_wait_and_not_the_run(
    interrupt: Callable[[str], str], magics: FlowDropMagics, server: FakeServer
) -> None:
    server.held = True
    shown = interrupt("%flowdrop send hello")
    assert "the run goes on. Stop it with: %flowdrop stop" in shown
    assert "Traceback" not in shown
    assert server.sessions[magics.current.session_id]["status"] == "running"


def test_an_interrupt_stops_the_run_when_asked_to(
    interrupt: Callable[[str], str], magics: FlowDropMagics, server: FakeServer
) -> None:
    server.held = True
    assert "Stopped the run." in interrupt("%flowdrop send --stop-on-interrupt hello")
    assert server.sessions[magics.current.session_id]["status"] == "completed"


def test_requests_of_a_line_are_made_on_a_worker(cell: Cell, server: FakeServer) -> None:
    threads: set[str] = set()

    def note(request: httpx.Request) -> None:
        if request.method == "POST":
            threads.add(threading.current_thread().name)

    cell("%flowdrop open w1")
    server.failure = note
    cell("%flowdrop send hello")
    assert threads == {"flowdrop-worker"}
