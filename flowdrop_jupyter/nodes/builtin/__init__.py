"""The node types that come with the package, a module per category."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import data_files, data_plot, data_summary, inputs, interrupts, logic, outputs, processing, tools

NODE_TYPES: tuple[Callable[..., Any], ...] = (
    *inputs.NODES,
    *outputs.NODES,
    *processing.NODES,
    *logic.NODES,
    *data_files.NODES,
    *data_summary.NODES,
    *data_plot.NODES,
    *interrupts.NODES,
    *tools.NODES,
)
"""Every built-in node, for the entry point group ``flowdrop_jupyter.nodes``."""

__all__ = ["NODE_TYPES"]
