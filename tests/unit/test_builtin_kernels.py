"""The nodes that tell of kernels and run code in one, with real kernels."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from node_runs import REGISTRY, run_node

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.nodes import World
from flowdrop_jupyter.nodes.code_runs import CodeRun, run_code

DEADLINE = 30.0


def run(root: Path, code: str, delivered: Mapping[str, Any] = {}, **config: Any) -> dict[str, Any]:
    return run_node("run_code", delivered, {"code": code, **config}, root=root).output


def refused(root: Path, code: str, delivered: Mapping[str, Any] = {}, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        run(root, code, delivered, **config)
    return caught.value


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_code_gives_its_result_and_what_it_prints_and_shows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the folder")
    code = """
import sys
print("out", open("a.txt").read())
print("err", file=sys.stderr)
class Shown:
    def _repr_html_(self): return "<b>html</b>"
    def __repr__(self): return "plain"
display(Shown())
{"sum": a + b["c"], "tuple": (1, 2), "set": {3}}
"""
    given = run(tmp_path, code, {"inputs": {"a": 1, "b": {"c": 2.5}}})

    assert given["result"] == {"sum": 3.5, "tuple": [1, 2], "set": [3]}
    assert given["text"] == "{'sum': 3.5, 'tuple': (1, 2), 'set': {3}}"
    assert (given["stdout"], given["stderr"]) == ("out from the folder\n", "err\n")
    assert given["display"] == {"text/plain": given["text"]}
    assert given["truncated"] is False


@pytest.mark.parametrize(
    ("code", "result", "text"),
    [
        ("x = 5", None, ""),
        ("", None, ""),
        ("object", None, "object"),
        ("float('nan')", None, "nan"),
        ("'Gr\\u00fc\\u00dfe'", "Grüße", None),
        ("import pandas as pd; pd.DataFrame({'a': [1, None]})", [{"a": 1.0}, {"a": None}], None),
        ("import numpy as np; [np.int64(3), np.arange(2)]", [3, [0, 1]], None),
    ],
)
def test_a_result_is_json_where_it_can_be(tmp_path: Path, code: str, result: Any, text: str | None) -> None:
    given = run(tmp_path, code)

    assert given["result"] == result
    if text is not None:
        assert given["text"].replace("<class '", "").replace("'>", "") == text


def test_the_last_display_is_given_as_it_was_shown(tmp_path: Path) -> None:
    given = run(tmp_path, "display({'text/html': '<i>x</i>', 'text/plain': 'x'}, raw=True)")

    assert given["display"] == {"text/html": "<i>x</i>", "text/plain": "x"}
    assert given["result"] is None


def test_wired_dynamic_inputs_are_variables(tmp_path: Path) -> None:
    ports = [{"name": "left", "label": "Left", "dataType": "number"}]

    assert run(tmp_path, "left * 2", {"left": 21}, dynamicInputs=ports)["result"] == 42


@pytest.mark.parametrize("name", ["not a name", "class", "", "1x", "__builtins__"])
def test_an_input_has_to_be_the_name_of_a_variable(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, "1", {"inputs": {name: 1}}).code == "PARAMETER_INVALID"


@pytest.mark.parametrize(
    ("code", "last"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(", "SyntaxError"),
        ("raise ValueError", "ValueError"),
        ("input()", "StdinNotImplementedError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise ValueError('x' * 100_000)", "ValueError: xxx"),
    ],
)
def test_code_that_raises_fails_with_the_last_line_of_its_traceback(
    tmp_path: Path, code: str, last: str
) -> None:
    error = refused(tmp_path, code)

    assert (error.code, error.retryable) == ("KERNEL_ERROR", False)
    assert last in error.message
    assert len(error.message) < 600
    assert [detail["locator"] for detail in error.details] == ["code"]


def test_code_that_takes_too_long_is_interrupted_and_its_kernel_ended(tmp_path: Path) -> None:
    code = """
import os, pathlib, time
pathlib.Path("pid").write_text(str(os.getpid()))
try:
    time.sleep(600)
finally:
    pathlib.Path("tidied").write_text("")
"""
    error = refused(tmp_path, code, timeout=1.5)

    assert error.code == "KERNEL_TIMEOUT"
    assert has_ended(int((tmp_path / "pid").read_text()))
    assert (tmp_path / "tidied").exists()


def test_code_that_will_not_be_interrupted_is_ended_all_the_same(tmp_path: Path) -> None:
    code = """
import os, pathlib, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
pathlib.Path("pid").write_text(str(os.getpid()))
while True: time.sleep(1)
"""
    assert refused(tmp_path, code, timeout=1.5).code == "KERNEL_TIMEOUT"
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_a_kernel_that_dies_is_noticed(tmp_path: Path) -> None:
    assert refused(tmp_path, "import os; os._exit(3)").code == "KERNEL_DIED"


def test_a_kernel_has_ended_when_its_code_has(tmp_path: Path) -> None:
    assert has_ended(run(tmp_path, "import os; os.getpid()")["result"])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelling_interrupts_the_code_and_ends_the_kernel(tmp_path: Path, backend: str) -> None:
    code = """
import os, pathlib, time
pathlib.Path("pid.new").write_text(str(os.getpid()))
os.replace("pid.new", "pid")
try:
    time.sleep(600)
finally:
    pathlib.Path("tidied").write_text("")
"""

    async def cancelling() -> None:
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(
                    run_code,
                    CodeRun(code=code, variables={}, kernel="python3", folder=tmp_path, timeout=600),
                )
                while True:
                    if (tmp_path / "pid").exists():
                        break
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()

    anyio.run(cancelling, backend=backend)

    assert has_ended(int((tmp_path / "pid").read_text()))
    assert (tmp_path / "tidied").exists()


def test_cancelling_before_the_kernel_starts_starts_none(tmp_path: Path) -> None:
    async def cancelled() -> bool:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await run_code(
                CodeRun(code="open('ran', 'w')", variables={}, kernel="python3", folder=tmp_path, timeout=600)
            )
        return scope.cancelled_caught

    assert anyio.run(cancelled)
    assert not (tmp_path / "ran").exists()


def test_what_is_printed_beyond_the_limit_is_dropped(tmp_path: Path) -> None:
    given = run(tmp_path, "print('x' * 3_000_000)\nprint('end')")

    assert (len(given["stdout"]), given["truncated"]) == (1024 * 1024, True)


@pytest.mark.parametrize(
    "code", ["'x' * 9_000_000", "display('x' * 9_000_000)", "x = list('x' * 4_000_000); x"]
)
def test_a_result_too_large_is_an_error(tmp_path: Path, code: str) -> None:
    assert refused(tmp_path, code).code == "KERNEL_OUTPUT_TOO_LARGE"


def test_the_servers_secrets_are_not_in_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLOWDROP_TOKEN", "JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("OTHER", "kept")

    code = "import os; ['s3cret' in os.environ.values(), os.environ['OTHER']]"
    assert run(tmp_path, code)["result"] == [False, "kept"]


@pytest.mark.parametrize("kernel", ["nope", "../../etc", "a b"])
def test_a_kernel_that_is_not_there_is_refused(tmp_path: Path, kernel: str) -> None:
    assert refused(tmp_path, "1", kernel=kernel).code == "KERNEL_NOT_FOUND"


@pytest.fixture
def kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two more kernelspecs: one that cannot start, and one of a language that is not Python."""
    starts = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for name, argv in (("broken", [sys.executable, "-c", "raise SystemExit(1)"]), ("other", starts)):
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "other" if name == "other" else "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join([str(tmp_path / "jupyter")]))
    return tmp_path


def test_the_default_kernel_needs_no_name(tmp_path: Path) -> None:
    assert run(tmp_path, "1", kernel=" ")["result"] == 1


def test_a_kernel_that_does_not_start_is_worth_another_try(kernels: Path) -> None:
    error = refused(kernels, "1", kernel="broken")

    assert (error.code, error.retryable) == ("KERNEL_NOT_STARTED", True)


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone", "1").code == "KERNEL_NOT_STARTED"


def test_another_language_gives_what_it_shows_but_takes_no_values(kernels: Path) -> None:
    given = run(kernels, "print('a'); 1 + 1", kernel="other")

    assert (given["result"], given["text"], given["stdout"]) == (None, "2", "a\n")
    assert refused(kernels, "x", {"inputs": {"x": 1}}, kernel="other").code == "KERNEL_LANGUAGE"


def test_code_is_not_run_where_it_is_not_allowed(tmp_path: Path) -> None:
    with pytest.raises(NodeError) as caught:
        run_node("run_code", {}, {"code": "1"}, root=tmp_path, world=World(run_code=False))

    assert caught.value.code == "CODE_NOT_ALLOWED"


def test_code_that_is_no_text_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "'\ud800'").code == "PARAMETER_INVALID"


def test_running_code_is_never_repeated_silently() -> None:
    changes = {kind.id: kind.side_effects for kind in REGISTRY}

    assert (changes["run_code"], changes["kernel_query"]) == (True, False)


class FakeKernels:
    """A server with two kernelspecs and three kernels."""

    async def specs(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"name": "ir", "display_name": "R", "language": "R", "default": False},
            {"name": "python3", "display_name": "Python 3", "language": "python", "default": True},
        ]

    async def running(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"id": "1", "name": "python3", "state": "busy", "last_activity": "2026-01-02", "connections": 1},
            {"id": "2", "name": "ir", "state": "idle", "last_activity": "2026-01-01", "connections": 0},
            {"id": "3", "name": "removed", "state": "idle", "last_activity": "2026-01-01", "connections": 0},
        ]


@pytest.mark.parametrize(
    ("config", "ids", "names"),
    [
        ({}, ["1", "2", "3"], ["ir", "python3"]),
        ({"name": "python3"}, ["1"], ["python3"]),
        ({"name": "removed"}, ["3"], []),
        ({"language": "r"}, ["2"], ["ir"]),
        ({"language": "PYTHON", "name": "ir"}, [], []),
        ({"state": "idle"}, ["2", "3"], ["ir", "python3"]),
        ({"state": "busy", "name": "ir"}, [], ["ir"]),
    ],
)
def test_kernels_are_found_by_name_language_and_state(
    config: dict[str, Any], ids: list[str], names: list[str]
) -> None:
    given = run_node("kernel_query", {}, config, world=World(kernels=FakeKernels())).output

    assert [kernel["id"] for kernel in given["kernels"]] == ids
    assert [spec["name"] for spec in given["specs"]] == names
    assert (given["kernels_count"], given["default"]) == (len(ids), "python3")


def test_without_a_server_there_are_no_kernels_to_tell_of() -> None:
    with pytest.raises(NodeError) as caught:
        run_node("kernel_query", {}, {})

    assert caught.value.code == "KERNELS_UNAVAILABLE"
