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
from .exposure import is_exposed
from .handles import Edge, read_edge
from .lanes import port_configuration
from .node_types import NodeCatalog, NodeType, Output, Parameter
from .validation import Finding, require_valid, validate

__all__ = [
    "Edge",
    "Finding",
    "NodeCatalog",
    "NodeType",
    "Output",
    "Parameter",
    "is_exposed",
    "node_config",
    "node_data",
    "node_label",
    "node_type_id",
    "port_configuration",
    "read_edge",
    "require_valid",
    "serve_workflow",
    "served_edge",
    "served_node",
    "stored_nodes",
    "validate",
]
