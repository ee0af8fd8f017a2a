"""The engine: compile a workflow, run its graph, stop at questions, go on from kept jobs."""

from .plan import Plan, PlannedNode, compile_workflow
from .run import Outcome, Run, RunEnvironment, RunSink

__all__ = ["Outcome", "Plan", "PlannedNode", "Run", "RunEnvironment", "RunSink", "compile_workflow"]
