"""What the doctor has to say: as a value, as JSON, and as text for people."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from ..store.tinydb.lock import Holder
from .progress import amounts

Kind: TypeAlias = Literal[
    "damaged_session",
    "damaged_log",
    "damaged_file",
    "unfinished_compaction",
    "torn_tail",
    "missing_blob",
    "corrupt_blob",
    "index",
    "temporary_file",
    "unfinished_import",
    "unreferenced_blob",
    "set_aside",
    "version",
]


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that was found: in which file, relative to the data directory, and what it is."""

    kind: Kind
    file: str
    reason: str


class Action(msgspec.Struct, frozen=True):
    """One thing that was done about it."""

    file: str
    what: str


class Report(msgspec.Struct, kw_only=True):
    """The state of a data directory.

    ``holder`` is the process that had it meanwhile, None for nobody. ``problems`` are for repair,
    ``notes`` are not. ``sizes`` are in bytes. ``backup`` is where a repair has put the files that it
    changed, as they were.
    """

    directory: str
    holder: Holder | None
    schema: int
    counts: dict[str, int]
    sizes: dict[str, int]
    problems: list[Finding]
    notes: list[Finding]
    actions: list[Action] = []
    backup: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def as_json(report: Report) -> str:
    """Return the report for machines."""
    fields: dict[str, Any] = {"ok": report.ok, **msgspec.to_builtins(report)}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"


def as_text(report: Report) -> str:
    """Return the report for people."""
    lines = [report.directory]
    if report.holder is not None:
        lines.append(
            f"  In use by {describe(report.holder)}; this is how it was while that went on writing, "
            "and what it is at work on is no problem."
        )
    lines.append(f"  Version {report.schema}")
    lines.append(f"  {amounts(report.counts) or 'Empty'}")
    lines.append("  " + ", ".join(f"{name} {human_size(size)}" for name, size in report.sizes.items()))
    if report.actions:
        lines += ["", "Done:", *(f"  {action.file}: {action.what}" for action in report.actions)]
    if report.backup is not None:
        lines.append(f"  The files as they were before are in {report.backup}/")
    if report.problems:
        left = " left" if report.actions else ""
        lines += ["", amounts({"problem": len(report.problems)}) + left + ":", *_listed(report.problems)]
    if report.notes:
        lines += ["", amounts({"note": len(report.notes)}) + ", nothing to do:", *_listed(report.notes)]
    lines += ["", "No problems." if report.ok else _advice(report)]
    return "\n".join(lines) + "\n"


def describe(holder: Holder) -> str:
    """Return who holds a directory, as part of a sentence."""
    return f"process {holder.pid} on {holder.host}" if holder.pid else "another process"


def human_size(size: int) -> str:
    """Return a number of bytes with a fitting unit."""
    amount, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"


def _listed(findings: list[Finding]) -> list[str]:
    return [f"  {finding.file}: {finding.reason}" for finding in findings]


def _advice(report: Report) -> str:
    if report.actions:
        return "Some of it could not be repaired."
    if report.holder is not None:
        return "Stop the server, then run `flowdrop doctor` again with --repair."
    return "Run `flowdrop doctor` again with --repair."
