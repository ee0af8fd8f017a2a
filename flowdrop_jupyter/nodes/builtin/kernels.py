"""Nodes that ask for the server's kernels and run code in one of their own."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from ...errors import NodeError
from ...expressions import quoted
from ..api import node
from ..code_runs import CodeRun
from ..code_runs import run_code as run_in_kernel
from ..context import NodeContext
from ..dynamic_definitions import dynamic_inputs
from ..signature import Config, Lane, Wire
from .refusals import refused

MAX_TIMEOUT: Final = 3600.0
MAX_LISTED: Final = 1_000
DEFAULT_KERNEL: Final = "python3"

_COLOR: Final = "#c2410c"


class KernelsFound(msgspec.Struct):
    """Which kernels the server has: those that can be started, and those that run."""

    kernels: Annotated[Sequence[Mapping[str, Any]], Lane("array")]
    specs: Annotated[Sequence[Mapping[str, Any]], Lane("array")]
    kernels_count: int
    default: str


class CodeOutput(msgspec.Struct):
    """What code gave: its last expression's value, what it printed, and what it showed last."""

    result: Annotated[Any, Lane("mixed")]
    text: str
    stdout: str
    stderr: str
    display: Annotated[Mapping[str, Any], Lane("json")]
    truncated: bool


@node(category="tools", icon="mdi:chip", color=_COLOR, tags=("kernel", "jupyter", "query"))
async def kernel_query(
    context: NodeContext,
    name: str = "",
    language: Annotated[str, Config()] = "",
    state: Annotated[Literal["any", "idle", "busy"], Config()] = "any",
) -> KernelsFound:
    """Finds the kernels that run on this server, and those that can be started.

    :param name: only kernels of the kernelspec of this name; empty for all.
    :param language: only kernels of this language; empty for all.
    :param state: only running kernels in this state.
    """
    asked = context.world.kernels
    if asked is None:
        raise NodeError(
            "There is no Jupyter server here whose kernels could be told.", code="KERNELS_UNAVAILABLE"
        )
    every = await asked.specs()
    specs = [
        spec
        for spec in every
        if name in ("", spec["name"]) and language.lower() in ("", str(spec["language"]).lower())
    ]
    names = {spec["name"] for spec in specs}
    kernels = [
        kernel
        for kernel in await asked.running()
        if (kernel["name"] in names or (not language and name in ("", kernel["name"])))
        and state in ("any", kernel["state"])
    ]
    return KernelsFound(
        kernels=kernels[:MAX_LISTED],
        specs=specs[:MAX_LISTED],
        kernels_count=len(kernels),
        default=next((str(spec["name"]) for spec in every if spec["default"]), ""),
    )


@node(
    category="tools",
    icon="mdi:code-braces-box",
    color=_COLOR,
    side_effects=True,
    tags=("kernel", "jupyter", "python", "code"),
    parameters={"dynamicInputs": dynamic_inputs("Variables of the code, by name.")},
)
async def run_code(
    context: NodeContext,
    inputs: Annotated[Mapping[str, Any], Wire()] = {},
    code: Annotated[str, Config(format="code")] = "",
    kernel: Annotated[str, Config()] = DEFAULT_KERNEL,
    timeout: Annotated[float, Config(), msgspec.Meta(gt=0, le=MAX_TIMEOUT)] = 60,  # noqa: ASYNC109 - a form's field
) -> CodeOutput:
    """Runs code in a kernel of its own, which ends with it; the code has the rights of the server's user.

    :param inputs: values by name; in Python the code finds each as a variable, as it does every
        dynamic input.
    :param code: what to run; its last expression is the result.
    :param kernel: the name of the kernelspec; ``python3`` when it is empty.
    :param timeout: seconds until the code is interrupted.
    """
    if not context.world.run_code:
        raise NodeError("Workflows may not run code on this server.", code="CODE_NOT_ALLOWED")
    variables = {**inputs, **context.dynamic_inputs}
    for name in variables:
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise refused(f"{quoted(name, 60)} is no name of a variable.", "PARAMETER_INVALID", "inputs")
    try:
        code.encode()
    except UnicodeError as error:
        raise refused("The code is not text.", "PARAMETER_INVALID", "code") from error
    given = await run_in_kernel(
        CodeRun(
            code=code,
            variables=variables,
            kernel=kernel.strip() or DEFAULT_KERNEL,
            folder=context.files.base,
            timeout=timeout,
        )
    )
    return CodeOutput(
        result=given.result,
        text=given.text,
        stdout=given.stdout,
        stderr=given.stderr,
        display=given.display,
        truncated=given.truncated,
    )


NODES = (kernel_query, run_code)
