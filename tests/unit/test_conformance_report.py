"""What counts as a rule that is met: the plugin that collects outcomes, and the page made from them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]

CONFTEST = """
from pathlib import Path
from rule_report import RuleReport

def pytest_configure(config):
    config.addinivalue_line("markers", "rule(*ids): rules")
    config.pluginmanager.register(RuleReport(Path("report.json")))
"""


def collected(folder: Path, tests: str) -> tuple[int, str, dict[str, Any]]:
    """Run *tests* with the plugin; return the status, what was printed, and the report."""
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_it.py").write_text("import pytest\nrule = pytest.mark.rule\n" + tests, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-q",
            "--rootdir",
            str(folder),
            "test_it.py",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT / "tests"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    written = folder / "report.json"
    report = json.loads(written.read_text(encoding="utf-8")) if written.exists() else {}
    return done.returncode, done.stdout + done.stderr, report


def test_outcomes_are_kept_by_rule_and_the_worst_of_the_variants_counts(tmp_path: Path) -> None:
    tests = """
@rule("R2", "R3")
def test_good(): pass

@rule("R2")
@pytest.mark.parametrize("n", [1, 2])
def test_mixed(n): assert n == 1

@rule("R9")
def test_left_out(): pytest.skip("not here")

@rule("R8.a")
@pytest.mark.parametrize("n", [1, 2])
def test_partly(n):
    if n == 1: pytest.skip("not here")

@rule("R12")
def test_torn_down(broken): pass

@pytest.fixture
def broken():
    yield
    raise RuntimeError
"""
    _, said, report = collected(tmp_path, tests)
    assert report == {
        "R2": {"test_it.py::test_good": "passed", "test_it.py::test_mixed": "failed"},
        "R3": {"test_it.py::test_good": "passed"},
        "R9": {"test_it.py::test_left_out": "skipped"},
        "R8.a": {"test_it.py::test_partly": "passed"},
        "R12": {"test_it.py::test_torn_down": "failed"},
    }, said


def test_a_marker_of_a_rule_that_there_is_not_stops_the_run(tmp_path: Path) -> None:
    status, said, _ = collected(tmp_path, '@rule("R99.z")\ndef test_odd(): pass\n')
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "test_it.py::test_odd: R99.z" in said


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conformance", PROJECT / "scripts" / "conformance.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up by name.
    sys.modules["conformance"] = module
    spec.loader.exec_module(module)
    return module


def rule(rule_id: str, **keys: str) -> dict[str, str]:
    """Return a line of the list of rules."""
    about = {"family": "F", "level": "core", "storage_api": "1", "runtime": "0", "posture": "normative"}
    return {"id": rule_id, **about, **keys}


RULES = [
    rule("F-1"),
    rule("F-2"),
    rule("F-3"),
    rule("F-4", level="extended"),
    rule("F-5"),
    rule("F-6", posture="deprecated"),
    rule("F-7", storage_api="0"),
    rule("F-8"),
]
REPORT = {
    "F-1": {"a": "passed", "b": "skipped"},
    "F-2": {"a": "passed", "c": "failed"},
    "F-8": {"b": "skipped"},
}
EXCEPTED = {"F-5": {"status": "deviating", "reason": "Because."}}


def test_each_rule_has_the_status_that_its_tests_and_exceptions_give(script: ModuleType) -> None:
    (family,) = script.families(RULES, REPORT, EXCEPTED, ["F"])
    assert {one.id: one.status for one in family.rules} == {
        "F-1": "met",
        "F-2": "failing",
        "F-3": "missing",
        "F-4": "missing",
        "F-5": "deviating",
        "F-6": "deprecated",
        "F-7": "out of scope",
        "F-8": "missing",
    }


def test_core_rules_of_claimed_families_have_to_be_met_or_excepted(script: ModuleType) -> None:
    claimed = script.families(RULES, REPORT, EXCEPTED, ["F"])
    assert script.unmet(claimed) == ["F-2 is failing", "F-3 is missing", "F-8 is missing"]
    assert script.unmet(script.families(RULES, REPORT, EXCEPTED, [])) == []


def test_the_page_shows_every_rule_its_tests_and_the_reasons(script: ModuleType) -> None:
    page = script.page(script.families(RULES, REPORT, EXCEPTED, ["F"]))
    assert "| F | yes | 1 of 5 | 0 of 1 | 1 |  | 1 | 3 |" in page
    assert "| F-1 | core | met | `a` |" in page
    assert "| F-2 | core | **failing** | `c` |" in page
    assert "| F-5 | core | deviating | Because. |" in page
    assert "CC BY 4.0, Shibin Das and contributors" in page
    assert all(f"| {one['id']} |" in page for one in RULES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"F-99": {"status": "deviating", "reason": "x"}},
        {"F-1": {"status": "fine", "reason": "x"}},
        {"F-1": {"status": "deviating", "reason": ""}},
    ],
)
def test_an_exception_needs_a_rule_a_status_and_a_reason(script: ModuleType, wrong: Any) -> None:
    with pytest.raises(SystemExit, match=next(iter(wrong))):
        script.families(RULES, {}, wrong, ["F"])
