"""``%flowdrop`` and ``%%flowdrop``: a session driven from cells, in plain words and plain lines.

Whatever the server refuses is one line and no traceback. Waiting can be interrupted: the run goes on then,
unless ``--stop-on-interrupt`` was given.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from ..client import FlowDropClient
from ..errors import Conflict, FlowDropError
from . import transcript
from .arguments import options_then_text, parse, parser, waiting_parser
from .conversation import Conversation
from .example import FOLDER, copy_example
from .opening import client_for, conversation_for, notebook_folder, notebook_path, open_conversation
from .prompts import Prompt, ways_to_answer
from .turn import Turn
from .widget import widget_for

COMMANDS = {
    "example": "example [FOLDER]                       copy the example to a folder, ready to run",
    "workflows": "workflows                              list the workflows",
    "open": "open <workflow> [-s NAME] [--new]      open a chat with a workflow",
    "send": "send [options] <text …>                say something and wait for the answer",
    "answer": "answer [options] <value>               answer the question of the run",
    "cancel": "cancel                                 close the question without an answer",
    "sessions": "sessions [workflow]                    list your sessions",
    "messages": "messages [-n N]                        show the last messages",
    "stop": "stop                                   stop the run",
    "help": "help                                   show this",
}
_OPTIONS = "options: --timeout SECONDS, --no-wait, --stop-on-interrupt"


@magics_class
class FlowDropMagics(Magics):
    """The magics and the session they talk to.

    :param client: how to get a client; asked for each command that needs one.
    """

    def __init__(self, shell: InteractiveShell, client: Callable[[], FlowDropClient] = client_for) -> None:
        super().__init__(shell)
        self._client = client
        self._current: Conversation | None = None

    @line_magic("flowdrop")  # type: ignore[arg-type]
    def line(self, line: str) -> None:
        """Work with FlowDrop sessions; ``%flowdrop help`` lists the commands."""
        command, _, rest = line.strip().partition(" ")
        run = getattr(self, f"_do_{command or 'help'}", None)
        if run is None or (command and command not in COMMANDS):
            raise UsageError(f"There is no %flowdrop {command}; try: {', '.join(COMMANDS)}.")
        _plainly(lambda: run(rest.strip()))

    @no_var_expand
    @cell_magic("flowdrop")  # type: ignore[arg-type]
    def cell(self, line: str, cell: str) -> None:
        """Send the cell as a message; ``-s NAME`` to the session of that name. Braces stay as they are."""
        made = waiting_parser("%%flowdrop")
        made.add_argument("-s", "--session")
        args = parse(made, line)
        if not cell.strip():
            raise UsageError("The cell is empty; write the message below the first line.")

        def say() -> None:
            if args.session is not None:
                self._current = self._named_session(args.session)
            self._say(cell.strip("\n"), args)

        _plainly(say)

    @property
    def current(self) -> Conversation:
        """The session that ``send`` and ``answer`` talk to.

        :raises UsageError: none is open.
        """
        if self._current is None or self._current.closed:
            raise UsageError("No session is open; start with: %flowdrop open <workflow>")
        return self._current

    def _do_help(self, _rest: str) -> None:
        print("\n".join(f"%flowdrop {text}" for text in COMMANDS.values()))  # noqa: T201
        print(f"%%flowdrop [-s NAME] sends the cell as a message\n{_OPTIONS}")  # noqa: T201

    def _do_example(self, rest: str) -> None:
        made = parser("%flowdrop example")
        made.add_argument("folder", nargs="?", default=FOLDER)
        client = self._client()
        target = notebook_folder(namespace=self._namespace()) / Path(parse(made, rest).folder).expanduser()
        try:
            example = copy_example(target)
        except OSError as error:
            raise UsageError(
                f"The example cannot be written to {target}: {error.strerror or error}"
            ) from None
        workflow = client.save_workflow(example.document())
        print(f"The example is in {example.folder}; the server knows its workflow.")  # noqa: T201
        if example.kept:
            print(f"Left as it was: {', '.join(example.kept)}")  # noqa: T201
        print(f"Next: %flowdrop open {workflow['id']}\nand then: %flowdrop send describe")  # noqa: T201
        print(f"Or open the tutorial: {example.notebook}")  # noqa: T201

    def _do_workflows(self, _rest: str) -> None:
        rows = [(document["id"], document["name"]) for document in self._client().workflows()]
        _table(("id", "name"), rows, "There are no workflows yet. To begin with one: %flowdrop example")

    def _do_sessions(self, rest: str) -> None:
        made = parser("%flowdrop sessions")
        made.add_argument("workflow", nargs="?")
        listed = self._client().sessions(parse(made, rest).workflow)
        here = self._current.session_id if self._current is not None else None
        rows = [
            ("*" if row["id"] == here else "", row["name"], row["status"], row["workflowId"], row["id"])
            for row in listed
        ]
        _table(("", "name", "status", "workflow", "id"), rows, "There are no sessions yet.")

    def _do_open(self, rest: str) -> None:
        made = parser("%flowdrop open")
        made.add_argument("workflow", nargs="+")
        made.add_argument("-s", "--session")
        made.add_argument("--new", action="store_true")
        args = parse(made, rest)
        self._current = open_conversation(
            self._client(),
            " ".join(args.workflow),
            name=args.session,
            new=args.new,
            notebook=notebook_path(namespace=self._namespace()),
        )
        display(widget_for(self._current))  # type: ignore[no-untyped-call]

    def _do_send(self, rest: str) -> None:
        args, text = options_then_text(waiting_parser("%flowdrop send"), rest)
        if not text:
            raise UsageError("What shall be sent? %flowdrop send <text …>")
        self._say(text, args)

    def _do_answer(self, rest: str) -> None:
        args, text = options_then_text(waiting_parser("%flowdrop answer"), rest)
        conversation = self.current
        self._wait(conversation, args, lambda **how: conversation.answer(text, **how))

    def _do_cancel(self, rest: str) -> None:
        args = parse(waiting_parser("%flowdrop cancel"), rest)
        conversation = self.current
        self._wait(conversation, args, lambda **how: conversation.cancel(**how))

    def _do_messages(self, rest: str) -> None:
        made = parser("%flowdrop messages")
        made.add_argument("-n", type=int, default=20)
        count = parse(made, rest).n
        conversation = self.current
        rows = [row for row in conversation.workers.call(conversation.refresh) if row["role"] != "log"]
        shown = rows[-count:] if count > 0 else []
        display(transcript.mime_bundle(shown), raw=True)  # type: ignore[no-untyped-call]

    def _do_stop(self, _rest: str) -> None:
        self.current.stop()
        print("Stopped.")  # noqa: T201

    def _say(self, text: str, args: argparse.Namespace) -> None:
        conversation = self.current
        self._wait(conversation, args, lambda **how: conversation.send(text, **how))

    def _wait(self, conversation: Conversation, args: argparse.Namespace, go: Callable[..., Turn]) -> None:
        try:
            turn = go(wait=not args.no_wait, timeout=args.timeout)
        except KeyboardInterrupt:
            raise UsageError(_interrupted(conversation, stop=args.stop_on_interrupt)) from None
        if args.no_wait:
            print("Sent; the run goes on. See it with: %flowdrop messages")  # noqa: T201
        elif turn.messages:
            display(turn)  # type: ignore[no-untyped-call]
        elif turn.prompt is None:
            print(f"The turn ended without an answer (session {turn.status}).")  # noqa: T201
        if turn.prompt is not None:
            print(_asked(turn.prompt, shown=bool(turn.messages)))  # noqa: T201

    def _named_session(self, name: str) -> Conversation:
        """The session of this name: of the current workflow, made if need be, or else any of the caller's."""
        client = self._client()
        if self._current is not None and not self._current.closed:
            return open_conversation(
                client,
                self._current.session["workflowId"],
                name=name,
                notebook=notebook_path(namespace=self._namespace()),
            )
        rows = sorted(client.sessions(), key=lambda row: row["updatedAt"], reverse=True)
        for row in rows:
            if name in (row["name"], row["id"]):
                return conversation_for(client, row, client.workflow(row["workflowId"])["name"])
        raise UsageError(f"There is no session {name!r}; make one with: %flowdrop open <workflow> -s {name}")

    def _namespace(self) -> dict[str, Any]:
        namespace: dict[str, Any] = self.shell.user_ns if self.shell is not None else {}
        return namespace


def _plainly(run: Callable[[], None]) -> None:
    """Errors with a meaning are one line for the user."""
    try:
        run()
    except FlowDropError as error:
        causes = [str(detail["message"]) for detail in error.details if detail.get("message")]
        raise UsageError("\n  ".join([error.message, *causes])) from None
    except TimeoutError as error:
        raise UsageError(str(error)) from None


def _interrupted(conversation: Conversation, *, stop: bool) -> str:
    if not stop:
        return "Stopped waiting; the run goes on. Stop it with: %flowdrop stop"
    try:
        conversation.stop()
    except Conflict:
        return "Stopped waiting; the run had ended already."
    except FlowDropError as error:
        return f"Stopped waiting, but the run could not be stopped: {error.message}"
    return "Stopped the run."


def _asked(prompt: Prompt, *, shown: bool) -> str:
    asked = [] if shown and not prompt.text else [f"The run asks: {prompt.text}"]
    ways = [f"%flowdrop answer {way}" for way in ways_to_answer(prompt)]
    leave = "   or: %flowdrop cancel" if prompt.allow_cancel and prompt.kind != "confirmation" else ""
    return "\n".join([*asked, f"Answer with: {'   or: '.join(ways[:4])}{leave}"])


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], otherwise: str) -> None:
    if not rows:
        print(otherwise)  # noqa: T201
        return
    cells = [tuple(" ".join(str(cell).split()) for cell in row) for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    print("\n".join(line.rstrip() for line in lines))  # noqa: T201
