"""Fixtures of the notebook tests: a server in memory and a shell without a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from notebook_fakes import FakeServer
from traitlets.config import Config

from flowdrop_jupyter.notebook import opening
from flowdrop_jupyter.notebook.conversation import Conversation


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def conversation(server: FakeServer) -> Iterator[Conversation]:
    row = server.add_session("Talk")
    made = Conversation(server.client(), row, "Data quality")  # type: ignore[arg-type]
    yield made
    made.close()
    assert made._follower.close(timeout=10)


@pytest.fixture(scope="session")
def _shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    folder: Path = tmp_path_factory.mktemp("ipython")
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Any = InteractiveShell.instance(config=config, ipython_dir=str(folder))
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    yield _shell
    for known in list(opening._open.values()):
        known.close()
    opening._open.clear()
