"""The workflow document, its edges and ports, and its validation."""

from .document import (
    node_config,
    node_data,
    node_label,
    node_type_id,
    serve_workflow,
    served_edge,
    served_node,
    stored_nodes,
)
from .dynamic import DynamicPort, DynamicPortProblem, dynamic_port_problems, dynamic_ports
from .exposure import is_exposed
from .handles import Edge, read_edge
from .lanes import PortConfiguration
from .node_types import NodeCatalog, NodeType, Output, Parameter
from .shapes import PortShape, shape_family
from .validation import Finding, Verdict, check, require_valid, validate

__all__ = [
    "DynamicPort",
    "DynamicPortProblem",
    "Edge",
    "Finding",
    "NodeCatalog",
    "NodeType",
    "Output",
    "Parameter",
    "PortConfiguration",
    "PortShape",
    "Verdict",
    "check",
    "dynamic_port_problems",
    "dynamic_ports",
    "is_exposed",
    "node_config",
    "node_data",
    "node_label",
    "node_type_id",
    "read_edge",
    "require_valid",
    "serve_workflow",
    "served_edge",
    "served_node",
    "shape_family",
    "stored_nodes",
    "validate",
]
