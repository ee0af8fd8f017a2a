"""The arguments of a magic line: options and quotes as a person expects them, errors as one line."""

from __future__ import annotations

import argparse
import re

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

_OPTION = re.compile(r"(--timeout[ =]+\S+|--[a-z-]+|--)(?:\s+|$)")


def parser(prog: str) -> MagicArgumentParser:
    """An argument parser that raises ``UsageError`` and never exits."""
    return MagicArgumentParser(prog=prog)  # type: ignore[no-untyped-call]


def waiting_parser(prog: str) -> MagicArgumentParser:
    """A parser with the options of every command that waits for a turn."""
    made = parser(prog)
    made.add_argument("--timeout", type=float)
    made.add_argument("--no-wait", action="store_true")
    made.add_argument("--stop-on-interrupt", action="store_true")
    return made


def parse(made: MagicArgumentParser, line: str) -> argparse.Namespace:
    """Parse a whole line; quotes group words and are not part of the values.

    :raises UsageError: the line does not fit.
    """
    try:
        args: argparse.Namespace = made.parse_argstring(line)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise UsageError(f"{made.prog}: {error}") from None
    for name, value in vars(args).items():
        if isinstance(value, str):
            setattr(args, name, unquote(value))
        elif isinstance(value, list):
            setattr(args, name, [unquote(entry) for entry in value])
    return args


def options_then_text(made: MagicArgumentParser, line: str) -> tuple[argparse.Namespace, str]:
    """Leading options, then text just as it was written, dashes and quotes included.

    ``--`` ends the options, so that a text may begin with dashes.

    :raises UsageError: an option is unknown.
    """
    end = text = 0
    for match in _OPTION.finditer(line):
        if match.start() != text:
            break
        text = match.end()
        if match.group(1) == "--":
            break
        end = text
    return parse(made, line[:end]), unquote(line[text:].strip())


def unquote(text: str) -> str:
    """A text without the pair of quotes around it, which ``magic_arguments`` leaves on."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
        return text[1:-1]
    return text
