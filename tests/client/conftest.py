"""The fixture that runs every client test on both clients and both event loops."""

from __future__ import annotations

import pytest
from client_door import Door


@pytest.fixture(params=["sync", "asyncio", "trio"])
def door(request: pytest.FixtureRequest) -> Door:
    return Door(request.param)
