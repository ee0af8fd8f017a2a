"""One real server for all tests of the API's description."""

from collections.abc import Iterator

import pytest
from server_process import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("api"))
    try:
        process.start()
        yield process
    finally:
        process.kill()
