"""The node types that come with the package, a module per category."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    arithmetic,
    chance,
    content,
    convert,
    data_files,
    data_plot,
    data_summary,
    dates,
    file_search,
    files,
    frames,
    inputs,
    interrupts,
    kernels,
    lists,
    logic,
    loops,
    mapping,
    memories,
    models,
    network,
    notebooks,
    outputs,
    processing,
    schemas,
    text,
    tools,
    triggers,
)

NODE_TYPES: tuple[Callable[..., Any], ...] = (
    *inputs.NODES,
    *outputs.NODES,
    *processing.NODES,
    *mapping.NODES,
    *logic.NODES,
    *loops.NODES,
    *data_files.NODES,
    *data_summary.NODES,
    *data_plot.NODES,
    *interrupts.NODES,
    *tools.NODES,
    *arithmetic.NODES,
    *chance.NODES,
    *convert.NODES,
    *dates.NODES,
    *lists.NODES,
    *frames.NODES,
    *schemas.NODES,
    *text.NODES,
    *network.NODES,
    *files.NODES,
    *file_search.NODES,
    *notebooks.NODES,
    *kernels.NODES,
    *models.NODES,
    *content.NODES,
    *memories.NODES,
    *triggers.NODES,
)
"""Every built-in node, for the entry point group ``flowdrop_jupyter.nodes``."""

__all__ = ["NODE_TYPES"]
