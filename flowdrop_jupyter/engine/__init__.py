"""The engine: compile a workflow, run its graph, stop at questions, go on from kept jobs."""

from .compiler import compile_workflow
from .environment import Outcome, RunEnvironment, RunSink
from .plan import Plan, PlannedNode
from .plan_cache import PlanCache
from .run import Run
from .strategies import (
    STRATEGIES,
    Strategy,
    background_strategy,
    interactive_strategy,
    prepare_run,
    strategy_or_default,
)

__all__ = [
    "STRATEGIES",
    "Outcome",
    "Plan",
    "PlanCache",
    "PlannedNode",
    "Run",
    "RunEnvironment",
    "RunSink",
    "Strategy",
    "background_strategy",
    "compile_workflow",
    "interactive_strategy",
    "prepare_run",
    "strategy_or_default",
]
