"""Node types: the ``@node`` API, the registry, and how parameters get their values."""

from .api import FunctionNode, function_node, node
from .branches import boolean_branch, branch_names, configured_branches, default_branch, matching_branch
from .context import Answer, Files, NodeContext, Turn
from .outcome import Branched
from .registry import NodeRegistry
from .resolution import resolve_parameters, typed_arguments
from .signature import Config, Lane, Wire

__all__ = [
    "Answer",
    "Branched",
    "Config",
    "Files",
    "FunctionNode",
    "Lane",
    "NodeContext",
    "NodeRegistry",
    "Turn",
    "Wire",
    "boolean_branch",
    "branch_names",
    "configured_branches",
    "default_branch",
    "function_node",
    "matching_branch",
    "node",
    "resolve_parameters",
    "typed_arguments",
]
