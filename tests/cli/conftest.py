"""A data directory with something of everything in it."""

from pathlib import Path

import pytest
from cli_data import fill_directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    fill_directory(path)
    return path
