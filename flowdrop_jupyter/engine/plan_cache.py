"""Compiled plans by the structural version of their workflow, for runs that come again and again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

import msgspec

from ..nodes import NodeRegistry
from ..store.records import WorkflowRecord
from .compiler import compile_workflow
from .plan import Plan

MAX_PLANS: Final = 128
"""How many plans are kept; the one that was not used for the longest time goes first."""


def structural_version(workflow: WorkflowRecord) -> str:
    """Return a hash of what a plan is made from: the workflow's id, its nodes and its edges."""
    parts = (workflow.id, workflow.nodes, workflow.edges)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


class PlanCache:
    """Plans for one registry; a plan is compiled anew when a node type it uses has changed.

    :param size: how many plans to keep.
    """

    def __init__(self, registry: NodeRegistry, size: int = MAX_PLANS) -> None:
        self._registry = registry
        self._size = size
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    def plan(self, workflow: WorkflowRecord, version: str | None = None) -> Plan:
        """Return the plan of *workflow*, compiled at most once per version.

        :param version: a name for exactly this content, such as its snapshot's id; hashed when absent.
        :raises CompileError: as :func:`~flowdrop_jupyter.engine.compile_workflow`; refusals are not kept.
        """
        key = version or structural_version(workflow)
        kept = self._plans.get(key)
        if kept is not None and self._holds(kept):
            self._plans.move_to_end(key)
            return kept
        plan = compile_workflow(workflow, self._registry)
        self._plans[key] = plan
        self._plans.move_to_end(key)
        while len(self._plans) > self._size:
            self._plans.popitem(last=False)
        return plan

    def _holds(self, plan: Plan) -> bool:
        """Tell whether every node type of a plan is what it was when the plan was made (CMP-2)."""
        return all(self._registry.executor(type_id) is made for type_id, made in plan.executors.items())
