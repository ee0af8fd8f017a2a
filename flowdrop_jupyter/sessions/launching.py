"""The check before a run: the one that a save makes, and whether the workflow compiles (VAL-LAUNCH)."""

from __future__ import annotations

from typing import Final

import anyio.to_thread

from ..engine import compile_workflow
from ..nodes import NodeRegistry
from ..store.records import WorkflowRecord
from ..workflow import require_valid
from ..workflow.interface import normalised_entries

STRATEGY_KEY: Final = "orchestrator"
"""The key of a session's or workflow's metadata that names an execution strategy by its id (ORC-4)."""


async def require_launchable(workflow: WorkflowRecord, registry: NodeRegistry) -> None:
    """Check a workflow that is about to be frozen and run, in a worker thread.

    :raises WorkflowInvalid: with every error of the stored definition.
    :raises CompileError: when it validates but cannot become a plan (CMP-1).
    """

    def checked() -> None:
        # As at the save: what a bundle brought is judged in its normal form (STORE-9).
        inputs, outputs = normalised_entries(workflow.inputs), normalised_entries(workflow.outputs)
        require_valid(workflow.nodes, workflow.edges, registry, inputs=inputs, outputs=outputs)
        compile_workflow(workflow, registry)

    await anyio.to_thread.run_sync(checked)
