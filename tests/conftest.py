"""Fixtures for every suite that needs no Jupyter server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture
def no_blocking() -> Iterator[BlockBuster]:
    """Fail a test in which anything blocks the event loop."""
    with blockbuster_ctx("flowdrop_jupyter") as guard:
        yield guard
