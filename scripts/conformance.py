"""Run the tests of the specification's rules and write ``docs/conformance.md`` from what they show.

With ``--report FILE`` nothing is run: FILE is what ``pytest --rule-report`` wrote. ``--check`` only tells
whether the page is up to date. The status is 1 when a test failed, or when a core rule of a claimed
family is neither met nor excepted.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = PROJECT / "docs" / "conformance.md"
FOLDER: Final = PROJECT / "tests" / "conformance"
REPORT: Final = PROJECT / "test-output" / "rules.json"

PROFILES: Final = ("storage_api", "runtime")
"""The profiles that the project claims, as columns of the rules."""

EXCEPTIONS: Final = ("deviating", "not applicable")

HEAD: Final = """\
# Conformance

What of the FlowDrop Workflow Specification holds here, rule by rule. Rule identifiers, families and levels
are those of the FlowDrop Workflow Specification (CC BY 4.0, Shibin Das and contributors).

Claimed are the profiles *runtime* and *storage-api*. A rule is **met** when at least one test that is marked
with it passes and none fails; tests drive the public surface the rule speaks of. **Deviating** and **not
applicable** rules have their reason in `tests/conformance/exceptions.toml`; **missing** is what no test shows
yet, whether it holds or not. This page is written by `make conformance`, from the tests alone.
"""


@dataclass(frozen=True)
class Rule:
    """One rule, and what is known of it.

    :param status: ``met``, ``failing``, ``missing``, ``deprecated``, ``out of scope`` or an exception.
    :param tests: those that passed, or with the status ``failing`` those that did not.
    """

    id: str
    family: str
    level: str
    status: str
    tests: Sequence[str] = ()
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is a live rule of a claimed profile."""
        return self.status not in ("deprecated", "out of scope")


@dataclass
class Family:
    """The rules of one family, in the order of the list."""

    name: str
    claimed: bool
    rules: list[Rule] = field(default_factory=list)

    def of(self, *statuses: str, level: str | None = None) -> list[Rule]:
        """Return its live rules with one of *statuses*, or with any."""
        return [
            rule
            for rule in self.rules
            if rule.counts
            and (not statuses or rule.status in statuses)
            and (level is None or rule.level == level)
        ]


def families(
    rows: Iterable[Mapping[str, str]],
    report: Mapping[str, Mapping[str, str]],
    exceptions: Mapping[str, Mapping[str, str]],
    claimed: Sequence[str],
) -> list[Family]:
    """Return every family with its rules, the claimed ones first.

    :param rows: the lines of ``rules.csv``.
    :param report: the outcome of each test by rule.
    :raises SystemExit: when an exception names no rule, or has no status or reason.
    """
    found: dict[str, Family] = {}
    for row in rows:
        family = found.setdefault(row["family"], Family(row["family"], row["family"] in claimed))
        family.rules.append(_rule(row, report.get(row["id"], {}), exceptions.get(row["id"])))
    known = {rule.id for family in found.values() for rule in family.rules}
    wrong = [*(set(exceptions) - known), *(set(claimed) - set(found))]
    wrong += [
        rule
        for rule, entry in exceptions.items()
        if entry.get("status") not in EXCEPTIONS or not entry.get("reason")
    ]
    if wrong:
        raise SystemExit(f"exceptions.toml: wrong or unknown: {', '.join(sorted(wrong))}")
    return sorted(found.values(), key=lambda family: (not family.claimed, family.name))


def _rule(row: Mapping[str, str], tests: Mapping[str, str], exception: Mapping[str, str] | None) -> Rule:
    passed = sorted(test for test, outcome in tests.items() if outcome == "passed")
    failed = sorted(test for test, outcome in tests.items() if outcome == "failed")
    status, reason, shown = "missing", "", passed
    if row["posture"] == "deprecated":
        status = "deprecated"
    elif not any(row[profile] == "1" for profile in PROFILES):
        status = "out of scope"
    elif failed:
        status, shown = "failing", failed
    elif exception:
        status, reason = exception.get("status", ""), exception.get("reason", "")
    elif passed:
        status = "met"
    return Rule(row["id"], row["family"], row["level"], status, shown, reason)


def page(found: Sequence[Family]) -> str:
    """Return the whole page."""
    parts = [HEAD, _overview(found), _exceptions(found)]
    parts += [_family(family) for family in found]
    return "\n".join(part for part in parts if part)


def _overview(found: Sequence[Family]) -> str:
    lines = [
        "## Families",
        "",
        "| Family | Worked on | Core met | Extended met | Deviating | Not applicable | Failing | Missing |",
        "|---|---|---|---|---|---|---|---|",
    ]
    together = Family("**claimed families**", True)
    for family in found:
        if family.claimed:
            together.rules += family.rules
        lines.append(_line(family, "yes" if family.claimed else "not yet"))
    lines.append(_line(together, ""))
    return "\n".join(lines) + "\n"


def _line(family: Family, worked: str) -> str:
    cells = [family.name, worked]
    for level in ("core", "extended"):
        rules = family.of(level=level)
        cells.append(f"{len(family.of('met', level=level))} of {len(rules)}" if rules else "")
    cells += [
        str(len(family.of(status)) or "") for status in ("deviating", "not applicable", "failing", "missing")
    ]
    return "| " + " | ".join(cells) + " |"


def _exceptions(found: Sequence[Family]) -> str:
    rules = [rule for family in found for rule in family.of(*EXCEPTIONS)]
    if not rules:
        return ""
    lines = ["## Exceptions", "", "| Rule | Level | Status | Reason |", "|---|---|---|---|"]
    lines += [f"| {rule.id} | {rule.level} | {rule.status} | {rule.reason} |" for rule in rules]
    return "\n".join(lines) + "\n"


def _family(family: Family) -> str:
    note = "" if family.claimed else "Not worked through yet; what is met is a by-product.\n\n"
    lines = [f"## {family.name}", "", f"{note}| Rule | Level | Status | Shown by |", "|---|---|---|---|"]
    for rule in family.rules:
        tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in rule.tests)
        status = rule.status if rule.status in ("met", "deprecated", "out of scope") else f"**{rule.status}**"
        lines.append(f"| {rule.id} | {rule.level} | {status} | {tests} |")
    return "\n".join(lines) + "\n"


def unmet(found: Sequence[Family]) -> list[str]:
    """Return the core rules of claimed families that are neither met nor excepted."""
    return [
        f"{rule.id} is {rule.status}"
        for family in found
        if family.claimed
        for rule in family.of("missing", "failing", level="core")
    ]


def main() -> int:
    """Run what was asked for; see the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, metavar="FILE", help="run nothing, and read this")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is stale")
    arguments = parser.parse_args()
    status = 0
    if arguments.report is None:
        command = [sys.executable, "-m", "pytest", "tests", "--ignore=tests/ui", "-m", "rule", "-q"]
        command += ["--rule-report", str(REPORT)]
        status = subprocess.run(command, cwd=PROJECT, check=False).returncode
        if status > 1:
            return status
    report = json.loads((arguments.report or REPORT).read_text(encoding="utf-8"))
    said = tomllib.loads((FOLDER / "exceptions.toml").read_text(encoding="utf-8"))
    with (FOLDER / "rules.csv").open(encoding="utf-8", newline="") as lines:
        found = families(csv.DictReader(lines), report, said.get("rules", {}), said["claimed"])
    text = page(found)
    if not arguments.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.relative_to(PROJECT)} is stale: make conformance")
        status = 1
    missed = unmet(found)
    if missed:
        print(f"{len(missed)} core rules of the claimed families are not met:")
        print("\n".join(f"  {line}" for line in missed))
    return 1 if missed else status


if __name__ == "__main__":
    sys.exit(main())
