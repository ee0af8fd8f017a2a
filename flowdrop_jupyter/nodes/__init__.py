"""Node types: the ``@node`` API, the registry, and how parameters get their values."""

from .api import FunctionNode, function_node, node
from .branches import boolean_branch, branch_names, configured_branches, default_branch, matching_branch
from .context import DEFAULT_WORLD, Answer, Files, Kernels, Network, NodeContext, Turn, World
from .memory import Identity, Memory, Turns
from .model_types import Endpoint
from .models import Models
from .outcome import Branched
from .registry import NodeRegistry
from .resolution import resolve_parameters, tool_parameters, typed_arguments
from .signature import Config, Lane, Wire

__all__ = [
    "DEFAULT_WORLD",
    "Answer",
    "Branched",
    "Config",
    "Endpoint",
    "Files",
    "FunctionNode",
    "Identity",
    "Kernels",
    "Lane",
    "Memory",
    "Models",
    "Network",
    "NodeContext",
    "NodeRegistry",
    "Turn",
    "Turns",
    "Wire",
    "World",
    "boolean_branch",
    "branch_names",
    "configured_branches",
    "default_branch",
    "function_node",
    "matching_branch",
    "node",
    "resolve_parameters",
    "tool_parameters",
    "typed_arguments",
]
