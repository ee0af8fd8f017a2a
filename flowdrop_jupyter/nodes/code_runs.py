"""Code run in a kernel of its own, which is started for it and ended after it.

Everything that talks to the kernel happens on an event loop in a thread of its own: it blocks nothing,
and a run on any event loop can use it. The kernel is no cage: it has the rights of the server's user.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import logging
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from ..errors import NodeError
from ..expressions import quoted, shortened

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager

logger = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
"""How long a kernel may take until it answers."""
INTERRUPT_SECONDS: Final = 2.0
"""How long code may take to come to an end after it was interrupted."""
END_SECONDS: Final = 10.0
MAX_KERNELS: Final = 8
"""Kernels that run at once; code beyond that waits."""
MAX_STREAM: Final = 1024 * 1024
"""Characters of standard output, and of standard error, that are kept."""
MAX_RESULT: Final = 8 * 1024 * 1024
"""Characters of the result as JSON, and of a display."""
_POLL_SECONDS: Final = 0.5

_SECRETS: Final = (
    "FLOWDROP_TOKEN",
    "JPY_API_TOKEN",
    "JUPYTERHUB_API_TOKEN",
    "JUPYTER_TOKEN",
)
"""Variables of the server that are none of a workflow's business."""

_PREPARE: Final = """
def __flowdrop_prepare(text):
    import json, sys
    def plain(value):
        wire = getattr(value, "to_json", None)
        if callable(wire) and type(value).__module__.partition(".")[0] == "pandas":
            try:
                return json.loads(wire(orient="records", date_format="iso"))
            except (TypeError, ValueError):
                return json.loads(wire(date_format="iso"))
        for name in ("tolist", "to_dicts", "isoformat"):
            method = getattr(value, name, None)
            if callable(method):
                return method()
        if isinstance(value, (set, frozenset, tuple)):
            return list(value)
        raise TypeError
    def result(limit):
        found = globals().get("_oh") or {}
        if not found:
            return "null"
        text = json.dumps(found[max(found)], default=plain, allow_nan=False)
        return text if len(text) <= limit else ""
    globals().update(json.loads(text))
    globals()["__flowdrop_result"] = result
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRun:
    """Code to run, and where.

    :param variables: values by the names the code knows them by.
    :param kernel: the kernelspec's name.
    :param folder: the kernel's working directory.
    :param timeout: seconds the code may take, the kernel's start not included.
    """

    code: str
    variables: Mapping[str, Any]
    kernel: str
    folder: Path
    timeout: float


@dataclass(slots=True)
class CodeResult:
    """What code gave.

    :param result: the last expression's value as JSON, None when it has no JSON form.
    :param text: the last expression's value as the kernel shows it.
    :param display: the mime bundle shown last, the last expression's included.
    :param truncated: whether some of the output was dropped.
    """

    result: Any = None
    text: str = ""
    stdout: str = ""
    stderr: str = ""
    display: dict[str, Any] = field(default_factory=dict)
    truncated: bool = False


async def run_code(run: CodeRun) -> CodeResult:
    """Run code in a new kernel and return what it gave; the kernel has ended by then.

    On cancellation the code is interrupted and the kernel ended before the cancellation goes on.

    :raises NodeError: ``KERNEL_NOT_FOUND``, ``KERNEL_NOT_STARTED``; ``KERNEL_LANGUAGE`` for variables
        in another language than Python; ``KERNEL_ERROR`` when the code raised; ``KERNEL_TIMEOUT``;
        ``KERNEL_DIED``; ``KERNEL_OUTPUT_TOO_LARGE``.
    """
    errand = _Errand(lambda: _Dialogue(run).hold())
    async with _places():
        try:
            return await anyio.to_thread.run_sync(
                errand.carry_out, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
            )
        except anyio.get_cancelled_exc_class():
            if errand.cancel():
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(errand.ended.wait, INTERRUPT_SECONDS + END_SECONDS)
            raise


_limiter: RunVar[anyio.CapacityLimiter] = RunVar("flowdrop_kernels")


def _places() -> anyio.CapacityLimiter:
    """Return what bounds the kernels of this event loop."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(MAX_KERNELS)
        _limiter.set(limiter)
        return limiter


class _Errand:
    """Work that is done on an event loop of its own, and can be called back from another thread."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, CodeResult]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._cancelled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[CodeResult] | None = None
        self._begun = False
        self.ended = threading.Event()

    def carry_out(self) -> CodeResult:
        """Do the work in the calling thread."""
        with self._lock:
            self._begun = not self._cancelled
        try:
            if not self._begun:
                raise asyncio.CancelledError
            return asyncio.run(self._follow())
        except asyncio.CancelledError as error:
            raise NodeError("The code was stopped.", code="KERNEL_STOPPED") from error
        finally:
            self.ended.set()

    def cancel(self) -> bool:
        """Call the work back, and tell whether it had begun."""
        with self._lock:
            self._cancelled = True
            if self._task is not None and self._loop is not None:
                with contextlib.suppress(RuntimeError):  # the loop has ended, and all is done
                    self._loop.call_soon_threadsafe(self._task.cancel)
            return self._begun

    async def _follow(self) -> CodeResult:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.ensure_future(self._work())
            if self._cancelled:
                self._task.cancel()
        return await self._task


class _Dialogue:
    """One kernel from its start to its end, and what is said to it in between."""

    def __init__(self, run: CodeRun) -> None:
        self._run = run
        self._given = CodeResult()

    async def hold(self) -> CodeResult:
        manager = self._manager()
        try:
            client = await self._start(manager)
            try:
                return await self._converse(manager, client)
            finally:
                client.stop_channels()
        finally:
            await _end(manager)

    def _manager(self) -> AsyncKernelManager:
        from jupyter_client.kernelspec import NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(kernel_name=self._run.kernel)
        try:
            spec = manager.kernel_spec
            if spec is None:
                raise NoSuchKernel(self._run.kernel)
        except NoSuchKernel as error:
            raise NodeError(
                f"There is no kernel {quoted(self._run.kernel)}.", code="KERNEL_NOT_FOUND"
            ) from error
        if self._run.variables and spec.language.lower() != "python":
            raise NodeError(
                f"Values can only be handed to Python, not to {shortened(spec.language, 40)}.",
                code="KERNEL_LANGUAGE",
            )
        return manager

    async def _start(self, manager: AsyncKernelManager) -> AsyncKernelClient:
        kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
        try:
            await manager.start_kernel(
                cwd=str(self._run.folder),
                env=kept,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            client: AsyncKernelClient = manager.client()
            client.start_channels()
            try:
                await client.wait_for_ready(timeout=START_SECONDS)
            except BaseException:
                client.stop_channels()
                raise
        except (OSError, RuntimeError, ValueError) as error:
            raise NodeError(
                f"The kernel {quoted(self._run.kernel)} did not start: {shortened(error, 120)}",
                code="KERNEL_NOT_STARTED",
                retryable=True,
            ) from error
        return client

    async def _converse(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> CodeResult:
        python = bool(manager.kernel_spec and manager.kernel_spec.language.lower() == "python")
        try:
            async with asyncio.timeout(self._run.timeout):
                if python:
                    given = json.dumps(dict(self._run.variables))
                    await self._execute(
                        manager, client, f"{_PREPARE}\n__flowdrop_prepare({given!r})", hidden=True
                    )
                await self._execute(manager, client, self._run.code)
                if python:
                    await self._execute(manager, client, "", hidden=True, expression=True)
        except TimeoutError as error:
            await self._interrupt(manager, client)
            raise NodeError(
                f"The code did not end within {self._run.timeout:g} seconds.", code="KERNEL_TIMEOUT"
            ) from error
        except asyncio.CancelledError:
            await self._interrupt(manager, client)
            raise
        return self._given

    async def _execute(
        self,
        manager: AsyncKernelManager,
        client: AsyncKernelClient,
        code: str,
        *,
        hidden: bool = False,
        expression: bool = False,
    ) -> None:
        wanted = {"result": f"__flowdrop_result({MAX_RESULT})"} if expression else {}
        request = client.execute(
            code, silent=hidden, store_history=False, allow_stdin=False, user_expressions=wanted
        )
        reply: dict[str, Any] | None = None
        idle = False
        while reply is None or not idle:
            if not idle:
                message = await self._next(manager, client.get_iopub_msg)
                if message is None or message["parent_header"].get("msg_id") != request:
                    continue
                idle = message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
                if not hidden:
                    self._hear(message["msg_type"], message["content"])
            else:
                message = await self._next(manager, client.get_shell_msg)
                if message is not None and message["parent_header"].get("msg_id") == request:
                    reply = message["content"]
        if reply.get("status") != "ok":
            raise _kernel_error(reply)
        if expression:
            self._given.result = _result(reply.get("user_expressions", {}).get("result", {}))

    async def _next(self, manager: AsyncKernelManager, get: Any) -> dict[str, Any] | None:
        try:
            message: dict[str, Any] = await get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if not await manager.is_alive():
                raise NodeError("The kernel ended in the middle of the code.", code="KERNEL_DIED") from None
            return None
        return message

    def _hear(self, kind: str, content: Mapping[str, Any]) -> None:
        given = self._given
        if kind == "stream":
            name = "stderr" if content.get("name") == "stderr" else "stdout"
            heard = getattr(given, name)
            more = str(content.get("text", ""))
            given.truncated = given.truncated or len(heard) + len(more) > MAX_STREAM
            if len(heard) < MAX_STREAM:
                setattr(given, name, (heard + more)[:MAX_STREAM])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            data = dict(content.get("data", {}))
            if len(json.dumps(data)) > MAX_RESULT:
                raise NodeError(
                    f"The code displayed more than {MAX_RESULT:,} characters.", code="KERNEL_OUTPUT_TOO_LARGE"
                )
            given.display = data
            if kind == "execute_result":
                given.text = str(data.get("text/plain", ""))

    async def _interrupt(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
        """Let the code put away what it holds; what does not end is ended with the kernel."""
        with contextlib.suppress(Exception):
            await manager.interrupt_kernel()
            until = time.monotonic() + INTERRUPT_SECONDS
            while (left := until - time.monotonic()) > 0:
                message = await client.get_iopub_msg(timeout=left)
                if message["content"].get("execution_state") == "idle":
                    return


async def _end(manager: AsyncKernelManager) -> None:
    if not manager.has_kernel:
        return
    try:
        await asyncio.wait_for(manager.shutdown_kernel(now=True), END_SECONDS)
    except Exception:
        logger.exception("A kernel of a workflow could not be ended.")


def _kernel_error(reply: Mapping[str, Any]) -> NodeError:
    if reply.get("status") != "error":
        return NodeError("The kernel gave the code up.", code="KERNEL_ERROR")
    last = shortened(f"{reply.get('ename', 'Error')}: {reply.get('evalue', '')}".rstrip(": "), 500)
    detail = {"code": "KERNEL_ERROR", "message": last, "locator": "code"}
    return NodeError(f"The code failed: {last}", code="KERNEL_ERROR", details=[detail])


def _result(answer: Mapping[str, Any]) -> Any:
    """Return the value that the kernel wrote as JSON, None when it could not.

    :raises NodeError: ``KERNEL_OUTPUT_TOO_LARGE``.
    """
    if answer.get("status") != "ok":
        return None
    try:
        text = ast.literal_eval(answer["data"]["text/plain"])
        if text == "":
            raise NodeError(
                f"The result has more than {MAX_RESULT:,} characters as JSON.", code="KERNEL_OUTPUT_TOO_LARGE"
            )
        return json.loads(text)
    except (KeyError, ValueError, SyntaxError, TypeError, RecursionError):
        return None
