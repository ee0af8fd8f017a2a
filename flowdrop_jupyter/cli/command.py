"""The command line: arguments, exit codes, and errors as one sentence."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import anyio

from ..clock import system_clock
from ..errors import FlowDropError, InvalidInput, NotFound
from ..ids import new_id
from ..version import __version__
from .examine import examine
from .exporting import export_directory, new_file
from .importing import import_file
from .progress import Progress
from .repair import repair
from .report import as_json, as_text

FINE: Final = 0
PROBLEMS: Final = 1
IMPOSSIBLE: Final = 2
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``flowdrop``; return its exit code.

    0 is fine; 1 that problems were found or something was left out; 2 that it could not be done.
    """
    # What the store logs is in the reports.
    logging.getLogger("flowdrop_jupyter").addHandler(logging.NullHandler())
    asked = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = asked.command
    try:
        return command(asked)
    except FlowDropError as error:
        return _refuse(error.message)
    except BrokenPipeError:
        # Whoever reads the output has had enough; there is nothing left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return IMPOSSIBLE
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _refuse(f"{name}{error.strerror or error}")
    except KeyboardInterrupt:
        sys.stderr.write("flowdrop: interrupted; what is left to do can be done by the same command again\n")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowdrop", description="Look after what FlowDrop keeps.")
    parser.add_argument("--version", action="version", version=f"flowdrop {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="check a data directory, and repair it on request")
    doctor.set_defaults(command=_doctor)
    doctor.add_argument("directory", type=Path, metavar="DIR", help="the data directory")
    doctor.add_argument("--json", action="store_true", help="report in JSON")
    doctor.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be repaired; no server may be at work, and a backup is made first",
    )

    export = commands.add_parser("export", help="write everything to a file of JSON Lines")
    export.set_defaults(command=_export)
    export.add_argument("directory", type=Path, metavar="DIR", help="the data directory")
    export.add_argument("file", metavar="FILE", help="the file to write, or - for the standard output")
    export.add_argument("--force", action="store_true", help="replace the file if it exists")

    load = commands.add_parser("import", help="read what export has written into a data directory")
    load.set_defaults(command=_import)
    load.add_argument("file", metavar="FILE", help="the file to read, or - for the standard input")
    load.add_argument(
        "directory", type=Path, metavar="DIR", help="the data directory; made when it is missing"
    )
    return parser


def _doctor(asked: argparse.Namespace) -> int:
    if asked.repair:
        report = repair(asked.directory, clock=system_clock, ids=new_id)
    else:
        report = examine(asked.directory).report()
    sys.stdout.write(as_json(report) if asked.json else as_text(report))
    sys.stdout.flush()
    return FINE if report.ok else PROBLEMS


def _export(asked: argparse.Namespace) -> int:
    progress = Progress("Exporting", sys.stderr)
    left_out: list[str] = []

    def leave_out(name: str, reason: str) -> None:
        left_out.append(name)
        progress.tell(f"Left out {name}: {reason}")

    target = (
        nullcontext(sys.stdout.buffer)
        if asked.file == "-"
        else new_file(Path(asked.file), replace=asked.force)
    )
    with target as output:
        anyio.run(
            partial(
                export_directory,
                asked.directory,
                output,
                clock=system_clock,
                progress=progress,
                left_out=leave_out,
            )
        )
        output.flush()
    progress.tell(f"Exported {progress.summary()}.")
    if left_out:
        progress.tell("Not everything could be read; `flowdrop doctor` tells more.")
    return PROBLEMS if left_out else FINE


def _import(asked: argparse.Namespace) -> int:
    progress = Progress("Importing", sys.stderr)
    with _input(asked.file) as file:
        missing = import_file(file, asked.directory, clock=system_clock, progress=progress)
    progress.tell(f"Imported {progress.summary()}.")
    if missing:
        progress.tell(f"{len(missing)} blobs were missing when it was exported; see `flowdrop doctor`.")
    return PROBLEMS if missing else FINE


def _input(name: str) -> BinaryIO:
    """Open what is to be imported; it has to be read twice."""
    if name == "-":
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.seek(0)
        return copy
    try:
        return open(name, "rb")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {name}.") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"{name} is a directory.") from error


def _refuse(message: str) -> int:
    sys.stderr.write(f"flowdrop: {message}\n")
    return IMPOSSIBLE
