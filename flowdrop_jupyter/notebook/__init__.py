"""FlowDrop sessions in a notebook: the chat widget, the magics and static transcripts."""

from .extension import load_ipython_extension, unload_ipython_extension
from .prompts import Prompt
from .turn import Turn
from .widget import ChatWidget, chat

__all__ = [
    "ChatWidget",
    "Prompt",
    "Turn",
    "chat",
    "load_ipython_extension",
    "unload_ipython_extension",
]
