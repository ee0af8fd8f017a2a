"""Which tests show which specification rule: the plugin behind ``--rule-report`` and ``make conformance``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Final

import pytest

RULES: Final = Path(__file__).parent / "conformance" / "rules.csv"

_ORDER: Final = ("passed", "skipped", "failed")
"""Outcomes from the best to the worst."""


def known_rules() -> frozenset[str]:
    """Return the ids of all rules."""
    with RULES.open(encoding="utf-8", newline="") as lines:
        return frozenset(row["id"] for row in csv.DictReader(lines))


def marked_rules(item: pytest.Item) -> list[str]:
    """Return the rules that a test says it checks, those on its class or module included."""
    return [str(rule) for marker in item.iter_markers("rule") for rule in marker.args]


class RuleReport:
    """Refuses markers of unknown rules, and writes what became of the tests of each rule.

    :param target: where to write ``{rule: {test: "passed" | "skipped" | "failed"}}``; None for nowhere.
        The variants of one test count as one, which has passed when some variant has and none failed.
    """

    def __init__(self, target: Path | None) -> None:
        self._target = target
        self._rules_of: dict[str, list[str]] = {}
        self._variants: dict[str, dict[str, str]] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Remember the rules of a test."""
        rules = marked_rules(item)
        if rules:
            self._rules_of[item.nodeid] = rules

    def pytest_collection_finish(self) -> None:
        """Refuse to run with a marker of a rule that there is not."""
        known = known_rules()
        wrong = {
            f"{test}: {rule}" for test, rules in self._rules_of.items() for rule in rules if rule not in known
        }
        if wrong:
            raise pytest.UsageError("There are no such specification rules:\n  " + "\n  ".join(sorted(wrong)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of a test's setup, call and teardown."""
        if report.nodeid not in self._rules_of:
            return
        if report.when != "call" and report.passed:
            return
        test, _, _ = report.nodeid.partition("[")
        variants = self._variants.setdefault(test, {})
        before = variants.get(report.nodeid, "passed")
        variants[report.nodeid] = max(before, report.outcome, key=_ORDER.index)

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        if self._target is None:
            return
        report: dict[str, dict[str, str]] = {}
        for nodeid, rules in self._rules_of.items():
            test, _, _ = nodeid.partition("[")
            if test in self._variants:
                outcome = _together(list(self._variants[test].values()))
                for rule in rules:
                    report.setdefault(rule, {})[test] = outcome
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._target.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _together(outcomes: list[str]) -> str:
    if "failed" in outcomes:
        return "failed"
    return "passed" if "passed" in outcomes else "skipped"
