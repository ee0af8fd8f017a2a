"""Fixtures for every suite that needs no Jupyter server, and the report of specification rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from rule_report import RuleReport


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rule-report", type=Path, metavar="FILE", help="write which tests show which specification rule"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(RuleReport(config.getoption("--rule-report")), "rule-report")


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Fail a test in which anything blocks the event loop."""
    with blockbuster_ctx("flowdrop_jupyter") as guard:
        yield guard
