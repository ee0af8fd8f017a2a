"""What a user installs: the wheel, without Node, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import flowdrop_jupyter

PROJECT = Path(__file__).resolve().parents[2]
BUILT = (
    PROJECT / "flowdrop_jupyter" / "labextension" / "package.json",
    PROJECT / "flowdrop_jupyter" / "notebook" / "static" / "chat.js",
)

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path, path: str | None = None, **environment: str) -> str:
    """Run a command and return all it printed; with *path* it finds no other programs."""
    variables = {**os.environ, **environment}
    if path is not None:
        variables["PATH"] = path
    done = subprocess.run(
        [str(part) for part in command], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the front end that is there, by tools that find no Node."""
    for file in BUILT:
        assert file.exists(), f"{file} is missing; `make frontend` builds it"
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        folder,
        path="/nonexistent",
        PWD=str(PROJECT),
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv is not None
    run(uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", wheel, "jupyterlab")
    return folder / "bin"


def test_wheel_holds_both_front_ends_and_enables_the_server_extension(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    share = ".data/data/share/jupyter/labextensions/flowdrop-jupyter/"
    assert any(name.endswith(share + "package.json") for name in names)
    assert any(name.endswith(share + "install.json") for name in names)
    assert any(share + "static/remoteEntry" in name for name in names)
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/flowdrop_jupyter.json") for name in names)
    assert "flowdrop_jupyter/notebook/static/chat.js" in names
    assert "flowdrop_jupyter/py.typed" in names
    assert not [name for name in names if "node_modules" in name or name.startswith("tests/")]


def test_extensions_are_enabled_and_valid_after_installing_without_node(
    installed: Path, tmp_path: Path
) -> None:
    path = f"{installed}:/usr/bin:/bin"
    clean = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    assert shutil.which("node", path=str(installed)) is None
    server = run(installed / "jupyter", "server", "extension", "list", path=path, **clean)
    assert "flowdrop_jupyter" in server
    assert "OK" in server[server.index("flowdrop_jupyter") :]
    lab = run(installed / "jupyter", "labextension", "list", path=path, **clean)
    line = next(line for line in lab.splitlines() if "flowdrop-jupyter" in line)
    assert "enabled" in line
    assert "OK" in line


def test_installed_package_says_what_is_missing_for_data_frames(installed: Path, tmp_path: Path) -> None:
    script = (
        "from flowdrop_jupyter.nodes import Files, NodeContext, Turn, NodeRegistry\n"
        "from pathlib import Path\n"
        "from flowdrop_jupyter.errors import NodeError\n"
        f"files = Files(Path({str(tmp_path)!r}))\n"
        "context = NodeContext(node_id='n', run_id='r', config={}, files=files, turn=Turn())\n"
        "read = NodeRegistry.installed().executor('dataframe_read').function\n"
        "try:\n"
        "    read(context, path='t.csv')\n"
        "except NodeError as error:\n"
        "    print(error.code, error.message)\n"
    )
    (tmp_path / "t.csv").write_text("a\n1\n")
    said = run(installed / "python", "-c", script)
    assert "DEPENDENCY_MISSING" in said
    assert 'pip install "flowdrop-jupyter[data]"' in said


def test_python_and_npm_agree_on_the_version() -> None:
    package = json.loads((PROJECT / "labextension" / "package.json").read_text())
    lock = json.loads((PROJECT / "labextension" / "package-lock.json").read_text())
    assert flowdrop_jupyter.__version__ == package["version"] == lock["version"]
