"""The check before a run: the one that a save makes, and whether the workflow compiles (VAL-LAUNCH)."""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread

from ..engine import compile_workflow
from ..nodes import NodeRegistry
from ..store.records import WorkflowRecord
from ..workflow import node_config, node_type_id, require_valid
from ..workflow.interface import normalised_entries

STRATEGY_KEY: Final = "orchestrator"
"""The key of a session's or workflow's metadata that names an execution strategy by its id (ORC-4)."""

_TRIGGER: Final = "trigger"


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


def named_strategy(workflow: WorkflowRecord, *, fired: bool) -> Any:
    """Return the strategy that a workflow names for a run in the background, or None (ORC-2).

    :param fired: whether a trigger begins the run; then the workflow's trigger nodes are asked first.
    """
    for node in workflow.nodes if fired else ():
        named = node_config(node).get("orchestrator") if node_type_id(node) == _TRIGGER else None
        if named not in (None, "default"):
            return named
    return workflow.metadata.get(STRATEGY_KEY)
